"""Puts the subcommands together, and turns errors into exit codes and hints."""

import sys
from typing import NoReturn

import click

from syncengine.cli.conversations import conversations
from syncengine.cli.demo import demo
from syncengine.cli.emulator import emulator
from syncengine.cli.messages import messages
from syncengine.cli.output import print_error
from syncengine.cli.status import status
from syncengine.cli.sync import sync
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


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="syncengine-im")
def syncengine() -> None:
    """Keep a faithful copy of your chat history on your own machine.

    \b
    Try it without an account:       syncengine demo
    Pull an account:                 syncengine sync --server URL --app-key ORG#APP --user NAME
    Read it, with no network:        syncengine conversations --user NAME
                                     syncengine messages CONVERSATION --user NAME

    Every flag can also be given as an environment variable: --app-key as
    SYNCENGINE_APP_KEY. Secrets come only from SYNCENGINE_PASSWORD or SYNCENGINE_TOKEN,
    or are asked for.

    \b
    Exit codes: 0 done, 1 done with errors, 2 usage or configuration,
                3 server unreachable, 4 unauthorized, 5 local store.
    """


for command in (sync, conversations, messages, status, emulator, demo):
    syncengine.add_command(command)


def run() -> NoReturn:
    """Run with the arguments of the process, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that knows less than UTF-8
    try:
        code = syncengine.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has enough; nothing to say, nowhere to say it
        code = 0
    except SyncEngineError as error:
        print_error(error, as_json="--json" in sys.argv)
        code = exit_code(error)
    sys.exit(code or 0)


def exit_code(error: SyncEngineError) -> int:
    """The shell's number for an error."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)
