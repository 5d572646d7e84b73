"""Which of two messages was sent first, as far as their ids and times tell. No I/O, no await.

History has the order that the server's pages show. This is for what no page shows beside
each other, and only where both agree: ids rise and times grow, but for what was imported
into the past, and where a clock stepped back.
"""

from collections.abc import Iterable


def number(message_id: str) -> int | None:
    """An id as a number; None: it is not one."""
    return int(message_id) if message_id.isdecimal() and message_id.isascii() else None


def highest(message_ids: Iterable[str]) -> int:
    """The highest id that is a number; 0: none is. Asked of every page."""
    return max(map(int, filter(str.isdecimal, message_ids)), default=0)


def is_newer(message_id: str, timestamp: int, than_id: str, than_timestamp: int) -> bool:
    """Whether a message was certainly sent after another; times in ms."""
    its, others = number(message_id), number(than_id)
    if its is None or others is None:
        return False
    return its > others and timestamp > than_timestamp
