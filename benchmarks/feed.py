"""How soon does a listener hear of a commit, and what do the change rows cost a pull?

Messages are deleted one by one from a copy while a listener follows it: first in the same
process, then from another one. From the end of the commit to the listener's task the goals
are 5 ms and 200 ms. Then prepared pages are applied to a new file, with change rows and
without, in turn; the goal is 5 % at most.
"""

import argparse
import asyncio
import random
import sqlite3
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from benchmarks import pages
from benchmarks.processes import emulator
from benchmarks.results import Line, Plot, Result, Row, Spread, row
from benchmarks.showing import steps
from syncengine import EasemobRemote, SyncEngine
from syncengine.store import writer

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {"commits": 60, "runs": 5},
    "full": {"commits": 200, "runs": 15},
}
_GOALS = {"this process": 5.0, "another": 200.0}
"""Milliseconds, for the 99th percentile."""
_COST = 1.05
"""The goal for a page with its change row, to one without."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--commits", type=int, default=200, help="of each process")
    parser.add_argument("--runs", type=int, default=15, help="of the pages, each way, in turn")


def run(options: argparse.Namespace) -> Result:
    """Measure; each commit was heard of, or it raises TimeoutError."""
    with emulator(f"1x{2 * options.commits}") as server, TemporaryDirectory() as folder:
        remote = EasemobRemote(
            server.url, app_key=server.app_key, user=server.user, password=server.password
        )
        here, elsewhere = asyncio.run(_latencies(Path(folder) / "copy.db", remote, options.commits))
    waits = {"this process": here, "another": elsewhere}
    variants = {"with": nullcontext, "without": _silent}
    costs = pages.costs(variants, options.runs, pages.first_pull())
    return Result(
        case="feed",
        setting=f"{options.commits} commits each; {options.runs} times"
        f" {len(pages.first_pull())} pages of {pages.PAGE}, each way",
        rows=[*_waits(waits), _cost(costs)],
        plots=[_plot(waits)],
    )


def _waits(waits: Mapping[str, Sequence[float]]) -> list[Row]:
    found = []
    for name, seconds in waits.items():
        parts = {share: 1000 * _part(seconds, share) for share in (0.5, 0.99)}
        low, high = 1000 * min(seconds), 1000 * max(seconds)
        for words, share, goal in (("p50", 0.5, None), ("p99", 0.99, _GOALS[name])):
            value = Spread(low, parts[share], high)
            found.append(Row(name=f"commit in {name}, {words}", value=value, unit="ms", goal=goal))
    return found


def _cost(costs: Mapping[str, Sequence[float]]) -> Row:
    return row(
        "a page with its change row",
        costs["with"],
        "µs CPU",
        to=costs["without"],
        floor="without",
        goal=_COST,
    )


def _plot(waits: Mapping[str, Sequence[float]]) -> Plot:
    """How many commits were heard of within which time."""
    lines = []
    for name, seconds in waits.items():
        ordered = sorted(seconds)
        points = [
            (1000 * each, (place + 1) / len(ordered) * 100) for place, each in enumerate(ordered)
        ]
        lines.append(Line(f"commit in {name}", points))
    return Plot(name="latency", across="ms until it is heard", up="% of commits", lines=lines)


def _part(found: Sequence[float], share: float) -> float:
    return sorted(found)[min(len(found) - 1, int(share * len(found)))]


def _silent() -> AbstractContextManager[object]:
    """No change rows, for the length of a block."""
    stack = ExitStack()
    stack.enter_context(patch.object(writer, "write_batch_changes", lambda *a, **k: None))
    stack.enter_context(patch.object(writer, "end_commit", lambda connection: None))
    return stack


# How soon


async def _latencies(
    path: Path, remote: EasemobRemote, commits: int
) -> tuple[list[float], list[float]]:
    """Seconds from the end of each commit to the listener: here, and from elsewhere."""
    async with SyncEngine.open(path, remote) as engine:
        await engine.sync()
    async with SyncEngine.open(path) as engine:
        (conversation,) = await engine.load_all_conversations()
        name = conversation.conversation_id
        found = await engine.reader.messages(name, conversation.kind, limit=2 * commits)
        ids = [message.message_id for message in found.messages]
        heard = _Heard()
        task = asyncio.create_task(heard.follow(engine))
        here = await _from_here(engine, name, ids[:commits], heard)
        elsewhere = await _from_elsewhere(path, name, ids[commits:], heard)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return here, elsewhere


class _Heard:
    """When the listener got its last update."""

    def __init__(self) -> None:
        self.at = 0.0
        self.news = asyncio.Event()

    async def follow(self, engine: SyncEngine) -> None:
        """Until it is cancelled."""
        async for _ in engine.changes():
            self.at = time.monotonic()
            self.news.set()

    async def since(self, committed: float) -> float:
        """Seconds from then to the update."""
        await asyncio.wait_for(self.news.wait(), 10)
        self.news.clear()
        return self.at - committed


async def _from_here(
    engine: SyncEngine, name: str, ids: Sequence[str], heard: _Heard
) -> list[float]:
    committed = 0.0
    real = engine._store._writer.run  # type: ignore[union-attr]  # it can be written

    async def run(job: Callable[[sqlite3.Connection], Any]) -> Any:
        def stamped(connection: sqlite3.Connection) -> Any:
            nonlocal committed
            result = job(connection)
            committed = time.monotonic()
            return result

        return await real(stamped)

    found = []
    with patch.object(engine._store._writer, "run", run):
        for message_id in steps(ids, "commits here"):
            await asyncio.sleep(random.uniform(0, 0.02))
            await engine.delete_remote_messages_with_ids(name, "chat", [message_id])
            found.append(await heard.since(committed))
    return found


async def _from_elsewhere(path: Path, name: str, ids: Sequence[str], heard: _Heard) -> list[float]:
    """Each at a random moment of the 50 ms between two looks."""
    found = []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.deleter", str(path), name), stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        for message_id in steps(ids, "commits elsewhere"):
            await asyncio.sleep(random.uniform(0, 0.1))
            process.stdin.write(f"{message_id}\n".encode())
            committed = await process.stdout.readline()
            found.append(await heard.since(int(committed) / 1e9))
    finally:
        process.stdin.close()  # it ends with its input
        await process.wait()
    return found
