"""When an account has its turn. Pure: no I/O, no await, no clock; times are monotonic seconds,
`chance` is a number from 0 to 1 that the caller draws.

      start: somewhere within a window; soon what was never synced
                   │                        ended well: something new ──▶ soon, at the floor
                   ▼         due            nothing new ──▶ longer each time, up to the ceiling
        ┌────▶ WAITING ─────────────▶ SYNCING ──────────────────────────────┐
        │          ▲                     │                                  │
        │          └─────────────────────│──────────────────────────────────┘
        │                                │ failed
        │ due (jittered, longer each     ├──▶ AWAY          the server cannot be reached
        │ time, under a ceiling)         ├──▶ RETRYING      it fails, or asks to wait; or another
        │                                │                  program has the file: until it lets go
        └────────────────────────────────┼──▶ FULL          the file cannot be written now
                                         ├──▶ UNAUTHORIZED  until it is told of new credentials
                                         └──▶ STOPPED       until somebody asks for a sync

Why nobody comes back together. Every wait has a random part: a start and a wake-up fall
anywhere within a window, a poll up to a quarter later than its interval, a retry anywhere
between nothing and its bound (full jitter), also after what a server asked for. The bound
grows to twice the longest interval: a fleet that has waited for a server for long asks it no
more often than when all is well. Where several accounts of one process wait for a server, the
first that is answered lets the others come, about one a second. And whoever comes back goes on
at the pace from before: that much is new after an outage says nothing about how active the
account is.
"""

import math
from enum import StrEnum

from attrs import evolve, frozen

from syncengine.daemon.breaker import Circuit
from syncengine.daemon.pace import Pace, asked_wait, backoff_wait, poll_wait
from syncengine.errors import (
    Patience,
    StoreFull,
    SyncEngineError,
    Unauthorized,
    Unreachable,
)

NEVER = math.inf
"""Due at no time: not before somebody says so."""


class AccountState(StrEnum):
    """Where an account stands."""

    WAITING = "waiting"
    """All is well; it waits for its next turn."""
    SYNCING = "syncing"
    AWAY = "away"
    """The server cannot be reached: no network, or it is down. It tries by itself."""
    RETRYING = "retrying"
    """Something failed that may pass. It tries by itself."""
    FULL = "full"
    """The disk is full, or the file cannot be written: reading goes on. It tries by itself."""
    UNAUTHORIZED = "unauthorized"
    """The credentials are refused: it waits until it is told of new ones."""
    STOPPED = "stopped"
    """It would fail again: it waits until somebody changes something and asks for a sync."""
    REMOVED = "removed"
    """It is not in the service any more."""


class Outcome(StrEnum):
    """What a cycle that ended well came to."""

    NEWS = "news"
    """Something was written."""
    UNFINISHED = "unfinished"
    """There is more to do: deletions to deliver, gaps that are closing."""
    QUIET = "quiet"
    """Nothing is new."""


@frozen
class Turn:
    """One account in the schedule."""

    state: AccountState
    due: float
    """When it has its next turn; NEVER."""
    interval: float
    """Seconds, before jitter."""
    ended: float = -math.inf
    """When its last cycle ended."""
    failures: int = 0
    """In a row."""
    last_try: float = -math.inf
    """When a file that was damaged again has, or had, its one more try."""


_TRUST = 86_400.0
"""Seconds: a file that is damaged again so soon after its last try is a person's affair."""

_SLEEPERS = (AccountState.UNAUTHORIZED, AccountState.STOPPED, AccountState.REMOVED)


def first_turn(pace: Pace, now: float, chance: float) -> Turn:
    """An account that is new here, within the window of a start."""
    return Turn(AccountState.WAITING, now + pace.spread * chance, pace.floor)


def begun(turn: Turn) -> Turn:
    """Its cycle starts."""
    return evolve(turn, state=AccountState.SYNCING, due=NEVER)


def succeeded(pace: Pace, turn: Turn, outcome: Outcome, now: float, chance: float) -> Turn:
    """Its cycle ended well. After an outage the pace stays what it was before."""
    if turn.failures and outcome is not Outcome.UNFINISHED:
        interval = turn.interval
    else:
        interval = next_interval(pace, turn.interval, outcome)
    due = now + poll_wait(interval, chance)
    state = AccountState.WAITING
    return evolve(turn, state=state, due=due, interval=interval, ended=now, failures=0)


def failed(
    pace: Pace,
    turn: Turn,
    error: type[SyncEngineError],
    now: float,
    chance: float,
    *,
    retry_after: float | None = None,
) -> Turn:
    """Its cycle ended by that error; `retry_after`: seconds that the server asks to wait."""
    failures = turn.failures + 1
    state = state_after(error)
    if state in _SLEEPERS:
        return evolve(turn, state=state, due=NEVER, ended=now, failures=failures)
    if state is AccountState.FULL:
        wait = poll_wait(pace.full_every, chance)
    elif retry_after is not None:
        wait = asked_wait(pace, retry_after, chance)
    else:
        wait = backoff_wait(pace, failures, chance)
    return evolve(turn, state=state, due=now + wait, ended=now, failures=failures)


def postponed(pace: Pace, turn: Turn, wait: float, now: float, chance: float) -> Turn:
    """Its file was mended a short while ago and is damaged again: when it may be mended again,
    in `wait` seconds, it is tried once more by itself. Not a second time within a day: each
    mending keeps a copy, and a disk that fails would be filled with them."""
    turn = evolve(turn, ended=now, failures=turn.failures + 1)
    if turn.last_try <= now < turn.last_try + _TRUST:
        return evolve(turn, state=AccountState.STOPPED, due=NEVER)
    due = now + pace.backoff_least + asked_wait(pace, wait, chance)
    return evolve(turn, state=AccountState.RETRYING, due=due, last_try=due)


def state_after(error: type[SyncEngineError]) -> AccountState:
    """What an error that ended a cycle makes of its account."""
    if issubclass(error, Unauthorized):
        return AccountState.UNAUTHORIZED
    if error.patience is Patience.NEVER:
        return AccountState.STOPPED
    if issubclass(error, Unreachable):
        return AccountState.AWAY
    return AccountState.FULL if issubclass(error, StoreFull) else AccountState.RETRYING


def deferred(pace: Pace, turn: Turn, circuit: Circuit, now: float, chance: float) -> Turn:
    """Its server is left alone just now: later, and not together with its other accounts.
    That is no failure of its own."""
    start = max(now, circuit.retry_at)
    state = AccountState.AWAY if circuit.away else AccountState.RETRYING
    wait = pace.backoff_least + pace.spread * chance
    return evolve(turn, state=state, due=start + wait)


def released(pace: Pace, turn: Turn, waiting: int, now: float, chance: float) -> Turn:
    """Its server, for which so many accounts were `waiting`, answers again; or it is one of so
    many that were never synced, and somebody waits for it (a fleet that is switched on together
    has synced before). Soon, and not together with the others."""
    window = min(pace.spread, waiting * pace.return_every)
    return evolve(turn, due=min(turn.due, now + window * chance))


def interrupted(turn: Turn, now: float) -> Turn:
    """Its cycle was cut, for others or for something more urgent: it goes on in its turn."""
    return evolve(turn, state=AccountState.WAITING, due=now)


def asked(turn: Turn, now: float) -> Turn:
    """Somebody wants it synced at once. Refused credentials are not tried again for that."""
    if turn.state in (AccountState.UNAUTHORIZED, AccountState.SYNCING, AccountState.REMOVED):
        return turn
    return evolve(turn, due=min(turn.due, now))


def renewed(turn: Turn, now: float) -> Turn:
    """There are new credentials."""
    if turn.state is not AccountState.UNAUTHORIZED:
        return asked(turn, now)
    return evolve(turn, state=AccountState.WAITING, due=now, failures=0)


def woken(pace: Pace, turn: Turn, now: float, chance: float) -> Turn:
    """The machine slept: soon, within the window, and not below the floor."""
    if turn.due == NEVER:
        return turn
    soon = max(now + pace.spread * chance, turn.ended + pace.floor)
    return evolve(turn, due=min(turn.due, soon))


def let_in(pace: Pace, turn: Turn, now: float, chance: float) -> Turn:
    """Another program had its file, and let go of it: soon, and not together with all others
    that this program had."""
    return evolve(turn, due=min(turn.due, now + pace.let_in_within * chance))


def next_interval(pace: Pace, interval: float, outcome: Outcome) -> float:
    """Seconds to the next poll, before jitter: the floor, or longer than before."""
    if outcome is not Outcome.QUIET:
        return pace.floor
    return min(pace.ceiling, max(pace.floor, interval) * pace.growth)


# The machine


def slept(pace: Pace, wall: float, monotonic: float) -> bool:
    """Whether the machine slept, by how far both clocks moved, in seconds. A wall clock that
    is wrong, or is set back, says nothing; one that is set forward costs an early poll."""
    return wall - monotonic > pace.sleep_jump
