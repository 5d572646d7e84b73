"""What a cycle, an audit and an upkeep did, and how a copy stands: figures for people."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from attrs import frozen

from syncengine.models import Kind


@frozen
class Problem:
    """Something that went wrong in a cycle without ending it."""

    error: str
    """The name of the error's class."""
    message: str
    hint: str
    conversation_id: str | None = None
    kind: Kind | None = None


@frozen
class Progress:
    """How far a cycle is."""

    pages: int
    messages_added: int
    conversations_readable: int
    """Conversations whose newest page is here."""
    conversations_done: int
    conversations_known: int
    """Conversations with something to fetch, as far as is known yet; it may still grow."""
    verifying: bool = False
    """All that is held is being read again; the conversations count from 0 for that."""


@frozen
class Report:
    """What a cycle did."""

    requests: int
    """Sent to the server, repetitions included, sign-in not."""
    pages: int
    """Pages of history fetched."""
    messages_added: int
    messages_removed: int
    conversations: int
    """Conversations of which something was written."""
    gaps_open: int
    """What is still to be fetched, over the whole account; seams are not counted."""
    seconds: float
    errors: Sequence[Problem] = ()
    held_back: int = 0
    """Messages that the server does not show any more, too many at once to be removed
    without a person's consent; over the whole account."""
    deletions_delivered: int = 0
    """Deletions that were asked for here, and that the server accepted."""


@frozen
class Verification:
    """What a full audit found: every page was read again."""

    conversations: int
    """Read to their start; what no list shows, deleted here or elsewhere, is not counted."""
    incomplete: int
    """Not read to their start: the errors say why, or the messages are too young."""
    requests: int
    pages: int
    messages_added: int
    messages_removed: int
    suspects: int
    """Missing on the server once, not seen missing a second time yet; over the account, as
    everything below."""
    held_back: int
    """Missing twice, and too many to be removed without a person's consent."""
    unverified: int
    """Missing, and perhaps only expired: they stay."""
    gaps_open: int
    seconds: float
    errors: Sequence[Problem] = ()
    deletions_delivered: int = 0
    """Deletions that were asked for here, and that the server accepted."""


@frozen
class Upkeep:
    """What the upkeep of a file did."""

    indexed: int
    """Messages that were not in the search index before."""
    merged: bool
    """The words of deleted messages were taken out of the file."""
    truncated: bool
    """The write-ahead log was emptied; False: another process was reading."""
    pending: int
    """Deleted messages whose text is still in the file, hidden: until the server has accepted
    their deletion (law 8), or has stopped to serve them."""
    seconds: float


@frozen
class Backup:
    """A copy of the file that was made."""

    path: Path
    bytes: int
    seconds: float


@frozen
class Recovery:
    """What was saved of a damaged file, in the new one that has its name now."""

    path: Path
    damaged: Path
    """Where the old file is: it is never deleted."""
    conversations: int
    messages: int
    intents: int
    """Deletions that wait to be delivered, or were refused."""
    lost: int
    """Messages that were there for certain; the next sync asks for them again."""
    unsure: int
    """Conversations of which nobody knows what is lost: all of each is asked for again."""
    nothing_read: bool
    """The new file is empty, for nothing of the old one could be read. Deletions that were not
    delivered may be lost."""
    seconds: float


class State(StrEnum):
    """What an engine is doing."""

    OFFLINE = "offline"
    IDLE = "idle"
    SYNCING = "syncing"
    CLOSED = "closed"


@frozen
class Status:
    """An account's copy in figures."""

    path: Path
    account: str | None
    """Server and user; None: the file was never synced."""
    conversations: int
    messages: int
    gaps: int
    seams: int
    never_synced: int
    """Conversations known from the list of which no history was fetched yet."""
    pending: int
    """Deletions that are still to be delivered."""
    refused: int
    """Deletions that the server refuses; their messages are shown again."""
    listed_at: int | None
    """When the list was last read to its end, ms, local clock."""
    synced_at: int | None
    """When the last cycle without errors ended, ms, local clock."""
    bytes: int
    """Size of the file; its write-ahead log not counted."""
    writable: bool
    behind: int
    """Messages that a search does not find yet; at most so many where they are thousands."""
    verified_since: int | None = None
    """All of it was read, or read again, since then, ms, server clock; None: not all of it yet,
    something is not begun, or has a gap."""
    suspects: int = 0
    """Messages that one read did not show; a second one decides."""
    held_back: int = 0
    """Messages to be removed, too many without a person's consent."""
    held_back_conversations: int = 0
    """The conversations that these are in."""
    unverified: int = 0
    """Messages that the server does not show any more, and that may only have expired."""
    undecided: int = 0
    """Those of them that the service's retention, if it was configured, could settle."""
