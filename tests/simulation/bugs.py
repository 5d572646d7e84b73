"""`python -m tests.simulation bugs`: for each planted bug, the first seed that catches it.

What is found is kept in `caught.txt`; the test suite replays it.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool
from pathlib import Path

from attrs import frozen

from tests.simulation import planted
from tests.simulation.running import run_seed

TABLE = Path(__file__).with_name("caught.txt")
NAMES = [bug.__name__ for bug in planted.BUGS]


@frozen
class Caught:
    """Which seed catches a bug, and by which oracle."""

    bug: str
    seed: int
    oracle: str


def try_bug(name: str, seed: int) -> str | None:
    """The oracle that catches the bug in this seed; None: it is not caught."""
    bug = next(each for each in planted.BUGS if each.__name__ == name)
    with bug():
        return run_seed(seed).oracle


def hunt(name: str, seeds: range) -> Caught | None:
    """The first seed that finds something with the bug, and nothing without it."""
    for seed in seeds:
        oracle = try_bug(name, seed)
        if oracle is not None and run_seed(seed).oracle is None:
            return Caught(name, seed, oracle)
    return None


def load() -> list[Caught]:
    """The table as it is kept."""
    if not TABLE.exists():
        return []
    rows = [line.split(maxsplit=2) for line in TABLE.read_text().splitlines()]
    return [Caught(name, int(seed), oracle) for name, seed, oracle in rows]


def save(found: Sequence[Caught]) -> None:
    """Keep it, a bug a line."""
    lines = [f"{each.bug} {each.seed} {each.oracle}\n" for each in found]
    TABLE.write_text("".join(lines))


def main(arguments: Sequence[str]) -> int:
    """Exit code 1: a bug was not caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation bugs", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*", help="these bugs only")
    options = parser.parse_args(arguments)
    names = options.names or NAMES
    known = {each.bug: each for each in load()}
    look = partial(hunt, seeds=range(options.start, options.start + options.seeds))
    with Pool(options.jobs) as pool:
        for name, caught in zip(names, pool.imap(look, names), strict=True):
            print(f"{name:30} {caught.oracle if caught else '-':18} ", end="")
            print(f"{caught.seed - options.start + 1 if caught else 'NOT CAUGHT'}", flush=True)
            if caught is not None:
                known[name] = caught
            save([known[each] for each in NAMES if each in known])
    return 0 if all(name in known for name in names) else 1
