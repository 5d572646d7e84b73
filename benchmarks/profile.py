"""Where the processor's time goes in a pull, by the clocks of `benchmarks.stages`."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from attrs import asdict, frozen

from benchmarks.growth import Grown
from benchmarks.processes import Figures, Server
from benchmarks.results import Plot, Row, row
from benchmarks.transports import over

ALL_STAGES = "all stages"
"""What a stage's share is of."""
_OWN = ("range work", "the rest")
_OWN_GOAL, _INDEX_GOAL = 4.0, 3.0
"""Microseconds a message."""


def profile(
    server: Server,
    fetchers: int,
    figures: Mapping[str, Sequence[Figures]],
    transports: Sequence[str],
) -> Grown:
    """One run of the engine with clocks over each transport; `figures` are without clocks."""
    rows: list[Row] = []
    bars: list[tuple[str, Sequence[tuple[str, float]]]] = []
    notes: list[str] = []
    for name in transports:
        found = _once(server, fetchers, name)
        rows += _rows(found.stages, name)
        bars.append((over("engine, indexed", name), list(found.stages.items())))
        bars.append((over("floor", name), _floor(figures, name)))
        notes.append(
            _note(found, name, median(each.cpu for each in figures[over("indexed", name)]))
        )
    plot = Plot(name="CPU", across="", up="µs of CPU a message", bars=bars)
    return Grown(rows=rows, plots=[plot], notes=notes)


@frozen
class _Spent:
    """Microseconds of the processor a message."""

    stages: Mapping[str, float]
    clocks: float
    """What the clocks cost themselves, which is in no stage."""


def _rows(spent: Mapping[str, float], transport: str) -> Iterator[Row]:
    cpu = over("CPU", transport)
    total = [sum(spent.values())]
    for name, value in spent.items():
        yield row(f"{cpu}, {name}", [value], "µs/message", to=total, floor=ALL_STAGES)
    own = [sum(spent[name] for name in _OWN)]
    yield row(f"{cpu}, the engine's own", own, "µs/message", goal=_OWN_GOAL)
    yield row(f"{cpu}, the index alone", [spent["index"]], "µs/message", goal=_INDEX_GOAL)


def _note(found: _Spent, transport: str, plain: float) -> str:
    total = sum(found.stages.values())
    return (
        f"{over('CPU', transport)} by stage: clocks of the threads' processor time around the"
        f" doors, one run; all stages are {total:.1f} µs a message, without the {found.clocks:.1f}"
        f" of the clocks (a run without clocks: {plain:.1f}). The engine's own are"
        f" {' and '.join(_OWN)}."
    )


def _once(server: Server, fetchers: int, transport: str) -> _Spent:
    with TemporaryDirectory() as folder:
        how = {
            "path": str(Path(folder) / "copy.db"),
            "fetchers": fetchers,
            "transport": transport,
            **asdict(server),
        }
        command = [sys.executable, "-m", "benchmarks.stages", json.dumps(how)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, start_new_session=True
        )
    found = json.loads(done.stdout)
    each = 1e6 / found["messages"]
    stages = {name: each * spent for name, spent in found["stages"].items()}
    return _Spent(stages, each * found["clocks"])


def _floor(figures: Mapping[str, Sequence[Figures]], transport: str) -> list[tuple[str, float]]:
    """Each floor does one stage more than the one before."""
    network, decode, insert = (
        median(each.cpu for each in figures[over(name, transport)])
        for name in ("network", "decode", "insert")
    )
    return [("request", network), ("decode", decode - network), ("insert", insert - decode)]
