"""Real death: a process that pulls and deletes is killed at random moments, and goes on,
while another device deletes on the server and people write."""

import json
import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from attrs import define, field

from syncengine.emulator import sized_world
from tests.engine.judging import finish, served, visible
from tests.engine.ledger import Ledger
from tests.engine.processes import control, serving, started

WORLD, WORLD_SEED = "20x800", 7
KILLS = 50
MOST_LINES = 32


@pytest.fixture
def server() -> Iterator[str]:
    """An emulator in a process of its own, of two replicas: one omits what came just now and
    serves what was deleted just now. Its URL."""
    with serving(WORLD, WORLD_SEED, list_cap=0, replicas=2, replica_lag_ms=2000) as url:
        yield url


@define
class Elsewhere:
    """The process of the other device: acts when it is told to, at its own pace."""

    process: subprocess.Popen[str]
    open: int = 0
    """Acts that it has not told of."""

    def act(self) -> None:
        """Let it do one thing, and do not wait for it."""
        assert self.process.stdin is not None
        self.process.stdin.write("act\n")
        self.process.stdin.flush()
        self.open += 1

    def tell(self, ledger: Ledger) -> None:
        """Wait for all that it was told to do, and note it."""
        assert self.process.stdout is not None
        for _ in range(self.open):
            ledger.note_elsewhere(json.loads(self.process.stdout.readline()))
        self.open = 0


@contextmanager
def elsewhere(url: str, seed: int) -> Iterator[Elsewhere]:
    """The other device, for as long as the block lasts."""
    with started("other_device", url, WORLD, WORLD_SEED, seed) as process:
        yield Elsewhere(process)
        assert process.stdin is not None
        process.stdin.close()


@define
class Drill:
    """Kills the process again and again, and lets things happen meanwhile."""

    url: str
    path: Path
    moments: random.Random
    other: Elsewhere
    ledger: Ledger
    between: int = 0
    """Deaths after a deletion was asked for, before the call returned."""
    errors: set[str] = field(factory=set)
    """What cycles met on the way: deletions under a chain of pages leave its gap for later."""

    def lives(self, count: int) -> None:
        """One after the other. The next process is loaded while one lives: it waits for its
        seed, and touches nothing until then."""
        with ExitStack() as loaded:
            processes = [loaded.enter_context(self._loaded())]
            for _ in range(count):
                processes.append(loaded.enter_context(self._loaded()))
                self._live(processes.pop(0))

    def _loaded(self) -> subprocess.Popen[str]:
        return started("deleting", self.url, self.path)

    def _live(self, process: subprocess.Popen[str]) -> None:
        """Let it live, and kill it after some lines. What it said before its death counts."""
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{self.moments.getrandbits(32)}\n")
        process.stdin.flush()
        lines = self._first_lines(process)
        process.kill()
        lines += process.stdout.readlines()
        assert process.wait() == -signal.SIGKILL, "it ended by itself"
        self._note(lines)
        self.other.tell(self.ledger)

    def _first_lines(self, process: subprocess.Popen[str]) -> list[str]:
        assert process.stdout is not None
        lines = []
        for _ in range(self.moments.randint(1, MOST_LINES)):
            lines.append(process.stdout.readline())
            if self.moments.random() < 0.15:
                self.other.act()
        return lines

    def _note(self, lines: list[str]) -> None:
        said = [json.loads(line) for line in lines if line.endswith("\n")]  # not half a line
        self.ledger.note_life(said, death=control(self.url, "advance")["now"])
        asking = [words["did"] for words in said if words["did"] in ("asking", "asked")]
        self.between += asking[-1:] == ["asking"]
        self.errors |= {error for words in said for error in words.get("errors", ())}


@pytest.mark.timeout(300)
def test_deletions_and_a_pull_killed_fifty_times_end_as_the_server_has_it(
    server: str, tmp_path: Path
) -> None:
    """Laws 1, 4, 8 and 13: SIGKILL at any instant undoes no deletion whose call returned,
    loses no message that nobody deleted, and the copy ends as the server's view.

    KILL_SEED=… draws the same moments and deletions again; how the processes interleave
    is their own affair.
    """
    seed = int(os.environ.get("KILL_SEED") or random.randrange(1 << 32))
    print(f"KILL_SEED={seed}")
    path, ledger = tmp_path / "alice.db", Ledger.of(sized_world(WORLD, WORLD_SEED))
    with elsewhere(server, seed) as other:
        drill = Drill(server, path, random.Random(seed), other, ledger)
        drill.lives(KILLS)
    print(f"asked {ledger.summary()}; deaths inside a call: {drill.between}; {drill.errors}")
    finish(server, path, "keep")
    truth = {name: ids for name in ledger.ages if (ids := served(server, name))}
    left = {message_id for ids in truth.values() for message_id in ids}
    shown = {m for ids in visible(path, verified=False).values() for m in ids}
    assert not ledger.to_be_gone() & left, "accepted, and still on the server"
    assert not ledger.buried() & shown, "accepted, and still here"
    assert ledger.everything() - ledger.may_be_gone() <= left, "lost on the server"
    assert visible(path, verified=True) == truth
    finish(server, path, "mirror")
    assert visible(path, verified=False) == truth
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM intent").fetchone() == (0,)
