"""What does a cycle cost where nothing is new, or little, however much is stored?

Accounts of growing size are pulled, each from a server of its own, all with as many
conversations. Then each has a cycle with nothing new and one with 100 new messages in 20
conversations, in turn. Milliseconds, requests and rows written should stay as they are in the
smallest account; the milliseconds stand against the cycle's bare requests, too.
"""

import argparse
import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import cycles
from benchmarks.cycles import Account, Seen
from benchmarks.growth import against_smallest, line
from benchmarks.processes import emulator
from benchmarks.results import Plot, Result, Row, row
from benchmarks.scratch import need_room
from benchmarks.showing import steps
from benchmarks.transports import TRANSPORTS, USUAL, chosen

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {"messages": [10_000, 50_000], "runs": 10},
    "full": {"messages": [10_000, 100_000, 1_000_000], "runs": 30},
}
_CONVERSATIONS = 100
"""News come in 20 of them, no two the same; and with as few as that two of three pages that
are read again are full in the smallest account, too."""
_GOAL = 1.25
"""For the time and the rows, to the smallest account: which pages are read again is left to
chance, and one that ends a pass costs a row more."""
_MORE = 1.05
"""For requests, likewise."""
_PARTS = 5
"""Rows are few, whole numbers: the cycles are judged by the means of so many parts of them."""
_ROOM = 700
"""Bytes of disk a message."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--messages", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--runs", type=int, default=10, help="cycles of each sort, in turn")
    parser.add_argument(
        "--transport", choices=TRANSPORTS, default=USUAL, help="default: what the engine takes"
    )


def run(options: argparse.Namespace) -> Result:
    """Measure; wrong where a cycle brought other messages than there are."""
    chosen(options.transport)
    need_room(_ROOM * sum(options.messages))
    with TemporaryDirectory() as folder:
        quiet, news = asyncio.run(_cycles(Path(folder), options))
    wrong = [cycles.faults(seen, 0) for seen in quiet.values()]
    wrong += [cycles.faults(seen, cycles.NEWS) for seen in news.values()]
    return Result(
        case="idle",
        setting=f"{_CONVERSATIONS} conversations, {options.runs} cycles of each sort in turn, over"
        f" {options.transport}",
        rows=[*_rows("nothing new", quiet), *_rows(f"{cycles.NEWS} new", news)],
        wrong=", ".join(each for each in wrong if each),
        plots=[_plot(quiet, news)],
    )


BySize = Mapping[int, Sequence[Seen]]


async def _cycles(folder: Path, options: argparse.Namespace) -> tuple[BySize, BySize]:
    """Quiet ones, and ones with news."""
    quiet: dict[int, list[Seen]] = {size: [] for size in options.messages}
    news: dict[int, list[Seen]] = {size: [] for size in options.messages}
    async with AsyncExitStack() as stack:
        accounts = await _accounts(stack, folder, options)
        for _ in steps(range(options.runs), "idle"):
            for size, account in accounts.items():
                quiet[size].append(await account.cycle())
                await account.news()
                news[size].append(await account.cycle())
    return quiet, news


async def _accounts(
    stack: AsyncExitStack, folder: Path, options: argparse.Namespace
) -> dict[int, Account]:
    found = {}
    for size in steps(options.messages, "idle: pull"):
        server = stack.enter_context(emulator(f"{_CONVERSATIONS}x{size // _CONVERSATIONS}"))
        path = folder / f"{size}.db"
        found[size] = await stack.enter_async_context(
            cycles.account(server, path, _CONVERSATIONS, options.transport)
        )
    for account in found.values():  # the first cycles look at what a pull left open
        await account.cycle()
        await account.cycle()
    return found


def _rows(words: str, seen: BySize) -> Iterator[Row]:
    times = {size: [1000 * each.seconds for each in runs] for size, runs in seen.items()}
    yield from against_smallest(words, times, "ms", _GOAL)
    for size, runs in seen.items():
        bare = [1000 * each.bare for each in runs]
        name = f"{size:,} messages: {words}"
        yield row(name, times[size], "ms", to=bare, floor="its requests")
    requests = {size: [float(each.requests) for each in runs] for size, runs in seen.items()}
    yield from against_smallest(f"{words}: requests", requests, "", _MORE)
    rows = {size: _means([each.rows for each in runs]) for size, runs in seen.items()}
    yield from against_smallest(f"{words}: rows written", rows, "", _GOAL)


def _means(values: Sequence[int]) -> list[float]:
    """Of parts of them."""
    size = -(-len(values) // _PARTS)
    parts = (values[start : start + size] for start in range(0, len(values), size))
    return [fmean(part) for part in parts]


def _plot(quiet: BySize, news: BySize) -> Plot:
    sorts = {"nothing new": quiet, f"{cycles.NEWS} new": news}
    lines = [
        line(name, {size: [1000 * each.seconds for each in runs] for size, runs in seen.items()})
        for name, seen in sorts.items()
    ]
    return Plot(name="time", across="messages stored", up="ms a cycle", lines=lines)
