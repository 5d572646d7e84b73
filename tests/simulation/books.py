"""Books of what was asked, sent and written, kept apart from the product's own file."""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from random import Random

import httpx
from attrs import define, field, frozen

from syncengine import ConversationKey

ACTOR: ContextVar[str] = ContextVar("ACTOR", default="")
"""Whose request the server is working on; empty: none of the devices'."""


@frozen
class Call:
    """A deletion that the server did for one of the devices."""

    device: str
    what: str
    """As an intent's kind: messages, before, listing."""
    key: ConversationKey
    ids: frozenset[str]
    """Those named."""
    timestamp: int | None
    deleted: Sequence[tuple[str, int]]
    """What was there until then, each with its time, ms."""


@frozen
class Wish:
    """What a person asked a device to delete, at the moment of asking."""

    key: ConversationKey
    ids: frozenset[str]
    until: int | None
    """Ms: the time asked for, or the newest that this device could know where that is earlier."""

    def covers(self, key: ConversationKey, message_id: str, timestamp: int) -> bool:
        """Whether the message may be deleted for it (law 8)."""
        before = self.until is not None and timestamp <= self.until
        return key == self.key and (message_id in self.ids or before)


@frozen
class Taken:
    """An intent as it was when it was stored."""

    key: ConversationKey
    what: str
    timestamp: int | None
    ids: frozenset[str]
    hidden: frozenset[str]
    calls: int
    """How many calls the server had done by then."""


@frozen
class Row:
    """A change row."""

    revision: int
    conversation: int
    key: ConversationKey
    what: str
    cause: str | None
    intent: int | None
    until: int | None
    ids: frozenset[str]


@define
class Books:
    """Those of one device."""

    has_tables: bool = False
    """Whether its file was once made to the end."""
    revision: int = 0
    fresh: list[Row] = field(factory=list)
    """Change rows since somebody looked at the screen."""
    wishes: list[Wish] = field(factory=list)
    intents: dict[int, Taken] = field(factory=dict)
    heard: int = 0
    """Ms: the server's clock in its last answer."""
    calls_checked: int = 0
    accepting: bool = False
    """A person agrees to whatever is removed now."""
    removed: dict[ConversationKey, set[str]] = field(factory=dict)
    """By absence, since a person last agreed."""
    emptied: set[ConversationKey] = field(factory=set)
    gone: set[str] = field(factory=set)
    """All that was ever removed because of what the server did not show."""
    late: int = 0
    """How many turns of the loop an answer may take at most."""
    edits: dict[str, int] = field(factory=dict)
    """The newest edit of each message that was committed while pages came in any order."""
    last_row: int = 0
    gaps: frozenset[tuple[int, int, int]] = frozenset()

    def accept(self) -> None:
        """A person agreed: the guard counts anew."""
        self.accepting = False
        self.removed.clear()
        self.emptied.clear()


class Speaking(httpx.AsyncBaseTransport):
    """A device's lane: the server's side knows whose request it works on."""

    def __init__(
        self,
        lane: httpx.AsyncBaseTransport,
        name: str,
        books: Books,
        random: Random,
        now: Callable[[], int],
    ) -> None:
        self._lane = lane
        self._random = random
        self._name = name
        self._books = books
        self._now = now

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand it on."""
        token = ACTOR.set(self._name)
        try:
            response = await self._lane.handle_async_request(request)
        finally:
            ACTOR.reset(token)
        for _ in range(self._random.randint(0, self._books.late) if self._books.late else 0):
            await asyncio.sleep(0)
        self._books.heard = max(self._books.heard, self._now())
        return response

    async def aclose(self) -> None:
        """The lane with it."""
        await self._lane.aclose()
