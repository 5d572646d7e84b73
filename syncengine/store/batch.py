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
RETURNED = -2
"""In place of an intent's number: removed by absence, and served once since (law 5)."""

UNCOUNTED = 1 << 40
"""Messages that arrived, more than any cap on a conversation's length."""


@frozen
class Gap:
    """History between two positions, both exclusive, that is not known to be here."""

    low: int
    high: int
    cursor: str | None = None
    """The server's; continues below `high`."""
    seam: bool = False
    """It may have expired unseen: shown, never fetched again (law 2)."""
    guessed: bool = False
    """What hangs above it may stand below what is under it: no page has shown both."""


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
class Covered:
    """The part of a conversation of which a read showed all that is there."""

    low: int
    """Exclusive, as `high`; `START`: down to the start of history."""
    high: int
    """`HEAD`: up to the newest end."""
    lowest_id: str | None
    """The message at `low`; None: the start of history."""
    at: int | None
    """Ms, the server's clock."""


@frozen
class Absence:
    """What becomes of messages that a read should have shown (law 5)."""

    at: int
    """Ms, the server's clock."""
    removed: Sequence[str] = ()
    expired: Sequence[str] = ()
    """Removed too, since old age explains it: nobody has to agree to that."""
    suspected: Sequence[str] = ()
    unverified: Sequence[str] = ()
    cleared: Sequence[str] = ()
    """Shown: no suspects any more, and verified."""
    dropped: Sequence[str] = ()
    """Not shown here anyway, and not on the server any more: they need no place."""
    held_back: bool = False
    """Some are missing twice, and a person has to agree to their removal."""

    @property
    def writes(self) -> bool:
        """Whether anything changes."""
        return any(
            (
                self.removed,
                self.expired,
                self.suspected,
                self.unverified,
                self.cleared,
                self.dropped,
                self.held_back,
            )
        )


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
    seen_at: int | None = None
    """When they were served, ms, the server's clock."""
    hidden: Mapping[str, int] = field(factory=dict)
    """Inserted messages that are not shown: the number of the pending intent that hides
    them (law 8), or `BURIED`."""
    sighted: Sequence[tuple[str, int | None]] = ()
    """Deleted messages that the server served all the same, and when, ms."""
    reopened: Sequence[str] = ()
    """Deleted messages that it serves for good: they are deleted there once more (law 4)."""
    restored: Sequence[str] = ()
    """Removed by absence, and served twice since: they are shown again (law 5)."""
    replaces: Sequence[MessageRow] = ()
    absence: Absence | None = None
    arrived: int = 0
    """How many of the inserted messages are new on the server, and not old history."""
    gaps_closed: Sequence[Gap] = ()
    gaps_opened: Sequence[Gap] = ()
    fetched: bool = False
    """For the first time."""
    fetched_at: int | None = None
    """Ms, the server's clock."""
    newest_changed: bool = False
    """A message was placed above all that were held."""
    newest_unsure: bool = False
    """Some messages are hidden, so that an older one than the newest is the newest shown."""
    frontier: Gap | None = field(default=None, eq=False)
    """The gap directly below the page, the one that its cursor continues."""
    open_gaps: int = field(default=0, eq=False)
    """How many gaps of the conversation can still be fetched."""
    open_below: bool = field(default=True, eq=False)
    """Whether one of these lies below the page."""
    hasty: bool = field(default=False, eq=False)
    """The server claimed something that is not believed yet; the gap is left for later."""
    believed: bool = field(default=True, eq=False)
    """False: nothing of the page was."""
    head_open: bool = field(default=False, eq=False)
    """The page was of the head, and something may be newer: it is read again another time."""
    covered: Covered | None = field(default=None, eq=False)
    """Of which part the page showed everything."""
    stay: int = field(default=0, eq=False)
    """The longest that an unedited message of the page was seen to stay here, ms."""

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
            or self.restored
            or self.replaces
            or self.absence is not None
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
    """Ms, local clock. In the future: it is not sent before, and can be taken back."""
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
    at: int
    """Ms, local clock: what was to wait for longer does not."""


@frozen
class Audited:
    """How far the reading again of a conversation has come. Ms, the server's clock."""

    key: ConversationKey
    at: int
    head: bool = False
    """Its newest page was read."""
    down_to: str | None = None
    """The pass over all of it, begun at the head, has come down to this message."""
    finished: bool = False
    """That pass reached the start."""
    failed: bool = False
    """It did not go on: others have their turn first, and it begins anew."""
    began_at: int | None = None
    """When that pass began, where it was made at once."""
    arrived_before: int = 0
    """How many messages had arrived then, since the last pass."""
    restarted: bool = False
    """That pass began anew, at the head."""
    second_look: bool = False
    """It was no step of a pass: suspects were read a second time."""
    accepted: bool = False
    """A person agreed to all removals in it so far."""


@frozen
class Bookkeeping:
    """When what was last done, ms, local clock: all that an idle cycle writes (law 11)."""

    listed_at: int | None = None
    synced_at: int | None = None
    list_open: bool | None = None
    """Whether a part of the list was stored without what stands below it."""
    server_time: int | None = None
    """The latest time that the server was heard to say, ms."""
    longest_stay: int = 0
    """The longest that an unedited message was seen to stay on the server, ms; it counts
    only as far as time passed here, too."""
    now: int | None = None
    """Ms, local clock."""
    horizon: int | None = None
    """Age in ms below which nothing can have expired, where it is configured."""
    audited: Sequence[Audited] = ()


@frozen
class Listing:
    """Which conversations the server's whole list shows (law 6)."""

    missing: Sequence[ConversationKey] = ()
    """Not any more."""
    back: Sequence[ConversationKey] = ()
    """Again."""


Write = Batch | Ask | Reply | Revive | Bookkeeping | Listing
"""All that a decision can ask for."""
