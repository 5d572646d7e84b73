"""How fast is a whole pull, against the same work with no engine?

The engine and its floors (`benchmarks/floors.py`) pull the same account from an emulator in
another process, in turn, each in a fresh process with a fresh file. `engine` has all laws on and
indexes for search in the background, as by default; `indexed` goes on until a search finds every
message. The floor of all ratios is `insert`: request, decode, insert, a transaction a page, over
one shared client. Each runs with as many requests at once as it is fastest with (a shared httpx
client gets slower beyond 8). A note says how fast the emulator serves raw sockets, since a slow
server would flatter the engine. Then accounts of growing size are pulled: the time a message
takes and the peak memory should stay.

With `--peers` other sync engines fill their stores with the same records in the same turns, with
`--profile` one more run says where the processor's time goes.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import asdict

from benchmarks import beside, growth
from benchmarks.processes import Figures, Server, emulator, measure
from benchmarks.profile import profile
from benchmarks.results import Result, Row, row
from benchmarks.running import interleaved
from benchmarks.scratch import need_room
from benchmarks.transports import TRANSPORTS
from syncengine import Config
from syncengine.emulator.sized import Size

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {"world": "50x1000", "growth": [10_000, 30_000]},
    "full": {"world": "200x1000", "runs": 5, "growth": [10_000, 100_000, 1_000_000, 5_000_000]},
}

_FLOORS = ("insert", "network", "decode", "loop")
_ENGINES = ("engine", "indexed")
_GOALS = {"httpx": {"engine": 1.0, "indexed": 0.85}}
"""Of the floor over the same transport."""
_FASTER_GOALS = {"engine": 0.8}
_ROOM = 700
"""Bytes of disk a message, its log and its index included."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--world", default="200x1000", metavar="CONVERSATIONSxMESSAGES")
    parser.add_argument("--runs", type=int, default=3, help="of each program, in turn")
    parser.add_argument("--fetchers", type=int, default=Config().fetchers, help="of the engine")
    parser.add_argument("--floor-fetchers", type=int, default=8, help="of the floors: their best")
    parser.add_argument("--transport", choices=TRANSPORTS, default="httpx", help="of both")
    parser.add_argument("--growth", type=int, nargs="*", default=[], metavar="MESSAGES")
    parser.add_argument("--peers", action="store_true", help="other sync engines, too")


def run(options: argparse.Namespace) -> Result:
    """Measure all of it."""
    size = Size.parse(options.world)
    need_room(_ROOM * max([size.conversations * size.messages, *options.growth]))
    with emulator(options.world) as server:
        served = _served(server, options)
        with beside.peers(server, size, wanted=options.peers) as (peers, left_out):
            figures = interleaved({**_programs(server, options), **peers}, options.runs, "pull")
        profiled = profile(server, options, figures) if options.profile else growth.NOTHING
    wrong = _wrong(figures, served.messages)
    grown = growth.pulls(options) if options.growth and not wrong else growth.NOTHING
    note = _note(served, figures["insert"])
    return Result(
        case="pull",
        setting=_setting(options),
        rows=[*_rows(figures, options.transport), *profiled.rows, *grown.rows],
        wrong=wrong,
        plots=[*profiled.plots, *grown.plots],
        notes=[note, *left_out, *profiled.notes],
    )


def _setting(options: argparse.Namespace) -> str:
    return (
        f"{options.world} messages over {options.transport}; requests at once: floors"
        f" {options.floor_fetchers}, engine {options.fetchers}; {options.runs} runs in turn"
    )


def _served(server: Server, options: argparse.Namespace) -> Figures:
    """Serve all once to make the world, then once more to measure."""
    how = {"fetchers": options.floor_fetchers, "path": "", **asdict(server)}
    measure("loop", **how)
    return measure("loop", **how)


def _programs(server: Server, options: argparse.Namespace) -> dict[str, Callable[[], Figures]]:
    how = asdict(server)
    over = {**how, "transport": options.transport}
    floor = {"fetchers": options.floor_fetchers}
    programs: dict[str, Callable[[], Figures]] = {
        name: partial(measure, name, **floor, **(how if name == "loop" else over))
        for name in _FLOORS
    }
    for name in _ENGINES:
        programs[name] = partial(measure, name, fetchers=options.fetchers, **over)
    return programs


def _wrong(figures: Mapping[str, Sequence[Figures]], expected: int) -> str:
    """What did not pull every message, or other ones than the rest."""
    short = {
        name: each.messages
        for name, runs in figures.items()
        for each in runs
        if each.messages != expected
    }
    if short:
        return f"the server has {expected} messages; pulled were {short}"
    digests = {each.digest for runs in figures.values() for each in runs if each.digest}
    return f"the files differ: {', '.join(sorted(digests))}" if len(digests) > 1 else ""


def _rows(figures: Mapping[str, Sequence[Figures]], transport: str) -> Iterator[Row]:
    floor = figures["insert"]
    goals: Mapping[str, float] = _GOALS.get(transport, _FASTER_GOALS)
    rates = [each.rate for each in floor]
    for name, runs in figures.items():
        yield row(
            name,
            [each.rate for each in runs],
            "messages/s",
            to=rates,
            floor="insert",
            more_is_better=True,
            goal=goals.get(name),
        )
    for name in ("insert", *_ENGINES):
        cpu = [each.cpu for each in figures[name]]
        yield row(f"{name}: CPU", cpu, "µs/message", to=[e.cpu for e in floor], floor="insert")
    for name, runs in figures.items():
        peak = [each.peak_mb for each in runs]
        yield row(f"{name}: memory", peak, "MB", to=[e.peak_mb for e in floor], floor="insert")
    for name in ("insert", *_ENGINES):
        yield row(
            f"{name}: file",
            [_bytes_each(each) for each in figures[name]],
            "bytes/message",
            to=[_bytes_each(each) for each in floor],
            floor="insert",
        )


def _bytes_each(figures: Figures) -> float:
    return figures.file_mb * 1e6 / figures.messages


def _note(served: Figures, floor: Sequence[Figures]) -> str:
    times = served.rate / max(each.rate for each in floor)
    return (
        f"The emulator serves {served.rate:,.0f} messages/s to raw sockets, {times:.1f} times"
        " the floor."
    )
