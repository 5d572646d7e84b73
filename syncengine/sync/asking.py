"""Single fetches for a person: they answer at once, and keep what can be placed."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from attrs import frozen

from syncengine.errors import CursorExpired
from syncengine.models import ConversationKey, Page, SummaryPage
from syncengine.remote.port import Remote
from syncengine.store.batch import Batch
from syncengine.store.store import Store
from syncengine.store.view import View
from syncengine.sync.listing import note_summaries
from syncengine.sync.placing import place_around, place_head
from syncengine.sync.reconcile import Rules
from syncengine.sync.replays import Replays


@frozen
class Asking:
    """What a single fetch needs."""

    remote: Remote
    store: Store
    replays: Replays
    rules: Rules

    async def fetch(self, key: ConversationKey, start: str, limit: int) -> Page:
        """One page."""
        page = await self.remote.fetch_page(key, start, limit=limit)
        return self.replays.checked(key, start, page)


class UnderWay:
    """The single fetches that are under way.

    A page that was asked for before a *delete up to* was accepted may come after it: the
    deletion is settled only when such pages are placed, and so are covered by it (law 4).
    """

    def __init__(self) -> None:
        self._fetches: set[asyncio.Future[None]] = set()

    @contextmanager
    def fetch(self) -> Iterator[None]:
        """For as long as the block lasts, a fetch is under way."""
        over = asyncio.get_running_loop().create_future()
        self._fetches.add(over)
        try:
            yield
        finally:
            self._fetches.discard(over)
            over.set_result(None)

    async def placed(self) -> None:
        """Wait until those that are under way now are over."""
        if self._fetches:
            await asyncio.wait(self._fetches)


async def store_summaries(store: Store, page: SummaryPage) -> None:
    """Keep what a page of the list says."""
    await store.apply(note_summaries(page))


async def fetch_history(asking: Asking, key: ConversationKey, start: str, size: int) -> Page:
    """A page of history below `start` (empty: the newest), stored where it has a place.

    The page is asked for from one message higher, so that it shows the start itself and
    can be placed below it. Where that proves nothing, or the start is not held here, the
    page is answered and not stored (law 2).
    """
    if not start:
        page = await asking.fetch(key, "", size)
        await asking.store.apply([place_head(key, page, asking.rules)])
        return page
    anchor = await asking.store.read(lambda c: _anchor(View(c), key, start))
    if anchor is not None:
        placed = await _fetch_around(asking, key, anchor, start, size)
        if placed is not None:
            return placed
    return await asking.remote.fetch_page(key, start, limit=size)


async def _fetch_around(
    asking: Asking, key: ConversationKey, anchor: str, start: str, size: int
) -> Page | None:
    try:
        page = await asking.fetch(key, anchor, size + 1)
    except CursorExpired:
        return None
    (batch,) = await asking.store.apply([place_around(key, anchor, page, asking.rules)])
    ids = [message.message_id for message in page.messages]
    if not isinstance(batch, Batch) or start not in ids:
        return None
    return Page(page.messages[ids.index(start) + 1 :], page.cursor, page.end, page.served_at)


def _anchor(view: View, key: ConversationKey, start: str) -> str | None:
    """The message next above `start`, where both are held with no gap between them."""
    held: Sequence[int] = [message.position for message in view.held(key, [start]).values()]
    if not held:
        return None
    above = view.above(key, held[0] + 1, 1)
    gap_between = any(gap.low == held[0] for gap in view.gaps(key))
    return above[0] if above and not gap_between else None
