"""How long does a search take in a large copy, next to reading every text?

Files of growing size are filled with made-up messages, Latin and Chinese, and indexed. Then each
query reads its first 20 results, newest first and ranked, in all conversations; the floor reads
every text in one statement (`LIKE`), as a program without an index would. The indexing is
measured, too.
"""

import argparse
import asyncio
import random
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from attrs import define, field

from benchmarks.floors import scan
from benchmarks.results import Line, Plot, Result, Row, Spread, row
from benchmarks.scratch import need_room
from benchmarks.showing import steps
from syncengine import Config, SyncEngine
from syncengine.emulator.texts import sentence
from syncengine.models import Order

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {"messages": [10_000, 100_000], "conversations": 1_000},
    "full": {"messages": [10_000, 100_000, 1_000_000], "runs": 5},
}
LIMIT_MS = 50
"""The goal for the 95th percentile of a first page, newest first, at a million messages."""
QUERIES = {
    "common Latin": "station",
    "rare Latin": "zanzibar",
    "common Chinese": "天气",
    "one character": "天",
    "rare Chinese": "麒麟",
    "rare, of common characters": "火公",
    "two words": "station 天气",
    "being typed": "sta",
}
_RARE = ("zanzibar", "麒麟", "火公")
_START_MS = 1_600_000_000_000
_STEP_MS = 60_000
_LIMIT = 20
_EACH = 5
"""Searches of a turn: its figure is their median."""
_ROOM = 900
"""Bytes of disk a message."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--messages", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3, help="turns of every query")


@define
class Query:
    """One query in one file; milliseconds, a turn each."""

    matches: int = 0
    """Found by the scan."""
    found: int = 0
    newest: list[float] = field(factory=list)
    ranked: list[float] = field(factory=list)
    scanned: list[float] = field(factory=list)
    singles: list[float] = field(factory=list)
    """Every search, newest first."""

    @property
    def p95(self) -> float:
        """95 of 100 searches took no longer."""
        return quantiles(self.singles, n=20)[-1]


@define
class File:
    """What was seen in one file."""

    messages: int
    index_seconds: float
    size: float
    index_size: float
    """Bytes."""
    queries: dict[str, Query]


def run(options: argparse.Namespace) -> Result:
    """Measure; wrong where a search finds less than the scan."""
    need_room(_ROOM * max(options.messages))
    files = [_file(messages, options) for messages in options.messages]
    largest = max(files, key=lambda each: each.messages)
    return Result(
        case="search",
        setting=f"the first {_LIMIT} results, of {largest.messages:,} messages where nothing else"
        f" is said; {options.runs} turns of {_EACH} searches",
        rows=[*_query_rows(largest), *_growth_rows(files)],
        wrong=_wrong(files),
        plots=[_plot(files)],
    )


def _file(messages: int, options: argparse.Namespace) -> File:
    conversations = min(options.conversations, messages)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        asyncio.run(_fill(path, messages, conversations))
        size = path.stat().st_size
        seconds = asyncio.run(_index(path))
        grown = path.stat().st_size - size
        queries = asyncio.run(_measure(path, options.runs))
    return File(messages, seconds, size, grown, queries)


def _wrong(files: Sequence[File]) -> str:
    for file in files:
        for name, query in file.queries.items():
            if query.found != min(_LIMIT, query.matches):
                return (
                    f"{name}: {query.found} found in {file.messages:,} messages, and a scan"
                    f" finds {query.matches}"
                )
    return ""


def _query_rows(file: File) -> Iterator[Row]:
    for name, query in file.queries.items():
        yield row(f"{name}: newest", query.newest, "ms", to=query.scanned, floor="scan")
        yield row(f"{name}: ranked", query.ranked, "ms", to=query.scanned, floor="scan")
    # Of the slowest query.
    slowest = max(file.queries, key=lambda name: file.queries[name].p95)
    p95 = Spread.of([file.queries[slowest].p95])
    yield Row(name=f"{slowest}: newest, p95", value=p95, unit="ms", goal=LIMIT_MS)


def _growth_rows(files: Sequence[File]) -> Iterator[Row]:
    smallest = min(files, key=lambda each: each.messages)
    for file in files:
        times, to = _typical(file), () if file is smallest else _typical(smallest)
        floor = "" if file is smallest else f"{smallest.messages:,}"
        name = f"{file.messages:,} messages"
        yield row(f"{name}: a query, newest", times, "ms", to=to, floor=floor)
        each = [1e6 * file.index_seconds / file.messages]
        yield row(f"{name}: indexing", each, "µs/message")
        yield row(f"{name}: index", [file.index_size / file.messages], "bytes/message")


def _typical(file: File) -> list[float]:
    """The median of all queries, a turn each."""
    return [
        median(times)
        for times in zip(*(each.newest for each in file.queries.values()), strict=True)
    ]


def _plot(files: Sequence[File]) -> Plot:
    lines = [
        Line(name, [(file.messages, median(file.queries[name].newest)) for file in files])
        for name in QUERIES
    ]
    scanned = [(file.messages, median(file.queries["two words"].scanned)) for file in files]
    lines.append(Line("scan", scanned))
    return Plot(name="latency", across="messages", up="ms", lines=lines, log_up=True)


# The file


async def _fill(path: Path, messages: int, conversations: int) -> None:
    async with SyncEngine.open(path, config=Config(index_search=False)):
        pass  # makes the tables
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO conversation (conversation_id, kind) VALUES (?, 'chat')",
            ((f"peer{n}",) for n in range(conversations)),
        )
        connection.executemany(
            "INSERT INTO message (conversation, position, message_id, sender, timestamp, type,"
            " text, raw) VALUES (?, ?, ?, ?, ?, 'text', ?, randomblob(250))",
            _messages(messages, conversations),
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _messages(number: int, conversations: int) -> Iterator[tuple[Any, ...]]:
    """As a pull brings them: conversation after conversation, each newest first."""
    chance = random.Random(1)
    texts = [sentence(str(n)) for n in range(20_000)]
    apart = max(1, number // 20)
    for n in steps(range(number), "search: fill"):
        conversation, place = n * conversations // number, n % (number // conversations or 1)
        moment = _START_MS + (number - place * conversations - conversation) * _STEP_MS
        text = f"{chance.choice(texts)} {chance.randrange(number)}"
        if n % apart == apart // 2:
            text += " " + " ".join(_RARE)
        sender = f"peer{conversation}" if chance.random() < 0.5 else "me"
        yield conversation + 1, -n << 20, str(n), sender, moment, text


async def _index(path: Path) -> float:
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        started = time.perf_counter()
        await engine.index()
        took = time.perf_counter() - started
        await engine.upkeep()
        return took


# The queries


async def _measure(path: Path, runs: int) -> dict[str, Query]:
    queries = {name: Query() for name in QUERIES}
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        with closing(sqlite3.connect(path)) as connection:
            for _ in steps(range(runs), "search"):
                for name, query in queries.items():
                    await _turn(engine, connection, name, query)
    return queries


async def _turn(
    engine: SyncEngine, connection: sqlite3.Connection, name: str, query: Query
) -> None:
    newest = [await _timed(engine, name, Order.NEWEST, query) for _ in range(_EACH)]
    query.singles += newest
    query.newest.append(median(newest))
    query.ranked.append(await _timed(engine, name, Order.RELEVANCE, query))
    started = time.perf_counter()
    query.matches = scan(connection, QUERIES[name])
    query.scanned.append((time.perf_counter() - started) * 1000)


async def _timed(engine: SyncEngine, name: str, order: Order, query: Query) -> float:
    typed = name == "being typed"
    started = time.perf_counter()
    found = await engine.reader.search(QUERIES[name], order=order, prefix=typed, limit=_LIMIT)
    seconds = time.perf_counter() - started
    query.found = len(found.hits)
    return seconds * 1000
