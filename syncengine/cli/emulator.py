"""`syncengine emulator`: a stand-in for the service, on this machine."""

import asyncio
import importlib
import json
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import ModuleType

import click

from syncengine.cli.numbers import Whole
from syncengine.cli.options import option
from syncengine.cli.output import command_name, one_style
from syncengine.errors import ConfigError


@click.command()
@option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen on.",
)
@option(
    "--port",
    type=Whole(0, 65535),
    default=0,
    metavar="N",
    show_default=True,
    help="The port to listen on; 0 takes any free one.",
)
@option(
    "--world",
    default="demo",
    show_default=True,
    metavar="WORLD",
    help="What it holds: demo, a small readable one, or CONVERSATIONSxMESSAGES, such as 200x1000.",
)
@option(
    "--faults",
    default="none",
    show_default=True,
    metavar="PROFILE",
    help="How it fails, for example flaky. A wrong name lists the right ones.",
)
@option(
    "--seed",
    type=Whole(),
    default=1,
    show_default=True,
    metavar="N",
    help="The same seed, the same world and the same faults.",
)
@option(
    "--set",
    "switches",
    multiple=True,
    metavar="NAME=VALUE",
    help="A switch of its behaviour, for example roaming=disabled-403; may be repeated."
    " A wrong name lists the right ones.",
)
@option("--json", "as_json", is_flag=True, help="No effect: the output is JSON already.")
def emulator(
    host: str,
    port: int,
    world: str,
    faults: str,
    seed: int,
    switches: tuple[str, ...],
    as_json: bool,
) -> None:
    """Serve a stand-in for the chat service until stopped.

    The first line it prints is one JSON object: url, app_key, user, password. It is for
    trying, developing and testing; what it holds is lost when it stops.

    \b
    Example:  syncengine emulator --port 8080 --world 200x1000 --faults flaky
    """
    values = _pairs(switches)
    package = load_emulator()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), _errors_in_our_style():  # to be stopped is how it ends
        made = package.make_world(world, seed=seed, switches=values)
        server = package.Emulator(made, faults=package.Faults(faults, seed=seed))
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(package.serve(server, host, port, _announce))


@contextmanager
def _errors_in_our_style() -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise ConfigError(one_style(str(error)), hint=error.hint) from error


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fast loop where it is installed; it is not made for Windows."""
    with suppress(ModuleNotFoundError):
        fast: Callable[[], asyncio.AbstractEventLoop]
        fast = importlib.import_module("uvloop").new_event_loop
        return fast
    return None


def _announce(line: str) -> None:
    """What the server tells goes to programs; a person is told how to use it as well."""
    click.echo(line)
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(f"Serving; stop with Ctrl-C. Try: {_first_sync(json.loads(line))}", err=True)


def _first_sync(greeting: Mapping[str, str]) -> str:
    """A command that pulls from a server which greets so, as a shell takes it."""
    url, app_key, user, password = map(
        shlex.quote, (greeting[name] for name in ("url", "app_key", "user", "password"))
    )
    return (
        f"SYNCENGINE_PASSWORD={password} {command_name()} sync"
        f" --server {url} --app-key {app_key} --user {user}"
    )


def load_emulator() -> ModuleType:
    """The emulator package. Raises ConfigError where its extra is not installed."""
    try:
        return importlib.import_module("syncengine.emulator")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is missing", hint="Run `pip install 'syncengine-im[emulator]'`."
        ) from None


def _pairs(switches: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for switch in switches:
        name, equals, value = switch.partition("=")
        if not equals:
            raise ConfigError(f"--set {switch} has no value", hint="Write it as NAME=VALUE.")
        pairs[name] = value
    return pairs
