"""What becomes of a cost when the account grows: rows against the smallest, and a plot."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from attrs import asdict, field, frozen

from benchmarks.processes import Figures, emulator, measure
from benchmarks.results import Line, Plot, Row, row
from benchmarks.running import interleaved

_EACH = 1000
"""Messages of a conversation that is pulled."""
_TIME_GOAL, _MEMORY_GOAL = 1.15, 1.25
"""To the smallest account, and to the one before."""
_FILLED = 100_000
"""Messages after which the caches of the store have their size."""


@frozen
class Grown:
    """A part of a case's result."""

    rows: Sequence[Row] = ()
    plots: Sequence[Plot] = ()
    notes: Sequence[str] = field(factory=tuple)


NOTHING = Grown()


def pulls(options: argparse.Namespace, transport: str) -> Grown:
    """Pull accounts of the sizes in `options.growth`, in turn, each from its own server."""
    programs = {
        size: partial(_pulled, size, options.fetchers, transport) for size in options.growth
    }
    named = {f"{size}": program for size, program in programs.items()}
    found = interleaved(named, options.runs, "growth")
    figures = {int(size): runs for size, runs in found.items()}
    return Grown(rows=_pull_rows(figures), plots=_pull_plots(figures))


def _pulled(size: int, fetchers: int, transport: str) -> Figures:
    with emulator(f"{max(1, size // _EACH)}x{min(size, _EACH)}") as server:
        found = measure("engine", fetchers=fetchers, transport=transport, **asdict(server))
    assert found.messages == size, f"{found.messages} of {size} messages"
    return found


def _pull_rows(figures: Mapping[int, Sequence[Figures]]) -> list[Row]:
    seconds = {size: [1e6 / each.rate for each in runs] for size, runs in figures.items()}
    peaks = {size: [each.peak_mb for each in runs] for size, runs in figures.items()}
    files = {size: [each.bytes_each for each in runs] for size, runs in figures.items()}
    return [
        *against_smallest("time", seconds, "µs/message", _TIME_GOAL),
        *_memory_rows(peaks),
        *against_smallest("file", files, "bytes/message", _TIME_GOAL),
    ]


def _memory_rows(peaks: Mapping[int, Sequence[float]]) -> Iterator[Row]:
    before: int | None = None
    for size, values in sorted(peaks.items()):
        yield row(
            f"{size:,} messages: memory",
            values,
            "MB",
            to=() if before is None else peaks[before],
            floor="" if before is None else f"{before:,}",
            goal=None if before is None or before < _FILLED else _MEMORY_GOAL,
        )
        before = size


def against_smallest(
    what: str, found: Mapping[int, Sequence[float]], unit: str, goal: float | None
) -> list[Row]:
    """A row a size; the ratios are to the smallest."""
    smallest = min(found)
    return [
        row(
            f"{size:,} messages: {what}",
            values,
            unit,
            to=() if size == smallest else found[smallest],
            floor="" if size == smallest else f"{smallest:,}",
            goal=None if size == smallest else goal,
        )
        for size, values in sorted(found.items())
    ]


def line(name: str, found: Mapping[int, Sequence[float]]) -> Line:
    """Medians by size."""
    return Line(name, [(size, row("", each, "").value.middle) for size, each in found.items()])


def _pull_plots(figures: Mapping[int, Sequence[Figures]]) -> list[Plot]:
    seconds = {size: [each.seconds for each in runs] for size, runs in figures.items()}
    peaks = {size: [each.peak_mb for each in runs] for size, runs in figures.items()}
    time = Plot(
        name="time", across="messages", up="seconds", lines=[line("engine", seconds)], log_up=True
    )
    return [time, Plot(name="memory", across="messages", up="MB", lines=[line("engine", peaks)])]
