"""Where the processor's time goes in a pull, by the clocks of `benchmarks.stages`."""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from attrs import asdict

from benchmarks.growth import Grown
from benchmarks.processes import Figures, Server
from benchmarks.results import Plot, Row, row

ALL_STAGES = "all stages"
"""What a stage's share is of."""
_OWN = ("range work", "the rest")
_OWN_GOAL, _INDEX_GOAL = 4.0, 3.0
"""Microseconds a message."""


def profile(
    server: Server, options: argparse.Namespace, figures: Mapping[str, Sequence[Figures]]
) -> Grown:
    """One run of the engine with clocks; `figures` are of the floors, without."""
    spent = _once(server, options)
    own, total = sum(spent[name] for name in _OWN), sum(spent.values())
    rows = [_row(name, value, whole=total) for name, value in spent.items()]
    rows.append(_row("the engine's own (range work, the rest)", own, goal=_OWN_GOAL))
    rows.append(_row("the index alone", spent["index"], goal=_INDEX_GOAL))
    plain = median(each.cpu for each in figures["indexed"])
    note = (
        f"CPU by stage: clocks of the threads' processor time around the doors, one run of"
        f" {total:.1f} µs a message; without clocks it is {plain:.1f}."
    )
    bars = [("engine, indexed", list(spent.items())), ("floor", _floor(figures))]
    plot = Plot(name="CPU", across="", up="µs of CPU a message", bars=bars)
    return Grown(rows=rows, plots=[plot], notes=[note])


def _row(name: str, value: float, *, whole: float = 0.0, goal: float | None = None) -> Row:
    to = [whole] if whole else []
    floor = ALL_STAGES if whole else ""
    return row(f"CPU, {name}", [value], "µs/message", to=to, floor=floor, goal=goal)


def _once(server: Server, options: argparse.Namespace) -> dict[str, float]:
    """Microseconds a message by stage."""
    with TemporaryDirectory() as folder:
        how = {
            "path": str(Path(folder) / "copy.db"),
            "fetchers": options.fetchers,
            "transport": options.transport,
            **asdict(server),
        }
        command = [sys.executable, "-m", "benchmarks.stages", json.dumps(how)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, start_new_session=True
        )
    found = json.loads(done.stdout)
    return {name: 1e6 * spent / found["messages"] for name, spent in found["stages"].items()}


def _floor(figures: Mapping[str, Sequence[Figures]]) -> list[tuple[str, float]]:
    """Each floor does one stage more than the one before."""
    network, decode, insert = (
        median(each.cpu for each in figures[name]) for name in ("network", "decode", "insert")
    )
    return [("request", network), ("decode", decode - network), ("insert", insert - decode)]
