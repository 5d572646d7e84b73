"""``python -m syncengine.emulator``: the stand-in without the command line program."""

import argparse
import sys
from collections.abc import Sequence

from syncengine.emulator.faults import profile_names
from syncengine.emulator.server import run_emulator
from syncengine.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        run_emulator(
            host=options.host,
            port=options.port,
            world=options.world,
            faults=options.faults,
            seed=options.seed,
            switches=dict(pair.partition("=")[::2] for pair in options.set),
        )
    except ConfigError as error:
        print(f"{error} {error.hint}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m syncengine.emulator",
        description="A local stand-in for the chat service.",
        allow_abbrev=False,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--world", default="demo", help="demo, or CONVERSATIONSxMESSAGES")
    parser.add_argument("--faults", default="none", help=", ".join(profile_names()))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
