"""Reasons not to believe a page yet. No await; a clock here is a reason to wait, never order.

Replicas lag behind each other, and a server may replay an answer. A page that would make
the copy poorer, or call it whole too early, is believed when it is seen a second time, or
when lag cannot explain it any more.
"""

from collections.abc import Callable, Mapping
from itertools import takewhile

from attrs import frozen

from syncengine.models import ConversationKey, Page, is_named
from syncengine.store.answers import HeldMessage, ListedState
from syncengine.store.batch import HEAD, START, Doubt
from syncengine.store.view import View
from syncengine.sync.order import is_newer

FRESH_MS = 3_600_000
"""How long replicas are given to agree about a message."""
CONFIRM_MS = 10_000
"""How far apart two reads of a head must be for the second to confirm the first."""
MAX_LOOKS = 3
"""How often the head is read for a list entry's message that history does not show."""

Held = Mapping[str, HeldMessage]


@frozen
class HeadJudgement:
    """What a page of the head is worth."""

    open_above: bool
    """Something newer may be there: the gap at the head stays."""
    looks: int | None
    """The count of reads that did not show the announced message, where it changes."""
    doubt: Doubt | None
    """To be noted, for the next read to confirm."""
    settled: bool
    """An earlier doubt is over."""
    covers: bool
    """What is held above the newest message shown should have been shown too."""
    first: bool
    """No page of the conversation was placed before."""


def judge_head(
    key: ConversationKey, page: Page, held: Held, newest: str | None, view: View
) -> HeadJudgement:
    """Whether a page of the head can be the whole truth about what is newest; `newest` is the
    view's `newest_served`."""
    listed = view.listed(key)
    first = listed is None or not listed.fetched
    before = listed.looks if listed is not None else 0
    looks = _looks(listed, page, held, key, view)
    waiting = 0 < looks < MAX_LOOKS
    changed = looks if looks != before else None
    doubt = _retreat(page, held, key, newest, view)
    covers = not waiting and (doubt is None or not _cuts_a_gap(page, held, key, view))
    noted = listed.doubt if listed is not None else None
    if doubt is not None and noted is not None and doubt.top == noted.top:
        confirmed = is_confirmed(doubt, noted) and not _cuts_a_gap(page, held, key, view)
        return HeadJudgement(waiting or not confirmed, changed, None, confirmed, covers, first)
    settled = doubt is None and noted is not None
    return HeadJudgement(waiting or doubt is not None, changed, doubt, settled, covers, first)


def _retreat(
    page: Page, held: Held, key: ConversationKey, newest: str | None, view: View
) -> Doubt | None:
    """The head shows less than is held: the newest held is missing and nothing is new."""
    if newest is None or newest in held or (not page.messages and not page.end):
        return None
    if view.is_suspect(key, newest) and not any(gap.high == HEAD for gap in view.gaps(key)):
        return None  # that was confirmed; what becomes of what is missing is law 5's question
    top = page.messages[0].message_id if page.messages else ""
    return Doubt(top, page.served_at) if not top or top in held else None


def _cuts_a_gap(page: Page, held: Held, key: ConversationKey, view: View) -> bool:
    """It would close a gap between young messages: lag explains that better than deletions."""
    top = max((message.position for message in held.values()), default=START)
    between = any(g.low >= top and g.high != HEAD and not g.seam for g in view.gaps(key))
    return between and _is_fresh(page, view.latest(key))


def _apart(first: Doubt, second: Doubt) -> bool:
    return first.at is None or second.at is None or second.at - first.at >= CONFIRM_MS


def _looks(
    listed: ListedState | None, page: Page, held: Held, key: ConversationKey, view: View
) -> int:
    """How often the head was read and did not show what the list announced.

    Replicas omit fresh messages, so it is worth looking again, as long as they may lag
    and a few times more; not for ever: the message may be deleted, or be of a kind that
    history leaves out.
    """
    if listed is None or listed.preview is None:
        return 0
    wanted = listed.preview.message_id
    shown = any(message.message_id == wanted for message in page.messages)
    if shown or wanted in held or view.held(key, [wanted]) or view.tombstones(key, [wanted]):
        return 0
    if _is_fresh(page, listed.preview.timestamp) or page.repeated:
        return max(1, listed.looks)
    return min(listed.looks + 1, MAX_LOOKS)


def is_hasty(key: ConversationKey, page: Page, held: Held, view: View) -> bool:
    """Whether an end comes too early to be believed.

    It says that nothing is left of the older messages held here. Where the newest of them
    is young, a replica that lags behind is a better explanation than that all expired; not
    where it shows messages as old as that: then it is only that one which is missing.
    """
    low = min((message.position for message in held.values()), default=HEAD)
    sent_at = view.sent_below(key, low)
    if sent_at is None or not _is_fresh(page, sent_at):
        return False
    return all(message.timestamp > sent_at for message in page.messages)


def stale_head(
    key: ConversationKey, page: Page, held: Held, newest: str | None, view: View
) -> Doubt | None:
    """The doubt about a head that is older than what is held here; None: there is none.

    It comes from a replica that lags behind, or is replayed, and its unknown messages would
    be taken for newer ones. It is believed when a second read, after any lag, is the same.
    `newest` is the view's `newest_served`.
    """
    if newest is None or newest in held:
        return None
    named = [message for message in page.messages if is_named(message.message_id)]
    unknown = takewhile(lambda message: message.message_id not in held, named)
    peak = max((message.timestamp for message in unknown), default=None)
    known = view.latest(key)
    if peak is None or peak >= known:
        return None
    doubt = Doubt(page.messages[0].message_id, page.served_at)
    confirmed = is_confirmed(doubt, view.noted_doubt(key))
    return None if confirmed and not _is_fresh(page, known) else doubt


def stands_below(
    key: ConversationKey,
    stale: Doubt,
    page: Page,
    held: Held,
    view: View,
    lowest_newer: Callable[[str], int],
) -> bool:
    """Whether a stale page belongs into an open gap all the same: two reads showed it, all
    that is held above the gap was sent later, and all that is held below it earlier.

    Whether what is held above was deleted, or a replica lags, is open then; not what the page
    shows. `lowest_newer`: down to which position all that is held was certainly sent later
    than one of its messages.
    """
    if not is_confirmed(stale, view.noted_doubt(key)):
        return False
    gaps = view.gaps(key)
    unknown = list(takewhile(lambda m: m.message_id not in held, page.messages))
    tops = {lowest_newer(message.message_id) for message in unknown}
    into = next((gap for gap in gaps if {gap.high} == tops and gap.high != HEAD), None)
    if into is None or into.seam or any(gap.guessed for gap in gaps):
        return False
    if any(found.position > into.low for found in held.values()):
        return False
    # Ids and times of one message tell where all below it stand: that order is proved.
    below = view.downwards(key, into.low + 1, 1)
    return all(
        is_newer(each.message_id, each.timestamp, held_id, timestamp)
        for _, held_id, timestamp in below
        for each in unknown
    )


def is_confirmed(doubt: Doubt, noted: Doubt | None) -> bool:
    """Whether an earlier read said the same, and no replay or retry explains both."""
    return noted is not None and noted.top == doubt.top and _apart(noted, doubt)


def _is_fresh(page: Page, timestamp: int) -> bool:
    return page.served_at is None or page.served_at - timestamp < FRESH_MS
