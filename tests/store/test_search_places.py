"""Where a message stands in the index: order, and the way back."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.errors import StoreError
from syncengine.store.places import (
    LATEST,
    MOST_ROWS,
    check_row,
    clamped,
    first_place,
    in_sql,
    last_place,
    place_of,
    row_of,
    slot_of,
)

TIMES = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.integers(-9, 1 << 43),
    st.sampled_from([LATEST - 1, LATEST, LATEST + 1, (1 << 22) - 1, 1 << 22]),
)
ROWS = st.one_of(st.integers(1, 1 << 24), st.integers(0, MOST_ROWS))


@given(ROWS, TIMES)
def test_the_way_back(row: int, timestamp: int) -> None:
    """A place is SQLite's to hold, and has its message's row number, all of it."""
    place = place_of(row, timestamp)
    assert 0 <= place < 1 << 63
    assert row_of(place) == row
    assert slot_of(place) == slot_of(first_place(timestamp))


@given(ROWS, TIMES)
def test_sqlite_computes_the_same(row: int, timestamp: int) -> None:
    """The statements that index do not ask Python for each message."""
    with closing(sqlite3.connect(":memory:")) as database:
        sql = f"SELECT {in_sql('m')} FROM (SELECT ? AS message, ? AS timestamp) m"
        assert database.execute(sql, (row, timestamp)).fetchone() == (place_of(row, timestamp),)


@given(ROWS, ROWS, TIMES, TIMES)
def test_later_stands_no_lower(one: int, other: int, early: int, late: int) -> None:
    """Slots order messages by their time, as far as a place can hold it."""
    if clamped(early) < clamped(late):
        assert slot_of(place_of(one, early)) <= slot_of(place_of(other, late))
    if clamped(early) + (1 << 22) <= clamped(late):
        assert place_of(one, early) < place_of(other, late)


@given(ROWS, TIMES, TIMES)
def test_a_range_of_time_is_a_range_of_places(row: int, timestamp: int, other: int) -> None:
    """What was sent from a time on, or until it, stands within its bounds."""
    place = place_of(row, timestamp)
    assert first_place(timestamp) <= place <= last_place(timestamp) < 1 << 63
    if timestamp >= other:
        assert first_place(other) <= place
    if timestamp <= other:
        assert place <= last_place(other)


def test_a_row_number_that_no_place_holds() -> None:
    """It is refused, and never taken for another message's."""
    check_row(MOST_ROWS)
    for row in (-1, MOST_ROWS + 1):
        with pytest.raises(StoreError, match=str(row)):
            check_row(row)
