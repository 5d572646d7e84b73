"""What is decided and written: the nouns between ``sync/`` and the store.

A position is an integer that orders a message within its conversation (law 3). Room is
left between positions; they never leave the store and the files that plan its writes.
"""

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from syncengine.models import ConversationKey, Intent, IntentKind, MessageRow, Summary

START = -(1 << 62)
"""Below every position: the start of history."""
HEAD = 1 << 62
"""Above every position: the newest end."""
BURIED = -1
"""In place of an intent's number: deleted for certain, and served all the same (law 4)."""


@frozen
class Gap:
    """History between two positions, both exclusive, that is not known to be here."""

    low: int
    high: int
    cursor: str | None = None
    """The server's; continues below `high`."""
    seam: bool = False
    """It may have expired unseen: shown, never fetched again (law 2)."""


@frozen
class Shift:
    """Makes room: every position at or above `at` grows by `by`."""

    at: int
    by: int


@frozen
class Doubt:
    """A head that showed less than is held: believed when it is seen a second time."""

    top: str
    """The newest message it showed; empty: none."""
    at: int | None
    """Ms, the server's clock."""


@frozen
class Batch:
    """All that is written for one conversation, in one transaction (law 1).

    Applied in the order of the fields. Those from `frontier` on are not written: they tell
    the chain of pages that made this batch how to go on.
    """

    key: ConversationKey
    summary: Summary | None = None
    looks: int | None = None
    doubt: Doubt | None = None
    settled: bool = False
    """The head is not in doubt any more."""
    shifts: Sequence[Shift] = ()
    moves: Sequence[tuple[str, int]] = ()
    inserts: Sequence[tuple[int, MessageRow]] = ()
    hidden: Mapping[str, int] = field(factory=dict)
    """Inserted messages that are not shown: the number of the pending intent that hides
    them (law 8), or `BURIED`."""
    sighted: Sequence[tuple[str, int | None]] = ()
    """Deleted messages that the server served all the same, and when, ms."""
    reopened: Sequence[str] = ()
    """Deleted messages that it serves for good: they are deleted there once more (law 4)."""
    replaces: Sequence[MessageRow] = ()
    gaps_closed: Sequence[Gap] = ()
    gaps_opened: Sequence[Gap] = ()
    fetched: bool = False
    newest_changed: bool = False
    """A message was placed above all that were held."""
    frontier: Gap | None = field(default=None, eq=False)
    """The gap directly below the page, the one that its cursor continues."""
    open_gaps: int = field(default=0, eq=False)
    """How many gaps of the conversation can still be fetched."""
    hasty: bool = field(default=False, eq=False)
    """The server claimed something that is not believed yet; the gap is left for later."""
    believed: bool = field(default=True, eq=False)
    """False: nothing of the page was."""
    head_open: bool = field(default=False, eq=False)
    """The page was of the head, and something may be newer: it is read again another time."""

    @property
    def writes(self) -> bool:
        """Whether anything would be written at all (law 11)."""
        return bool(
            self.summary is not None
            or self.looks is not None
            or self.doubt is not None
            or self.settled
            or self.shifts
            or self.moves
            or self.inserts
            or self.sighted
            or self.reopened
            or self.replaces
            or self.gaps_closed
            or self.gaps_opened
            or self.fetched
        )


@frozen
class Ask:
    """A deletion that a person asked for: durable before the call returns (law 8)."""

    key: ConversationKey
    kind: IntentKind
    asked_at: int
    """Ms, local clock."""
    timestamp: int | None = None
    message_ids: Sequence[str] = ()


@frozen
class Reply:
    """What became of an attempt to send an intent."""

    intent: Intent
    settled_ids: Sequence[str] = ()
    """Messages of it that are gone from the server."""
    done: bool = False
    """Nothing of it is left to send."""
    refused: bool = False
    error: str | None = None
    """The failure, in words."""
    attempted: bool = True


@frozen
class Revive:
    """What a person decided about an intent that is not settled."""

    intent: Intent
    drop: bool
    """Give it up, and show its messages again; else send it once more."""


@frozen
class Bookkeeping:
    """When what was last done, ms, local clock: the one row that an idle cycle writes."""

    listed_at: int | None = None
    synced_at: int | None = None
    list_open: bool | None = None
    """Whether a part of the list was stored without what stands below it."""
    server_time: int | None = None
    """The latest time that the server was heard to say, ms."""


Write = Batch | Ask | Reply | Revive | Bookkeeping
"""All that a decision can ask for."""
