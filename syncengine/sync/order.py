"""Which of two messages was sent first, as far as their ids and times tell. No I/O, no await.

History has the order that the server's pages show. This is for what no page shows beside
each other, and only where both agree: ids rise and times grow, but for what was imported
into the past, and where a clock stepped back.
"""

from collections.abc import Sequence


def number(message_id: str) -> int | None:
    """An id as a number; None: it is not one."""
    return int(message_id) if message_id.isdecimal() and message_id.isascii() else None


def any_higher(message_ids: Sequence[str], than_id: str) -> bool:
    """Whether one of them is a higher number; those that are none do not count.

    Asked of every page, where none is: ids that are neither longer nor later in the order of
    characters need not be made numbers to see that.
    """
    longest = max(map(len, message_ids), default=0)
    if longest <= len(than_id) and max(message_ids, default="") <= than_id:
        return False
    bound = number(than_id)
    return bound is not None and any(
        found is not None and found > bound for found in map(number, message_ids)
    )


def is_newer(message_id: str, timestamp: int, than_id: str, than_timestamp: int) -> bool:
    """Whether a message was certainly sent after another; times in ms."""
    its, others = number(message_id), number(than_id)
    if its is None or others is None:
        return False
    return its > others and timestamp > than_timestamp
