"""Results as tables for people, and how far a case is."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from benchmarks.results import Result, Row, Spread

T = TypeVar("T")

_NARROWEST = 140
"""Columns: a pipe has none, and figures must not be cut."""


def console() -> Console:
    """Where tables go."""
    found = Console()
    found.width = max(found.width, _NARROWEST)
    return found


def show(result: Result, out: Console) -> None:
    """The setting, the table, the notes."""
    out.print(f"[bold]{result.case}[/bold]: {result.setting}")
    if not result.right:
        out.print(f"WRONG, so no time is shown: {result.wrong}")
        return
    out.print(table(result.rows))
    for note in result.notes:
        out.print(note, markup=False)


def table(rows: Sequence[Row]) -> Table:
    """A line each; missed goals are marked."""
    found = Table("what", "median", "spread", "ratio", "spread", "to", "goal", "")
    for column in found.columns:
        column.no_wrap = True
    for column in found.columns[1:5]:
        column.justify = "right"
    for each in rows:
        found.add_row(
            each.name,
            f"{number(each.value.middle)} {each.unit}",
            _between(each.value),
            "" if each.ratio is None else number(each.ratio.middle),
            "" if each.ratio is None else _between(each.ratio),
            each.floor,
            _goal(each),
            "" if each.met else "MISSED",
        )
    return found


def number(value: float) -> str:
    """As few digits as tell something."""
    if value == int(value):
        return f"{value:,.0f}"
    if value and abs(value) < 0.1:
        return f"{value:.3f}"
    return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"


def _between(spread: Spread) -> str:
    low, high = number(spread.low), number(spread.high)
    return "" if low == high else f"{low}–{high}"


def _goal(each: Row) -> str:
    if each.goal is None:
        return ""
    return f"{'≥' if each.more_is_better else '≤'} {number(each.goal)}"


def steps(work: Iterable[T], words: str, total: int | None = None) -> Iterator[T]:
    """Walk through it with a bar, on a terminal only. It is drawn between the steps: what is
    measured in one has the processor to itself."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
        disable=not sys.stderr.isatty(),
    ) as bar:
        size = total if total is not None else len(work) if isinstance(work, Sequence) else None
        task = bar.add_task(words, total=size)
        bar.refresh()
        for each in work:
            yield each
            bar.advance(task)
            bar.refresh()
