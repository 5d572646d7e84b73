"""For how long single callbacks of a pull hold the event loop: run as a process of its own, as
a command of ours would sync, `python -m benchmarks.holds ARGUMENTS`. The index is made
meanwhile, as by default.

Taken is the processor's time, for a machine that has other work stops a thread for as long as it
likes. Prints one JSON object.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from attrs import asdict, frozen

from benchmarks.transports import TRANSPORTS
from syncengine import EasemobRemote, SyncEngine
from syncengine.cli.collector import spare_what_is_here

MOST_MS = 2.0
"""The goal of the longest."""


@frozen
class Holds:
    """What callbacks took, ms."""

    callbacks: int
    p99: float
    longest: float
    over: int
    """How many took longer than the goal."""

    @classmethod
    def of(cls, seconds: list[float]) -> "Holds":
        """From single times, of which there must be some."""
        taken = sorted(1000 * each for each in seconds)
        over = sum(each > MOST_MS for each in taken)
        return cls(len(taken), taken[int(0.99 * len(taken))], taken[-1], over)


def clocked(taken: list[float]) -> Callable[[asyncio.Handle], None]:
    """How event loops run a callback, with a clock around it."""
    inner: Callable[[asyncio.Handle], None] = asyncio.Handle._run

    def run(handle: asyncio.Handle) -> None:
        started = time.thread_time()
        inner(handle)
        taken.append(time.thread_time() - started)

    return run


async def _pull(url: str, path: str, transport: str, **account: Any) -> list[float]:
    """Seconds of each callback from the beginning of a sync to its end."""
    lanes = TRANSPORTS[transport].lanes(url)
    remote = EasemobRemote(url, transport=lanes, **account)
    taken: list[float] = []
    async with SyncEngine.open(path, remote) as engine:
        spare_what_is_here()
        setattr(asyncio.Handle, "_run", clocked(taken))  # noqa: B010 - not public, so typed as final
        report = await engine.sync()
        assert not report.errors, report.errors
    return taken


def main() -> None:
    """Pull once, and print what the callbacks took."""
    taken = asyncio.run(_pull(**json.loads(sys.argv[1])))
    print(json.dumps(asdict(Holds.of(taken))))


if __name__ == "__main__":
    main()
