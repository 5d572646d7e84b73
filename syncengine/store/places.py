"""Where a message stands in the search index, pure: its time and a part of its row number.

    place = time, 42 bits of ms | row number, low 21 bits

Descending places are newest first. Back from a place, the message is one of a few: rows
2^21 apart, of which only one has that time. Two messages of one moment whose rows are a
multiple of 2^21 apart want the same place; the second gets the same bits at a later
moment, and a row in `search_moved`.
"""

ROW_BITS = 21
_ROWS = 1 << ROW_BITS
MOST_MOVED = 1 << 10
"""Ms by which a place may be later than its message: one per 2^21 rows."""
_LATEST = (1 << 42) - MOST_MOVED - 1


def clamped(timestamp: int) -> int:
    """The time as a place can hold it: from 1970 to 2109."""
    return max(0, min(timestamp, _LATEST))


def place_of(row: int, timestamp: int) -> int:
    """The place that a message wants."""
    return clamped(timestamp) << ROW_BITS | row & _ROWS - 1


def may_collide(row: int) -> bool:
    """Whether another row, a lower one, has the same low bits."""
    return row >= _ROWS


def next_place(place: int) -> int:
    """The one to try where it is taken: a moment later."""
    return place + _ROWS


def time_of(place: int) -> int:
    """The moment that a place stands for."""
    return place >> ROW_BITS


def candidates(place: int, most: int) -> range:
    """Row numbers, the highest at most `most`, of which one is the message."""
    return range(place & _ROWS - 1, most + 1, _ROWS)


def first_place(timestamp: int) -> int:
    """The lowest place that a message of that time or later can have."""
    return clamped(timestamp) << ROW_BITS


def last_place(timestamp: int) -> int:
    """The highest place that a message of that time or before can have."""
    return clamped(timestamp) + MOST_MOVED << ROW_BITS | _ROWS - 1
