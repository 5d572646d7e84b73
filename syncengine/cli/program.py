"""Turns whatever ends a command into an exit code, and what went wrong into a hint."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click

from syncengine.cli.output import one_style, print_error
from syncengine.errors import (
    ConfigError,
    StoreError,
    SyncEngineError,
    Unauthorized,
    Unreachable,
)

EXIT_CODES: dict[type[SyncEngineError], int] = {
    ConfigError: 2,
    Unreachable: 3,
    Unauthorized: 4,
    StoreError: 5,
}
"""What the shell is told; every other error is 1."""

USAGE = 2
INTERRUPTED = 130
_KEPT = {
    "sync": "What was done so far is kept; the same command again goes on from there.",
    "verify": "What was found so far is kept; the same command again reads everything once more.",
    "export": "Nothing was exported; the same command again begins anew.",
    "search": "What was indexed so far is kept; the next search goes on from there.",
    "upkeep": "What was done so far is kept; the same command again goes on from there.",
    "backup": "Nothing was copied; the same command again begins anew.",
    "recover": "The file is as it was, or whole; the next attempt may be made in ten minutes.",
    "demo": "What was done so far is kept.",
    "delete": "`syncengine outbox` lists what is still to be deleted on the server.",
}
"""What to know after an interruption; the other commands do nothing that could be kept."""

_NOT_TEXT = ConfigError(
    "a flag, an argument or a variable is not valid text",
    hint="Write it in UTF-8, and use a UTF-8 locale.",
)


class Program(click.Group):
    """A group of commands whose errors are lines with hints, or JSON after `--json`."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:
        """Run a command line, by default the process's own, and exit."""
        arguments = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal that knows less than UTF-8
        extra["standalone_mode"] = False
        run = super().main
        sys.exit(_exit_code_of(lambda: run(arguments, *rest, **extra), arguments))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand. Whoever read us, `head` for example, may have enough."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would call it a failure
            _write_no_more()
            return 0


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are for a program; also where the flags could not be understood."""
    told = os.environ.get("SYNCENGINE_JSON", "").strip().lower()
    return "--json" in arguments or told in ("1", "true", "t", "yes", "y", "on")


def _exit_code_of(run: Callable[[], Any], arguments: Sequence[str]) -> int:
    as_json = wants_json(arguments)
    try:
        return run() or 0
    except click.ClickException as error:
        return _usage_error(error, as_json)
    except (click.Abort, KeyboardInterrupt):
        return _interrupted(arguments, as_json)
    except SyncEngineError as error:
        return _failed(error, as_json)
    except UnicodeEncodeError:
        return _failed(_NOT_TEXT, as_json)
    except OSError as error:
        return _system_failed(error, as_json)


def _interrupted(arguments: Sequence[str], as_json: bool) -> int:
    command = next((word for word in arguments if not word.startswith("-")), "")
    print_error("Interrupted", "interrupted", _KEPT.get(command, ""), as_json=as_json)
    return INTERRUPTED


def _system_failed(error: OSError, as_json: bool) -> int:
    """A file that may not be looked at; with no file named, the output itself."""
    what = error.strerror or str(error)
    if error.filename is None:
        _write_no_more()
        hint = "What was printed is not whole; check where it goes."
        return _failed(SyncEngineError(f"the output: {what}", hint=hint), as_json)
    hint = "Check who may read and write there, or name another file with --db."
    return _failed(StoreError(f"{error.filename}: {what}", hint=hint), as_json)


def _failed(error: SyncEngineError, as_json: bool) -> int:
    print_error(type(error).__name__, str(error), error.hint, as_json=as_json)
    return exit_code(error)


def exit_code(error: SyncEngineError) -> int:
    """The shell's number for an error."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)


def _usage_error(error: click.ClickException, as_json: bool) -> int:
    """An unknown flag or command, a value of the wrong form."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # no error: help was meant
        return USAGE
    path = context.command_path if context else "syncengine"
    told = getattr(error, "hint", "")  # of the value, where it is one
    hint = f"{told} `{path} --help` shows what there is.".lstrip()
    if isinstance(error, click.NoSuchOption) and context and context.parent is None:
        hint = f"Flags follow the command; {hint}"
    print_error("UsageError", one_style(error.format_message()), hint, as_json=as_json)
    return USAGE


def _write_no_more() -> None:
    """Python would complain, when it flushes at exit, about a stream that takes nothing."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
