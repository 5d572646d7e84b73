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
from benchmarks.peers import PEERS
from benchmarks.processes import Figures, Server, emulator, measure
from benchmarks.profile import profile
from benchmarks.results import Result, Row, row
from benchmarks.running import interleaved
from benchmarks.scratch import need_room
from benchmarks.transports import TRANSPORTS
from syncengine import Config
from syncengine.emulator.sized import Size

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {"world": "30x1000", "growth": [5_000, 20_000]},
    "full": {"world": "200x1000", "runs": 5, "growth": [10_000, 100_000, 1_000_000, 5_000_000]},
}

_FLOOR = "insert"
_FLOORS = (_FLOOR, "network", "decode", "loop")
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
    parser.add_argument(
        "--peers",
        nargs="*",
        choices=PEERS,
        metavar="NAME",
        help="other sync engines, too, or these",
    )


def run(options: argparse.Namespace) -> Result:
    """Measure all of it."""
    size = Size.parse(options.world)
    need_room(_ROOM * max([size.conversations * size.messages, *options.growth]))
    with emulator(options.world) as server, beside.peers(server, size, options.peers) as peers:
        served = _served(server, options)
        programs = {**_programs(server, options), **peers.programs}
        figures = _whole(interleaved(programs, options.runs, "pull"))
        profiled = profile(server, options, figures) if options.profile else growth.NOTHING
    wrong = _wrong(figures, served.messages)
    grown = growth.pulls(options) if options.growth and not wrong else growth.NOTHING
    beside_rows = beside.rows(figures, options.transport)
    return Result(
        case="pull",
        setting=_setting(options),
        rows=[*_rows(figures, options.transport), *beside_rows, *profiled.rows, *grown.rows],
        wrong=wrong,
        plots=[*profiled.plots, *grown.plots],
        notes=[_note(served, figures[_FLOOR]), *peers.notes, *profiled.notes],
    )


Runs = Mapping[str, Sequence[Figures]]


def _whole(found: Mapping[str, Sequence[Figures | None]]) -> Runs:
    """Without the peers that failed."""
    return {
        name: [each for each in runs if each is not None]
        for name, runs in found.items()
        if None not in runs
    }


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


def _programs(
    server: Server, options: argparse.Namespace
) -> dict[str, Callable[[], Figures | None]]:
    how = asdict(server)
    over = {**how, "transport": options.transport}
    floor = {"fetchers": options.floor_fetchers}
    programs: dict[str, Callable[[], Figures | None]] = {
        name: partial(measure, name, **floor, **(how if name == "loop" else over))
        for name in _FLOORS
    }
    for name in _ENGINES:
        programs[name] = partial(measure, name, fetchers=options.fetchers, **over)
    return programs


def _wrong(figures: Runs, expected: int) -> str:
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


def _rows(figures: Runs, transport: str) -> Iterator[Row]:
    goals: Mapping[str, float] = _GOALS.get(transport, _FASTER_GOALS)
    kept = {name: figures[name] for name in (_FLOOR, *_ENGINES)}
    yield from _against(figures, "{}", "messages/s", lambda each: each.rate, goals)
    yield from _against(kept, "{}: CPU", "µs/message", lambda each: each.cpu)
    yield from _against(figures, "{}: memory", "MB", lambda each: each.peak_mb)
    yield from _against(kept, "{}: file", "bytes/message", lambda each: each.bytes_each)


def _against(
    figures: Runs,
    name: str,
    unit: str,
    value: Callable[[Figures], float],
    goals: Mapping[str, float] | None = None,
) -> Iterator[Row]:
    """A row for each program; the ratios are to the floor."""
    floor = [value(each) for each in figures[_FLOOR]]
    for program, runs in figures.items():
        itself = program == _FLOOR
        yield row(
            name.format(program),
            [value(each) for each in runs],
            unit,
            to=() if itself else floor,
            floor="" if itself else _FLOOR,
            more_is_better=unit.endswith("/s"),
            goal=(goals or {}).get(program),
        )


def _note(served: Figures, floor: Sequence[Figures]) -> str:
    times = served.rate / max(each.rate for each in floor)
    return (
        f"The emulator serves {served.rate:,.0f} messages/s to raw sockets, {times:.1f} times"
        " the floor."
    )
