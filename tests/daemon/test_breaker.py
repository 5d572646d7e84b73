"""When a server may be asked: properties of plain functions (law 12)."""

import itertools
import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from syncengine import errors
from syncengine.daemon import breaker
from syncengine.daemon.breaker import Circuit, CircuitState
from syncengine.daemon.pace import Pace

PACE = Pace()
NOW = 1_000.0
chances = st.floats(0, 1)


def opened(number: int = 1) -> Circuit:
    """A server that was left alone so often in a row."""
    circuit = breaker.CLOSED
    for _ in range(PACE.failures_to_open):
        circuit = breaker.refused(PACE, circuit, errors.Unreachable, NOW, 1)
    for _ in range(number - 1):
        circuit = breaker.probing(circuit)
        circuit = breaker.refused(PACE, circuit, errors.Unreachable, NOW, 1)
    return circuit


def test_a_server_that_fails_in_a_row_is_left_alone() -> None:
    """So many failures open the circuit, one fewer does not, and one answer starts anew."""
    circuit = breaker.CLOSED
    for _ in range(PACE.failures_to_open - 1):
        circuit = breaker.refused(PACE, circuit, errors.ServerFault, NOW, 1)
        assert breaker.admits(circuit, NOW)
    assert breaker.answered(circuit) == breaker.CLOSED
    circuit = breaker.refused(PACE, circuit, errors.ServerFault, NOW, 1)
    assert circuit.state is CircuitState.OPEN
    assert not breaker.admits(circuit, NOW)
    assert breaker.admits(circuit, circuit.retry_at)


def test_one_probe_finds_out_whether_it_answers_again() -> None:
    """Half open, nobody else asks; its answer closes the circuit, its failure opens it longer."""
    circuit = breaker.probing(opened())
    assert circuit.state is CircuitState.HALF_OPEN
    assert not breaker.admits(circuit, math.inf)
    assert breaker.answered(circuit) == breaker.CLOSED
    again = breaker.refused(PACE, circuit, errors.Unreachable, NOW, 1)
    assert again.state is CircuitState.OPEN
    assert again.retry_at - NOW == 2 * (opened().retry_at - NOW)
    given_up = breaker.abandoned(circuit, NOW)
    assert breaker.admits(given_up, NOW)


@given(st.lists(chances, min_size=1, max_size=60))
def test_however_long_it_is_away_it_is_asked_under_the_ceiling(drawn: Sequence[float]) -> None:
    """Law 12: the wait between two probes grows and has an end."""
    circuit = opened()
    for chance in drawn:
        circuit = breaker.refused(PACE, breaker.probing(circuit), errors.Unreachable, NOW, chance)
        assert PACE.backoff_least <= circuit.retry_at - NOW <= PACE.backoff_ceiling


def test_answers_to_old_questions_do_not_end_a_wait() -> None:
    """Requests that were under way when the circuit opened neither close nor prolong it."""
    circuit = opened()
    assert breaker.answered(circuit) is circuit
    late = breaker.refused(PACE, circuit, errors.Unreachable, NOW, 1)
    assert (late.retry_at, late.opened) == (circuit.retry_at, circuit.opened)


def test_where_a_server_asks_one_request_to_wait_all_wait() -> None:
    """Law 12: `Retry-After` opens the circuit at once, and a second one never shortens it."""
    first = breaker.refused(PACE, breaker.CLOSED, errors.Throttled, NOW, 0, retry_after=100)
    assert not breaker.admits(first, NOW + 99)
    second = breaker.refused(PACE, first, errors.Throttled, NOW, 0, retry_after=10)
    assert second.retry_at == first.retry_at


def test_which_errors_are_the_servers_failure() -> None:
    """A refusal is an answer: one account's wrong password says nothing about its server."""
    assert breaker.counts(errors.Unreachable)
    assert breaker.counts(errors.Throttled)
    assert breaker.counts(errors.ServerFault)
    for error in (errors.Unauthorized, errors.Gone, errors.Rejected, errors.ServiceNotEnabled):
        assert not breaker.counts(error)


# The budget


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200))
def test_no_window_of_time_sees_more_than_the_budget(waits: Sequence[float]) -> None:
    """However requests come, in any stretch of time are sent at most the burst and the rate."""
    pace = Pace(requests_per_second=2, burst=5)
    budget, now, sent = breaker.full_budget(pace, NOW), NOW, []
    for pause in waits:
        now += pause
        budget, wait = breaker.spent(pace, budget, now)
        sent.append(now + wait)
    assert sent == sorted(sent)
    for first, last in itertools.combinations(range(len(sent)), 2):
        most = pace.burst + (sent[last] - sent[first]) * pace.requests_per_second
        assert last - first + 1 <= most + 1 + 1e-6


def test_a_server_that_is_rarely_asked_is_asked_at_once() -> None:
    """The budget costs an ordinary poll nothing."""
    budget, wait = breaker.spent(PACE, breaker.full_budget(PACE, NOW), NOW)
    assert wait == 0
    assert breaker.spent(PACE, budget, NOW + 1e9)[0].tokens == PACE.burst - 1
