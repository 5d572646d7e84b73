"""Ratios against the baseline: what differs is told from noise, and the README is in step."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from benchmarks import baseline, compare
from benchmarks.baseline import Baseline, Ratio
from benchmarks.compare import Verdict
from benchmarks.results import Result, as_json, row

PULL = Ratio(
    case="pull",
    name="engine",
    low=0.78,
    middle=0.8,
    high=0.82,
    to="insert",
    more_is_better=True,
    goal=1.0,
    runs=3,
    shown=True,
)
HELD = Baseline("abc", "a machine", ["python -m benchmarks pull --runs 3"], [PULL])


def verdict(**now: Any) -> Verdict:
    (found,) = compare.compared([evolve(PULL, **now)], HELD)
    return found.verdict


def test_runs_that_overlap_are_noise() -> None:
    """However the medians differ: the spread decides."""
    assert verdict(low=0.81, middle=0.95, high=0.99) is Verdict.NOISE
    assert verdict(low=0.5, middle=0.6, high=0.78) is Verdict.NOISE


def test_runs_apart_are_better_or_worse() -> None:
    """By what is better: more messages a second, fewer milliseconds."""
    assert verdict(low=0.9, middle=0.95, high=0.99) is Verdict.BETTER
    assert verdict(low=0.5, middle=0.6, high=0.7) is Verdict.WORSE
    less = evolve(PULL, more_is_better=False)
    found = compare.compared(
        [evolve(less, low=0.5, middle=0.6, high=0.7)], evolve(HELD, ratios=[less])
    )
    assert found[0].verdict is Verdict.BETTER


def test_a_hair_is_noise() -> None:
    """Three runs lie apart by chance now and then: under a twentieth says nothing."""
    assert verdict(low=0.825, middle=0.83, high=0.835) is Verdict.NOISE


def test_a_single_run_has_a_tenth() -> None:
    """Its spread is not known, so one is assumed."""
    assert verdict(low=0.9, middle=0.9, high=0.9, runs=1) is Verdict.NOISE
    assert verdict(low=0.95, middle=0.95, high=0.95, runs=1) is Verdict.BETTER


def test_what_the_baseline_lacks_is_said() -> None:
    """A new row is neither better nor worse."""
    assert verdict(name="another") is Verdict.NEW


def document(**changes: Any) -> dict[str, Any]:
    """As `--json` writes it."""
    rows = [
        row("engine", [80, 82], "messages/s", to=[100, 100], floor="insert", more_is_better=True),
        row("engine: memory", [80], "MB"),
    ]
    result = as_json(Result(case="pull", setting="", rows=rows))
    found = {"commit": "abc", "machine": "a machine", "command": "python -m benchmarks pull"}
    return found | {"results": [result]} | changes


def test_a_baseline_holds_ratios_and_no_times() -> None:
    """Written and read it is the same; a row without a ratio is not in it."""
    made = baseline.made_from([document()])
    assert [(each.name, each.middle) for each in made.ratios] == [("engine", 0.81)]
    assert made.commands == ["python -m benchmarks pull"]


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Each ratio on a line of its own."""
    file = tmp_path / "baseline.json"
    file.write_text(baseline.written(HELD), encoding="utf-8")
    assert baseline.read(file) == HELD
    assert sum('"name"' in line for line in file.read_text().splitlines()) == 1


@pytest.mark.parametrize("commit", ["abc+", ""])
def test_a_baseline_belongs_to_a_commit(commit: str) -> None:
    """What was measured with changed files, or without git, cannot be measured again."""
    with pytest.raises(ValueError, match="one commit"):
        baseline.made_from([document(commit=commit)])
    with pytest.raises(ValueError, match="one commit"):
        baseline.made_from([document(), document(commit="def")])


def test_a_wrong_result_is_in_no_baseline() -> None:
    """Its time means nothing."""
    wrong = document()
    wrong["results"][0]["right"] = False
    with pytest.raises(ValueError, match="wrong"):
        baseline.made_from([wrong])


def test_a_command_is_measured_again_without_its_files() -> None:
    """`compare` with no file runs what the baseline was measured by, and writes nothing; no
    folder of a machine is in the repository."""
    words = "python -m benchmarks pull --json /home/me/FILE --runs 3 --plot DIR"
    made = baseline.made_from([document(command=words)])
    assert made.commands == ["python -m benchmarks pull --runs 3"]
    assert compare._words(made.commands[0]) == ["pull", "--runs", "3"]
    assert compare._words("python -m benchmarks") == []


def test_compare_fails_where_something_is_worse() -> None:
    """Its exit code says so."""
    assert compare._show([PULL], HELD) == 0
    assert compare._show([evolve(PULL, low=0.5, middle=0.6, high=0.7)], HELD) == 1


def test_the_readme_is_in_step_with_the_baseline() -> None:
    """The table is made by `python -m benchmarks baseline`, never by hand."""
    readme = baseline.README.read_text(encoding="utf-8")
    assert baseline.in_step(readme, baseline.read()) == readme


def test_a_missed_goal_stands_in_the_table() -> None:
    """And the file of the repository holds only ratios that a command gave."""
    assert "0.80 (0.78–0.82) | insert | ≥ 1, **missed** |" in baseline.table(HELD)
    assert json.loads(baseline.BASELINE.read_text(encoding="utf-8"))["commands"]
