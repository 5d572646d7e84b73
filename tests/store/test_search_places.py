"""Where a message stands in the index: order, and the way back."""

from hypothesis import given
from hypothesis import strategies as st

from syncengine.store.places import (
    MOST_MOVED,
    candidates,
    clamped,
    first_place,
    last_place,
    next_place,
    place_of,
    time_of,
)

TIMES = st.integers(-(1 << 63), (1 << 63) - 1)
ROWS = st.integers(1, 1 << 24)


@given(ROWS, TIMES)
def test_the_way_back(row: int, timestamp: int) -> None:
    """A place has its time, is SQLite's to hold, and its row is one of the few candidates."""
    place = place_of(row, timestamp)
    assert 0 <= place < 1 << 63
    assert time_of(place) == clamped(timestamp)
    assert row in candidates(place, row)
    assert row in candidates(place, 1 << 24)
    assert len(candidates(place, 1 << 24)) <= 9


@given(ROWS, ROWS, TIMES, TIMES)
def test_later_stands_higher(one: int, other: int, early: int, late: int) -> None:
    """Places order messages by their time, as far as a place can hold it."""
    if clamped(early) < clamped(late):
        assert place_of(one, early) < place_of(other, late)


@given(ROWS, TIMES, st.integers(0, MOST_MOVED))
def test_a_range_of_time_is_a_range_of_places(row: int, timestamp: int, moves: int) -> None:
    """Also of messages that had to move to a later moment."""
    place = place_of(row, timestamp)
    for _ in range(moves):
        place = next_place(place)
    assert first_place(timestamp) <= place <= last_place(timestamp) < 1 << 63
    assert 0 <= time_of(place) - clamped(timestamp) <= MOST_MOVED
