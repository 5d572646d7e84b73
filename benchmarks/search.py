"""How long does a search take in a large copy, next to reading every text?

A file is filled with made-up messages, Latin and Chinese, and indexed. Then each query
reads its first 20 results, newest first and ranked, in all conversations; the floor reads
every text in one statement (`LIKE`), as a program without an index would.
"""

import argparse
import asyncio
import random
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import frozen
from rich.console import Console
from rich.table import Table

from benchmarks.pull import machine
from syncengine import Config, SyncEngine
from syncengine.emulator.texts import sentence
from syncengine.models import Order

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=20)


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 where a first page, newest first, takes longer than the goal."""
    console = Console()
    console.print(machine())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        asyncio.run(_fill(path, options))
        size = path.stat().st_size
        took = asyncio.run(_index(path))
        each = took / options.messages * 1e6
        grown = path.stat().st_size - size
        console.print(
            f"{options.messages:,} messages, {size / 1e6:,.0f} MB; indexed in {took:.1f} s,"
            f" {each:.1f} µs a message; the index: {grown / 1e6:,.0f} MB"
        )
        results = asyncio.run(_measure(path, options.runs))
        console.print(_table(results))
    return 0 if all(result.newest.p95 < LIMIT_MS for result in results) else 1


@frozen
class Times:
    """Milliseconds."""

    p50: float
    p95: float


@frozen
class Result:
    """One query."""

    name: str
    matches: int
    newest: Times
    ranked: Times
    scan: float
    """Reading every text, ms."""


async def _fill(path: Path, options: argparse.Namespace) -> None:
    async with SyncEngine.open(path, config=Config(index_search=False)):
        pass  # makes the tables
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO conversation (conversation_id, kind) VALUES (?, 'chat')",
            ((f"peer{n}",) for n in range(options.conversations)),
        )
        connection.executemany(
            "INSERT INTO message (conversation, position, message_id, sender, timestamp, type,"
            " text, raw) VALUES (?, ?, ?, ?, ?, 'text', ?, randomblob(250))",
            _messages(options.messages, options.conversations),
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _messages(number: int, conversations: int) -> Iterator[tuple[Any, ...]]:
    """As a pull brings them: conversation after conversation, each newest first."""
    chance = random.Random(1)
    texts = [sentence(str(n)) for n in range(20_000)]
    apart = max(1, number // 20)
    for n in range(number):
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


async def _measure(path: Path, runs: int) -> list[Result]:
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        return [await _one(engine, path, name, text, runs) for name, text in QUERIES.items()]


async def _one(engine: SyncEngine, path: Path, name: str, text: str, runs: int) -> Result:
    typed = name == "being typed"
    newest = [await _timed(engine, text, Order.NEWEST, typed) for _ in range(runs)]
    ranked = [await _timed(engine, text, Order.RELEVANCE, typed) for _ in range(max(3, runs // 4))]
    started = time.perf_counter()
    matches = _scan(path, text)
    return Result(
        name, matches, _times(newest), _times(ranked), (time.perf_counter() - started) * 1000
    )


async def _timed(engine: SyncEngine, text: str, order: Order, typed: bool) -> float:
    started = time.perf_counter()
    await engine.reader.search(text, order=order, prefix=typed, limit=20)
    return (time.perf_counter() - started) * 1000


def _times(samples: list[float]) -> Times:
    if len(samples) < 2:
        return Times(samples[0], samples[0])
    return Times(statistics.median(samples), statistics.quantiles(samples, n=20)[-1])


def _scan(path: Path, text: str) -> int:
    where = " AND ".join("text LIKE ?" for _ in text.split())
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            f"SELECT count(*) FROM message WHERE {where}", [f"%{word}%" for word in text.split()]
        )
        return int(found.fetchone()[0])


def _table(results: list[Result]) -> Table:
    table = Table(
        "query", "found by a scan", "newest p50/p95, ms", "ranked, ms", "scan, ms", "ratio"
    )
    for each in results:
        table.add_row(
            each.name,
            f"{each.matches:,}",
            f"{each.newest.p50:.1f} / {each.newest.p95:.1f}",
            f"{each.ranked.p50:.1f} / {each.ranked.p95:.1f}",
            f"{each.scan:,.0f}",
            f"{each.newest.p50 / each.scan:.4f}",
        )
    return table
