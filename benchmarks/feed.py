"""How soon does a listener hear of a commit, and what do the change rows cost a pull?

Messages are deleted one by one from a copy while a listener follows it: first in the same
process, then from another one. From the end of the commit to the listener's task the goals
are 5 ms and 200 ms. Then prepared pages are applied to a new file, with change rows and
without, in turn; the goal is 5 % at most.
"""

import argparse
import asyncio
import gc
import random
import sqlite3
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from benchmarks.processes import emulator
from benchmarks.pull import machine
from syncengine import Config, ConversationKey, EasemobRemote, Kind, SyncEngine
from syncengine.models import MessageRow, Page
from syncengine.store import writer
from syncengine.store.database import connect_inline
from syncengine.store.migrate import migrate
from syncengine.store.writer import Decision, apply_all
from syncengine.sync.history import rules_of
from syncengine.sync.placing import place_below, place_head

_HERE, _ELSEWHERE, _COST = 0.005, 0.2, 1.05
"""The goals: seconds, seconds, ratio."""
_PAGE = 49
_CONVERSATIONS, _PAGES = 40, 21


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--commits", type=int, default=200, help="of each process")
    parser.add_argument("--runs", type=int, default=15, help="of the pages, each way, in turn")


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 where a goal is missed."""
    console = Console()
    console.print(machine())
    with emulator(f"1x{2 * options.commits}") as server, TemporaryDirectory() as folder:
        remote = EasemobRemote(
            server.url, app_key=server.app_key, user=server.user, password=server.password
        )
        here, elsewhere = asyncio.run(_latencies(Path(folder) / "copy.db", remote, options.commits))
    table = Table("commit in", "commits", "p50, ms", "p99, ms", "goal, ms")
    for name, found, goal in (("this process", here, _HERE), ("another", elsewhere, _ELSEWHERE)):
        p50, p99 = (f"{1000 * _part(found, share):.2f}" for share in (0.5, 0.99))
        table.add_row(name, str(len(found)), p50, p99, f"{1000 * goal:.0f}")
    console.print(table)
    with_rows, without = _costs(options.runs)
    ratio = min(with_rows) / min(without)
    console.print(
        f"a page of {_PAGE} placed and written: {min(without):.0f} µs, with its change row"
        f" {min(with_rows):.0f} µs; ratio {ratio:.3f} of the fastest runs,"
        f" {statistics.median(with_rows) / statistics.median(without):.3f} of the medians"
    )
    right = _part(here, 0.99) <= _HERE and _part(elsewhere, 0.99) <= _ELSEWHERE
    return 0 if right and ratio <= _COST else 1


def _part(found: Sequence[float], share: float) -> float:
    return sorted(found)[min(len(found) - 1, int(share * len(found)))]


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
        for message_id in ids:
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
    await process.stdout.readline()
    for message_id in ids:
        await asyncio.sleep(random.uniform(0, 0.1))
        process.stdin.write(f"{message_id}\n".encode())
        committed = await process.stdout.readline()
        found.append(await heard.since(int(committed) / 1e9))
    process.stdin.close()
    await process.wait()
    return found


# What it costs


def _costs(runs: int) -> tuple[list[float], list[float]]:
    """Microseconds a page, with change rows and without, in turn."""
    with_rows: list[float] = []
    without: list[float] = []
    decisions = _decisions()
    gc.disable()  # its passes fall here or there, and cost more than a row
    try:
        for number in range(runs):
            for silent in (False, True) if number % 2 else (True, False):
                gc.collect()
                (without if silent else with_rows).append(_applied(decisions, silent=silent))
    finally:
        gc.enable()
    return with_rows, without


def _applied(decisions: Sequence[Decision], *, silent: bool) -> float:
    """Microseconds of the processor a page, eight pages a commit."""
    with TemporaryDirectory() as folder:
        opened = asyncio.run(connect_inline(Path(folder) / "copy.db", False))
        with closing(opened._connection) as connection:  # type: ignore[attr-defined]  # the class behind it has it
            migrate(connection)
            started = time.process_time()
            if silent:
                with (
                    patch.object(writer, "write_batch_changes", lambda *a, **k: None),
                    patch.object(writer, "end_commit", lambda connection: None),
                ):
                    _apply(connection, decisions)
            else:
                _apply(connection, decisions)
            return (time.process_time() - started) / len(decisions) * 1e6


def _apply(connection: sqlite3.Connection, decisions: Sequence[Decision]) -> None:
    rows: dict[ConversationKey, int] = {}
    for start in range(0, len(decisions), 8):
        apply_all(connection, decisions[start : start + 8], rows)


def _decisions() -> list[Decision]:
    """The pages of a first pull, newest first."""
    return [
        decision
        for number in range(_CONVERSATIONS)
        for decision in _pages(ConversationKey(f"user{number}", Kind.CHAT), number)
    ]


def _pages(key: ConversationKey, number: int) -> list[Decision]:
    rules = rules_of(Config())
    newest = 10**18 - number * 10**6
    found: list[Decision] = []
    above = ""
    for page in range(_PAGES):
        rows = [_row(newest - page * _PAGE - each) for each in range(_PAGE)]
        end = page == _PAGES - 1
        shown = Page(rows, None if end else rows[-1].message_id, end, 1_700_000_000_000)
        found.append(
            place_below(key, above, shown, rules) if page else place_head(key, shown, rules)
        )
        above = rows[-1].message_id
    return found


def _row(number: int) -> MessageRow:
    text = "a line of text as people write it"
    return MessageRow(str(number), "bob", number // 10**6, "text", text, None, b"x" * 330)
