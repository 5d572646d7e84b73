"""Runs seeds: one, or many, and says what they found."""

import asyncio
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.simulation.life import Life
from tests.simulation.trace import Trace, Violation


@frozen
class Outcome:
    """What one run gave."""

    seed: int
    digest: str
    oracle: str | None = None
    """Which check failed; None: all went well."""
    what: str = ""
    steps: tuple[str, ...] = ()


def run_seed(seed: int, *, verbose: bool = False) -> Outcome:
    """Live one life. Whatever the product raises that nobody foresaw is a find too."""
    trace = Trace(verbose=verbose)
    oracle, what = None, ""
    with _folder() as folder, asyncio.Runner() as runner:
        try:
            runner.run(Life(seed, folder, trace).run())
        except Violation as violation:
            oracle, what = violation.oracle, str(violation)
        except Exception:
            oracle, what = "no error", traceback.format_exc()
    return Outcome(seed, trace.digest, oracle, what, tuple(trace.lines))


@contextmanager
def _folder() -> Iterator[Path]:
    """In memory where that is possible."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="simulation-", dir=memory if memory.is_dir() else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replay(seed: int) -> str:
    """The command that shows a run again."""
    return f"python -m tests.simulation --start {seed} --seeds 1 --verbose"
