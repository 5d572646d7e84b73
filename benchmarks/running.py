"""Programs in turn, so that noise hits all of them alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from benchmarks.showing import steps

F = TypeVar("F")


def interleaved(
    programs: Mapping[str, Callable[[], F]], runs: int, words: str
) -> dict[str, list[F]]:
    """Each program so many times, one after the other; every turn begins with another, for
    the one that follows a hungry one may find the machine hot. The figures of the same turn
    have the same place."""
    found: dict[str, list[F]] = {name: [] for name in programs}
    for name in steps(turns(list(programs), runs), words):
        found[name].append(programs[name]())
    return found


def turns(names: Sequence[str], runs: int) -> Sequence[str]:
    """The order."""
    return [
        names[(place + turn) % len(names)] for turn in range(runs) for place in range(len(names))
    ]
