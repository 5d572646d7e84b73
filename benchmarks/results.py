"""What a case found: one shape for tables, JSON, plots and comparisons."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from attrs import asdict, field, frozen


class CannotRun(Exception):
    """Something that a case or a peer needs is not on this machine, or the peer failed; the
    reason is for people."""


@frozen
class Spread:
    """A figure of several runs."""

    low: float
    middle: float
    """The median."""
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one run."""
        return cls(min(values), median(values), max(values))


@frozen(kw_only=True)
class Row:
    """A line of a case's table."""

    name: str
    value: Spread
    unit: str
    ratio: Spread | None = None
    """Of each run to the floor's of the same turn; None where there is no floor."""
    floor: str = ""
    """What the ratio is to, where there is one."""
    more_is_better: bool = False
    """Of the value, and so of its ratio."""
    goal: float | None = None
    """For the ratio, or for the value where there is none: the least where more is better,
    else the most."""
    runs: int = 1
    """How many the spread is of."""

    @property
    def judged(self) -> Spread:
        """What the goal is for."""
        return self.ratio or self.value

    @property
    def met(self) -> bool:
        """Whether the goal is; also where there is none."""
        if self.goal is None:
            return True
        seen = self.judged.middle
        return seen >= self.goal if self.more_is_better else seen <= self.goal


def row(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    to: Sequence[float] = (),
    floor: str = "",
    more_is_better: bool = False,
    goal: float | None = None,
) -> Row:
    """From the values of each run, and the floor's values of the same turns."""
    paired = zip(values, to, strict=True) if to and all(to) else ()
    ratios = [value / other for value, other in paired]
    return Row(
        name=name,
        value=Spread.of(values),
        unit=unit,
        ratio=Spread.of(ratios) if ratios else None,
        floor=floor,
        more_is_better=more_is_better,
        goal=goal,
        runs=len(values),
    )


@frozen
class Line:
    """A line of a plot: points from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


@frozen(kw_only=True)
class Plot:
    """A picture of growth or distribution."""

    name: str
    """Of its file, after the case's."""
    across: str
    up: str
    """What the axes show, with units."""
    lines: Sequence[Line] = ()
    bars: Sequence[tuple[str, Sequence[tuple[str, float]]]] = ()
    """Instead of lines: each a name, and the parts that are piled up."""
    log_across: bool = True
    log_up: bool = False


@frozen(kw_only=True)
class Result:
    """All of one case."""

    case: str
    setting: str
    """What was measured, how often, in words."""
    rows: Sequence[Row]
    wrong: str = ""
    """Why no time may be believed; empty where the result is right."""
    plots: Sequence[Plot] = ()
    notes: Sequence[str] = field(factory=tuple)

    @property
    def right(self) -> bool:
        """Whether what was measured did what it should."""
        return not self.wrong


def as_json(result: Result) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "case": result.case,
        "setting": result.setting,
        "right": result.right,
        "wrong": result.wrong,
        "rows": [_row_json(each) for each in result.rows],
        "plots": [asdict(each) for each in result.plots],
        "notes": list(result.notes),
    }


def _row_json(each: Row) -> dict[str, Any]:
    return {
        "name": each.name,
        "value": each.value.middle,
        "unit": each.unit,
        "spread": [each.value.low, each.value.high],
        "ratio": each.ratio and each.ratio.middle,
        "ratio_spread": each.ratio and [each.ratio.low, each.ratio.high],
        "floor": each.floor,
        "more_is_better": each.more_is_better,
        "goal": each.goal,
        "met": each.met,
        "runs": each.runs,
    }
