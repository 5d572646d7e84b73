"""How fast is what is new here, next to the bare requests, and over a distance?

An account of many conversations was pulled; then 100 messages come in 20 of them, and one cycle
brings them. Its floor is the same requests, sent once more with no engine over a client that all
fetchers share. What a cycle reads again (law 5) is among them. Here the server is on the same
machine, as no server ever is: what is left is the processor's time. So the same is done from a
server that is far away, too, where every answer is late by a round trip; there the bare requests
are as many at once as the engine's.

Then an account is pulled from there. With so many fetchers and pages of 49 no client can be faster
than fetchers × 49 / RTT; the ratio is to that. Its conversations are long, for the end of each
costs a request that brings nothing. `network only` is the floor that does nothing with the pages.
"""

import argparse
import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from attrs import asdict

from benchmarks import cycles
from benchmarks.cycles import Seen
from benchmarks.processes import Figures, Server, emulator, measure
from benchmarks.results import Result, Row, row
from benchmarks.running import interleaved
from benchmarks.showing import steps
from benchmarks.transports import TRANSPORTS, USUAL, chosen
from syncengine import Config
from syncengine.emulator.sized import Size

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {"world": "1000x20", "far_world": "32x980"},
    "full": {"world": "1000x100", "runs": 20, "far_world": "48x1960"},
}
_GOAL = 1.2
_FAR_GOALS = {20: 0.8, 100: 0.92}
"""By the round trip, ms."""
_PAGE = 49


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--world", default="1000x100", metavar="CONVERSATIONSxMESSAGES")
    parser.add_argument("--runs", type=int, default=10, help="cycles here and over each distance")
    parser.add_argument("--rtt", type=int, nargs="*", default=[20, 100], metavar="MS")
    parser.add_argument("--far-world", default="48x1960", metavar="CONVERSATIONSxMESSAGES")
    parser.add_argument("--far-runs", type=int, default=3, help="of each pull, in turn")
    parser.add_argument("--fetchers", type=int, default=Config().fetchers, help="over a distance")
    parser.add_argument(
        "--transport", choices=TRANSPORTS, default=USUAL, help="default: what the engine takes"
    )


def run(options: argparse.Namespace) -> Result:
    """Measure; wrong where a cycle did not bring all that is new."""
    chosen(options.transport)
    with emulator(options.world) as server, TemporaryDirectory() as folder:
        seen = asyncio.run(_cycles(server, Path(folder) / "copy.db", options))
    far, wrong = _far(options)
    every = [each for runs in seen.values() for each in runs]
    return Result(
        case="catch-up",
        setting=f"{cycles.NEWS} new messages in 20 conversations of {options.world}, {options.runs}"
        f" times; {options.far_world} pulled {options.far_runs} times over each distance, with"
        f" {options.fetchers} fetchers; over {options.transport}",
        rows=[*_rows(seen), *far],
        wrong=cycles.faults(every, cycles.NEWS) or wrong,
    )


_HERE = 0
"""Milliseconds of a round trip."""
ByDistance = Mapping[int, Sequence[Seen]]


async def _cycles(server: Server, path: Path, options: argparse.Namespace) -> ByDistance:
    """Those near the server first."""
    conversations = Size.parse(options.world).conversations
    seen: dict[int, list[Seen]] = {rtt: [] for rtt in (_HERE, *options.rtt)}
    async with cycles.account(server, path, conversations, options.transport) as account:
        for rtt, runs in seen.items():
            for _ in steps(range(options.runs), f"catch-up, {rtt} ms away"):
                await account.news()
                with _late(server, rtt):
                    runs.append(await account.cycle(cycles.FAR if rtt else cycles.NEAR))
    return seen


def _rows(seen: ByDistance) -> Iterator[Row]:
    for rtt, runs in seen.items():
        yield row(
            f"{cycles.NEWS} new messages" + (f", {rtt} ms away" if rtt else ""),
            [1000 * each.seconds for each in runs],
            "ms",
            to=[1000 * each.bare for each in runs],
            floor="its requests",
            goal=_GOAL,
        )
    yield row("requests", [float(each.requests) for each in seen[_HERE]], "")
    yield row("rows written", [float(each.rows) for each in seen[_HERE]], "")


# Over a distance


def _far(options: argparse.Namespace) -> tuple[list[Row], str]:
    """Rows, and what is wrong."""
    size = Size.parse(options.far_world)
    found: list[Row] = []
    with emulator(options.far_world) as server:
        for rtt in options.rtt:
            with _late(server, rtt):
                programs = _programs(server, options)
                figures = interleaved(programs, options.far_runs, f"{rtt} ms away")
            pulled = {each.messages for runs in figures.values() for each in runs}
            if pulled != {size.conversations * size.messages}:
                return [], f"{rtt} ms away {pulled} messages were pulled"
            found += _far_rows(rtt, options.fetchers, figures)
    return found, ""


def _programs(server: Server, options: argparse.Namespace) -> dict[str, Callable[[], Figures]]:
    how = {"fetchers": options.fetchers, "transport": options.transport, **asdict(server)}
    return {name: partial(measure, name, **how) for name in ("engine", "network")}


@contextmanager
def _late(server: Server, rtt: int) -> Iterator[None]:
    """Every answer is late by so many ms, for the length of a block."""
    address = f"{server.url}/_emulator/faults"
    late = {"profile": "distance", "latency_ms": [rtt, rtt]}
    httpx.post(address, json=late).raise_for_status()
    try:
        yield
    finally:
        httpx.post(address, json={}).raise_for_status()


def _far_rows(rtt: int, fetchers: int, figures: Mapping[str, Sequence[Figures]]) -> Iterator[Row]:
    most = fetchers * _PAGE / (rtt / 1000)
    for name, words in (("engine", "engine"), ("network", "network only")):
        yield row(
            f"{rtt} ms away: {words}",
            [each.rate for each in figures[name]],
            "messages/s",
            to=[most] * len(figures[name]),
            floor=f"{fetchers} × {_PAGE} / RTT",
            more_is_better=True,
            goal=_FAR_GOALS.get(rtt) if name == "engine" else None,
        )
