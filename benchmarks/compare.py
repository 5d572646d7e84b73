"""Better, worse or noise: ratios of now against those of the baseline.

A ratio differs where its runs and those of the baseline do not overlap, and the medians are
more than a twentieth apart: of three runs each, two in twenty would not overlap by chance alone.
A single run has no spread; a tenth to both sides stands for it.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import frozen
from rich.console import Console
from rich.table import Table

from benchmarks.baseline import Baseline, Ratio, ratios_of, read
from benchmarks.showing import console, number

_LEAST = 0.05
_UNKNOWN = 0.1
"""Of the median."""


class Verdict(StrEnum):
    """What became of a ratio."""

    BETTER = "better"
    WORSE = "worse"
    NOISE = "noise"
    NEW = "not in the baseline"


@frozen
class Compared:
    """A ratio of now."""

    now: Ratio
    before: Ratio | None
    verdict: Verdict


def compared(now: Sequence[Ratio], baseline: Baseline) -> list[Compared]:
    """Each ratio of now, judged."""
    held = {(each.case, each.name, each.to): each for each in baseline.ratios}
    found = []
    for each in now:
        before = held.get((each.case, each.name, each.to))
        found.append(Compared(each, before, _verdict(each, before)))
    return found


def _verdict(now: Ratio, before: Ratio | None) -> Verdict:
    if before is None:
        return Verdict.NEW
    low, high = _range(now)
    low_before, high_before = _range(before)
    overlap = low <= high_before and low_before <= high
    if overlap or abs(now.middle - before.middle) <= _LEAST * before.middle:
        return Verdict.NOISE
    more = now.middle > before.middle
    return Verdict.BETTER if more == now.more_is_better else Verdict.WORSE


def _range(each: Ratio) -> tuple[float, float]:
    if each.runs > 1:
        return each.low, each.high
    return each.middle * (1 - _UNKNOWN), each.middle * (1 + _UNKNOWN)


def table(found: Sequence[Compared]) -> Table:
    """What differs first, then the noise."""
    order = list(Verdict)
    shown = Table("case", "what", "before", "now", "to", "")
    for each in sorted(found, key=lambda each: order.index(each.verdict)):
        before = "" if each.before is None else _spread(each.before)
        now = each.now
        shown.add_row(now.case, now.name, before, _spread(now), now.to, each.verdict)
    return shown


def _spread(each: Ratio) -> str:
    spread = f" ({number(each.low)}–{number(each.high)})" if each.low != each.high else ""
    return f"{number(each.middle)}{spread}"


def main(words: Sequence[str], measure: Callable[[Sequence[str]], Mapping[str, Any]]) -> int:
    """0, or 1 where something is worse. `measure` runs cases where no file is named."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", nargs="?", type=Path, help="of --json; default: the baseline's commands are run"
    )
    file = parser.parse_args(words).file
    baseline = read()
    documents = [measure(_words(each)) for each in baseline.commands] if file is None else []
    if file is not None:
        try:
            documents = [json.loads(file.read_text(encoding="utf-8"))]
        except (OSError, ValueError) as error:
            parser.error(f"{file}: {error}")
    return _show([each for document in documents for each in ratios_of(document)], baseline)


def _words(command: str) -> Sequence[str]:
    """The arguments of a command that was measured."""
    return command.removeprefix("python -m benchmarks").split()


def _show(now: Sequence[Ratio], baseline: Baseline) -> int:
    out: Console = console()
    found = compared(now, baseline)
    out.print(f"now against {baseline.commit}, on {baseline.machine}", markup=False)
    out.print(table(found))
    count = {each: sum(one.verdict is each for one in found) for each in Verdict}
    out.print(", ".join(f"{number} {verdict}" for verdict, number in count.items()))
    return 1 if count[Verdict.WORSE] else 0
