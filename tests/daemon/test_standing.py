"""What a daemon counts over time, as plain values."""

from hypothesis import given, settings
from hypothesis import strategies as st

from syncengine.daemon.standing import Ledger, Snapshot, Standing


def alice(**more: object) -> Standing:
    """Her account."""
    return Standing(**{"name": "alice", "path": "/alice.db", **more})  # type: ignore[arg-type]  # by their names


def test_errors_are_counted_once_a_cycle() -> None:
    """However often one looks between two cycles, and while a cycle ends."""
    ledger = Ledger()
    for _ in range(3):
        found = ledger.enter(alice(cycles=1, failures=1, error="Unreachable"))
    assert found.errors == {"Unreachable": 1}
    ledger.enter(alice(cycles=2, failures=1, error="Unreachable"))  # ended, not judged yet
    ledger.enter(alice(cycles=2, failures=2, error="Unreachable"))
    found = ledger.enter(alice(cycles=3, failures=3, error="Unauthorized"))
    assert found.errors == {"Unreachable": 2, "Unauthorized": 1}
    assert ledger.enter(alice(cycles=4)).errors == found.errors
    ledger.enter(alice(cycles=5))
    assert ledger.enter(alice(cycles=5, failures=1, error="Gone")).errors["Gone"] == 1


def test_today_goes_on_over_a_restart_and_ends_at_midnight() -> None:
    """A new daemon counts from nothing, the day does not."""
    ledger = Ledger()
    ledger.begin("2026-01-31")
    ledger.enter(alice(requests=10, received=1000))
    stood = ledger.enter(alice(requests=15, received=1500))
    assert (stood.requests_today, stood.received_today) == (15, 1500)
    again = Ledger()
    again.carry_over(Snapshot(pid=1, since=0, written=0, day=ledger.day, accounts=(stood,)))
    again.begin("2026-01-31")
    assert again.enter(alice(requests=2, received=20)).requests_today == 17
    again.begin("2026-02-01")
    found = again.enter(alice(requests=5, received=50))
    assert (found.requests_today, found.received_today) == (3, 30)


def test_an_account_that_is_gone_is_forgotten() -> None:
    """Its numbers do not come back with another of that name."""
    ledger = Ledger()
    ledger.enter(alice(requests=10, failures=1, error="Gone"))
    ledger.forget_all_but({"bob"})
    found = ledger.enter(alice(requests=1, cycles=0))
    assert (found.requests_today, found.errors) == (1, {})


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000))))
def test_counting_by_parts_is_counting_the_whole(steps: list[tuple[bool, int]]) -> None:
    """Today's sum is what was added, also where a counter was seen to start anew."""
    ledger, now, total = Ledger(), 0, 0
    for anew, step in steps:
        if anew:
            ledger.enter(alice(requests=0))
            now = 0
        now += step
        total += step
        assert ledger.enter(alice(requests=now)).requests_today == total
