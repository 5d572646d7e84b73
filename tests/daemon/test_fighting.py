"""Two daemons that fight for one file: other configurations, other state folders, the same
account. Both are killed and started again at random moments, while people write and delete.

`make test` lets them fight for three rounds. FIGHT_ROUNDS=40 makes it forty; KILL_SEED=… draws
the same moments again, and how the processes interleave is their own affair:

    FIGHT_ROUNDS=40 .venv/bin/python -m pytest tests/daemon/test_fighting.py -s
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from attrs import define, field

from syncengine import holder
from syncengine.emulator import sized_world
from tests.cli.command import PATIENCE
from tests.cli.house import House, wait_for
from tests.daemon.aftermath import check_file, check_log, judge, left_undone
from tests.daemon.beside import ACCOUNT, Others
from tests.daemon.referee import Referee
from tests.engine.ledger import Ledger
from tests.engine.processes import control, serving

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fdinfo").exists(), reason="only Linux tells who has a file open"
)
WORLD_SEED = 11
ROUNDS = int(os.environ.get("FIGHT_ROUNDS") or 3)
WORLD = f"10x{150 + 50 * ROUNDS}"
"""Large enough that they fight about a pull, not only about who may poll."""
LATENCY_MS = (5, 60)
SETTINGS = "page_size = 10\nfetchers = 4\nretention_days = 36500\n"
"""As the process that verifies at the end has it: nothing expires."""


@define
class Rival:
    """One of the two: a machine's configuration and state, and a daemon while it lives."""

    house: House
    referee: Referee
    process: "subprocess.Popen[str] | None" = None
    nudged: float = 0.0

    @classmethod
    def at(cls, home: Path, url: str, file: Path, referee: Referee) -> "Rival":
        """Configured, not started."""
        home.mkdir()
        house = House.at(home, url)
        house.add(ACCOUNT, file=file)
        house.write(SETTINGS)
        return cls(house, referee)

    @property
    def _log(self) -> Path:
        """A file takes all that is said; a pipe that nobody reads would stop the daemon."""
        return self.house.home / "log"

    @property
    def pid(self) -> int:
        """Of the daemon that lives."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it, unless it lives."""
        if self.process is None:
            with self._log.open("w") as log:
                self.process = self.house.person.start("daemon", stderr=log)
            self.referee.players.add(self.process.pid)

    def is_ready(self) -> bool:
        """Whether the state is that of the one that lives: it hears signals from then on."""
        assert self.process is not None
        assert self.process.poll() is None, self._log.read_text()
        found = self.house.look()
        return found.alive and found.snapshot is not None and found.snapshot.pid == self.pid

    def nudge(self) -> None:
        """Have it sync now, but not again and again without a pause: a person's wish, and what
        makes the test short."""
        if self.is_ready() and time.monotonic() - self.nudged > 0.2:
            self.nudged = time.monotonic()
            os.kill(self.pid, signal.SIGUSR1)

    def refused_by(self) -> str:
        """Why it does not sync, as its state tells; empty: it does, or did not say yet."""
        found = self.house.standing(ACCOUNT) if self.is_ready() else None
        return found.message if found is not None and found.error == "StoreLocked" else ""

    def end(self, number: signal.Signals) -> str:
        """End it so, unless it has ended; its log."""
        if self.process is None:
            return ""
        process, self.process = self.process, None
        with process:
            try:
                process.send_signal(number)
                self.referee.players.discard(process.pid)
                process.wait(PATIENCE)
            finally:
                process.kill()
        log = self._log.read_text()
        assert process.returncode == (0 if number is signal.SIGTERM else -number), log
        check_log(log)
        return log


@define
class Fight:
    """Two rivals, and what happens around them."""

    url: str
    path: Path
    rivals: tuple[Rival, Rival]
    moments: random.Random
    others: Others
    ledger: Ledger
    counts: Counter[str] = field(factory=Counter)

    def round(self) -> None:
        """Both live, one of them owns the file; then somebody dies."""
        for rival in self._shuffled():
            rival.start()
            self._pause(0.3)
        owner, other = self._decided()
        self._is_told(other, owner)
        for _ in range(self.moments.randint(1, 4)):
            self.others.act()
            self.moments.choice(self.rivals).nudge()
            self._pause(0.2)
        self._somebody_dies(owner, other)
        gaps = check_file(self.url, self.path, self.ledger)
        self.counts["deaths during a pull"] += bool(gaps)

    def _somebody_dies(self, owner: Rival, other: Rival) -> None:
        who = self.moments.choices(["owner", "other", "both"], [6, 2, 2])[0]
        self.counts[f"{who} killed"] += 1
        if who != "owner":
            self._check_refusal(other.end(signal.SIGKILL))
        if who != "other":
            owner.end(signal.SIGKILL)
        if who == "owner":
            self._takes_over(other)

    def _takes_over(self, other: Rival) -> None:
        """Since the owner is gone."""
        self.counts["taken over"] += 1
        until(lambda: self._owner() is other, other)

    def inheritance(self) -> None:
        """One that was refused once takes over by itself, soon after the owner was killed."""
        owner, other = self.rivals
        for rival in self.rivals:
            rival.end(signal.SIGKILL)
        owner.start()
        until(lambda: self._owner() is owner, owner)
        other.start()
        wait_for(other.is_ready)
        other.nudge()
        wait_for(other.refused_by)
        self._is_refused_beside(owner)
        owner.end(signal.SIGKILL)
        wait_for(lambda: self._owner() is other)
        self.counts["inherited"] += 1

    def _is_refused_beside(self, owner: Rival) -> None:
        """A command that syncs is told by whom."""
        told = owner.house.person.run("sync", "--account", ACCOUNT)
        told.refused(5, "syncengine daemon", f"process {owner.pid}", "keeps it up to date")

    def peace(self) -> None:
        """Nobody dies any more: all that is to be here comes. Then the owner is told to end,
        the other takes over, and ends as well."""
        for rival in self.rivals:
            rival.start()
        owner, other = self._decided()
        until(lambda: not left_undone(self.url, self.path, self.ledger), owner)
        self._is_told(other, owner)
        owner.end(signal.SIGTERM)
        self._takes_over(other)
        self._check_refusal(other.end(signal.SIGTERM))

    def _decided(self) -> tuple[Rival, Rival]:
        """Once one of them owns the file: that one, and the other."""
        wait_for(lambda: all(rival.is_ready() for rival in self.rivals))
        until(self._owner, *self.rivals)
        one, two = self.rivals
        return (one, two) if self._owner() is one else (two, one)

    def _owner(self) -> Rival | None:
        found = holder(self.path)
        living = (rival for rival in self.rivals if rival.process is not None)
        return next((rival for rival in living if found and rival.pid == found.pid), None)

    def _is_told(self, other: Rival, owner: Rival) -> None:
        """The one that is refused lives, and its state says who owns the file."""
        until(lambda: f"process {owner.pid}" in other.refused_by(), other)
        assert "syncengine daemon" in other.refused_by()

    def _check_refusal(self, log: str) -> None:
        """It says so once each time that it begins, not each time that it tries."""
        said = log.count("is synced by syncengine daemon, process")
        self.counts["refusals in logs"] += said
        assert 1 <= said <= 3, log

    def _shuffled(self) -> list[Rival]:
        return self.moments.sample(self.rivals, 2)

    def _pause(self, seconds: float) -> None:
        """A moment that nothing they do decides."""
        living = [rival.process for rival in self.rivals if rival.process is not None]
        with suppress(subprocess.TimeoutExpired):
            living[0].wait(self.moments.random() * seconds)


def until(holds: Callable[[], object], *nudged: Rival) -> None:
    """Wait for it, while these are asked to sync."""

    def look() -> object:
        for rival in nudged:
            rival.referee.judge()
            rival.nudge()
        return holds()

    wait_for(look)


@contextmanager
def fighting(url: str, home: Path, seed: int) -> Iterator[Fight]:
    """Two rivals, watched; whoever lives at the end is killed."""
    world = sized_world(WORLD, WORLD_SEED)
    ledger, path = Ledger.of(world), home / "alice.db"
    others = Others(url, world, str(seed), ledger)
    with ExitStack() as stack:
        referee = stack.enter_context(Referee(path).watching())
        one, two = (Rival.at(home / name, url, path, referee) for name in ("one", "two"))
        for rival in (one, two):
            stack.callback(rival.end, signal.SIGKILL)
        yield Fight(url, path, (one, two), random.Random(seed), others, ledger)


@pytest.mark.timeout(120 + 15 * ROUNDS)
def test_two_daemons_that_fight_for_one_file_leave_it_whole(tmp_path: Path) -> None:
    """Laws 1 and 13: there is one writer at every moment, the owner of the lock; the other
    daemon lives, says who that is, and takes over; what is called whole is the server's view."""
    seed = int(os.environ.get("KILL_SEED") or random.randrange(1 << 32))
    print(
        f"\nKILL_SEED={seed} FIGHT_ROUNDS={ROUNDS}"
        " .venv/bin/python -m pytest tests/daemon/test_fighting.py -s"
    )
    with serving(WORLD, WORLD_SEED, list_cap=0) as url:
        control(url, "faults", profile="latency", latency_ms=LATENCY_MS)
        with fighting(url, tmp_path, seed) as fight:
            for _ in range(ROUNDS):
                fight.round()
            fight.inheritance()
            fight.peace()
            seen = fight.rivals[0].referee.seen
        print(f"{dict(fight.counts)}; {len(fight.others.texts)} edited")
        print(f"seen able to write: {sum(seen.values())} times, {len(seen)} processes")
        assert len(seen) >= 3, "nobody was ever caught writing: was anybody looked at?"
        judge(url, fight.path, fight.ledger, fight.others.texts)
