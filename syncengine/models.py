"""The words of the engine: what a conversation, a message and a page are.

Everything here is a value: frozen, compared by content, no behaviour beyond that.
Times are integers, milliseconds since 1970 by the server's clock, unless said.
Message ids are text: they are unsigned 64-bit numbers on the wire, and SQLite's
integers are signed.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from attrs import field, frozen

T = TypeVar("T")


class Kind(StrEnum):
    """What a conversation is held with. A user and a group may share an id."""

    CHAT = "chat"
    GROUPCHAT = "groupchat"
    CHATROOM = "chatroom"


class MessageType(StrEnum):
    """What a message carries. `UNKNOWN` is kept raw until a later version can read it."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    LOCATION = "location"
    VOICE = "voice"
    FILE = "file"
    COMMAND = "command"
    CUSTOM = "custom"
    COMBINED = "combined"
    UNKNOWN = "unknown"


class Retention(StrEnum):
    """What becomes of messages that the server kept long enough and dropped."""

    KEEP = "keep"
    """They stay here, marked (law 7)."""
    MIRROR = "mirror"
    """They go here too."""


class Source(StrEnum):
    """Who answered a fetch."""

    SERVER = "server"
    LOCAL = "local"


@frozen(order=True, cache_hash=True)  # it is looked up many times a page
class ConversationKey:
    """Which conversation: its id on the server, and its kind."""

    conversation_id: str
    kind: Kind = field(converter=Kind)

    def __str__(self) -> str:
        return f"{self.kind}:{self.conversation_id}"


class MessageRow(NamedTuple):
    """A message as a page brings it: the columns that are searched, and the raw bytes.

    A named tuple and not a class of attrs: one is made for every message of a pull and
    handed to SQLite as it is. Details (body, ext) are decoded from `raw` when somebody
    reads them, so a later version of the decoder improves messages stored today.
    """

    message_id: str
    sender: str
    timestamp: int
    type: str
    text: str
    edited_at: int | None
    """When it was last edited, ms; None when it never was."""
    raw: bytes
    """The bytes that the server sent: they are what is compared and what is decoded."""


def is_named(message_id: str) -> bool:
    """Whether the server knows it by that id. A row without one stands wherever it is shown:
    the same bytes may be in many places."""
    return not message_id.startswith("raw:")


@frozen
class Details:
    """What `MessageRow.raw` holds beyond the columns."""

    body: Mapping[str, Any] = field(factory=dict)
    """By type, for example ``url``, ``size_bytes``, ``width``; empty for plain text."""
    ext: Mapping[str, Any] = field(factory=dict)
    """The sender's own key-value pairs."""
    meta: Mapping[str, Any] = field(factory=dict)
    """What the server adds: edits, read state, reactions, threads."""


class _Deferred:
    """Makes up for details that are not decoded yet: most lists never look at them."""

    __slots__ = ("__weakref__", "_decode")
    _decode: Callable[[bytes], Details]
    """Set where they are still to be decoded."""

    if not TYPE_CHECKING:  # a type checker would take it for a promise that every name exists

        def __getattr__(self, name: str) -> Any:
            if name not in DEFERRED:
                raise AttributeError(f"a message has no {name}")
            details = self._decode(self.raw)
            for each in DEFERRED:
                object.__setattr__(self, each, getattr(details, each))
            return getattr(details, name)


DEFERRED = ("body", "ext", "meta")
"""What of a message is decoded when somebody first looks at it."""


@frozen
class Message(_Deferred):
    """One message, whole."""

    message_id: str
    conversation_id: str
    kind: Kind
    sender: str
    timestamp: int
    type: MessageType
    text: str = ""
    edited_at: int | None = None
    body: Mapping[str, Any] = field(factory=dict)
    ext: Mapping[str, Any] = field(factory=dict)
    meta: Mapping[str, Any] = field(factory=dict)
    raw: bytes = field(default=b"", repr=False)


@frozen
class Summary:
    """One entry of the server's conversation list.

    `newest` is a preview: it is shown, never stored as a held message (law 6).
    """

    key: ConversationKey
    unread_count: int = 0
    pinned: bool = False
    pinned_at: int | None = None
    marks: tuple[str, ...] = ()
    newest: MessageRow | None = None


@frozen
class SummaryPage:
    """A page of the conversation list, most recently active first."""

    summaries: Sequence[Summary]
    cursor: str | None
    """Continues the list; None at its end."""


@frozen
class Page:
    """What the server answered when asked for history.

    `messages` are in the order in which they were served: newest first when older ones
    were asked for. There may be fewer than the server sent, since rows that are no
    messages are left out, so their number says nothing about the end.
    """

    messages: Sequence[MessageRow]
    cursor: str | None
    """Continues in the same direction; None at the end."""
    end: bool
    """The server claims that nothing lies beyond. Whether to believe it: law 2."""
    served_at: int | None = None
    """The server's clock when it answered, ms; None when it did not say."""
    repeated: bool = False
    """It is the answer to an earlier question: what it leaves out says nothing."""


class _DeferredLast:
    """Makes up for a last message that is not made yet: of a long list, few are looked at."""

    __slots__ = ("__weakref__", "_columns", "_decode", "_make")
    _columns: Sequence[Any]
    _decode: Callable[[bytes], Details]
    _make: Callable[[Sequence[Any], Callable[[bytes], Details]], Message | None]
    """Set where it is still to be made: of what, and by what."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name != "last_message":
                raise AttributeError(f"a conversation has no {name}")
            made = self._make(self._columns, self._decode)
            object.__setattr__(self, name, made)
            return made


@frozen
class Conversation(_DeferredLast):
    """A conversation as it is held here."""

    conversation_id: str
    kind: Kind
    unread_count: int
    pinned: bool
    marks: tuple[str, ...]
    last_message: Message | None
    """The newest message held, or the list's preview where that is newer."""
    synced: bool
    """False: nothing of its history was ever fetched (*empty* and *never synced* differ)."""
    whole: bool
    """No gap and no seam: all that the server had is here."""
    gaps: int
    seams: int
    expired: bool = False
    """The server has none of its messages any more; what is held here stays readable."""
    verified_since: int | None = None
    """All of it was read, or read again, since then, ms, server clock; None: not all of it yet,
    for it was never synced, or has a gap. What was missing is a suspect since, or unverified."""
    held_back: int = 0
    """Messages to be removed, too many without a person's consent."""


@frozen
class Hole:
    """Where history is missing in a slice: between two held messages.

    None as `older_id` means the start of history, None as `newer_id` the newest end.
    """

    older_id: str | None
    newer_id: str | None


@frozen
class Slice:
    """Some messages of one conversation, oldest first, and what is known to be missing."""

    messages: Sequence[Message]
    gaps: Sequence[Hole]
    """Not fetched yet; the next syncs close them."""
    seams: Sequence[Hole]
    """May have expired on the server unseen; never fetched again (law 2)."""
    reached_start: bool
    """Nothing older is held, and no gap lies below."""
    as_of: int | None
    """When the last sync that looked at everything ended, local clock, ms; None: never."""
    unverified: Sequence[str] = ()
    """Ids of those messages that the server does not show any more, and that may have
    expired or have been deleted there: nobody can tell (law 7)."""
    revision: int = 0
    """The number of the newest change it shows: `changes(since=…)` goes on from there."""
    anchor: str | None = None
    """Of a read around a message or a time: the message that was meant. None: the time lies
    after all that is held, or the message is not shown any more."""

    @property
    def whole(self) -> bool:
        """Nothing is missing among these messages, nor directly before or after them."""
        return not self.gaps and not self.seams


@frozen
class Loaded:
    """What a window shows of a conversation, after the gap there was asked for."""

    slice: Slice
    source: Source
    """SERVER: it was asked, and answered. LOCAL: nothing had to be asked, or it failed."""
    error: Exception | None = None
    """Why a gap could not be closed now."""


class Order(StrEnum):
    """What comes first among the results of a search."""

    NEWEST = "newest"
    RELEVANCE = "relevance"
    """How often the words stand in a text, and how little else; of the newest 500."""


@frozen
class Hit:
    """A message that a search found, and why."""

    message: Message
    snippet: str
    """A piece of the message's text, as it is written there."""
    highlights: Sequence[tuple[int, int]]
    """Where in the snippet the words stand: begin and end, in order."""


@frozen
class Found:
    """A page of a search's results."""

    hits: Sequence[Hit]
    cursor: str | None
    """Continues the search; None: there is nothing more."""
    behind: int
    """Messages that are held and cannot be found yet, since they are still to be indexed;
    at most so many where they are thousands."""


@frozen
class Fetched(Generic[T]):
    """The answer of a fetch."""

    items: Sequence[T]
    cursor: str | None
    source: Source
    error: Exception | None = None
    """Why the answer is local."""


class IntentKind(StrEnum):
    """What a person asked to be deleted."""

    MESSAGES = "messages"
    """These messages."""
    BEFORE = "before"
    """Everything up to a moment."""
    LISTING = "listing"
    """The entry in the server's list; the messages stay."""


class IntentState(StrEnum):
    """How far an intent is; what is settled is gone."""

    PENDING = "pending"
    REFUSED = "refused"


@frozen
class Intent:
    """One deletion asked for, as it stands in the outbox."""

    number: int
    key: ConversationKey
    kind: IntentKind
    timestamp: int | None
    """For BEFORE: ms, inclusive."""
    message_ids: Sequence[str]
    """For MESSAGES: those not settled yet."""
    asked_at: int
    """Ms, local clock. In the future: it is not sent before, and can be taken back."""
    state: IntentState = IntentState.PENDING
    attempts: int = 0
    error: str | None = None
    """The last failure, in words."""
