"""`python -m tests.simulation bugs`: for each planted bug, a seed that catches it.

Seed by seed every bug that is still at large is tried, so easy ones are found early. What
is found is kept in `caught.txt`, which the test suite replays; what `caught.txt` holds is
looked at first. What was tried is noted in a file for the present sources, so a hunt that
was cut off goes on where it was.
"""

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import starmap
from multiprocessing import Pool
from pathlib import Path

from attrs import define, field, frozen

from tests.simulation import planted
from tests.simulation.running import Outcome, run_seed

TABLE = Path(__file__).with_name("caught.txt")
BUGS = {bug.__name__: bug for bug in planted.BUGS}
_UNREACHED, _UNSEEN = "-", "~"
"""In place of an oracle: the bug changed nothing; it changed what happened, and nobody saw."""


@frozen
class Caught:
    """Which seed catches a bug, and by which oracle."""

    bug: str
    seed: int
    oracle: str


def try_bug(name: str, seed: int) -> str | None:
    """The oracle that catches the bug in this seed; None: it is not caught."""
    return _with_bug(name, seed).oracle


def _with_bug(name: str, seed: int) -> Outcome:
    with BUGS[name]():
        return run_seed(seed)


@lru_cache(maxsize=1)
def _without(seed: int) -> Outcome:
    """All bugs are tried with a seed before the next one: it is run once for them."""
    return run_seed(seed)


def look(name: str, seed: int) -> Caught:
    """Try a bug; it is caught where an oracle fails, and does not without the bug."""
    found, sound = _with_bug(name, seed), _without(seed)
    if found.oracle is not None and sound.oracle is None:
        return Caught(name, seed, found.oracle)
    return Caught(name, seed, _UNREACHED if found.digest == sound.digest else _UNSEEN)


def load(table: Path = TABLE) -> list[Caught]:
    """A table as it is kept."""
    if not table.exists():
        return []
    rows = [line.split(maxsplit=2) for line in table.read_text().splitlines()]
    return [Caught(name, int(seed), oracle) for name, seed, oracle in rows if name in BUGS]


@define
class Hunt:
    """What was tried, and what was caught."""

    notes: Path
    tried: dict[tuple[str, int], Caught] = field(factory=dict)
    caught: dict[str, Caught] = field(factory=dict)

    def remember(self) -> None:
        """Take up what an earlier hunt noted."""
        for each in load(self.notes):
            self._take(each)

    def _take(self, found: Caught) -> bool:
        self.tried[found.bug, found.seed] = found
        caught = found.oracle not in (_UNREACHED, _UNSEEN)
        new = caught and found.bug not in self.caught
        if new:
            self.caught[found.bug] = found
        return new

    def note(self, found: Caught) -> bool:
        """Keep what a try gave; whether the bug is caught by it."""
        with self.notes.open("a") as notes:
            notes.write(_line(found))
        return self._take(found)

    def left(self, names: Iterable[str], seed: int) -> Iterator[tuple[str, int]]:
        """What is still to be tried with this seed."""
        for name in names:
            if name not in self.caught and (name, seed) not in self.tried:
                yield name, seed

    def save(self) -> None:
        """Write `caught.txt`, a bug a line."""
        TABLE.write_text("".join(_line(self.caught[name]) for name in BUGS if name in self.caught))


def _line(found: Caught) -> str:
    return f"{found.bug} {found.seed} {found.oracle}\n"


def _notes() -> Path:
    """Where tries are noted: they hold for these very sources."""
    digest = blake2b(digest_size=8)
    here = Path(__file__).resolve()
    for folder in (here.parents[2] / "syncengine", here.parents[1]):
        for path in sorted(folder.rglob("*.py") if folder.name == "syncengine" else _ours(folder)):
            digest.update(path.read_bytes())
    return Path(tempfile.gettempdir()) / f"hunt-{digest.hexdigest()}.txt"


def _ours(tests: Path) -> Iterator[Path]:
    yield from (tests / "harness.py", tests / "cutting.py")
    for path in (tests / "simulation").glob("*.py"):
        if not path.name.startswith("test_") and path != Path(__file__).resolve():
            yield path


def main(arguments: Sequence[str]) -> int:
    """Exit code 1: a bug was not caught."""
    options = _options(arguments)
    names = options.names or list(BUGS)
    hunt = Hunt(_notes())
    hunt.remember()
    with Pool(options.jobs) as pool:
        first = [(c.bug, c.seed) for c in load() if (c.bug, c.seed) not in hunt.tried]
        _try(hunt, pool.imap(_look, first) if options.jobs > 1 else starmap(look, first))
        for seed in range(options.start, options.start + options.seeds):
            left = list(hunt.left(names, seed))
            _try(hunt, pool.imap(_look, left) if options.jobs > 1 else starmap(look, left))
    print(_table(hunt, names))
    return 0 if all(name in hunt.caught for name in names) else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation bugs", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("names", nargs="*", help="these bugs only")
    return parser.parse_args(arguments)


def _look(what: tuple[str, int]) -> Caught:
    return look(*what)


def _try(hunt: Hunt, found: Iterable[Caught]) -> None:
    for each in found:
        if hunt.note(each):
            print(f"{each.bug:33} {each.oracle:18} seed {each.seed}", flush=True)
            hunt.save()


def _table(hunt: Hunt, names: Sequence[str]) -> str:
    """Each bug, the oracle that caught it, how many seeds from 0 on that took, and in how
    many of those tried the bug changed what happened."""
    rows = [f"\n{'bug':33} {'oracle':18} {'seeds':>6} reached"]
    for name in names:
        found = hunt.caught.get(name)
        tries = [each.oracle for (bug, _), each in hunt.tried.items() if bug == name]
        reached = f"{len(tries) - tries.count(_UNREACHED)} of {len(tries)}"
        oracle, seeds = (found.oracle, str(found.seed + 1)) if found else ("NOT CAUGHT", "-")
        rows.append(f"{name:33} {oracle:18} {seeds:>6} {reached}")
    return "\n".join(rows)
