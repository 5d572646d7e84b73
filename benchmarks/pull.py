"""How fast is a whole pull, against the same work with no engine?

The engine and its floors (`benchmarks/floors.py`) pull the same account from an emulator in
another process, in turn, each in a fresh process with a fresh file. `engine` has all laws on and
indexes for search in the background, as by default; `indexed` goes on until a search finds every
message. The floor of all ratios is `insert`: request, decode, insert, a transaction a page, over
one shared client. All of it is done without extras (`httpx`) and with the extra `speed` (see
`benchmarks/transports.py`), each against the floor over the same. Each runs with as many requests
at once as it is fastest with (a shared httpx client gets slower beyond 8). A note says how fast
the emulator serves raw sockets, since a slow server would flatter the engine. Then accounts of
growing size are pulled, over what the engine takes by itself: the time a message takes and the
peak memory should stay.

The script that one writes by hand pulls in the same turns; with `--peers` other sync engines fill
their stores with the same records, too. With `--profile` one more run says where the processor's
time goes.
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
from benchmarks.transports import SLOWEST, TRANSPORTS, chosen, over
from syncengine import Config
from syncengine.emulator.sized import Size

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {"world": "30x1000", "growth": [5_000, 20_000]},
    "full": {"world": "200x1000", "runs": 5, "growth": [10_000, 100_000, 1_000_000, 5_000_000]},
}

_FLOOR = "insert"
_FLOORS = (_FLOOR, "network", "decode")
_LIMIT = "loop"
_ENGINES = ("engine", "indexed")
_GOALS = {SLOWEST: {"engine": 1.0, "indexed": 0.85}}
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
    parser.add_argument("--transport", choices=TRANSPORTS, help="only over this; default: all")
    parser.add_argument("--growth", type=int, nargs="*", default=[], metavar="MESSAGES")
    parser.add_argument(
        "--peers",
        nargs="*",
        choices=PEERS,
        metavar="NAME",
        help="other sync engines, too, or these; always the script",
    )


def run(options: argparse.Namespace) -> Result:
    """Measure all of it."""
    transports = chosen(options.transport)
    size = Size.parse(options.world)
    need_room(_ROOM * max([size.conversations * size.messages, *options.growth]))
    with emulator(options.world) as server, beside.peers(server, size, options.peers) as peers:
        served = _served(server, options)
        programs = {**_programs(server, options, transports), **peers.programs}
        figures = _whole(interleaved(programs, options.runs, "pull"))
        wrong = _wrong(figures, served.messages)
        profiled = growth.NOTHING
        if options.profile and not wrong:
            profiled = profile(server, options.fetchers, figures, transports)
    grown = growth.NOTHING
    if options.growth and not wrong:
        grown = growth.pulls(options, transports[-1])
    rows = (each for name in transports for each in _rows(figures, name))
    return Result(
        case="pull",
        setting=_setting(options, transports),
        rows=[*rows, *_others(figures, transports), *profiled.rows, *grown.rows],
        wrong=wrong,
        plots=[*profiled.plots, *grown.plots],
        notes=[*_notes(served, figures, transports), *peers.notes, *profiled.notes],
    )


Runs = Mapping[str, Sequence[Figures]]


def _whole(found: Mapping[str, Sequence[Figures | None]]) -> Runs:
    """Without the peers that failed."""
    return {
        name: [each for each in runs if each is not None]
        for name, runs in found.items()
        if None not in runs
    }


def _setting(options: argparse.Namespace, transports: Sequence[str]) -> str:
    return (
        f"{options.world} messages over {' and '.join(transports)}; requests at once: floors"
        f" {options.floor_fetchers}, engine {options.fetchers}; {options.runs} runs in turn"
    )


def _served(server: Server, options: argparse.Namespace) -> Figures:
    """Serve all once to make the world, then once more to measure."""
    how = {"fetchers": options.floor_fetchers, "path": "", **asdict(server)}
    measure("loop", **how)
    return measure("loop", **how)


def _programs(
    server: Server, options: argparse.Namespace, transports: Sequence[str]
) -> dict[str, Callable[[], Figures | None]]:
    fetchers = dict.fromkeys(_FLOORS, options.floor_fetchers)
    fetchers |= dict.fromkeys(_ENGINES, options.fetchers)
    how = asdict(server)
    programs: dict[str, Callable[[], Figures | None]] = {
        over(name, each): partial(measure, name, fetchers=at_once, transport=each, **how)
        for each in transports
        for name, at_once in fetchers.items()
    }
    programs[_LIMIT] = partial(measure, _LIMIT, fetchers=options.floor_fetchers, **how)
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
    """Of what goes over a transport, against its floor."""
    floor = over(_FLOOR, transport)
    names = [over(name, transport) for name in (*_FLOORS, *_ENGINES)]
    ours = {name: figures[name] for name in names}
    kept = {name: runs for name, runs in ours.items() if all(each.file_mb for each in runs)}
    goals: Mapping[str, float] = _GOALS.get(transport, _FASTER_GOALS)
    aims = {over(name, transport): goal for name, goal in goals.items()}
    yield from _against(floor, ours, "{}", "messages/s", aims)
    yield from _against(floor, kept, "{}: CPU", "µs/message")
    yield from _against(floor, ours, "{}: memory", "MB")
    yield from _against(floor, kept, "{}: file", "bytes/message")


def _others(figures: Runs, transports: Sequence[str]) -> Iterator[Row]:
    """The limit and the peers; then the engine over each transport beside the peers."""
    floor = over(_FLOOR, transports[0])
    names = [_LIMIT, *(name for name in PEERS if name in figures)]
    found = {name: figures[name] for name in (floor, *names)}
    yield from list(_against(floor, found, "{}", "messages/s"))[1:]
    yield from list(_against(floor, found, "{}: memory", "MB"))[1:]
    for name in transports:
        yield from beside.rows(figures, name)


_VALUES: Mapping[str, Callable[[Figures], float]] = {
    "messages/s": lambda each: each.rate,
    "µs/message": lambda each: each.cpu,
    "MB": lambda each: each.peak_mb,
    "bytes/message": lambda each: each.bytes_each,
}
"""By their units."""


def _against(
    floor: str, figures: Runs, name: str, unit: str, goals: Mapping[str, float] | None = None
) -> Iterator[Row]:
    """A row for each program; the ratios are to the floor, which comes first."""
    value = _VALUES[unit]
    for program, runs in figures.items():
        itself = program == floor
        yield row(
            name.format(program),
            [value(each) for each in runs],
            unit,
            to=() if itself else [value(each) for each in figures[floor]],
            floor="" if itself else floor,
            more_is_better=unit.endswith("/s"),
            goal=(goals or {}).get(program),
        )


def _notes(served: Figures, figures: Runs, transports: Sequence[str]) -> Iterator[str]:
    fastest = max(each.rate for name in transports for each in figures[over(_FLOOR, name)])
    yield (
        f"The emulator serves {served.rate:,.0f} messages/s to raw sockets,"
        f" {served.rate / fastest:.1f} times the fastest floor."
    )
    for name, transport in TRANSPORTS.items():
        if not transport.here:
            yield f"{name} cannot be measured here: {transport.needs} is not installed."
