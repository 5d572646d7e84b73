"""When a server may be asked, for all of its accounts together. Pure: no I/O, no await, no
clock; times are monotonic seconds, `chance` is a number from 0 to 1 that the caller draws.

        CLOSED ───── so many failures in a row, or it asks to wait ─────▶ OPEN ◀──────┐
          ▲                                                                 │ its time │
          │ it answers                                                      ▼          │ fails
          └───────────────────────────────────────────── HALF_OPEN: one probe ─────────┘

What a server that fails gets of one process, however many accounts it has: the failures that
open the circuit, what is under way at that moment (a request for each fetcher of the cycles
at once), and then one probe a wait. The waits are half their bounds on average: seven probes
in ten minutes, seventeen in an hour, and never more than twice as many.
"""

import math
from enum import StrEnum

from attrs import evolve, frozen

from syncengine.daemon.pace import Pace, asked_wait, backoff_wait
from syncengine.errors import ServerFault, SyncEngineError, Throttled, Unreachable


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
