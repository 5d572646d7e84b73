"""Asks the server for pages of history, one at a time, past those that show nothing."""

from collections.abc import Awaitable, Callable

from attrs import evolve

from syncengine.models import ConversationKey, Page
from syncengine.remote.port import Remote
from syncengine.retry import Retrier
from syncengine.store.contention import Contention
from syncengine.sync.links import shows_named
from syncengine.sync.replays import Replays
from syncengine.sync.tally import Tally

MOST_EMPTY = 50
"""Pages without a single message, one after the other, before the server is not believed."""

Passing = Callable[[], Awaitable[None]]
"""Called before each further page past rows that are no messages; may raise."""


class PageSource:
    """One account's history, as the server tells it."""

    def __init__(
        self,
        remote: Remote,
        contention: Contention,
        retrier: Retrier,
        limit: int,
        tally: Tally,
        replays: Replays,
    ) -> None:
        """`limit`: messages a page."""
        self._remote = remote
        self._contention = contention
        self._retrier = retrier
        self._limit = limit
        self._tally = tally
        self._replays = replays
        self.server_time: int | None = None
        """What the server said last, ms."""
        self.first_heard: int | None = None
        """What the server's first page said, ms."""

    @property
    def starts_at_messages(self) -> bool:
        """Whether a page can be asked for by a message that it begins with."""
        return self._remote.capabilities.starts_at_messages

    async def fetch(self, key: ConversationKey, start: str, least: int = 2) -> Page:
        """One page, as the server gives it. Raises CursorExpired and what the adapter raises."""
        await self._contention.give_way()
        # A page that begins with a message served before must have room for one more.
        limit = max(least, self._limit)
        answer = await self._retrier.call(lambda: self._remote.fetch_page(key, start, limit=limit))
        page = self._replays.checked(key, start, answer)
        self._tally.pages += 1
        if page.served_at is not None:
            self._heard(page.served_at)
        return page

    async def fetch_through(
        self,
        key: ConversationKey,
        start: str,
        least: int = 2,
        passing: Passing | None = None,
    ) -> Page:
        """A page with a message, past rows that are none; or the end."""
        page = await self.fetch(key, start, least)
        for _ in range(MOST_EMPTY):
            if page.messages or not page.cursor or page.cursor == start:
                break
            if passing is not None:
                await passing()
            start = page.cursor
            page = await self.fetch(key, start, least)
        return page

    async def fetch_named(self, key: ConversationKey, start: str) -> Page:
        """A page with a message that has an id, and the rows above it; or the end."""
        page = await self.fetch_through(key, start)
        for _ in range(MOST_EMPTY):
            if shows_named(page) or not page.cursor or page.cursor == start:
                break
            start = page.cursor
            more = await self.fetch_through(key, start)
            page = evolve(more, messages=[*page.messages, *more.messages])
        return page

    def _heard(self, at: int) -> None:
        self.first_heard = self.first_heard or at
        self.server_time = at
