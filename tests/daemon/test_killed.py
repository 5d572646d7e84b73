"""Real death: `syncengine daemon` is killed at random moments, again and again, while people
write and delete on the server, and other programs delete in its file.

`make test` kills it five times. DAEMON_KILLS=100 kills it a hundred
times; KILL_SEED=… draws the same moments again, and how the processes interleave is their own
affair:

    DAEMON_KILLS=100 .venv/bin/python -m pytest tests/daemon/test_killed.py -s
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from attrs import define, field

from syncengine.emulator import sized_world
from tests.cli.command import PATIENCE
from tests.cli.house import House, wait_for
from tests.daemon.beside import ACCOUNT, Others, delete_beside, delete_by_command
from tests.engine.judging import finish, served, visible
from tests.engine.ledger import Ledger, Name
from tests.engine.processes import control, serving
from tests.simulation.oracles import check_sound
from tests.store.damaging import unclaimed

WORLD_SEED = 7
KILLS = int(os.environ.get("DAEMON_KILLS") or 5)
WORLD = f"12x{100 + 10 * KILLS}"
"""Large enough that a first pull lasts for a third of all lives."""
LATENCY_MS = (5, 80)
"""As far as a server in the same country: moments between a request and its answer are many."""
SETTINGS = "page_size = 10\nfetchers = 4\nretention_days = 36500\n"
"""As the process that verifies at the end has it: nothing expires."""


@pytest.fixture
def url() -> Iterator[str]:
    """An emulator in a process of its own, of two replicas, one of which lags behind."""
    with serving(WORLD, WORLD_SEED, list_cap=0, replicas=2, replica_lag_ms=2000) as url:
        control(url, "faults", profile="latency", latency_ms=LATENCY_MS)
        yield url


@define
class Drill:
    """Starts the daemon, lets things happen, and kills it."""

    house: House
    path: Path
    moments: random.Random
    others: Others
    ledger: Ledger
    unready: int = 0
    """Deaths before it was ready."""
    deaths_by_gaps: list[int] = field(factory=list)
    """How much was still to be pulled at each death."""

    def life(self) -> None:
        """Start it, and kill it at some moment; what it leaves is sound."""
        process = self.house.person.start("daemon")
        with process:
            try:
                if self.moments.random() < 0.15:
                    self._wait_at_most(process, 1.2)
                    self.unready += not self._is_ready(process)
                else:
                    self._until_ready(process)
                    self._live(process)
            finally:
                process.kill()
            _, log = process.communicate()
        assert process.returncode == -signal.SIGKILL, log
        check_log(log)
        self.check_file()

    def quiet(self) -> None:
        """A last life, in which nothing else happens, brings all that is on the server, and
        takes from it what is to be gone."""
        process = self.house.person.start("daemon")
        with process:
            try:
                self._until_ready(process)
                process.send_signal(signal.SIGUSR1)
                try:
                    wait_for(lambda: not self._left())
                except AssertionError:
                    pytest.fail(f"left undone: {self._left()}")
                process.terminate()
                _, log = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        assert process.returncode == 0, log
        check_log(log)
        self.check_file()

    def _left(self) -> dict[str, set[str]]:
        """What the server has and the copy lacks, and what it should not have any more."""
        shown = {m for ids in visible(self.path, verified=False).values() for m in ids}
        there = {m for name in self.ledger.ages for m in served(self.house.url, name)}
        found = {"to pull": there - shown, "to delete": there & self.ledger.to_be_gone()}
        return {what: ids for what, ids in found.items() if ids}

    def _is_ready(self, process: "subprocess.Popen[str]") -> bool:
        found = self.house.look()
        return found.alive and found.snapshot is not None and found.snapshot.pid == process.pid

    def _until_ready(self, process: "subprocess.Popen[str]") -> None:
        wait_for(lambda: self._is_ready(process) or process.poll() is not None)

    def _live(self, process: "subprocess.Popen[str]") -> None:
        for _ in range(self.moments.randint(1, 8)):
            process.send_signal(signal.SIGUSR1)
            self._something()
            self._wait_at_most(process, 0.15)

    def _wait_at_most(self, process: "subprocess.Popen[str]", seconds: float) -> None:
        """A moment that nothing the daemon does decides."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.moments.random() * seconds)

    def _something(self) -> None:
        draw = self.moments.random()
        if draw < 0.5:
            for _ in range(self.moments.randint(1, 4)):
                self.others.act()
        elif draw < 0.9 and self.path.exists():
            delete_beside(self.path, self.moments, self.ledger)
        elif self.path.exists():
            delete_by_command(self.house, self.path, self.moments, self.ledger)

    def check_file(self) -> None:
        """Laws 1, 2, 4 and 8: what a death leaves contradicts nothing, what is missing lies in
        a gap, and what was deleted here is not shown."""
        if not self.path.exists():
            return
        with closing(sqlite3.connect(self.path)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if not version:
                return  # it died before there were tables
            check_sound(database)
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
            self.deaths_by_gaps += database.execute("SELECT count(*) FROM gap").fetchone()
            for name in self.ledger.ages:
                assert missing(database, name, served(self.house.url, name)) == [], name
        shown = {m for ids in visible(self.path, verified=False).values() for m in ids}
        assert not self.ledger.buried() & shown, "deleted here, and shown again"


def missing(database: sqlite3.Connection, name: Name, there: list[str]) -> list[str]:
    """Messages of the server, older than the newest held, that are not here and in no gap."""
    of_it = "JOIN conversation USING (conversation) WHERE conversation_id = ? AND kind = ?"
    sql = f"SELECT message_id, position FROM message {of_it}"
    held: dict[str, int] = dict(database.execute(sql, name).fetchall())
    gaps = database.execute(f"SELECT low, high FROM gap {of_it} AND seam = 0", name).fetchall()
    known = [index for index, message_id in enumerate(there) if message_id in held]
    return unclaimed(there[: known[-1]], held, gaps) if known else []


def check_log(log: str) -> None:
    """No fault of its own: only a server, a network or a person may be at fault."""
    lines = [line for line in log.split("\n")[:-1] if line]
    levels = {json.loads(line)["level"] for line in lines}
    assert levels <= {"info", "warning"}, log
    assert "Unexpected" not in log, log
    assert "Traceback" not in log, log


def texts(path: Path) -> dict[str, str]:
    """What every message that is shown says."""
    with closing(sqlite3.connect(path)) as database:
        sql = "SELECT message_id, text FROM message WHERE hidden IS NULL"
        return dict(database.execute(sql).fetchall())


@pytest.mark.timeout(60 + 6 * KILLS)
def test_a_daemon_that_is_killed_again_and_again_ends_as_the_server_has_it(
    url: str, tmp_path: Path
) -> None:
    """Laws 1, 4, 8 and 13: what is called whole equals the server's view, every deletion that
    was accepted is done there, nothing deleted here is shown, and nothing else is lost."""
    seed = int(os.environ.get("KILL_SEED") or random.randrange(1 << 32))
    print(
        f"\nKILL_SEED={seed} DAEMON_KILLS={KILLS}"
        " .venv/bin/python -m pytest tests/daemon/test_killed.py -s"
    )
    world = sized_world(WORLD, WORLD_SEED)
    ledger, house = Ledger.of(world), House.at(tmp_path, url)
    path = house.add(ACCOUNT)
    house.write(SETTINGS)
    drill = Drill(house, path, random.Random(seed), Others(url, world, str(seed), ledger), ledger)
    for _ in range(KILLS):
        drill.life()
    drill.quiet()
    print(f"{ledger.summary()}; {len(drill.others.texts)} edited")
    print(f"{drill.unready} deaths before it was ready; gaps left at each {drill.deaths_by_gaps}")
    judge(url, path, drill)


def judge(url: str, path: Path, drill: Drill) -> None:
    """Read everything again, and compare."""
    ledger = drill.ledger
    finish(url, path, "keep")
    truth = {name: ids for name in ledger.ages if (ids := served(url, name))}
    left = {message_id for ids in truth.values() for message_id in ids}
    assert not ledger.to_be_gone() & left, "accepted, and still on the server"
    drill.check_file()
    assert ledger.everything() - ledger.may_be_gone() <= left, "lost on the server"
    assert visible(path, verified=True) == truth
    said = texts(path)
    assert {m: said[m] for m in drill.others.texts if m in left} == {
        m: text for m, text in drill.others.texts.items() if m in left
    }
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM intent").fetchone() == (0,)
