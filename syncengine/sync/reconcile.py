"""Which held messages a read proves to be gone. No I/O, no await (law 5).

A read shows some messages of a range. Those held in the range and not shown are absent;
absence is not deletion. One is removed only if

(a) it is covered: the caller passes only what lies within the range that the read covers;
(b) it cannot have expired: something older is still served that was never edited (an edit
    restarts a message's retention) nor imported (its id is newer than its place); or it is
    younger than anything was ever seen to expire, and not pushed out by newer arrivals;
(c) it was seen missing before, in a read long enough ago, with no sighting between.

What is missing for the first time becomes a suspect; what may have expired is kept and
marked unverified (law 7), or where the copy is to mirror the server, removed likewise.
"""

from collections.abc import Sequence
from enum import Enum
from itertools import pairwise

from attrs import frozen

from syncengine.models import MessageRow


@frozen(kw_only=True)
class Rules:
    """What decides about absent messages, besides the pages."""

    confirm_after: int
    """Ms, by the server's clock, between two reads that must both miss a message."""
    horizon: int | None = None
    """Age in ms below which nothing can have expired, where it is configured."""
    stay: int = 0
    """The longest that this process saw an unedited message stay, ms."""
    mirror: bool = False
    """Remove what may have expired, too."""
    guarded: bool = True
    """Hold removals of very much back until a person agrees."""


def horizon(rules: Rules, longest_stay: int) -> int:
    """The age in ms below which nothing can have expired (law 5 (b)), given the longest that
    this file ever saw an unedited message stay."""
    return max(rules.stay, longest_stay) if rules.horizon is None else rules.horizon


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
    mirror: bool = False
    """What may have expired is removed as well."""


_DECIDED_MS = 3_600_000
"""For so long what made a message a suspect holds, though it grows older than the horizon."""


class Fate(Enum):
    """What becomes of a message that was not shown."""

    WAIT = "wait"
    """It was missed before, too short a time ago: nothing changes."""
    SUSPECT = "suspect"
    """Missing for the first time: note when."""
    REMOVE = "remove"
    """Missing for certain, and not by age."""
    EXPIRE = "expire"
    """Missing for certain; age explains it."""
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
    aged = not witnessed and (not (young or _was_young(message, evidence)) or pushed_out)
    if aged and not evidence.mirror:
        return Fate.KEEP
    if message.suspect_at is None or message.suspect_at > evidence.served_at:
        return Fate.SUSPECT  # for the first time; or the server's clock was set back since
    if evidence.served_at - message.suspect_at < evidence.confirm_after:
        return Fate.WAIT
    return Fate.EXPIRE if aged else Fate.REMOVE


def _was_young(message: Stored, evidence: Evidence) -> bool:
    """Whether it was missed a short while ago already, when it could not have expired.

    A copy that mirrors suspects what may have expired, too: its age then decides.
    """
    if message.suspect_at is None:
        return False
    lately = 0 <= evidence.served_at - message.suspect_at < _DECIDED_MS
    young = message.suspect_at - message.timestamp < evidence.horizon
    return lately and (young or not evidence.mirror)


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


def longest_stay(rows: Sequence[MessageRow], served_at: int) -> int:
    """For how long the server kept a message of this page that was never edited, ms.

    `rows` are newest first. An imported message says nothing, nor does one whose clock
    was wrong: what it is counted by must not lie before what stands below it.
    """
    longest = 0
    least_id: int | None = None
    for row, older in pairwise(rows):
        number = _number(row.message_id)
        if number is None or (least_id is not None and number > least_id):
            continue
        least_id = number
        if row.edited_at is None and older.timestamp <= row.timestamp:
            longest = max(longest, served_at - row.timestamp)
    return longest
