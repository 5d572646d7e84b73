"""A process that indexes, and says how far it is: `python -m tests.engine.indexing PATH`.

Prints a line before, and after every set, so that whoever kills it knows when.
"""

import asyncio
import sys

from syncengine import Config, SyncEngine


def _say(done: int, _total: int) -> None:
    print(done, flush=True)


async def index(path: str) -> None:
    """All that is not indexed yet, and the merge that follows."""
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        print("open", flush=True)
        await engine.upkeep(progress=_say)
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(index(sys.argv[1]))
