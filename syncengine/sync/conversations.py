"""Reads the server's conversation list: hints of where something is new (law 6)."""

from collections.abc import AsyncIterator, Sequence

from syncengine.errors import CursorStuck
from syncengine.models import ConversationKey, SummaryPage
from syncengine.remote.port import Remote
from syncengine.retry import Retrier
from syncengine.store.batch import Batch
from syncengine.store.store import Store
from syncengine.sync.listing import note_summaries
from syncengine.sync.tally import Tally

_MOST_EMPTY = 50
"""Pages without an entry, one after the other, before the server is not believed."""


class ConversationList:
    """One pass over the list.

    Afterwards `finished` tells that nothing new is left in it, `complete` that it was read
    to its end.
    """

    def __init__(
        self, remote: Remote, store: Store, retrier: Retrier, limit: int, tally: Tally
    ) -> None:
        self._remote = remote
        self._store = store
        self._retrier = retrier
        self._limit = limit
        self._tally = tally
        self.finished = False
        self.complete = False
        self.listed: set[ConversationKey] = set()
        """All that this pass showed."""

    async def read(self, *, whole: bool) -> AsyncIterator[list[ConversationKey]]:
        """Store the list page by page; yields the conversations that gained a gap.

        Unless `whole`, ends at the first page that brought nothing new: the list is in
        the order of activity, so there is nothing new below. (Pinned conversations may
        stand first, so a page of those alone does not count.)
        """
        cursor = ""
        seen = {cursor}
        empty = 0
        while True:
            page = await self._fetch(cursor)
            batches = await self.store_page(page)
            yield [batch.key for batch in batches if batch.gaps_opened]
            if page.cursor is None:
                self.finished = self.complete = True
                return
            if not whole and not batches and not all(s.pinned for s in page.summaries):
                self.finished = True
                return
            empty = 0 if page.summaries else empty + 1
            cursor = page.cursor
            if cursor in seen or empty > _MOST_EMPTY:
                raise CursorStuck("the server repeats a page of the conversation list")
            seen.add(cursor)

    async def store_page(self, page: SummaryPage) -> Sequence[Batch]:
        """Write what a page of the list says; returns what was written."""
        self.listed.update(summary.key for summary in page.summaries)
        written = await self._store.apply(note_summaries(page))
        batches = [batch for batch in written if isinstance(batch, Batch)]
        for batch in batches:
            self._tally.count(batch)
        return batches

    async def _fetch(self, cursor: str) -> SummaryPage:
        return await self._retrier.call(
            lambda: self._remote.fetch_summaries(cursor, limit=self._limit)
        )
