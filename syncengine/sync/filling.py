"""Fills a gap for a person who looks at it: a page at once, past the cycle's queue.

    [m1 m2]  ?gap?  [m8 m9 m10]
                 m9 ──page──▶ m8 m7 m6 …

The page begins above the gap, so that it has to show the message at the gap's upper end:
so it is proved to lie below it (law 2). Where history seems to end in it, a second page, from
a start that the first one served, has to say so too. What proves nothing is not stored.
"""

from collections.abc import Sequence

from attrs import evolve, frozen

from syncengine.errors import CursorExpired
from syncengine.models import ConversationKey, Page, is_named
from syncengine.store.batch import HEAD, Batch
from syncengine.store.view import View
from syncengine.store.writer import Decision
from syncengine.sync.asking import Asking
from syncengine.sync.placing import place_around, place_head, place_overlapping

_OVERLAPS = (2, 24)
"""How many messages above the gap a page begins, one try after the other; where the nearest
are gone from the server, nothing can be proved from there."""
_LEAST = 4
"""Messages a page: it repeats two, and must go on."""


@frozen
class _Start:
    """Where a page begins that leads into a gap."""

    message_id: str
    """Empty: the newest end."""
    top: str | None = None
    """The message at the gap's upper end: the page has to show it."""
    overlap: int = 0


async def fill_gap(asking: Asking, key: ConversationKey, top: str | None, size: int) -> bool:
    """Fetch a page into the gap below the message `top` (None: the one at the newest end),
    and place it; of about `size` messages. False: nothing new was proved.

    A single message between two gaps proves nothing: then it is the upper gap's turn.
    """
    starts = await asking.store.read(lambda c: _starts(View(c), key, top))
    for start in starts:
        if start.top is None or not asking.remote.capabilities.starts_at_messages:
            return await _read_head(asking, key, size)
        if await _read_below(asking, key, start, start.top, size):
            return True
    return False


async def _read_head(asking: Asking, key: ConversationKey, size: int) -> bool:
    page = await asking.fetch(key, "", _limit(asking, size))
    return await _place(asking, place_head(key, page, asking.rules))


async def _place(asking: Asking, decision: Decision) -> bool:
    """Whether messages or gaps changed."""
    (batch,) = await asking.store.apply([decision])
    if not isinstance(batch, Batch):
        return False
    return bool(batch.inserts or batch.moves or batch.gaps_closed or batch.gaps_opened)


async def _read_below(
    asking: Asking, key: ConversationKey, start: _Start, top: str, size: int
) -> bool:
    limit = _limit(asking, size + start.overlap)
    try:
        page = await asking.fetch(key, start.message_id, limit)
    except CursorExpired:
        return False
    placed = await _place(asking, place_around(key, start.message_id, page, asking.rules))
    if page.end or not page.cursor:
        return await _prove_end(asking, key, page, limit) or placed
    return placed or await _read_on(asking, key, page, top, limit)


async def _prove_end(asking: Asking, key: ConversationKey, page: Page, limit: int) -> bool:
    """Ask from a message that was just served: only then an end counts (law 2)."""
    ids = [m.message_id for m in page.messages if is_named(m.message_id)]
    if len(ids) < 2:
        return False
    last = await asking.fetch(key, ids[-2], limit)
    return await _place(asking, place_overlapping(key, ids[-1], last, asking.rules))


async def _read_on(asking: Asking, key: ConversationKey, page: Page, top: str, limit: int) -> bool:
    """Past a page that was full of rows that are no messages."""
    ids = [message.message_id for message in page.messages]
    if top not in ids or page.cursor is None:
        return False
    more = await asking.fetch(key, page.cursor, limit)
    if not more.messages:
        return False  # an end here would rest on nothing that was served
    shown = [*page.messages[ids.index(top) :], *more.messages]
    both = evolve(more, messages=shown, end=False)
    decision = place_overlapping(key, top, both, asking.rules, proved=False)
    return await _place(asking, decision)


def _limit(asking: Asking, size: int) -> int:
    return min(asking.remote.capabilities.page_limit, max(size, _LEAST))


def _starts(view: View, key: ConversationKey, top: str | None) -> Sequence[_Start]:
    """From where a page into the gap can be asked for, the best first."""
    head = [_Start("")]
    gaps = [gap for gap in view.gaps(key) if not gap.seam]
    while top is not None:
        found = view.held(key, [top]).get(top)
        if found is None:
            return head  # gone since it was read
        over = next((gap for gap in gaps if gap.low >= found.position), None)
        ceiling = HEAD if over is None else over.low
        above = _between(view, key, found.position, ceiling)
        at_head = over is None or over.high == HEAD
        if above and not (at_head and len(above) < _OVERLAPS[0]):
            overlaps = [min(overlap, len(above)) for overlap in _OVERLAPS]
            return [_Start(above[n - 1], top, n) for n in dict.fromkeys(overlaps)]
        if at_head:
            return head
        top = _message_at(view, key, over.high) if over is not None else None
    return head


def _between(view: View, key: ConversationKey, low: int, ceiling: int) -> list[str]:
    """Messages above a position, up to another, from which a page can begin; nearest first."""
    above = view.above(key, low + 1, _OVERLAPS[-1])
    held = view.held(key, above)
    return [m for m in above if held[m].position <= ceiling]


def _message_at(view: View, key: ConversationKey, position: int) -> str | None:
    above = view.above(key, position, 1)
    return above[0] if above else None
