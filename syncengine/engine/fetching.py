"""The fetches of the Easemob SDKs, by their names: the server's answer, else the copy's."""

from collections.abc import Awaitable, Callable, Sequence

from syncengine.engine.parts import AWAY, Parts
from syncengine.errors import ConfigError
from syncengine.models import (
    Conversation,
    ConversationKey,
    Fetched,
    Kind,
    Message,
    MessageRow,
    Page,
    Source,
    SummaryPage,
)
from syncengine.reader import conversation_key
from syncengine.remote.port import Remote
from syncengine.store import rows
from syncengine.store.view import View
from syncengine.sync.asking import fetch_history, store_summaries


class Fetching(Parts):
    """The part of the engine that fetches for a person, and keeps what it got.

    Where the server cannot be reached, refuses, or has not answered within `deadline`
    seconds (None: as configured), the answer comes from the local copy: its `source` says
    so, and its `error` why. The error is raised only where nothing here can answer.
    """

    async def load_all_conversations(self) -> list[Conversation]:
        """Every conversation held here: pinned first, then most recent. No network."""
        return await self.reader.conversations()

    async def fetch_conversation_list_from_server(
        self, page_num: int, page_size: int = 20, *, deadline: float | None = None
    ) -> Fetched[Conversation]:
        """One page of the server's list, stored; from the local copy when it is away.

        `page_num` counts from 1, `page_size` is 1 to 20. `cursor` is the next page's
        number, None after the last.
        """
        _check("page_num", page_num, 1, 1 << 31)
        _check("page_size", page_size, 1, 20)
        first = (page_num - 1) * page_size
        return await self._list(
            lambda remote: remote.fetch_summaries_by_page(page_num, page_size),
            slice(first, first + page_size),
            str(page_num + 1),
            deadline,
        )

    async def get_conversations_from_server(
        self, *, deadline: float | None = None
    ) -> Fetched[Conversation]:
        """The server's unpaged list (10 conversations of the last 7 days by default),
        stored; all that is held here when the server is away."""
        return await self._list(
            lambda remote: remote.fetch_summaries_unpaged(), slice(None), None, deadline
        )

    async def fetch_history_messages(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        page_size: int = 20,
        start_message_id: str = "",
        deadline: float | None = None,
    ) -> Fetched[Message]:
        """A page of history older than `start_message_id` (empty: the newest), oldest first.

        `page_size` is 1 to 49. What was fetched is stored, except below a start that is
        not held here. When the server is away the page comes from the local copy; it does
        not jump over a gap: where the next message is not held, it is empty and its `cursor`
        is the start, from where to ask again once the server can be reached. The error is
        raised where no message of the conversation is held.
        """
        _check("page_size", page_size, 1, 49)
        key = conversation_key(conversation_id, kind)
        seconds = self._deadline(deadline)
        try:
            fetch = self._fetch_history(key, start_message_id, page_size)
            page = await self._within(seconds, fetch)
        except AWAY as error:
            return await self._local_history(key, start_message_id, page_size, error)
        items = [self._message(key, row) for row in reversed(page.messages)]
        return Fetched(items, page.cursor, Source.SERVER)

    async def _fetch_history(self, key: ConversationKey, start: str, size: int) -> Page:
        with self._under_way.fetch():
            return await fetch_history(self._asking(), key, start, size)

    async def _local_history(
        self, key: ConversationKey, start: str, size: int, error: Exception
    ) -> Fetched[Message]:
        page = await self.reader.page(key, start, size)
        if page is None:
            raise error
        return Fetched(page.messages, page.cursor, Source.LOCAL, error)

    async def _list(
        self,
        fetch: Callable[[Remote], Awaitable[SummaryPage]],
        part: slice,
        next_page: str | None,
        deadline: float | None,
    ) -> Fetched[Conversation]:
        seconds = self._deadline(deadline)
        try:
            page = await self._within(seconds, self._fetch_list(fetch))
        except AWAY as error:
            return await self._local_list(part, next_page, error)
        items = await self._held(page)
        return Fetched(items, next_page if page.cursor else None, Source.SERVER)

    async def _fetch_list(self, fetch: Callable[[Remote], Awaitable[SummaryPage]]) -> SummaryPage:
        page = await fetch(self._online())
        await store_summaries(self._store, page)
        return page

    async def _local_list(
        self, part: slice, next_page: str | None, error: Exception
    ) -> Fetched[Conversation]:
        held = await self.load_all_conversations()
        if not held and (await self._store.read(lambda c: View(c).account())).listed_at is None:
            raise error  # nothing was ever listed: that is not the same as an empty list
        more = part.stop is not None and len(held) > part.stop
        return Fetched(held[part], next_page if more else None, Source.LOCAL, error)

    async def _held(self, page: SummaryPage) -> Sequence[Conversation]:
        found = [
            await self.reader.conversation(s.key.conversation_id, s.key.kind)
            for s in page.summaries
        ]
        return [conversation for conversation in found if conversation is not None]

    def _message(self, key: ConversationKey, row: MessageRow) -> Message:
        return rows.message(key, row, self._decode)


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}", hint=f"Use a number from {low} to {high}.")
