"""Decisions about the server's list: hints of where something is new (law 6). No await.

An entry never places a message: it opens a gap at the head, for history to be asked.
"""

from collections.abc import Mapping, Sequence, Set
from functools import partial

from syncengine.models import ConversationKey, MessageRow, Summary, SummaryPage
from syncengine.store.answers import ListedState
from syncengine.store.batch import HEAD, START, Batch, Bookkeeping, Gap, Listing
from syncengine.store.view import View
from syncengine.store.writer import Decision
from syncengine.sync.doubts import MAX_LOOKS


def note_summaries(page: SummaryPage) -> list[Decision]:
    """Entries of the server's list: hints that something may be new (law 6).

    Most say what is known. They are found first, all with one statement; it also tells the
    others what was known of their conversations, until something is written for them. So
    these decisions belong into one transaction: what the first one saw holds for the others.

    Where there was news, it is noted that what stands below was not looked at yet: the
    next pass must not take this page's silence for the whole list's.
    """
    news: list[Summary] = []
    known: dict[ConversationKey, ListedState] = {}
    quiet: set[ConversationKey] = set()

    def compare(view: View) -> None:
        known.update(view.all_listed([summary.key for summary in page.summaries]))
        quiet.update(_quiet(page.summaries, known))

    def noted(summary: Summary, view: View) -> Batch | None:
        key = summary.key
        if key in quiet:
            return None
        batch = _note(summary, known.pop(key, None) or view.listed(key), view)
        if batch is not None:
            news.append(summary)
        return batch

    def open_list(view: View) -> Bookkeeping | None:
        more_below = news and page.cursor is not None and not view.account().list_open
        return Bookkeeping(list_open=True) if more_below else None

    return [compare, *(partial(noted, summary) for summary in page.summaries), open_list]


def note_missing(listed: Set[ConversationKey]) -> Decision:
    """What the server's whole list does not show, or shows again: a question (law 6)."""

    def decide(view: View) -> Listing | None:
        missing, back = view.unlisted_changes(listed)
        return Listing(missing, back) if missing or back else None

    return decide


def look_again(key: ConversationKey) -> Decision:
    """The next cycle reads the newest page, whatever the list says."""

    def decide(view: View) -> Batch:
        closed, opened = _head_gap(key, view)
        return Batch(key, gaps_closed=closed, gaps_opened=opened)

    return decide


def _quiet(
    summaries: Sequence[Summary], known: Mapping[ConversationKey, ListedState]
) -> Set[ConversationKey]:
    """The conversations of which no entry says anything new."""
    news = {
        summary.key
        for summary in summaries
        if summary.key not in known or _says_more(summary, known[summary.key])
    }
    return known.keys() - news


def _says_more(summary: Summary, listed: ListedState) -> bool:
    """Whether anything is to be noted or looked at."""
    if _preview(summary.newest) != _preview(listed.preview) or _is_waiting(listed):
        return True
    return _changed(summary, listed)


def _note(summary: Summary, listed: ListedState | None, view: View) -> Batch | None:
    key = summary.key
    if listed is None:
        return Batch(key, summary=summary, gaps_opened=[Gap(START, HEAD)])
    news = _preview(summary.newest) != _preview(listed.preview)
    look = _worth_a_look(summary, listed, news, view)
    closed, opened = _head_gap(key, view) if look else ([], [])
    changed = news or _changed(summary, listed)
    if not changed and not opened:
        return None
    return Batch(
        key,
        summary=summary if changed else None,
        looks=0 if news and listed.looks else None,
        gaps_closed=closed,
        gaps_opened=opened,
    )


def _preview(row: MessageRow | None) -> tuple[object, ...] | None:
    """What tells one preview from another; not its bytes, which may hold the time of day."""
    return None if row is None else row[:-1]


def _changed(summary: Summary, listed: ListedState) -> bool:
    """Whether the entry says something else, apart from its preview."""
    return (
        summary.unread_count != listed.unread_count
        or summary.pinned != listed.pinned
        or summary.pinned_at != listed.pinned_at
        or summary.marks != listed.marks
    )


def _is_waiting(listed: ListedState) -> bool:
    """Whether the head is to be read until it shows what was announced."""
    return 0 < listed.looks < MAX_LOOKS


def _worth_a_look(summary: Summary, listed: ListedState, news: bool, view: View) -> bool:
    """Whether history should be asked for its newest page."""
    if not news:
        return _is_waiting(listed)
    newest = summary.newest
    if newest is None or newest.edited_at is not None:
        return True
    return newest.message_id != view.newest_id(summary.key)


def _head_gap(key: ConversationKey, view: View) -> tuple[list[Gap], list[Gap]]:
    """A gap above everything held, unless there is one; a seam there is looked at again."""
    gaps = view.gaps(key)
    top = next((gap for gap in gaps if gap.high == HEAD), None)
    if top is not None and not top.seam:
        return [], []
    newest = view.below(key, HEAD)
    # What stood above a gap may be deleted by now.
    low = max([START if newest is None else newest, *(gap.high for gap in gaps if gap != top)])
    return ([top] if top is not None else []), [Gap(low if top is None else top.low, HEAD)]
