"""An emulator whose world outlives its process:
`python -m tests.engine.lasting FILE PORT WORLD SEED [NAME=VALUE …]`.

Told to end, it writes its world into the file; where there is one, it goes on with that. Tokens
are forgotten, and the first that is given has the same text as the first one before.
"""

import asyncio
import pickle
import signal
import sys
from contextlib import suppress
from pathlib import Path

from syncengine.emulator import Emulator, World, serve
from syncengine.emulator.server import make_world


def world_of(file: Path, world: str, seed: str, switches: list[str]) -> World:
    """The world as the last process left it, or a new one."""
    if not file.exists():
        values = dict(pair.partition("=")[::2] for pair in switches)
        return make_world(world, seed=int(seed), switches=values)
    found = pickle.loads(file.read_bytes())  # written by the last one
    assert isinstance(found, World)
    return found


def main(file: str, port: str, world: str, seed: str, *switches: str) -> None:
    """Serve until told to end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    made = world_of(Path(file), world, seed, list(switches))
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Emulator(made), port=int(port)))
    Path(file).write_bytes(pickle.dumps(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
