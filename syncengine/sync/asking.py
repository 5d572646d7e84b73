"""Single fetches for a person: they answer at once, and keep what can be placed."""

from collections.abc import Sequence

from syncengine.errors import CursorExpired
from syncengine.models import ConversationKey, Page, SummaryPage
from syncengine.remote.port import Remote
from syncengine.store.batch import Batch
from syncengine.store.store import Store
from syncengine.store.view import View
from syncengine.sync.placing import note_summaries, place_around, place_head


async def store_summaries(store: Store, page: SummaryPage) -> None:
    """Keep what a page of the list says."""
    await store.apply(note_summaries(page))


async def fetch_history(
    remote: Remote, store: Store, key: ConversationKey, start: str, size: int
) -> Page:
    """A page of history below `start` (empty: the newest), stored where it has a place.

    The page is asked for from one message higher, so that it shows the start itself and
    can be placed below it. Where that proves nothing, or the start is not held here, the
    page is answered and not stored (law 2).
    """
    if not start:
        page = await remote.fetch_page(key, limit=size)
        await store.apply([place_head(key, page)])
        return page
    anchor = await store.read(lambda c: _anchor(View(c), key, start))
    if anchor is not None:
        placed = await _fetch_around(remote, store, key, anchor, start, size)
        if placed is not None:
            return placed
    return await remote.fetch_page(key, start, limit=size)


async def _fetch_around(
    remote: Remote, store: Store, key: ConversationKey, anchor: str, start: str, size: int
) -> Page | None:
    try:
        page = await remote.fetch_page(key, anchor, limit=size + 1)
    except CursorExpired:
        return None
    (batch,) = await store.apply([place_around(key, anchor, page)])
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
