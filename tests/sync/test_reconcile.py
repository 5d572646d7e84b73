"""Absence is not deletion: each condition of law 5, and random reads."""

from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from syncengine.sync.reconcile import Evidence, Fate, Stored, reconcile

NOW = 1_000_000_000
DAY = 86_400_000


def held(number: int, *, age: int = 0, **state: Any) -> Stored:
    """A message whose id and position grow together."""
    return Stored(str(1000 + number), number, NOW - age, **state)


def evidence(*served: Stored, **settings: Any) -> Evidence:
    given: dict[str, Any] = {"served_at": NOW, "horizon": 0, "confirm_after": 10_000}
    return Evidence(served=served, **(given | settings))


def fate(message: Stored, seen: Evidence) -> Fate:
    return reconcile([message], seen)[message.message_id]


def test_the_first_time_missing_makes_a_suspect() -> None:
    """Law 5 (c): one read alone removes nothing."""
    assert fate(held(2), evidence(held(1), held(3))) is Fate.SUSPECT


def test_the_second_time_missing_long_enough_after_removes() -> None:
    """Law 5 (c): two reads, far enough apart by the server's clock."""
    missed = held(2, suspect_at=NOW - 10_000)
    assert fate(missed, evidence(held(1), held(3))) is Fate.REMOVE


def test_the_second_time_missing_too_soon_waits() -> None:
    """Law 5 (c): replicas omit fresh messages for a while."""
    missed = held(2, suspect_at=NOW - 9_999)
    assert fate(missed, evidence(held(1), held(3))) is Fate.WAIT


def test_what_may_have_expired_is_kept() -> None:
    """Law 5 (b), law 7: with nothing older served, old age explains the absence."""
    missed = held(1, age=100 * DAY, suspect_at=NOW - DAY)
    assert fate(missed, evidence(held(2), held(3))) is Fate.KEEP


def test_what_is_younger_than_the_horizon_cannot_have_expired() -> None:
    """Law 5 (b): age below the horizon is as good as an older neighbour."""
    missed = held(1, age=2 * DAY, suspect_at=NOW - DAY)
    assert fate(missed, evidence(held(2), horizon=3 * DAY)) is Fate.REMOVE
    assert fate(missed, evidence(held(2), horizon=2 * DAY)) is Fate.KEEP


def test_an_edited_neighbour_proves_nothing() -> None:
    """Law 5 (b): an edit restarts a message's retention."""
    missed = held(2, age=100 * DAY, suspect_at=NOW - DAY)
    assert fate(missed, evidence(held(1, edited=True), held(3))) is Fate.KEEP


def test_an_imported_neighbour_proves_nothing() -> None:
    """Law 5 (b): an imported message's id is newer than its place, and so is its retention."""
    missed = held(2, age=100 * DAY, suspect_at=NOW - DAY)
    imported = evolve(held(1), message_id="9999")
    assert fate(missed, evidence(imported, held(3))) is Fate.KEEP


def test_what_newer_arrivals_may_have_pushed_out_is_kept() -> None:
    """Law 5 (b): a cap on length takes the oldest, as many as arrived; where nobody knows how
    many did, it may have taken all, also from a mirror."""
    missed = [held(n, suspect_at=NOW - DAY) for n in (1, 2)]
    young = evidence(held(3), horizon=DAY, arrived=2)
    assert set(reconcile(missed, young).values()) == {Fate.KEEP}
    fewer = reconcile(missed, evolve(young, arrived=1))
    assert list(fewer.values()) == [Fate.KEEP, Fate.REMOVE]
    unknown = evolve(young, arrived=None)
    assert set(reconcile(missed, unknown).values()) == {Fate.KEEP}
    assert set(reconcile(missed, evolve(unknown, mirror=True)).values()) == {Fate.KEEP}
    assert set(reconcile(missed, evolve(young, mirror=True)).values()) == {Fate.REMOVE}


def test_what_was_missing_before_is_not_what_arrivals_pushed_out() -> None:
    """Law 5 (b): those that came took the oldest that were there then, so what may have been
    missing before explains the absence of nothing else; what went missing since does, though
    age explains it by now."""
    before, missed = held(1, suspect_at=NOW - DAY, settled=True), held(2, suspect_at=NOW - DAY)
    young = evidence(held(3), horizon=DAY, arrived=1)
    assert set(reconcile([before, missed], young).values()) == {Fate.KEEP}
    since = evolve(young, explained=[missed.position - 1])
    assert reconcile([missed], since) == {missed.message_id: Fate.REMOVE}
    later = evolve(young, explained=[missed.position + 1])
    assert reconcile([missed], later) == {missed.message_id: Fate.KEEP}


def test_a_suspect_may_grow_older_than_the_horizon_until_the_second_read() -> None:
    """Law 5 (b): it was missing when it could not have expired; an hour later nobody knows."""
    missed = held(1, age=2 * DAY, suspect_at=NOW - 20_000)
    seen = evidence(held(2), horizon=2 * DAY - 10_000)
    assert fate(missed, seen) is Fate.REMOVE
    assert fate(evolve(missed, suspect_at=NOW - 3_600_000), seen) is Fate.KEEP


def test_a_mirror_drops_what_expired_after_two_reads_too() -> None:
    """Law 7: `mirror` changes what becomes of expired messages, not how sure one must be."""
    missed = held(1, age=100 * DAY)
    seen = evidence(held(2), mirror=True)
    assert fate(missed, seen) is Fate.SUSPECT
    assert fate(evolve(missed, suspect_at=NOW - DAY), seen) is Fate.EXPIRE


def test_in_a_mirror_a_second_read_does_not_make_what_expired_young() -> None:
    """Laws 7 and 10: it goes because it expired, and counts for no guard."""
    missed = held(1, age=100 * DAY, suspect_at=NOW - 11_000)
    assert fate(missed, evidence(held(2), mirror=True, horizon=3 * DAY)) is Fate.EXPIRE
    aged = held(1, age=3 * DAY + 5_000, suspect_at=NOW - 11_000)
    assert fate(aged, evidence(held(2), mirror=True, horizon=3 * DAY)) is Fate.REMOVE


def test_a_clock_that_was_set_back_makes_a_new_suspect() -> None:
    """Law 5 (c): how long ago the first read was cannot be told any more."""
    missed = held(2, suspect_at=NOW + DAY)
    assert fate(missed, evidence(held(1), held(3))) is Fate.SUSPECT


def test_a_witness_came_before_the_message_and_says_so() -> None:
    """Law 5 (b): one with a later time may outlive it, and one with a higher id may be new."""
    missed = held(3, age=100 * DAY, suspect_at=NOW - DAY)
    assert fate(missed, evidence(held(1, age=200 * DAY), held(4))) is Fate.REMOVE
    assert fate(missed, evidence(held(1, age=99 * DAY), held(4))) is Fate.KEEP
    imported = evolve(held(1, age=200 * DAY), message_id="9999")
    assert fate(missed, evidence(imported)) is Fate.KEEP


@given(st.sets(st.integers(0, 40), min_size=1), st.data())
def test_a_removal_has_all_its_reasons(numbers: set[int], data: st.DataObject) -> None:
    """Law 5: whatever is removed was missed before, and could not have expired then."""
    messages = [held(n, age=data.draw(st.integers(0, 100)) * DAY) for n in sorted(numbers)]
    served = [m for m in messages if data.draw(st.booleans())]
    horizon = data.draw(st.integers(0, 100)) * DAY

    def explained(message: Stored, at: int) -> bool:
        older = any(
            s.position < message.position and s.timestamp <= message.timestamp for s in served
        )
        return older or at - message.timestamp < horizon

    absent = []
    for message in (m for m in messages if m not in served):
        at = data.draw(st.sampled_from([None, NOW - 5_000, NOW - 50_000]))
        absent.append(evolve(message, suspect_at=at if at and explained(message, at) else None))
    seen = evidence(*served, horizon=horizon)
    for message in absent:
        if reconcile(absent, seen)[message.message_id] is Fate.REMOVE:
            assert message.suspect_at == NOW - 50_000
            assert explained(message, NOW - 50_000)
