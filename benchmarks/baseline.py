"""The ratios that a commit is known to have, and the README's table of them.

Ratios and not times: another machine has other times. `baseline.json` is written from files
that `--json` wrote, never by hand:

    python -m benchmarks --scale full --json FILE
    python -m benchmarks baseline FILE
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from benchmarks.profile import ALL_STAGES
from benchmarks.showing import number

BASELINE = Path(__file__).parent / "baseline.json"
README = Path(__file__).parent.parent / "README.md"
_BEGIN, _END = "<!-- benchmarks -->\n", "<!-- end of benchmarks -->"


@frozen(kw_only=True)
class Ratio:
    """A row, as far as it holds on other machines."""

    case: str
    name: str
    low: float
    middle: float
    high: float
    to: str
    more_is_better: bool
    goal: float | None
    runs: int
    shown: bool
    """In the README, also where there is no goal."""

    @property
    def met(self) -> bool:
        """Whether the goal is, if there is one."""
        if self.goal is None:
            return True
        return self.middle >= self.goal if self.more_is_better else self.middle <= self.goal


@frozen
class Baseline:
    """Ratios, and what they belong to."""

    commit: str
    machine: str
    commands: Sequence[str]
    ratios: Sequence[Ratio]


def ratios_of(document: Mapping[str, Any]) -> Iterator[Ratio]:
    """The rows of a file of `--json` that have a ratio."""
    for result in document["results"]:
        for row in result["rows"]:
            if row["ratio"] is not None:
                yield _ratio(result["case"], row)


def _ratio(case: str, row: Mapping[str, Any]) -> Ratio:
    low, high = row["ratio_spread"]
    return Ratio(
        case=case,
        name=row["name"],
        low=round(low, 4),
        middle=round(row["ratio"], 4),
        high=round(high, 4),
        to=row["floor"],
        more_is_better=row["more_is_better"],
        goal=row["goal"],
        runs=row["runs"],
        shown=row["unit"].endswith("/s") or row["floor"] == ALL_STAGES,
    )


def made_from(documents: Sequence[Mapping[str, Any]]) -> Baseline:
    """Of one commit, with no file changed. Raises ValueError for anything else."""
    commits = sorted({each["commit"] for each in documents})
    if len(commits) != 1 or commits[0].endswith("+") or not commits[0]:
        names = ", ".join(commits)
        raise ValueError(f"a baseline belongs to one commit with no file changed, not to {names}")
    wrong = [r["case"] for each in documents for r in each["results"] if not r["right"]]
    if wrong:
        raise ValueError(f"wrong results have no place in a baseline: {', '.join(wrong)}")
    found = {(r.case, r.name, r.to): r for each in documents for r in ratios_of(each)}
    commands = [_without_files(each["command"]) for each in documents]
    return Baseline(commits[0], documents[0]["machine"], commands, list(found.values()))


def _without_files(command: str) -> str:
    """Where it wrote its figures and pictures is nobody else's business."""
    words = command.split()
    for flag in ("--json", "--plot"):
        if flag in words:
            del words[words.index(flag) : words.index(flag) + 2]
    return " ".join(words)


def written(baseline: Baseline) -> str:
    """As the file holds it: a ratio a line, so that a change of one is one line."""
    head = {"commit": baseline.commit, "machine": baseline.machine, "commands": baseline.commands}
    lines = ",\n".join(f"  {json.dumps(asdict(each))}" for each in baseline.ratios)
    return json.dumps(head, indent=1)[:-2] + f',\n "ratios": [\n{lines}\n ]\n}}\n'


def read(file: Path = BASELINE) -> Baseline:
    """What was written."""
    held = json.loads(file.read_text(encoding="utf-8"))
    ratios = [Ratio(**each) for each in held.pop("ratios")]
    return Baseline(ratios=ratios, **held)


# The README


def table(baseline: Baseline) -> str:
    """What has a goal, how fast everything is, and where the processor's time goes."""
    lines = [
        f"At `{baseline.commit}`, on {baseline.machine}:"
        f" {', '.join(f'`{each}`' for each in baseline.commands)}; medians, and in parentheses"
        " the smallest and the largest run.",
        "",
        "| case | what | ratio | to | goal |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [_line(each) for each in baseline.ratios if each.goal is not None or each.shown]
    return "\n".join(lines) + "\n"


def _line(each: Ratio) -> str:
    low, middle, high = (number(round(part, 3)) for part in (each.low, each.middle, each.high))
    spread = "" if low == high else f" ({low}–{high})"
    goal = ""
    if each.goal is not None:
        goal = f"{'≥' if each.more_is_better else '≤'} {number(each.goal)}"
        goal += "" if each.met else ", **missed**"
    return f"| {each.case} | {each.name} | {middle}{spread} | {each.to} | {goal} |"


def in_step(readme: str, baseline: Baseline) -> str:
    """The README's text with the table of this baseline."""
    before, begin, rest = readme.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert begin, f"the README has no {_BEGIN}"
    assert end, f"the README has no {_END}"
    return f"{before}{begin}{table(baseline)}{end}{after}"


def main(words: Sequence[str]) -> int:
    """Write the baseline from files, where some are named, and the README's table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks baseline", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="default: only write the table")
    files = parser.parse_args(words).files
    if files:
        try:
            made = made_from([json.loads(each.read_text(encoding="utf-8")) for each in files])
        except (OSError, ValueError, KeyError) as error:
            parser.error(str(error))
        BASELINE.write_text(written(made), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    README.write_text(in_step(text, read()), encoding="utf-8")
    return 0
