"""`syncengine emulator`: a stand-in for the service, on this machine."""

import importlib
import signal
from contextlib import suppress
from types import ModuleType

import click

from syncengine.cli.options import option
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
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="0, the default: any free.",
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
    type=int,
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
@option("--json", "as_json", is_flag=True, help="It always speaks JSON; accepted for symmetry.")
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
    run = load_emulator().run_emulator
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):  # to be stopped is how it ends
        run(host=host, port=port, world=world, faults=faults, seed=seed, switches=values)


def load_emulator() -> ModuleType:
    """The emulator package. Raises ConfigError where its extra is not installed."""
    try:
        return importlib.import_module("syncengine.emulator")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is missing", hint="pip install 'syncengine-im[emulator]'"
        ) from None


def _pairs(switches: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for switch in switches:
        name, equals, value = switch.partition("=")
        if not equals:
            raise ConfigError(f"--set {switch}", hint="Write it as NAME=VALUE.")
        pairs[name] = value
    return pairs
