"""Reads pages of a file until its input ends, and prints how long they took: run as a process
of its own beside a pull, `python -m benchmarks.reading FILE engine|bare`. `bare` is the floor:
the same rows by `sqlite3`, with no engine, no event loop and no objects."""

import asyncio
import json
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from attrs import asdict, frozen

from syncengine import Config, Conversation, SyncEngine

_NEWEST = """
    SELECT message_id, sender, timestamp, type, text, edited_at, raw FROM message
    WHERE conversation = ? AND hidden IS NULL ORDER BY position DESC LIMIT 20
"""
_RECENT = """
    SELECT conversation FROM conversation
    ORDER BY pinned DESC, activity DESC, conversation DESC LIMIT 1
"""
PAUSE = 0.003
"""Seconds between two pages: a person's window, not a second load."""


@frozen
class Times:
    """How long reads took, ms."""

    p50: float
    p99: float
    count: int

    @classmethod
    def of(cls, seconds: list[float]) -> "Times":
        """From single times, of which there must be some."""
        cut = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else seconds * 99
        return cls(1000 * cut[49], 1000 * cut[98], len(seconds))


async def read_until(engine: SyncEngine, over: Callable[[], bool]) -> Times:
    """Read the newest page of the most recent conversation, again and again."""
    taken: list[float] = []
    first: Conversation | None = None
    while not over():
        if first is None:
            first = next(iter(await engine.reader.conversations(limit=1)), None)
        else:
            started = time.perf_counter()
            await engine.reader.messages(first.conversation_id, first.kind)
            taken.append(time.perf_counter() - started)
        await asyncio.sleep(PAUSE)
    return Times.of(taken)


async def _engine(path: Path) -> Times:
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    # Who else reads leaves the search index to the program that syncs.
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        return await read_until(engine, ended.done)


def _bare(path: Path) -> Times:
    ended = threading.Thread(target=sys.stdin.read, daemon=True)
    ended.start()
    taken: list[float] = []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        (first,) = database.execute(_RECENT).fetchone()
        while ended.is_alive():
            started = time.perf_counter()
            database.execute(_NEWEST, (first,)).fetchall()
            taken.append(time.perf_counter() - started)
            time.sleep(PAUSE)
    return Times.of(taken)


def _main(path: Path, how: str) -> Times:
    return _bare(path) if how == "bare" else asyncio.run(_engine(path))


if __name__ == "__main__":
    print(json.dumps(asdict(_main(Path(sys.argv[1]), sys.argv[2]))))
