"""What cases find: ratios of the same turn, goals, pictures."""

from pathlib import Path

import pytest

from benchmarks.drawing import draw
from benchmarks.results import Line, Plot, Result, Spread, as_json, row
from benchmarks.running import interleaved, turns
from benchmarks.showing import number


def test_a_ratio_is_of_the_same_turn() -> None:
    """A machine that gets slower half-way slows both: the ratio stays."""
    found = row("engine", [100, 50, 52], "messages/s", to=[200, 100, 104], floor="insert")
    assert found.ratio == Spread(0.5, 0.5, 0.5)
    assert (found.value, found.runs) == (Spread(50, 52, 100), 3)


def test_a_floor_of_nothing_gives_no_ratio() -> None:
    """Nothing can be so many times zero."""
    assert row("rows", [3, 4], "", to=[0, 1]).ratio is None


@pytest.mark.parametrize(
    ("more_is_better", "goal", "met"),
    [(True, 0.5, True), (True, 0.51, False), (False, 0.5, True), (False, 0.49, False)],
)
def test_a_goal_is_for_the_ratio(more_is_better: bool, goal: float, met: bool) -> None:
    """At least, where more is better, else at most; and JSON says the same."""
    found = row("it", [50], "ms", to=[100], more_is_better=more_is_better, goal=goal)
    assert found.met is met
    result = as_json(Result(case="it", setting="", rows=[found]))
    assert result["rows"][0]["met"] is met


def test_a_goal_is_for_the_value_where_there_is_no_ratio() -> None:
    """A latency may have a goal of its own."""
    assert not row("it", [50], "ms", goal=49).met


def test_every_turn_begins_with_another() -> None:
    """Whoever comes after a hungry program is not always the same."""
    assert turns(["a", "b", "c"], 3) == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]


def test_figures_of_a_turn_have_the_same_place() -> None:
    """So that they can be put into a ratio."""
    clock = iter(range(6))
    found = interleaved({"a": lambda: next(clock), "b": lambda: next(clock)}, 3, "test")
    assert found == {"a": [0, 3, 4], "b": [1, 2, 5]}
    assert [min(pair) // 2 for pair in zip(*found.values(), strict=True)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "words"), [(0.0123, "0.012"), (40.0, "40"), (1.234, "1.23"), (15722.4, "15,722")]
)
def test_numbers_have_few_digits(value: float, words: str) -> None:
    """As many as tell something."""
    assert number(value) == words


def test_the_same_figures_draw_the_same_picture(tmp_path: Path) -> None:
    """Lines and bars; a picture in the repository changes only with its figures."""
    plots = [
        Plot(name="time", across="messages", up="s", lines=[Line("engine", [(10, 1), (100, 9)])]),
        Plot(
            name="CPU", across="", up="µs", bars=[("engine", [("request", 8.0), ("decode", 3.0)])]
        ),
    ]
    result = Result(case="pull", setting="", rows=[], plots=plots)
    first, second = (draw(result, tmp_path / name) for name in ("first", "second"))
    assert [each.name for each in first] == ["pull-time.svg", "pull-CPU.svg"]
    assert [each.read_bytes() for each in first] == [each.read_bytes() for each in second]
    assert "decode" in first[1].read_text()
