"""`syncengine emulator`: a stand-in for the service, on this machine."""

import importlib
from types import ModuleType

import click

from syncengine.cli.options import option
from syncengine.errors import ConfigError


@click.command()
@option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@option("--port", type=click.IntRange(0, 65535), default=0, help="0, the default: a free one.")
@option(
    "--world",
    default="demo",
    show_default=True,
    metavar="demo|CONVERSATIONSxMESSAGES",
    help="What it holds: a small readable world, or a size, for example 200x1000.",
)
@option("--faults", default="none", show_default=True, metavar="PROFILE", help="How it fails.")
@option("--seed", type=int, default=1, show_default=True, help="The same seed, the same world.")
@click.option(
    "--set",
    "switches",
    multiple=True,
    metavar="NAME=VALUE",
    envvar="SYNCENGINE_SET",
    help="A switch of its behaviour; may be repeated. A wrong name lists the right ones.",
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
    """
    load_emulator().run_emulator(
        host=host, port=port, world=world, faults=faults, seed=seed, switches=_pairs(switches)
    )


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
