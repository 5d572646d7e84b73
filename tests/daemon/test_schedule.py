"""The schedule: properties of plain functions (laws 11 and 12)."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from syncengine import errors
from syncengine.daemon import breaker, schedule
from syncengine.daemon.pace import Pace, backoff_wait, bounded
from syncengine.daemon.schedule import (
    NEVER,
    AccountState,
    Outcome,
    Turn,
)

PACE = Pace()
NOW = 1_000.0
chances = st.floats(0, 1)
outcomes = st.sampled_from(Outcome)
passing = st.sampled_from(
    [errors.Unreachable, errors.ServerFault, errors.Throttled, errors.StoreLocked]
)


def ended(turn: Turn, outcome: Outcome, now: float, chance: float) -> Turn:
    return schedule.succeeded(PACE, schedule.begun(turn), outcome, now, chance)


def after_failures(number: int, error: type[errors.SyncEngineError]) -> Turn:
    turn = schedule.first_turn(PACE, NOW, 0)
    for _ in range(number):
        turn = schedule.failed(PACE, turn, error, NOW, 1)
    return turn


# An account


@given(st.lists(st.tuples(outcomes, chances), min_size=1, max_size=30))
def test_a_poll_is_never_below_the_floor_and_never_far_above_the_ceiling(
    history: Sequence[tuple[Outcome, float]],
) -> None:
    """Whatever an account went through, its next poll keeps within the pace's bounds."""
    turn, now = schedule.first_turn(PACE, NOW, 0), NOW
    for outcome, chance in history:
        turn = ended(turn, outcome, now, chance)
        assert PACE.floor <= turn.due - now <= PACE.ceiling * 1.25
        now = turn.due


@given(st.floats(0, 600), chances, st.floats(0, 1e6))
def test_a_file_that_is_damaged_again_gets_one_more_try_a_day(
    wait: float, chance: float, later: float
) -> None:
    """Law 10: not before it may be mended, soon after that, and not again within a day."""
    turn = schedule.postponed(PACE, schedule.first_turn(PACE, NOW, 0), wait, NOW, chance)
    assert wait <= turn.due - NOW <= wait + PACE.spread + 2.1
    assert turn.state is AccountState.RETRYING
    well = ended(turn, Outcome.NEWS, turn.due, chance)
    again = schedule.postponed(PACE, well, wait, turn.due + later, chance)
    stops = turn.due + later < turn.due + 86_400
    assert (again.state is AccountState.STOPPED) == (again.due == NEVER) == stops


def test_a_quiet_account_is_asked_ever_more_rarely_and_one_with_news_often() -> None:
    """Law 11: the interval grows by a factor up to the ceiling; news bring it to the floor."""
    turn = schedule.first_turn(PACE, NOW, 0)
    grown = []
    for _ in range(8):
        turn = ended(turn, Outcome.QUIET, NOW, 0)
        grown.append(turn.due - NOW)
    assert grown[:3] == [45, 67.5, 101.25]
    assert grown[-1] == PACE.ceiling
    assert ended(turn, Outcome.NEWS, NOW, 0).due == NOW + PACE.floor
    assert ended(turn, Outcome.UNFINISHED, NOW, 0).due == NOW + PACE.floor


@given(st.integers(1, 2000), passing, chances)
def test_a_retry_has_full_jitter_under_one_ceiling(
    failures: int, error: type[errors.SyncEngineError], chance: float
) -> None:
    """Law 12: anything up to a bound that doubles, also after thousands of failures."""
    wait = backoff_wait(PACE, failures, chance)
    bound = min(PACE.backoff_ceiling, PACE.backoff_base * 2.0 ** min(failures - 1, 50))
    assert wait == max(PACE.backoff_least, chance * bound)
    turn = Turn(AccountState.SYNCING, NEVER, PACE.floor, failures=failures - 1)
    again = schedule.failed(PACE, turn, error, NOW, chance)
    assert (again.due, again.failures) == (NOW + wait, failures)


@given(st.floats(-1e12, 1e12), chances)
def test_what_a_server_asks_for_is_obeyed_within_bounds(seconds: float, chance: float) -> None:
    """Law 12: not sooner than asked, not later than the bound and its jitter."""
    turn = schedule.first_turn(PACE, NOW, 0)
    wait = schedule.failed(PACE, turn, errors.Throttled, NOW, chance, retry_after=seconds).due - NOW
    asked = min(max(seconds, 0), PACE.longest_request)
    assert wait == pytest.approx(max(1, asked + chance * PACE.spread))


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (errors.Unreachable, AccountState.AWAY),
        (errors.ServerFault, AccountState.RETRYING),
        (errors.Throttled, AccountState.RETRYING),
        (errors.StoreLocked, AccountState.RETRYING),
        (errors.CursorStuck, AccountState.RETRYING),
        (errors.StoreFull, AccountState.FULL),
        (errors.Unauthorized, AccountState.UNAUTHORIZED),
        (errors.ServiceNotEnabled, AccountState.STOPPED),
        (errors.StoreCorrupt, AccountState.STOPPED),
        (errors.StoreTooNew, AccountState.STOPPED),
        (errors.ConfigError, AccountState.STOPPED),
    ],
)
def test_the_error_decides_the_state(
    error: type[errors.SyncEngineError], state: AccountState
) -> None:
    """An account whose error would come again has no next turn; every other one tries."""
    turn = after_failures(1, error)
    assert turn.state is state
    assert (turn.due == NEVER) == (error.patience is errors.Patience.NEVER)


def test_refused_credentials_wait_for_new_ones_alone() -> None:
    """Neither a sleep nor a wish for a sync tries a refused password again; new ones do."""
    turn = after_failures(1, errors.Unauthorized)
    assert schedule.woken(PACE, turn, NOW, 0).due == NEVER
    assert schedule.asked(turn, NOW).due == NEVER
    again = schedule.renewed(turn, NOW)
    assert (again.state, again.due, again.failures) == (AccountState.WAITING, NOW, 0)


def test_who_asks_for_a_sync_gets_one_also_where_it_stopped() -> None:
    """A stopped account, and one that waits, are due when somebody says so."""
    for turn in (after_failures(1, errors.ServiceNotEnabled), after_failures(9, errors.Throttled)):
        assert schedule.asked(turn, NOW).due == NOW


@given(st.integers(1, 2000), chances, chances)
def test_who_was_locked_out_goes_on_soon_after_the_file_is_free(
    failures: int, before: float, chance: float
) -> None:
    """Law 12: however long another program had the file, and only ever sooner than planned;
    who waits for a person waits on."""
    turn = schedule.begun(schedule.first_turn(PACE, NOW, 0))
    turn = evolve(turn, failures=failures - 1)
    turn = schedule.failed(PACE, turn, errors.StoreLocked, NOW, before)
    free = schedule.let_in(PACE, turn, NOW + 1, chance)
    assert free.due == min(turn.due, NOW + 1 + PACE.let_in_within * chance)
    assert (free.state, free.failures) == (turn.state, turn.failures)


def test_after_an_outage_the_pace_is_what_it_was() -> None:
    """What piled up while a server was away says nothing about how active an account is."""
    turn = schedule.first_turn(PACE, NOW, 0)
    for _ in range(9):
        turn = ended(turn, Outcome.QUIET, NOW, 0)
    turn = schedule.failed(PACE, turn, errors.Unreachable, NOW, 1)
    turn = ended(turn, Outcome.NEWS, NOW, 0)
    assert (turn.interval, turn.failures) == (PACE.ceiling, 0)
    assert ended(turn, Outcome.NEWS, NOW, 0).interval == PACE.floor


@given(st.floats(0, 1e6), chances, st.floats(0, 1e6), st.floats(0, 600))
def test_after_a_sleep_it_is_soon_not_at_once_and_not_below_the_floor(
    wait: float, chance: float, now: float, ago: float
) -> None:
    """Within the window, brought forward only, however often the clocks say so."""
    turn = Turn(AccountState.WAITING, now + wait, 300, now - ago)
    again = schedule.woken(PACE, turn, now, chance)
    assert again.due <= turn.due
    if again.due < turn.due:
        assert again.due == max(now + PACE.spread * chance, turn.ended + PACE.floor)


@given(chances)
def test_a_start_is_within_the_window(chance: float) -> None:
    """A thousand accounts that are switched on together do not all ask together."""
    assert schedule.first_turn(PACE, NOW, chance).due == NOW + PACE.spread * chance


@given(chances, chances, st.integers(1, 10_000))
def test_who_was_never_synced_starts_soon(first: float, chance: float, number: int) -> None:
    """Somebody waits for it; many of them come one after the other, within the window."""
    turn = schedule.first_turn(PACE, NOW, first)
    wait = schedule.released(PACE, turn, number, NOW, chance).due - NOW
    assert 0 <= wait <= min(PACE.spread, number * PACE.return_every) + 1e-6


@given(st.floats(-1e9, 1e9), st.floats(0, 1e6))
def test_a_wrong_clock_is_no_sleep(jump: float, monotonic: float) -> None:
    """Only a wall clock that ran ahead says that the machine slept; set back it says nothing."""
    found = schedule.slept(PACE, monotonic + jump, monotonic)
    assert found == (monotonic + jump - monotonic > PACE.sleep_jump)
    assert not schedule.slept(PACE, monotonic - abs(jump), monotonic)


@given(chances)
def test_who_finds_the_server_left_alone_comes_after_its_time(chance: float) -> None:
    """Its accounts come back one after the other, and none of them counts it as a failure."""
    circuit = breaker.refused(PACE, breaker.CLOSED, errors.Unreachable, NOW, 1, retry_after=9)
    turn = schedule.first_turn(PACE, NOW, 0)
    later = schedule.deferred(PACE, turn, circuit, NOW, chance)
    assert later.failures == 0
    assert later.state is AccountState.AWAY
    wait = later.due - circuit.retry_at
    assert PACE.backoff_least <= wait <= PACE.backoff_least + PACE.spread


@given(st.integers(1, 10_000), chances, chances)
def test_accounts_of_a_server_that_is_back_come_soon_and_not_together(
    waiting: int, before: float, chance: float
) -> None:
    """Law 12: one a second on average, all of them within the window, none later than planned."""
    turn = Turn(AccountState.AWAY, NOW + 700 * before, PACE.floor, failures=9)
    again = schedule.released(PACE, turn, waiting, NOW, chance)
    window = min(PACE.spread, waiting * PACE.return_every)
    assert again.due == min(turn.due, NOW + window * chance)
    assert (again.state, again.failures) == (AccountState.AWAY, 9)


# The pace


@pytest.mark.parametrize(
    "settings",
    [{"floor": 10, "ceiling": 5}, {"growth": 0.5}, {"spread": 0}, {"floor": math.nan}],
)
def test_a_pace_that_can_be_none_is_refused(settings: dict[str, Any]) -> None:
    """Said at once, and with a hint, not by a schedule that stands still."""
    with pytest.raises(errors.ConfigError) as refused:
        Pace(**settings)
    assert refused.value.hint


bounds = st.none() | st.floats(1, 86_400)


@given(bounds, bounds, st.lists(st.tuples(outcomes, chances), min_size=1, max_size=30))
def test_an_account_keeps_to_the_bounds_that_a_person_gave_it(
    floor: float | None, ceiling: float | None, history: Sequence[tuple[Outcome, float]]
) -> None:
    """Law 11: no poll comes sooner than its floor and none later than its ceiling, jitter
    included, whatever it went through; only bounds without room for the jitter give way."""
    if floor is not None and ceiling is not None and floor > ceiling:
        floor, ceiling = ceiling, floor
    pace = bounded(PACE, floor=floor, ceiling=ceiling)
    turn, now = schedule.first_turn(pace, NOW, 0), NOW
    for outcome, chance in history:
        turn = schedule.succeeded(pace, schedule.begun(turn), outcome, now, chance)
        wait = turn.due - now
        assert floor is None or wait >= floor - 1e-6
        if ceiling is not None:
            assert wait <= max(ceiling, (floor or 0) * 1.25) + 1e-6
        now = turn.due


def test_bounds_that_nobody_gave_are_the_paces() -> None:
    """One that is given moves the other only where it has to; and a rare poller retries no
    oftener than it polls."""
    assert bounded(PACE) == PACE
    often = bounded(PACE, ceiling=10)
    assert (often.floor, often.ceiling, often.backoff_ceiling) == (8, 8, PACE.backoff_ceiling)
    rarely = bounded(PACE, floor=3600)
    assert (rarely.floor, rarely.ceiling, rarely.backoff_ceiling) == (3600, 3600, 7200)
    assert bounded(PACE, floor=5).ceiling == PACE.ceiling
