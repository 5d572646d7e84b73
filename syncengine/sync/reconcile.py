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

from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum

from attrs import frozen

from syncengine.sync.order import number


@frozen(kw_only=True)
class Rules:
    """What decides about absent messages, besides the pages."""

    confirm_after: int
    """Ms, by the server's clock, between two reads that must both miss a message."""
    horizon: int | None = None
    """Age in ms below which nothing can have expired, where it is configured."""
    mirror: bool = False
    """Remove what may have expired, too."""
    guarded: bool = True
    """Hold removals of very much back until a person agrees."""


def horizon(rules: Rules, longest_stay: int) -> int:
    """The age in ms below which nothing can have expired (law 5 (b)), given the longest that
    this file ever saw an unedited message stay."""
    return longest_stay if rules.horizon is None else rules.horizon


@frozen
class Stored:
    """A held message, as far as this decision needs it."""

    message_id: str
    position: int
    timestamp: int
    edited: bool = False
    suspect_at: int | None = None
    """When it was first seen missing, ms, the server's clock."""
    settled: bool = False
    """It may have been missing before arrivals were counted."""


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
    arrived: int | None = 0
    """Messages that arrived at the head since the absent ones were last served; None: that
    is not known."""
    explained: Sequence[int] = ()
    """Positions of others that went missing since then, and are not to be judged."""
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
    pushed_out = _pushed_out(absent, evidence)
    return {
        message.message_id: _fate(message, evidence, message.message_id in pushed_out)
        for message in absent
    }


def _fate(message: Stored, evidence: Evidence, pushed_out: bool) -> Fate:
    young = evidence.served_at - message.timestamp < evidence.horizon
    witnessed = _witnessed(message, evidence.served)
    aged = not (young or witnessed or _was_young(message, evidence))
    unsure = pushed_out and not aged and evidence.arrived is None
    if unsure or ((aged or pushed_out) and not evidence.mirror):
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


def _witnessed(message: Stored, served: Sequence[Stored]) -> bool:
    """Whether something older is served that would have expired first.

    It was never edited, and it came before the message: its id is lower, else it may have
    been imported since; and its time is not later.
    """
    own = number(message.message_id)
    if own is None:
        return False
    for other in served:
        if other.position < message.position and not other.edited:
            others = number(other.message_id)
            if others is not None and others < own and other.timestamp <= message.timestamp:
                return True
    return False


def _pushed_out(absent: Sequence[Stored], evidence: Evidence) -> set[str]:
    """What a cap on length may have taken: the k oldest of all, where k arrived.

    What may have been missing before they came is none of the k.
    """
    lowest = min((message.position for message in evidence.served), default=None)
    below = [m for m in absent if lowest is None or m.position < lowest]
    if evidence.arrived is None:
        return {message.message_id for message in below}
    since = [message.position for message in below if not message.settled]
    taken = sorted([*since, *evidence.explained])
    return {m.message_id for m in below if bisect_left(taken, m.position) < evidence.arrived}
