"""What does a daemon cost that has nothing to do, how soon is it ready, and is it in time?

idle: accounts in which nothing happens, polled at the longest interval, over real sockets.
Nothing is read again meanwhile (that is due every 15 minutes, four pages an account).

start: from the process's start to READY=1, as systemd hears it, where each account has a file
of many messages. One file is filled and copied; the server is out of reach.

many: each visit against the time that the daemon itself had named for it, a second before or
earlier, in the file in which it says how it stands. It is looked at when every account was
visited and nobody waits any more: the first visits pull, and there the server's budget of
requests decides.
"""

import argparse
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from attrs import asdict, define, field
from rich.console import Console
from rich.progress import track

from benchmarks.checks import Check, shown
from benchmarks.facts import machine as this_machine
from benchmarks.filling import SHORT, Size, fill
from benchmarks.machines import Daemon, Figures, Machine
from benchmarks.processes import Town, interruptible, town
from syncengine.daemon.standing import Snapshot, Standing

_MOST_CPU, _MOST_MEMORY, _MOST_START = 0.01, 120.0, 2.0
"""Of one core; MB; seconds."""
_LATE, _LATEST = 2.0, 10.0
"""Seconds: 99 of 100 visits, and every one."""
_INTERVAL = 300
"""Seconds: the longest interval, which quiet accounts have anyway after a quarter of an hour."""
_CONVERSATIONS = 100
_PATIENCE = 600.0
"""Seconds for all first visits."""
_NOWHERE = "http://127.0.0.1:9"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], help="default: all")
    parser.add_argument("--minutes", type=float, default=6.0, help="to look at idle, and at many")
    parser.add_argument("--accounts", type=int, default=50, help="of idle and start")
    parser.add_argument("--many", type=int, default=500, help="accounts of many")
    parser.add_argument("--messages", type=int, default=100_000, help="of each account in start")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 where a goal is missed."""
    console = Console()
    console.width = max(console.width, 110)  # a pipe has none, and figures must not be cut
    console.print(this_machine())
    checks: list[Check] = []
    with interruptible():
        for name in options.parts or _PARTS:
            checks += _PARTS[name](options)
    console.print(shown(checks))
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(each) for each in checks], indent=1))
    return 0 if all(check.met for check in checks) else 1


# Idle


def _idle(options: argparse.Namespace) -> Iterator[Check]:
    steady = {"poll_floor": _INTERVAL, "poll_ceiling": _INTERVAL}
    with _served(options.accounts, **steady) as (machine, town, daemon):
        _all_visited(machine, options.accounts)
        before, asked, began = daemon.figures(), _requests(town), time.monotonic()
        polls = _cycles(machine)
        _wait(60 * options.minutes, "idle")
        after, polls = daemon.figures(), _cycles(machine) - polls
        seconds, asked = time.monotonic() - began, _requests(town) - asked
    yield from _cost(f"{options.accounts} quiet accounts", before, after, seconds)
    words = f"{asked} in {polls} polls, {seconds:.0f} s"
    yield Check("requests", words, "one a poll", bool(polls) and asked == polls)


def _cost(name: str, before: Figures, after: Figures, seconds: float) -> Iterator[Check]:
    share = (after.cpu - before.cpu) / seconds
    goal = f"under {_MOST_CPU:.0%} of one core"
    yield Check(f"{name}: CPU", f"{share:.2%} of one core", goal, share < _MOST_CPU)
    words = f"{after.rss:.0f} MB, {after.threads} threads, {after.descriptors} descriptors"
    goal = f"under {_MOST_MEMORY:.0f} MB"
    yield Check(f"{name}: memory", words, goal, after.rss < _MOST_MEMORY)


@contextmanager
def _served(accounts: int, **settings: float) -> Iterator[tuple[Machine, Town, Daemon]]:
    """A machine with so many quiet accounts, their server, and a daemon that is ready."""
    users = [f"person{number:03d}" for number in range(accounts)]
    with _machine() as machine, town(users, friends=1, messages=10) as server:
        for user in users:
            machine.add(user, server.url, **settings)
        with machine.daemon() as daemon:
            yield machine, server, daemon


@contextmanager
def _machine() -> Iterator[Machine]:
    with TemporaryDirectory(prefix="syncengine-daemon-") as folder:
        yield Machine(Path(folder))


def _standings(machine: Machine) -> Sequence[Standing]:
    found = machine.snapshot()
    return () if found is None else found.accounts


def _cycles(machine: Machine) -> int:
    return sum(each.cycles for each in _standings(machine))


def _requests(server: Town) -> int:
    """Sign-ins left out: one a day and account."""
    counts: Mapping[str, int] = server.order("counts")["requests"]
    return sum(number for call, number in counts.items() if call != "token")


def _all_visited(machine: Machine, accounts: int) -> float:
    """Until each was synced, and nobody is overdue; the seconds that it took."""
    began = time.monotonic()
    while True:
        found, now = _standings(machine), 1000 * time.time()
        done = sum(each.last_sync is not None for each in found)
        due = sum(each.next_sync is None or each.next_sync < now - 1000 for each in found)
        if done == accounts and due < accounts / 50:
            return time.monotonic() - began
        assert time.monotonic() - began < _PATIENCE, f"{done} of {accounts} visited, {due} overdue"
        time.sleep(0.5)


def _wait(seconds: float, words: str) -> None:
    console = Console(stderr=True)
    for _ in track(range(int(seconds)), words, console=console, transient=True):
        time.sleep(1.0)


# Start


def _start(options: argparse.Namespace) -> Iterator[Check]:
    with _machine() as machine:
        for number in range(options.accounts):
            machine.add(f"person{number:03d}", _NOWHERE)
        _fill(machine, options.messages)
        seconds, cpu = [], []
        for _ in range(options.starts):
            with machine.daemon() as daemon:
                cpu.append(daemon.figures().cpu)
                seconds.append(daemon.started_within)
                daemon.stop()
    name = f"{options.accounts} accounts of {options.messages:,} messages: ready"
    words = f"after {median(seconds):.2f} s ({median(cpu):.2f} s of CPU), at most"
    words += f" {max(seconds):.2f} s of {len(seconds)}"
    yield Check(name, words, f"under {_MOST_START:.0f} s", median(seconds) < _MOST_START)


def _fill(machine: Machine, messages: int) -> None:
    """The same messages in every file, and each is its account's."""
    first, *others = machine.files.items()
    fill(first[1], Size(_CONVERSATIONS, messages - SHORT * (_CONVERSATIONS - 1)))
    console = Console(stderr=True)
    for _, file in track(others, "filling", console=console, transient=True):
        shutil.copyfile(first[1], file)
    for name, file in (first, *others):
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("UPDATE account SET name = ?", (f"easemob:org#app:{name}",))


# Many


@define
class _Visits:
    """How late each visit was."""

    due: dict[str, int] = field(factory=dict)
    """When each account was last said to have its next, ms."""
    synced: dict[str, int] = field(factory=dict)
    late: list[float] = field(factory=list)
    """Seconds, to the end of the visit."""

    def note(self, snapshot: Snapshot) -> None:
        """Look at all of them."""
        for each in snapshot.accounts:
            last = each.last_sync
            if last is not None and last != self.synced.get(each.name):
                if each.name in self.due:
                    self.late.append((last - self.due[each.name]) / 1000)
                self.synced[each.name] = last
            if each.next_sync is not None:
                self.due[each.name] = each.next_sync


def _many(options: argparse.Namespace) -> Iterator[Check]:
    visits, end = _Visits(), 60 * options.minutes
    with _served(options.many) as (machine, _, daemon):
        pulled = _all_visited(machine, options.many)
        before, began = daemon.figures(), time.monotonic()
        while time.monotonic() - began < end:
            found = machine.snapshot()
            if found is not None:
                visits.note(found)
            time.sleep(0.5)
        after, seconds = daemon.figures(), time.monotonic() - began
    name = f"{options.many} accounts"
    yield Check(f"{name}: all pulled", f"after {pulled:.0f} s", "", True)
    yield _punctual(name, visits.late)
    cpu = (after.cpu - before.cpu) / seconds
    words = f"{cpu:.1%} of one core, {after.rss:.0f} MB"
    yield Check(f"{name}: cost", words, "", True)


def _punctual(name: str, late: Sequence[float]) -> Check:
    if len(late) < 2:
        return Check(f"{name}: visits", "none", "some", False)
    most = quantiles(late, n=100)[98]
    words = f"{len(late):,}, 99 of 100 within {most:.1f} s, all within {max(late):.1f} s"
    goal = f"{_LATE:.0f} s, {_LATEST:.0f} s"
    return Check(f"{name}: visits", words, goal, most < _LATE and max(late) < _LATEST)


_PARTS: Mapping[str, Callable[[argparse.Namespace], Iterator[Check]]] = {
    "idle": _idle,
    "start": _start,
    "many": _many,
}
