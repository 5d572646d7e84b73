"""Does a daemon stay as it is for half an hour of changes and faults, and lose nothing?

A real `syncengine daemon` keeps many accounts up to date, over real sockets with the emulator,
two servers in processes of their own. Messages come, are edited, recalled and deleted, there
and here, by other programs too; the servers fail in every way they can, restart, hang, and end
all tokens. At the end all is quiet: the daemon has to come to rest, and to end when it is told
to. Then everything is verified once, and each file compared with what its server shows.

The figures: what grew after the first five minutes (or half of a shorter run), as the median of
five minutes then and of the last five; the largest write-ahead log; what differs.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from attrs import asdict, define, field
from rich.console import Console
from rich.progress import Progress

from benchmarks.checks import Check, shown
from benchmarks.facts import machine as this_machine
from benchmarks.judging import Divergence, compared, verify_all, waits
from benchmarks.machines import Daemon, Ended, Machine
from benchmarks.processes import Town, interruptible, town
from benchmarks.samples import Sample, Trend, draw, sample, trend
from benchmarks.troubles import Troubles
from syncengine import Config
from syncengine.daemon.settings import Settings
from syncengine.daemon.standing import Standing

_SETTLING, _WINDOW = 300.0, 300.0
"""Seconds, of a long run."""
_LONG = 600.0
"""Seconds: in a shorter run growth is told, and nothing is concluded from it."""
_MOST_GROWTH = 0.10
_QUIET_WITHIN = 300.0
"""Seconds for the daemon to come to rest, when all is calm."""
_STOPS_WITHIN = 5.0
_RETENTION_DAYS = 365.0
"""What the plan says: nothing can have expired, so whatever is missing was deleted."""
_ROUNDS = 3
"""Of verification: what a late deletion hid is shown by the next."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--accounts", type=int, default=50)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--changes", type=float, default=10.0, help="a second, on each server")
    parser.add_argument("--every", type=float, default=5.0, help="seconds from sample to sample")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples here")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them, as PNG or SVG")


@define
class Soak:
    """One run, and what it found."""

    options: argparse.Namespace
    machine: Machine
    towns: Sequence[Town]
    daemon: Daemon
    troubles: Troubles
    console: Console
    samples: list[Sample] = field(factory=list)
    quiet_after: float | None = None
    """Seconds; None: it did not come to rest."""
    exit_code: int = -1
    stopped_after: float = 0.0
    before: Divergence = field(factory=Divergence)
    """What the daemon had not found yet by itself."""
    after: Divergence = field(factory=Divergence)
    """After everything was verified."""
    rounds: int = 0
    """Of verification."""
    warnings: list[str] = field(factory=list)
    """Of the daemon's log."""
    _began: float = field(factory=time.monotonic)

    async def live(self, progress: Progress) -> None:
        """All of it, until the daemon has ended. Raises Ended where it does so by itself."""
        seconds = 60 * self.options.minutes
        for each in self.towns:
            each.order("pace", changes=self.options.changes)
        troubles = self.troubles
        work = [self._watch(progress), troubles.delete(), troubles.command(), troubles.signal()]
        await _for_so_long(seconds, [*work, *(troubles.fail(each) for each in self.towns)])
        for each in self.towns:
            each.order("pace", changes=0)
            each.order("fail")
        self.quiet_after = await self._come_to_rest()
        self.samples.append(self._sample())
        self.exit_code, self.stopped_after = self.daemon.stop()
        self.warnings = [
            line["message"] for line in self.daemon.lines() if line["level"] == "warning"
        ]

    async def judge(self) -> None:
        """Compare, verify, and compare again."""
        self.before = self._compared()
        settings = Config(retention_days=_RETENTION_DAYS)
        urls = {user: each.url for each in self.towns for user in each.users}
        self.after = self.before
        while self.rounds == 0 or (self.after.total and self.rounds < _ROUNDS):
            self.rounds += 1
            await verify_all(self.machine.files, urls, settings)
            self.after = self._compared()

    def _compared(self) -> Divergence:
        truth = {user: told for each in self.towns for user, told in each.order("truth").items()}
        return compared(self.machine.files, truth, self.troubles.asked)

    async def _watch(self, progress: Progress) -> None:
        task = progress.add_task("soaking", total=60 * self.options.minutes)
        while True:
            found = self._sample()
            self.samples.append(found)
            words = f"{found.rss:.0f} MB, {found.descriptors} descriptors, {found.failing} failing"
            progress.update(task, completed=found.at, description=words)
            await asyncio.sleep(self.options.every)

    def _sample(self) -> Sample:
        return sample(self.machine, self.daemon, time.monotonic() - self._began)

    async def _come_to_rest(self) -> float | None:
        """Until every account was synced well since now, and nothing waits anywhere, but for
        gaps that stay for an hour."""
        began, since = time.monotonic(), int(time.time() * 1000)
        for second in range(int(_QUIET_WITHIN)):
            if second % 60 == 0:  # whoever failed in the last trouble would wait longer
                self.daemon.sync_now()
            await asyncio.sleep(1.0)
            if not self._busy(since):
                return time.monotonic() - began
        for name in self._busy(since)[:5]:
            self.console.print(f"not at rest: {name}")
        return None

    def _busy(self, since: int) -> list[str]:
        found = self.machine.snapshot()
        accounts = () if found is None else found.accounts
        return [
            str(each)
            for each in accounts
            if each.error or each.pending or (each.last_sync or 0) < since or _open(each)
        ]


def _open(account: Standing) -> bool:
    """Whether it has gaps that a sync should close."""
    return bool(account.gaps and account.gaps > waits(Path(account.path)))


async def _for_so_long(seconds: float, works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """All at once, for that long, or until one fails, whose error it raises."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run(options: argparse.Namespace) -> int:
    """Live, judge and print; 1 where a goal is missed."""
    console = Console()
    console.width = max(console.width, 110)  # a pipe has none, and figures must not be cut
    console.print(this_machine())
    with _prepared(options, console) as soak:
        try:
            with Progress(console=Console(stderr=True), transient=True) as progress:
                asyncio.run(soak.live(progress))
            asyncio.run(soak.judge())
        except Ended as ended:
            console.print(str(ended))
            return 1
        return _report(soak)


@contextmanager
def _prepared(options: argparse.Namespace, console: Console) -> Iterator[Soak]:
    """Servers, and a daemon that is ready; nothing of it is left afterwards."""
    users = [f"person{number:03d}" for number in range(options.accounts)]
    with interruptible(), ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="syncengine-soak-")))
        machine, towns = Machine(folder), []
        for number in range(options.servers):
            own = users[number :: options.servers]
            towns.append(stack.enter_context(town(own, seed=options.seed + number)))
            for user in own:
                machine.add(user, towns[-1].url, retention_days=_RETENTION_DAYS)
        daemon = stack.enter_context(machine.daemon())
        troubles = Troubles(machine, daemon, Random(f"soak {options.seed}"))
        yield Soak(options, machine, towns, daemon, troubles, console)


def _report(soak: Soak) -> int:
    checks = list(_checks(soak))
    soak.console.print(shown(checks))
    _tell(soak)
    options = soak.options
    if options.json is not None:
        figures = {"checks": checks, "samples": soak.samples, "before": soak.before}
        figures |= {"after": soak.after, "done": soak.troubles.done, "warnings": soak.warnings}
        options.json.write_text(json.dumps(figures, default=asdict, indent=1))
    if options.plot is not None:
        draw(soak.samples, f"{options.accounts} accounts, changes and faults", options.plot)
    return 0 if all(check.met for check in checks) else 1


def _checks(soak: Soak) -> Iterator[Check]:
    lively = soak.samples[:-1]
    seconds = lively[-1].at
    settling = min(_SETTLING, seconds / 2)
    window = max(min(_WINDOW, seconds / 4), 2 * soak.options.every)  # a sample at least
    for name, words, unit in (
        ("rss", "memory", " MB"), ("descriptors", "descriptors", ""), ("threads", "threads", ""),
    ):  # fmt: skip
        found = trend(lively, name, settling, window)
        flat = seconds < _LONG or found.growth < _MOST_GROWTH
        goal = f"grows under {_MOST_GROWTH:.0%}" if seconds >= _LONG else "too short to tell"
        yield Check(words, _trend_words(found, unit), goal, flat)
    cap, largest = Settings().log_cap / 1e6, max(s.largest_log for s in soak.samples)
    yield Check("largest log", f"{largest:.1f} MB", f"at most {cap:.0f} MB", largest <= cap)
    quiet = soak.quiet_after
    rest = "never" if quiet is None else f"after {quiet:.0f} s"
    yield Check("at rest", rest, f"within {_QUIET_WITHIN:.0f} s of calm", quiet is not None)
    ends = f"exit code {soak.exit_code} after {soak.stopped_after:.1f} s"
    in_time = soak.exit_code == 0 and soak.stopped_after <= _STOPS_WITHIN
    yield Check("ends", ends, f"0 within {_STOPS_WITHIN:.0f} s", in_time)
    faults = sum(line["level"] == "error" for line in soak.daemon.lines())
    yield Check("faults of its own, in the log", str(faults), "0", faults == 0)
    yield Check("divergence", str(soak.after.total), "0", soak.after.total == 0)


def _trend_words(found: Trend, unit: str) -> str:
    words = f"{found.settled:.0f}{unit}, at the end {found.last:.0f}{unit}"
    return f"{words} ({found.growth:+.1%}), peak {found.peak:.0f}{unit}"


def _tell(soak: Soak) -> None:
    console, last = soak.console, soak.samples[-1]
    console.print(
        f"{last.at:.0f} s, {soak.options.accounts} accounts: {last.cycles:,} cycles,"
        f" {last.requests:,} requests, {last.cpu / last.at:.1%} of one core"
    )
    for each in soak.towns:
        counts = each.order("counts")
        played = sum(counts["faults"].values())
        console.print(f"{each.url}: {counts['changes']:,} changes, {played:,} faults played")
    done = ", ".join(f"{name} {number}" for name, number in sorted(soak.troubles.done.items()))
    console.print(done, style="dim", markup=False)
    console.print(f"{len(soak.warnings)} warnings in the log; the last: {soak.warnings[-1:]}")
    console.print(f"before it was verified: {_counted(soak.before)}")
    console.print(f"verified {soak.rounds} times: {_counted(soak.after)}")
    for words in soak.after.words:
        console.print(words, style="dim", markup=False)


def _counted(found: Divergence) -> str:
    return ", ".join(f"{k} {v}" for k, v in asdict(found).items() if k != "words")
