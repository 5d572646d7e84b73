"""How fast are reads, and do they stay so as the copy grows and while a pull runs?

A store is filled directly: `--conversations`, one of them with `--messages`. All
conversations are loaded beside a bare SELECT of the same rows through the same driver. A page
of 20 is read at the newest end and all over the long conversation, in both directions,
around messages and around times; in copies of several sizes where `--messages` names some. Then
a pull runs at full speed in the same event loop, and pages are read beside it, from there and from
another process; what `sqlite3` alone sees there is the floor. Last, how long single callbacks of
a pull hold the loop. The pull's server, which in life is another machine, has the lowest priority,
so that it takes no processor from them.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiosqlite
from attrs import asdict, frozen

from benchmarks.filling import LONG, Size, fill, message_id, sent_at
from benchmarks.floors import BARE_LIST
from benchmarks.growth import against_smallest, line
from benchmarks.holds import MOST_MS, Holds
from benchmarks.processes import Server, emulator
from benchmarks.reading import Times, read_until
from benchmarks.results import Plot, Result, Row, Spread, row
from benchmarks.scratch import need_room
from benchmarks.showing import steps
from benchmarks.transports import USUAL
from syncengine import Config, EasemobRemote, Report, Slice, SyncEngine

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {
        "messages": [10_000, 100_000],
        "conversations": 1_000,
        "reads": 250,
        "world": "100x1000",
    },
    "full": {"messages": [10_000, 100_000, 1_000_000]},
}
_PARTS = 5
"""The reads of a sort are judged in so many parts, for the spread."""
_ROOM = 700
"""Bytes of disk a message."""
_LOADS = 15
_TICK = 0.002
_IDLE_SECONDS = 4.0
"""For how long the other process reads where no pull runs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--messages", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--reads", type=int, default=2_000, help="pages of each sort")
    parser.add_argument("--world", default="200x1000", help="what is pulled meanwhile")


Sorts = Mapping[str, Sequence[Times]]
"""By sort, a part each."""


def run(options: argparse.Namespace) -> Result:
    """Measure; a page that is not whole raises AssertionError."""
    need_room(_ROOM * max(options.messages))
    sizes: dict[int, Sorts] = {}
    rows: list[Row] = []
    for messages in steps(options.messages, "read"):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "copy.db"
            fill(path, Size(options.conversations, messages))
            found, sizes[messages] = asyncio.run(_measure(path, messages, options))
        rows += found
    rows += _growth(sizes)
    with emulator(options.world, elsewhere=True) as server, TemporaryDirectory() as folder:
        rows += asyncio.run(_beside_a_pull(server, Path(folder)))
        rows += _holds(server, Path(folder) / "held.db")
    return Result(
        case="read",
        setting=f"{options.conversations:,} conversations; {options.reads} pages of each sort",
        rows=rows,
        plots=[_plot(sizes)],
    )


async def _measure(
    path: Path, messages: int, options: argparse.Namespace
) -> tuple[list[Row], Sorts]:
    """The rows of one size, and what pages took there."""
    name = f"{messages:,} messages: "
    # What was filled is not indexed: to index it meanwhile would be measured, too.
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        bare, ours = await _loads(path, engine)
        count = f"{name}{options.conversations:,} conversations"
        rows = [row(count, ours, "ms", to=bare, floor="SELECT", goal=2.0)]
        pages = await _pages(engine, messages, options.reads)
    return [*rows, *_page_rows(name, pages)], pages


def _page_rows(name: str, pages: Sorts) -> Iterator[Row]:
    newest = [part.p99 for part in pages["newest"]]
    for sort, parts in pages.items():
        yield row(
            f"{name}page, {sort}, p99",
            [part.p99 for part in parts],
            "ms",
            to=() if sort == "newest" else newest,
            floor="" if sort == "newest" else "the newest",
            goal=None if sort == "newest" else 1.5,
        )


def _growth(sizes: Mapping[int, Sorts]) -> list[Row]:
    """Half of the newest pages, against the smallest copy."""
    halves = {size: [part.p50 for part in pages["newest"]] for size, pages in sizes.items()}
    return against_smallest("page, newest, p50", halves, "ms", 1.5)


def _plot(sizes: Mapping[int, Sorts]) -> Plot:
    sorts = next(iter(sizes.values()))
    lines = [
        line(sort, {size: [part.p50 for part in pages[sort]] for size, pages in sizes.items()})
        for sort in sorts
    ]
    return Plot(name="latency", across="messages", up="ms, median", lines=lines)


async def _loads(path: Path, engine: SyncEngine) -> tuple[list[float], list[float]]:
    """Milliseconds of the bare SELECT and of the engine, in turn."""
    bare: list[float] = []
    ours: list[float] = []
    async with aiosqlite.connect(path) as database:
        for _ in range(_LOADS):
            bare.append(1000 * await _timed(partial(database.execute_fetchall, BARE_LIST)))
            ours.append(1000 * await _timed(engine.load_all_conversations))
    return bare, ours


async def _timed(work: Callable[[], Awaitable[Any]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def _pages(engine: SyncEngine, messages: int, reads: int) -> Sorts:
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
    return {sort: _parts(seconds) for sort, seconds in taken.items()}


def _parts(seconds: list[float]) -> list[Times]:
    size = -(-len(seconds) // _PARTS)
    return [Times.of(seconds[start : start + size]) for start in range(0, len(seconds), size)]


async def _page(engine: SyncEngine, place: dict[str, Any]) -> Slice:
    found = await engine.reader.messages(LONG.conversation_id, LONG.kind, limit=20, **place)
    assert len(found.messages) == 20
    assert found.whole
    return found


async def _beside_a_pull(server: Server, folder: Path) -> list[Row]:
    """Pages from the same event loop, and from another process, while a pull runs: one pull
    each, for two that read at once would measure each other."""
    async with _pulling(server, folder / "same.db") as (engine, pull):
        held = asyncio.create_task(_late(pull.done))
        same, lag = await read_until(engine, pull.done), await held
    ours, bare = [await _from_outside(server, folder, how) for how in ("engine", "bare")]
    return [
        _p99("a pull runs: page, same event loop", same, goal=5.0),
        _p99(f"a pull runs: a timer of {1000 * _TICK:g} ms is late by", lag),
        *_rows_outside("page, another process", ours, goal=3.0),
        *_rows_outside("the same rows by sqlite3 alone", bare),
        row("the pull beside them took", [ours.load, bare.load], "processors"),
    ]


def _holds(server: Server, path: Path) -> Iterator[Row]:
    """How long a pull holds its event loop at a time."""
    how = {"path": str(path), "transport": USUAL, **asdict(server)}
    command = [sys.executable, "-m", "benchmarks.holds", json.dumps(how)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = Holds(**json.loads(done.stdout))
    name = f"one of {found.callbacks:,} callbacks of a pull holds the loop"
    yield row(f"{name}, p99", [found.p99], "ms of CPU")
    yield row(f"{name}, longest", [found.longest], "ms of CPU", goal=MOST_MS)


@frozen
class _Outside:
    """How long reads of another process took."""

    busy: Times
    idle: Times
    load: float
    """Seconds of processor a second that the pull took meanwhile: near 1, it saturated."""


async def _from_outside(server: Server, folder: Path, how: str) -> _Outside:
    """Read in another process while a pull runs, and after it."""
    path = folder / f"{how}.db"
    async with _pulling(server, path) as (_, pull):
        began, spent = time.perf_counter(), time.process_time()
        busy = await _in_another_process(path, how, asyncio.shield(pull))
        load = (time.process_time() - spent) / (time.perf_counter() - began)
    idle = await _in_another_process(path, how, asyncio.sleep(_IDLE_SECONDS))
    return _Outside(busy, idle, load)


def _rows_outside(name: str, found: _Outside, *, goal: float | None = None) -> Iterator[Row]:
    yield _p99(f"idle: {name}", found.idle)
    yield _p99(f"a pull runs: {name}", found.busy, to=found.idle, goal=goal)


def _p99(name: str, times: Times, *, to: Times | None = None, goal: float | None = None) -> Row:
    return Row(
        name=f"{name}, p99",
        value=Spread.of([times.p99]),
        unit="ms",
        ratio=None if to is None else Spread.of([times.p99 / to.p99]),
        floor="" if to is None else "idle",
        goal=goal,
    )


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


async def _in_another_process(path: Path, how: str, end: Awaitable[Any]) -> Times:
    """It reads until `end`."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.reading", str(path), how), stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    try:
        await end
        process.stdin.close()
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:  # interrupted
            process.kill()
            await process.wait()
    return Times(**json.loads(out))
