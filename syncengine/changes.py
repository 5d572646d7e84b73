"""What was in fact written: the vocabulary of changes, and of the feed that tells them.

Every commit that changes what a reader sees says so in rows of the same transaction
(law 1). Revisions grow by one, without holes. What is bookkeeping is not told: when
something was last synced, read again or verified, and which messages one read missed.
"""

from collections.abc import Sequence
from enum import StrEnum

from attrs import frozen

from syncengine.models import ConversationKey
from syncengine.reports import Progress, Report, Verification


class What(StrEnum):
    """What happened.

    Each may also have changed its conversation's entry: its last message, its gaps, whether
    it is whole. A list of conversations reads `reader.conversation` again after any of them.
    """

    ADDED = "added"
    """Messages are here that were not. `message_ids` are those of them that still are,
    oldest first; they can stand anywhere in the conversation."""
    EDITED = "edited"
    """Messages say something else now: read them again."""
    REORDERED = "reordered"
    """These messages stand elsewhere now, between other neighbours (law 3)."""
    REMOVED = "removed"
    """Messages are not shown any more; `cause` says why. `until`: all up to then, by their
    timestamps, in place of ids."""
    RESTORED = "restored"
    """Messages that were removed by absence are shown again: the server has them."""
    UNVERIFIED = "unverified"
    """The server does not show these messages any more, and nobody can tell why: they stay,
    marked (`Slice.unverified`, law 7)."""
    VERIFIED = "verified"
    """Marked messages that are not marked any more."""
    SETTLED = "settled"
    """The server accepted a deletion. What it hid is gone; nothing of that was shown."""
    REFUSED = "refused"
    """The server refuses a deletion: what it hid is shown again, as far as `message_ids`
    names it or up to `until`. That may be messages that were never told as added: read
    these, or the conversation, again."""
    DROPPED = "dropped"
    """A person gave a deletion up: what it hid is shown again. Otherwise as REFUSED."""
    GAP_CLOSED = "gap_closed"
    """One gap of the conversation is no more, or a seam now."""
    CONVERSATION_ADDED = "conversation_added"
    """The list of conversations shows one more: a new one, or one that is back."""
    CONVERSATION_CHANGED = "conversation_changed"
    """Only its entry changed: unread count, pin, marks, preview, its gaps, what is held back."""
    CONVERSATION_REMOVED = "conversation_removed"
    """The list of conversations does not show it any more; `cause` as for messages. What is
    left of its messages can still be read."""
    UNKNOWN = "unknown"
    """Something that only a newer version can tell: read the conversation again."""


class Cause(StrEnum):
    """Why messages are not shown any more."""

    DELETED = "deleted"
    """They were deleted here."""
    ABSENT = "absent"
    """They are gone from the server: deleted on another device, or recalled (law 5)."""
    EXPIRED = "expired"
    """The server kept them long enough, and this copy mirrors it (law 7)."""


@frozen
class Change:
    """One change of one conversation."""

    revision: int
    key: ConversationKey
    what: What
    cause: Cause | None = None
    intent: int | None = None
    """The number of the deletion that it belongs to."""
    until: int | None = None
    """Ms: everything up to then, in place of ids."""
    message_ids: Sequence[str] = ()


class ActivityKind(StrEnum):
    """What an engine is doing, as far as its own process can see."""

    SYNC_STARTED = "sync_started"
    SYNC_PROGRESSED = "sync_progressed"
    SYNC_FINISHED = "sync_finished"
    CONNECTION_LOST = "connection_lost"
    """A cycle did not reach the server, and the one before it did."""
    CONNECTION_BACK = "connection_back"
    """A cycle reached the server, and the one before it did not."""


@frozen
class Activity:
    """Something passing: told to who listens in the same process, and kept nowhere."""

    kind: ActivityKind
    progress: Progress | None = None
    """For SYNC_PROGRESSED: the newest; what nobody looked at in time is left out."""
    report: Report | Verification | None = None
    """For SYNC_FINISHED; None: it ended early, by an error or a cancellation."""


@frozen
class Update:
    """What a listener of the feed gets: the changes of one commit, or an activity."""

    revision: int
    """Up to here everything was told. To go on from here another time: `changes(since=…)`."""
    changes: Sequence[Change] = ()
    """All of one commit, in order."""
    reset: bool = False
    """What lies between is not known any more: read all anew. It stands alone."""
    activity: Activity | None = None
