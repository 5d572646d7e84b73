"""Which held messages a read proves to be gone. No I/O, no await (law 5).

A read shows some messages of a range. Those held in the range and not shown are absent;
absence is not deletion. One is removed only if

(a) it is covered: the caller passes only what lies within the range that the read covers;
(b) it cannot have expired: something older is still served that was never edited (an edit
    restarts a message's retention) nor imported (its id is newer than its place); or it is
    younger than anything was ever seen to expire, and not pushed out by newer arrivals;
(c) it was seen missing before, in a read long enough ago, with no sighting between.

What is missing for the first time becomes a suspect; what may have expired is kept and
marked unverified (law 7).
"""

from collections.abc import Sequence
from enum import Enum

from attrs import frozen


@frozen
class Stored:
    """A held message, as far as this decision needs it."""

    message_id: str
    position: int
    timestamp: int
    edited: bool = False
    suspect_at: int | None = None
    """When it was first seen missing, ms, the server's clock."""


@frozen(kw_only=True)
class Evidence:
    """What a read showed."""

    served: Sequence[Stored]
    """The messages that it showed, in any order, as they stand here afterwards."""
    served_at: int
    """The server's clock when it answered, ms."""
    horizon: int
    """Age in ms below which nothing can have expired."""
    confirm_after: int
    """Ms between the two reads that must miss a message."""
    arrived: int = 0
    """Messages that arrived at the head since the absent ones were last served."""


class Fate(Enum):
    """What becomes of a message that was not shown."""

    WAIT = "wait"
    """It was missed before, too short a time ago: nothing changes."""
    SUSPECT = "suspect"
    """Missing for the first time: note when."""
    REMOVE = "remove"
    """Missing for certain."""
    KEEP = "keep"
    """Missing, and perhaps only expired: it stays, marked unverified."""


def reconcile(absent: Sequence[Stored], evidence: Evidence) -> dict[str, Fate]:
    """Judge what a read covered and did not show; by message id."""
    witness = _witness(evidence.served)
    oldest = _oldest_absent(absent, evidence.served)
    pushed_out = oldest if len(oldest) <= evidence.arrived else set()
    return {
        message.message_id: _fate(message, evidence, witness, message.message_id in pushed_out)
        for message in absent
    }


def _fate(message: Stored, evidence: Evidence, witness: int | None, pushed_out: bool) -> Fate:
    witnessed = witness is not None and witness < message.position
    young = evidence.served_at - message.timestamp < evidence.horizon
    if not witnessed and (not young or pushed_out):
        return Fate.KEEP
    if message.suspect_at is None:
        return Fate.SUSPECT
    waited = evidence.served_at - message.suspect_at
    return Fate.REMOVE if waited >= evidence.confirm_after else Fate.WAIT


def _witness(served: Sequence[Stored]) -> int | None:
    """The lowest position of a message whose being served proves that nothing above expired."""
    newest_first = sorted(served, key=lambda message: -message.position)
    lowest: int | None = None
    least_id: int | None = None
    for message in newest_first:
        number = _number(message.message_id)
        if number is None or message.edited:
            continue
        if least_id is not None and number > least_id:
            continue  # its id is newer than its place: imported, and kept from then on
        least_id, lowest = number, message.position
    return lowest


def _number(message_id: str) -> int | None:
    """Ids are compared as numbers only to tell what was imported; never for order."""
    return int(message_id) if message_id.isdecimal() and message_id.isascii() else None


def _oldest_absent(absent: Sequence[Stored], served: Sequence[Stored]) -> set[str]:
    """The absent messages below everything served: what a cap on length would take."""
    lowest = min((message.position for message in served), default=None)
    return {m.message_id for m in absent if lowest is None or m.position < lowest}
