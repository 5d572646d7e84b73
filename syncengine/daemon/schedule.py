"""When an account has its turn, and when its server may be asked. Pure: no I/O, no await, no
clock; times are monotonic seconds, `chance` is a number from 0 to 1 that the caller draws.

An account:

      start: somewhere within a window
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

A server, for all of its accounts together:

        CLOSED ───── so many failures in a row, or it asks to wait ─────▶ OPEN ◀──────┐
          ▲                                                                 │ its time │
          │ it answers                                                      ▼          │ fails
          └───────────────────────────────────────────── HALF_OPEN: one probe ─────────┘

Why nobody comes back together. Every wait has a random part: a start and a wake-up fall
anywhere within a window, a poll up to a quarter later than its interval, a retry anywhere
between nothing and its bound (full jitter), also after what a server asked for. The bound
grows to twice the longest interval: a fleet that has waited for a server for long asks it no
more often than when all is well. And whoever comes back goes on at the pace from before: that
much is new after an outage says nothing about how active the account is.

What a server that fails gets of one process, however many accounts it has: the failures that
open the circuit, what is under way at that moment (a request for each fetcher of the cycles
at once), and then one probe a wait. The waits are half their bounds on average: seven probes
in ten minutes, seventeen in an hour, and never more than twice as many.
"""

import math
from enum import StrEnum
from typing import Any

from attrs import evolve, field, frozen

from syncengine.errors import (
    ConfigError,
    Patience,
    ServerFault,
    StoreFull,
    SyncEngineError,
    Throttled,
    Unauthorized,
    Unreachable,
)

NEVER = math.inf
"""Due at no time: not before somebody says so."""
_JITTER = 0.25
"""Of an interval: how much later than that a poll may come."""


def _positive(_: object, attribute: Any, value: float) -> None:
    if not 0 < value <= 1e9:
        raise ConfigError(
            f"{attribute.name} is {value}", hint="Use a number above 0, up to 1,000,000,000."
        )


def _seconds(default: float) -> Any:
    return field(default=default, converter=float, validator=_positive)


@frozen(kw_only=True)
class Pace:
    """How eager the schedule is. Raises ConfigError for what can be no pace."""

    floor: float = _seconds(30)
    """Seconds from the end of a cycle to the next, at least; so often comes who has news."""
    ceiling: float = _seconds(300)
    """Seconds: the longest interval, of a quiet account; with its jitter a quarter longer."""
    growth: float = field(default=1.5, validator=_positive)
    """The interval grows by this factor with each cycle that brings nothing; at least 1."""
    spread: float = _seconds(60)
    """Seconds: the window of a start and a wake-up."""
    backoff_base: float = _seconds(5)
    """Seconds: the bound of the first retry; each further one has twice that."""
    backoff_ceiling: float = _seconds(600)
    """Seconds: no bound is larger. Twice `ceiling`, see the module's text."""
    backoff_least: float = _seconds(1)
    """Seconds: no retry comes sooner."""
    longest_request: float = _seconds(3600)
    """Seconds: a server that asks to wait longer is asked again after this."""
    let_in_within: float = _seconds(3)
    """Seconds: so soon does an account go on where another program has let go of its file."""
    full_every: float = _seconds(60)
    """Seconds between two tries to write where the disk was full."""
    sleep_jump: float = _seconds(15)
    """Seconds: the wall clock's lead over the monotonic one that means the machine slept."""
    failures_to_open: int = field(default=5, validator=_positive)
    """Requests in a row that fail, over all accounts, before a server is left alone."""
    requests_per_second: float = field(default=20.0, validator=_positive)
    """Of one server's budget, for all of its accounts together."""
    burst: int = field(default=60, validator=_positive)
    """Requests that the budget saves up."""

    def __attrs_post_init__(self) -> None:
        if self.ceiling < self.floor:
            raise ConfigError(
                f"ceiling is {self.ceiling:g}, below the floor of {self.floor:g}",
                hint="The longest interval cannot be shorter than the shortest.",
            )
        if self.growth < 1:
            raise ConfigError(f"growth is {self.growth:g}", hint="Use a factor of 1 or more.")


def bounded(pace: Pace, *, floor: float | None = None, ceiling: float | None = None) -> Pace:
    """The pace of an account whose polls are to be no closer than `floor` seconds and no
    further apart than `ceiling`, jitter included; None: as the pace has it.

    Of the two what is given wins over what is not. Bounds with no room for the jitter of a
    quarter between them are kept from below: a poll may come so much after its ceiling.
    """
    longest = pace.ceiling if ceiling is None else ceiling / (1 + _JITTER)
    shortest = min(pace.floor, longest) if floor is None else floor
    longest = max(shortest, longest)
    retries = max(pace.backoff_ceiling, 2 * longest)
    return evolve(pace, floor=shortest, ceiling=longest, backoff_ceiling=retries)


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


def deferred(pace: Pace, turn: Turn, circuit: "Circuit", now: float, chance: float) -> Turn:
    """Its server is left alone just now: later, and not together with its other accounts.
    That is no failure of its own."""
    start = max(now, circuit.retry_at)
    state = AccountState.AWAY if circuit.away else AccountState.RETRYING
    wait = pace.backoff_least + pace.spread * chance
    return evolve(turn, state=state, due=start + wait)


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


def poll_wait(interval: float, chance: float) -> float:
    """An interval with its jitter: up to a quarter longer."""
    return interval * (1 + chance * _JITTER)


def backoff_wait(pace: Pace, failures: int, chance: float) -> float:
    """Full jitter: anything up to a bound that doubles with each failure in a row."""
    bound = pace.backoff_base * 2.0 ** min(failures - 1, 60)
    return max(pace.backoff_least, chance * min(bound, pace.backoff_ceiling))


def asked_wait(pace: Pace, retry_after: float, chance: float) -> float:
    """What a server asked for, within bounds, and not everybody at its end."""
    wait = min(max(retry_after, 0.0), pace.longest_request)
    return max(pace.backoff_least, wait + chance * pace.spread)


# The machine


def slept(pace: Pace, wall: float, monotonic: float) -> bool:
    """Whether the machine slept, by how far both clocks moved, in seconds. A wall clock that
    is wrong, or is set back, says nothing; one that is set forward costs an early poll."""
    return wall - monotonic > pace.sleep_jump


# The server


class CircuitState(StrEnum):
    """Whether a server is asked."""

    CLOSED = "closed"
    """It is."""
    OPEN = "open"
    """It is left alone for a while."""
    HALF_OPEN = "half_open"
    """One request finds out whether it answers again."""


@frozen
class Circuit:
    """One server, for all of its accounts."""

    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    """Requests that failed in a row."""
    opened: int = 0
    """How often in a row it was left alone."""
    retry_at: float = -math.inf
    """When it may be asked again."""
    away: bool = False
    """The last failure was that nothing answered."""


CLOSED = Circuit()


def counts(error: type[SyncEngineError]) -> bool:
    """Whether an error is the server's failure; every other one is an answer."""
    return issubclass(error, Unreachable | ServerFault | Throttled)


def admits(circuit: Circuit, now: float) -> bool:
    """Whether a request may be sent now."""
    if circuit.state is CircuitState.HALF_OPEN:
        return False
    return circuit.state is CircuitState.CLOSED or now >= circuit.retry_at


def probing(circuit: Circuit) -> Circuit:
    """A request that is admitted is sent: after a wait it is the only one."""
    if circuit.state is CircuitState.OPEN:
        return evolve(circuit, state=CircuitState.HALF_OPEN)
    return circuit


def answered(circuit: Circuit) -> Circuit:
    """The server answered. An answer to a question from before does not end a wait."""
    return circuit if circuit.state is CircuitState.OPEN else CLOSED


def abandoned(circuit: Circuit, now: float) -> Circuit:
    """The probe was given up unanswered: somebody else may try."""
    if circuit.state is CircuitState.HALF_OPEN:
        return evolve(circuit, state=CircuitState.OPEN, retry_at=now)
    return circuit


def rested(circuit: Circuit, now: float) -> Circuit:
    """The machine slept: what was known of the way to the server is old."""
    return evolve(circuit, retry_at=min(circuit.retry_at, now))


def refused(
    pace: Pace,
    circuit: Circuit,
    error: type[SyncEngineError],
    now: float,
    chance: float,
    *,
    retry_after: float | None = None,
) -> Circuit:
    """A request failed. `retry_after`: the server asks everybody to wait so many seconds."""
    failures = circuit.failures + 1
    away = issubclass(error, Unreachable)
    if retry_after is not None:
        wait = asked_wait(pace, retry_after, chance)
        retry_at = max(now + wait, circuit.retry_at)
        opened = max(circuit.opened, 1)
        return Circuit(CircuitState.OPEN, failures, opened, retry_at, away)
    if circuit.state is CircuitState.OPEN:  # one of those that were under way when it opened
        return evolve(circuit, failures=failures, away=away)
    if circuit.state is CircuitState.CLOSED and failures < pace.failures_to_open:
        return evolve(circuit, failures=failures, away=away)
    opened = circuit.opened + 1
    wait = backoff_wait(pace, opened, chance)
    return Circuit(CircuitState.OPEN, failures, opened, now + wait, away)


@frozen
class Budget:
    """The requests that a server's accounts may send together: a bucket of tokens."""

    tokens: float
    """Saved up; below 0: so many are promised to who waits."""
    at: float
    """When that was so."""


def full_budget(pace: Pace, now: float) -> Budget:
    """Nothing was sent for long."""
    return Budget(float(pace.burst), now)


def spent(pace: Pace, budget: Budget, now: float) -> tuple[Budget, float]:
    """One request: the budget after it, and how many seconds it has to wait."""
    gained = max(0.0, now - budget.at) * pace.requests_per_second
    tokens = min(float(pace.burst), budget.tokens + gained) - 1
    return Budget(tokens, max(now, budget.at)), max(0.0, -tokens / pace.requests_per_second)
