"""What a view answers: plain values that a decision works on."""

from typing import NamedTuple

from attrs import frozen

from syncengine.models import MessageRow
from syncengine.store.batch import Doubt


class HeldMessage(NamedTuple):
    """A message that is here: where, and as which bytes."""

    position: int
    raw: bytes
    edited_at: int | None
    hidden: int | None
    """The intent that hides it, `BURIED` or `RETURNED`."""
    suspect_at: int | None = None
    """When a read first should have shown it and did not, ms, the server's clock."""
    unverified: bool = False
    """It is not on the server any more, and may only have expired."""
    seen_at: int | None = None
    """When it came here, ms, the server's clock."""

    @property
    def doubted(self) -> bool:
        """Whether the last read that should have shown it did not."""
        return self.suspect_at is not None or bool(self.unverified)


class PlacedMessage(NamedTuple):
    """What decides about a message that a read did not show."""

    message_id: str
    position: int
    timestamp: int
    edited_at: int | None
    hidden: int | None
    suspect_at: int | None
    unverified: bool


class Tombstone(NamedTuple):
    """A message that is not to be shown."""

    served_at: int | None
    """When the server served it all the same, ms, its clock."""
    absent_at: int | None
    """When it was removed because two reads did not show it; None: deleted here, for good."""


class Removals(NamedTuple):
    """What absence did, and may do, to a conversation since a person last agreed."""

    held: int
    """All that is shown."""
    visible: int
    """Without those that are unverified."""
    suspects: int
    removed: int
    held_back: bool

    @property
    def most_of_it(self) -> bool:
        """Whether more than half of the conversation is gone, or may be."""
        return 2 * (self.removed + self.suspects) > self.removed + self.visible


class AccountState(NamedTuple):
    """The account's one row."""

    name: str | None
    listed_at: int | None
    synced_at: int | None
    list_open: int
    """1: a part of the list was stored, and what stands below it was not looked at."""


@frozen
class ListedState:
    """What the list said of a conversation when it was last read."""

    unread_count: int
    pinned: bool
    pinned_at: int | None
    marks: tuple[str, ...]
    fetched: bool
    looks: int
    doubt: Doubt | None
    preview: MessageRow | None
