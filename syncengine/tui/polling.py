"""When the window asks the server for news by itself: the daemon's schedule (`daemon/schedule`),
for one account that somebody looks at."""

import asyncio
from contextlib import suppress
from random import Random
from time import monotonic

from attrs import evolve

from syncengine.daemon import schedule
from syncengine.daemon.keeper import Ended, ended_by
from syncengine.daemon.pace import Pace, poll_wait
from syncengine.daemon.schedule import NEVER, AccountState, Outcome, Turn
from syncengine.errors import SyncEngineError
from syncengine.reports import Report

PACE = Pace(floor=15, ceiling=60, backoff_ceiling=120)
"""Somebody waits for news: every 15 seconds where there are some, once a minute where it is
quiet, and at least every two minutes while the server is away."""


class Polling:
    """The turns of the account. `pace` is None: it has one only when somebody asks."""

    def __init__(self, pace: Pace | None) -> None:
        self._pace = pace
        self._turn = Turn(AccountState.WAITING, NEVER, 0.0)
        self._asked = asyncio.Event()
        self._random = Random()  # noqa: S311 - spreads requests, keeps no secret

    def ask(self) -> None:
        """Somebody wants one now."""
        self._asked.set()

    async def wait(self) -> bool:
        """Until it is time for one. Returns whether somebody asked for it."""
        while not self._asked.is_set():
            left = self._turn.due - monotonic()
            if left <= 0:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), None if left == NEVER else left)
        asked = self._asked.is_set()
        self._asked.clear()
        return asked

    def ended(self, report: Report) -> None:
        """It came to its end: the sooner the next one, the more there is to see."""
        problem = ended_by(report)
        if problem is not None:
            self._failed(Ended(error=problem))
        elif self._pace is not None:
            chance, outcome = self._random.random(), outcome_of(report)
            self._turn = schedule.succeeded(self._pace, self._turn, outcome, monotonic(), chance)

    def failed(self, error: SyncEngineError) -> None:
        """It could not begin."""
        self._failed(Ended(error=error))

    def left_to_another(self) -> None:
        """Another program syncs the file: this one looks now and then whether it still does."""
        if self._pace is not None:
            wait = poll_wait(self._pace.floor, self._random.random())
            self._turn = evolve(self._turn, due=monotonic() + wait)

    def _failed(self, ended: Ended) -> None:
        if self._pace is not None:
            self._turn = schedule.failed(
                self._pace, self._turn, ended.error_type, monotonic(), self._random.random()
            )


def outcome_of(report: Report) -> Outcome:
    """What a cycle came to that ended well."""
    moved = report.messages_added + report.messages_removed
    if report.gaps_open and moved:
        return Outcome.UNFINISHED
    return Outcome.NEWS if moved else Outcome.QUIET
