"""What was in fact written: the vocabulary of changes.

Every commit that takes a message out of sight, or brings it back, says so in a row of the
same transaction (law 1), with the reason. Revisions grow by one, without holes.
"""

from collections.abc import Sequence
from enum import StrEnum

from attrs import frozen

from syncengine.models import ConversationKey


class What(StrEnum):
    """What happened."""

    REMOVED = "removed"
    """Messages are not shown any more; `cause` says why."""
    RESTORED = "restored"
    """Messages that were removed by absence are shown again: the server has them."""
    SETTLED = "settled"
    """The server accepted a deletion."""
    REFUSED = "refused"
    """The server refuses a deletion: what it hid is shown again."""
    DROPPED = "dropped"
    """A person gave a deletion up: what it hid is shown again."""


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
