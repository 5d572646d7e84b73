"""Where a message stands in the search index, pure: a slot of time, and its row number.

    place = time in ms / 2^22, which is 70 minutes, 27 bits | row number, 36 bits

Descending places are newest first, slot by slot. Within a slot the messages are sorted by
the times that they have. The slots are that wide because the index stores the difference
from place to place: with the time to the ms, five or six bytes for every word.
"""

from syncengine.errors import StoreError

SLOT_BITS = 22
"""Of the time, left out."""
ROW_BITS = 36
MOST_ROWS = (1 << ROW_BITS) - 1
LATEST = (1 << 63 - ROW_BITS + SLOT_BITS) - 1
"""The last moment that a place can hold, in the year 19809; the first is in 1970."""


def in_sql(table: str) -> str:
    """The place of a table's row, as SQLite computes it: the same as `place_of`."""
    return f"({clamped_in_sql(table)} >> {SLOT_BITS} << {ROW_BITS} | {table}.message)"


def clamped_in_sql(table: str) -> str:
    """The time of a table's row, the same as `clamped`."""
    return f"min(max({table}.timestamp, 0), {LATEST})"


def place_of(row: int, timestamp: int) -> int:
    """The place of a message."""
    return clamped(timestamp) >> SLOT_BITS << ROW_BITS | row


def clamped(timestamp: int) -> int:
    """The time as a place can hold it."""
    return max(0, min(timestamp, LATEST))


def check_row(row: int) -> None:
    """Raise StoreError for a row number that no place can hold: only a program that chooses
    its own numbers comes so far."""
    if not 0 <= row <= MOST_ROWS:
        raise StoreError(f"a message has row number {row}; the search index ends at {MOST_ROWS}")


def slot_of(place: int) -> int:
    """The slot that a place lies in."""
    return place >> ROW_BITS


def row_of(place: int) -> int:
    """The row number of the message that stands there."""
    return place & MOST_ROWS


def first_place(timestamp: int) -> int:
    """No message of that time or later has a lower one."""
    return place_of(0, timestamp)


def last_place(timestamp: int) -> int:
    """No message of that time or before has a higher one."""
    return place_of(MOST_ROWS, timestamp)
