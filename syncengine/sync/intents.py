"""What a person asked to be deleted, as plain values. No I/O, no await (law 8).

    pending ──sent──▶ accepted: settled, and gone
       │  ▲
       │  └─ retry ── refused: shown again, reported
       └─ no answer: stays pending, is sent again

Every intent is safe to send twice: ids name their messages; a *delete up to* is bounded by
what existed when it was asked; a conversation goes as a *delete up to* and then as its
list entry alone, never as one call that deletes whatever is there by then.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from syncengine.errors import (
    ConfigError,
    Gone,
    Patience,
    Rejected,
    ServiceNotEnabled,
    SyncEngineError,
    Unauthorized,
)


class Answer(StrEnum):
    """What a failed attempt means for an intent."""

    SETTLED = "settled"
    """There is nothing left to delete."""
    AGAIN = "again"
    """Nothing was decided: send it again later."""
    REFUSED = "refused"
    """The server refuses, and would again."""


def answer_to(error: SyncEngineError) -> Answer:
    """Judge a failed attempt. Credentials can change: an intent outlives wrong ones."""
    if isinstance(error, Gone):
        return Answer.SETTLED
    if isinstance(error, Unauthorized | ConfigError) or error.patience is not Patience.NEVER:
        return Answer.AGAIN
    if isinstance(error, Rejected | ServiceNotEnabled):
        return Answer.REFUSED
    return Answer.AGAIN


def bounded(timestamp: int, known: Iterable[int | None]) -> int:
    """The earlier of the time asked for and the newest server time known (law 4).

    A time in the future must not swallow what is written later.
    """
    newest = max((time for time in known if time is not None), default=0)
    return min(timestamp, newest)


def batches(message_ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The ids, at most `size` at a time."""
    for start in range(0, len(message_ids), size):
        yield message_ids[start : start + size]


_LARGEST_ID = 2**64 - 1


def checked_ids(message_ids: Iterable[str]) -> list[str]:
    """The ids, each once. Raises ConfigError for what can be no message id."""
    found = list(dict.fromkeys(message_ids))
    for message_id in found:
        digits = message_id.isascii() and message_id.isdecimal() and len(message_id) <= 20
        if not digits or int(message_id) > _LARGEST_ID:
            raise ConfigError(
                f"{message_id!r} is no message id", hint="Ids are the digits that a read returned."
            )
    return found


MILLISECONDS_FROM = 100_000_000_000
"""1973 in ms, the year 5138 in seconds: what is smaller was meant as seconds."""


def checked_time(timestamp: int) -> int:
    """A time in ms. Raises ConfigError for one before 1970, or given in seconds."""
    if timestamp < 0:
        raise ConfigError("the time is before 1970", hint="Times are milliseconds since 1970.")
    if 0 < timestamp < MILLISECONDS_FROM:
        raise ConfigError(
            f"{timestamp} looks like seconds",
            hint=f"Times are milliseconds since 1970: did you mean {timestamp * 1000}?",
        )
    return timestamp
