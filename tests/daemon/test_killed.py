"""Real death: `syncengine daemon` is killed at random moments, again and again, while people
write and delete on the server, and other programs delete in its file.

`make test` kills it five times. DAEMON_KILLS=100 kills it a hundred
times; KILL_SEED=… draws the same moments again, and how the processes interleave is their own
affair:

    DAEMON_KILLS=100 .venv/bin/python -m pytest tests/daemon/test_killed.py -s
"""

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import define, field

from syncengine.emulator import sized_world
from tests.cli.command import PATIENCE
from tests.cli.house import House, wait_for
from tests.daemon.aftermath import check_file, check_log, judge, left_undone
from tests.daemon.beside import ACCOUNT, Others, delete_beside, delete_by_command
from tests.engine.ledger import Ledger
from tests.engine.processes import control, serving

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
        return left_undone(self.house.url, self.path, self.ledger)

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
        """See `aftermath`."""
        gaps = check_file(self.house.url, self.path, self.ledger)
        self.deaths_by_gaps += [] if gaps is None else [gaps]


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
    judge(url, path, ledger, drill.others.texts)
