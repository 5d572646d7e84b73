"""A program that ends without tidying up: `python -m tests.embedding.leaving HOW URL PATH`.

Says `leaving` when it has nothing left to do; whoever started it sees whether it ends.
"""

import asyncio
import os
import sys
import threading
import time
import warnings
from contextlib import suppress

from syncengine import EasemobRemote, EngineClosed, State, SyncEngine
from syncengine.blocking import BlockingEngine


def remote(url: str) -> EasemobRemote:
    """A way to a server that never answers."""
    return EasemobRemote(url, app_key="org#app", user="alice", password="alice", timeout=600)


def pull(engine: BlockingEngine) -> None:
    """Until it is done, or the engine is closed."""
    with suppress(EngineClosed):
        engine.sync()


def unclosed(url: str, path: str) -> None:
    """A blocking engine that was only read with."""
    BlockingEngine.open(path, remote(url)).load_all_conversations()


def syncing(url: str, path: str) -> None:
    """A blocking engine, a sync under way in a thread that does not count."""
    engine = BlockingEngine.open(path, remote(url))
    threading.Thread(target=pull, args=(engine,), daemon=True).start()
    while engine.state is not State.SYNCING:
        time.sleep(0)


def failing(url: str, path: str) -> None:
    """A blocking engine, closed by the error that ends the program."""
    with BlockingEngine.open(path, remote(url)) as engine:
        threading.Thread(target=pull, args=(engine,), daemon=True).start()
        while engine.state is not State.SYNCING:
            time.sleep(0)
        print("leaving", flush=True)
        sys.exit(3)


def forgotten(url: str, path: str) -> None:
    """An async engine that nobody closes: its block is never left."""

    async def main() -> None:
        opened = SyncEngine.open(path, remote(url))
        engine = await opened.__aenter__()
        kept.append((opened, engine))
        await engine.load_all_conversations()

    kept: list[object] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    kept_alive.extend(kept)


def forked(url: str, path: str) -> None:
    """A blocking engine, and a fork of the process that calls it and leaves its block."""
    with BlockingEngine.open(path, remote(url)) as engine:
        engine.load_all_conversations()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that threads do not come along
            child = os.fork()
        if child == 0:
            try:
                engine.load_all_conversations()
            except EngineClosed as error:
                sys.exit(7 if "fork" in error.hint else 1)
            sys.exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        engine.load_all_conversations()


kept_alive: list[object] = []

if __name__ == "__main__":
    ways = {each.__name__: each for each in (unclosed, syncing, failing, forgotten, forked)}
    ways[sys.argv[1]](*sys.argv[2:])
    print("leaving", flush=True)
