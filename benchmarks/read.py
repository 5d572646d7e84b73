"""How fast are reads, and do they stay so as the copy grows and while a pull runs?

A store is filled directly: `--conversations`, one of them with `--messages`. All
conversations are loaded beside a bare SELECT of the same rows through the same driver. A page
of 20 is read at the newest end and all over the long conversation, in both directions,
around messages and around times; with `--grown` once more at ten times the size. Then a
pull runs at full speed in the same event loop, and pages are read beside it, from there and
from another process; what `sqlite3` alone sees there is the floor. The pull's server, which in
life is another machine, has the lowest priority, so that it takes no processor from them.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiosqlite
from attrs import frozen
from rich.console import Console
from rich.table import Table

from benchmarks.filling import LONG, Size, fill, message_id, sent_at
from benchmarks.processes import Server, emulator
from benchmarks.pull import machine
from benchmarks.reading import Times, read_until
from syncengine import Config, EasemobRemote, Report, Slice, SyncEngine

_BARE = """
    SELECT c.conversation_id, c.kind, c.unread_count, c.pinned, c.marks, c.activity,
           m.message_id, m.sender, m.timestamp, m.type, m.text, m.edited_at, m.raw
    FROM conversation c LEFT JOIN message m ON m.message = c.newest
    ORDER BY c.pinned DESC, c.activity DESC, c.conversation DESC
"""
_GROWTH = 10
_LOADS = 15
_TICK = 0.002
_OTHER_SECONDS = 4.0
"""For how long the other process reads."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--reads", type=int, default=2_000, help="pages of each sort")
    parser.add_argument("--grown", action="store_true", help="also at ten times the messages")
    parser.add_argument("--world", default="200x1000", help="what is pulled meanwhile")


@frozen
class Line:
    """A line of the table."""

    what: str
    figure: str
    goal: str = ""
    missed: bool = False


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 where a goal is missed."""
    console = Console()
    console.width = max(console.width, 110)
    sizes = [options.messages, options.messages * _GROWTH][: 1 + options.grown]
    lines: list[Line] = []
    before: Times | None = None
    for messages in sizes:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "copy.db"
            fill(path, Size(options.conversations, messages))
            found, before = asyncio.run(_measure(path, messages, options, before))
        lines += found
    with emulator(options.world, elsewhere=True) as server, TemporaryDirectory() as folder:
        lines += asyncio.run(_beside_a_pull(server, Path(folder)))
    _print(console, lines)
    return 1 if any(line.missed for line in lines) else 0


async def _measure(
    path: Path, messages: int, options: argparse.Namespace, smaller: Times | None
) -> tuple[list[Line], Times]:
    """The lines of one size, and what a page took there at its newest end."""
    name = f"{messages:,} messages: "
    # What was filled is not indexed: to index it meanwhile would be measured, too.
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        bare, ours = await _loads(path, engine)
        ratio = ours / bare
        goal = "2 × the SELECT"
        figure = f"{1000 * ours:.1f} ms, {ratio:.2f} × the SELECT"
        count = f"{name}load {options.conversations:,} conversations"
        lines = [Line(count, figure, goal, missed=ratio > 2)]
        pages = await _pages(engine, messages, options.reads)
    newest = pages["newest"]
    for sort, times in pages.items():
        ratio = times.p99 / newest.p99
        figure = f"p50 {times.p50:.2f}, p99 {times.p99:.2f} ms; p99 {ratio:.2f} × the newest"
        lines.append(Line(f"{name}page of 20, {sort}", figure, "1.5 × the newest", ratio > 1.5))
    if smaller is not None:
        ratio = newest.p50 / smaller.p50
        lines.append(
            Line(f"{name}p50, to the smaller copy", f"{ratio:.2f} ×", "1.5 ×", ratio > 1.5)
        )
    return lines, newest


async def _loads(path: Path, engine: SyncEngine) -> tuple[float, float]:
    """Median seconds of the bare SELECT and of the engine, in turn."""
    bare: list[float] = []
    ours: list[float] = []
    async with aiosqlite.connect(path) as database:
        for _ in range(_LOADS):
            bare.append(await _timed(partial(database.execute_fetchall, _BARE)))
            ours.append(await _timed(engine.load_all_conversations))
    return statistics.median(bare), statistics.median(ours)


async def _timed(work: Callable[[], Awaitable[Any]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def _pages(engine: SyncEngine, messages: int, reads: int) -> dict[str, Times]:
    """Pages of every sort, in turn, so that noise hits all of them alike."""
    chance = random.Random(1)
    places: dict[str, Callable[[int], dict[str, Any]]] = {
        "newest": lambda number: {},
        "older than one": lambda number: {"before": message_id(number)},
        "newer than one": lambda number: {"after": message_id(number)},
        "around one": lambda number: {"around": message_id(number)},
        "around a time": lambda number: {"at": sent_at(number)},
    }
    taken: dict[str, list[float]] = {sort: [] for sort in places}
    for _ in range(reads):
        for sort, place in places.items():
            # Each at a place of its own: what another has just read would be in memory.
            number = chance.randrange(messages // 10, messages - messages // 10)
            taken[sort].append(await _timed(partial(_page, engine, place(number))))
    return {sort: Times.of(seconds) for sort, seconds in taken.items()}


async def _page(engine: SyncEngine, place: dict[str, Any]) -> Slice:
    found = await engine.reader.messages(LONG.conversation_id, LONG.kind, limit=20, **place)
    assert len(found.messages) == 20
    assert found.whole
    return found


async def _beside_a_pull(server: Server, folder: Path) -> list[Line]:
    """Pages from the same event loop, and from other processes, while a pull runs: one pull
    each, for two that read at once would measure each other."""
    async with _pulling(server, folder / "same.db") as (engine, pull):
        held = asyncio.create_task(_late(pull.done))
        same, lag = await read_until(engine, pull.done), await held
    ours, bare = [await _from_outside(server, folder, how) for how in ("engine", "bare")]
    return [
        Line("a pull runs: page, same event loop", _shown(same), "p99 5 ms", same.p99 > 5),
        Line(f"a pull runs: a timer of {1000 * _TICK:g} ms is late by", _shown(lag)),
        Line("idle: page, another process", _shown(ours.idle)),
        Line(
            "a pull runs: page, another process",
            f"{_shown(ours.busy)}; p99 {ours.ratio:.2f} × idle",
            "3 × idle",
            missed=ours.ratio > 3,
        ),
        Line("idle: the same rows by sqlite3 alone", _shown(bare.idle)),
        Line(
            "a pull runs: the same rows by sqlite3 alone",
            f"{_shown(bare.busy)}; p99 {bare.ratio:.2f} × idle",
        ),
        Line("the pulls beside them took", f"{ours.load:.2f} and {bare.load:.2f} processors"),
    ]


@frozen
class _Outside:
    """How long reads of another process took."""

    busy: Times
    idle: Times
    load: float
    """Seconds of processor a second that the pull took meanwhile: near 1, it saturated."""

    @property
    def ratio(self) -> float:
        """How much longer 99 of 100 took beside the pull."""
        return self.busy.p99 / self.idle.p99


async def _from_outside(server: Server, folder: Path, how: str) -> _Outside:
    """Read in another process while a pull runs, and after it."""
    path = folder / f"{how}.db"
    async with _pulling(server, path) as (_, pull):
        began, spent = time.perf_counter(), time.process_time()
        busy = await _in_another_process(path, how)
        load = (time.process_time() - spent) / (time.perf_counter() - began)
        assert not pull.done(), "the pull was over before the readings were"
    return _Outside(busy, await _in_another_process(path, how), load)


@asynccontextmanager
async def _pulling(
    server: Server, path: Path
) -> AsyncIterator[tuple[SyncEngine, asyncio.Task[Report]]]:
    """An engine whose pull has begun; at the end it must have been a whole one."""
    remote = EasemobRemote(
        server.url, app_key=server.app_key, user=server.user, password=server.password
    )
    async with SyncEngine.open(path, remote) as engine:
        pull = asyncio.create_task(engine.sync())
        await _first_conversation(engine)
        yield engine, pull
        report = await pull
        assert report.gaps_open == 0, report.errors


def _shown(times: Times) -> str:
    return f"p50 {times.p50:.2f}, p99 {times.p99:.2f} ms of {times.count:,}"


async def _first_conversation(engine: SyncEngine) -> None:
    while not await engine.reader.conversations(limit=1):  # noqa: ASYNC110 - a pull, seen as by others
        await asyncio.sleep(0.01)


async def _late(over: Callable[[], bool]) -> Times:
    """By how much a timer comes too late: so long the event loop was held."""
    late: list[float] = []
    while not over():
        started = time.perf_counter()
        await asyncio.sleep(_TICK)
        late.append(max(0.0, time.perf_counter() - started - _TICK))
    return Times.of(late)


async def _in_another_process(path: Path, how: str) -> Times:
    line = ["-m", "benchmarks.reading", str(path), str(_OTHER_SECONDS), how]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *line, stdout=pipe)
    out, _ = await process.communicate()
    return Times(**json.loads(out))


def _print(console: Console, lines: list[Line]) -> None:
    console.print(machine())
    table = Table("what", "figure", "goal", "")
    for line in lines:
        table.add_row(line.what, line.figure, line.goal, "missed" if line.missed else "")
    console.print(table)
