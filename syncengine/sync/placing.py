"""Decisions: what to write, given a page or a list entry and what is held. No await.

Each function here returns a decision, which the store runs inside the transaction that
writes its result. A decision that returns None found no proof: nothing is written.
"""

from collections.abc import Sequence
from functools import partial
from itertools import dropwhile

from attrs import evolve

from syncengine.models import ConversationKey, MessageRow, Page, Summary, SummaryPage
from syncengine.store.batch import BURIED, HEAD, START, Batch, Bookkeeping, Doubt, Gap, Shift
from syncengine.store.view import HeldMessage, ListedState, View
from syncengine.store.writer import Decision
from syncengine.sync.doubts import CONFIRM_MS, MAX_LOOKS, Held, is_hasty, judge_head, stale_head
from syncengine.sync.gaps import Local, Run, Woven, weave


def note_summaries(page: SummaryPage) -> list[Decision]:
    """Entries of the server's list: hints that something may be new (law 6).

    Where there was news, it is noted that what stands below was not looked at yet: the
    next pass must not take this page's silence for the whole list's.
    """
    news: list[Summary] = []

    def noted(summary: Summary, view: View) -> Batch | None:
        batch = _note(summary, view)
        if batch is not None:
            news.append(summary)
        return batch

    def open_list(view: View) -> Bookkeeping | None:
        more_below = news and page.cursor is not None and not view.account().list_open
        return Bookkeeping(list_open=True) if more_below else None

    return [*(partial(noted, summary) for summary in page.summaries), open_list]


def look_again(key: ConversationKey) -> Decision:
    """The next cycle reads the newest page, whatever the list says."""

    def decide(view: View) -> Batch:
        closed, opened = _head_gap(key, view)
        return Batch(key, gaps_closed=closed, gaps_opened=opened)

    return decide


def place_head(key: ConversationKey, page: Page) -> Decision:
    """A page that was read from the newest end, or that goes on where such a page
    showed no message at all."""
    return partial(_place, key, page, _run(page, head=True))


def place_below(key: ConversationKey, above: str, page: Page) -> Decision:
    """A page below a message that this chain was served: its end counts (law 2)."""
    return partial(_place, key, page, _run(page, above=above))


def place_overlapping(key: ConversationKey, above: str, page: Page) -> Decision:
    """A page that began higher up: it must begin with the message the chain goes on from.

    Then it hangs where it should, and where it contradicts the order held, that is wrong
    (law 3).
    """
    unnamed = dropwhile(
        lambda m: m.message_id.startswith("raw:") and m.message_id != above, page.messages
    )
    shown = evolve(page, messages=list(unnamed))
    if not shown.messages or shown.messages[0].message_id != above:
        return place_nothing
    return partial(_place, key, shown, evolve(_run(shown), proved=True))


def place_nothing(view: View) -> None:
    """A page that proves nothing."""


def place_around(key: ConversationKey, start: str, page: Page, high: int = START) -> Decision:
    """A page below a held message that may be gone from the server.

    It proves something only from the first message on that is held as older than the
    start, and nothing about the end: a start that is gone may answer with nothing, or
    with the head (law 2). Where it should lead into the gap below `high`, and that first
    message stands below the gap, it proves nothing.
    """
    return partial(_around, key, start, page, high)


def _around(key: ConversationKey, start: str, page: Page, high: int, view: View) -> Batch | None:
    held = view.held(key, [start, *(m.message_id for m in page.messages)])
    origin = held.pop(start, None)
    if origin is None or any(h.position > origin.position for h in held.values()):
        return None
    for index, message in enumerate(page.messages):
        if message.message_id in held:
            if held[message.message_id].position < high:
                return None
            proved = Page(page.messages[index:], page.cursor, end=False)
            return _place(key, proved, _run(proved), view)
    return None


def _run(page: Page, *, above: str | None = None, head: bool = False) -> Run:
    ids = [m.message_id for m in page.messages]
    if above is not None:
        ids.insert(0, above)
    return Run(ids, head=head, end=page.end, cursor=page.cursor)


def _distinct(run: Run) -> Run:
    """A page may repeat a message, or include its start: the first place counts."""
    ids = list(dict.fromkeys(run.ids))
    return run if len(ids) == len(run.ids) else evolve(run, ids=ids)


def _place(key: ConversationKey, page: Page, run: Run, view: View) -> Batch | None:
    if not page.messages and view.row(key) is None:
        return None  # nobody ever heard of this conversation
    run = _distinct(run)
    held = view.held(key, run.ids)
    if run.head:
        return _place_head(key, page, run, held, view)
    return _weave_in(key, page, run, held, view)


def _place_head(key: ConversationKey, page: Page, run: Run, held: Held, view: View) -> Batch | None:
    stale = stale_head(key, page, held, view)
    if stale is not None:
        return _disbelieve(key, stale, view)
    judged = judge_head(key, page, held, view)
    batch = _weave_in(key, page, evolve(run, open_above=judged.open_above), held, view)
    if batch is None or batch.shifts:
        return batch
    listed = view.listed(key)
    return evolve(
        batch,
        looks=judged.looks,
        doubt=judged.doubt,
        settled=judged.settled,
        fetched=listed is None or not listed.fetched,
        head_open=judged.open_above,
        hasty=batch.hasty or judged.open_above,
    )


def _disbelieve(key: ConversationKey, doubt: Doubt, view: View) -> Batch:
    """Nothing of the page is placed; what it said is noted, for another read to confirm."""
    noted = view.noted_doubt(key)
    new = noted is None or noted.top != doubt.top
    return Batch(
        key,
        doubt=doubt if new else None,
        hasty=True,
        believed=False,
        head_open=True,
        open_gaps=1,
    )


def _weave_in(key: ConversationKey, page: Page, run: Run, held: Held, view: View) -> Batch | None:
    hasty = run.end and is_hasty(key, page, held, view)
    if hasty:
        run = evolve(run, end=False)
    gaps, guarded = view.surroundings(key)
    woven = weave(run, _local(key, held, gaps, view))
    if woven is None:
        return None
    if isinstance(woven, Shift):
        return Batch(key, shifts=[woven])
    batch = _batch(key, page.messages, run, woven, held, gaps)
    if guarded:
        batch = _guarded(batch, page, view)
    return evolve(batch, hasty=True) if hasty else batch


def _local(key: ConversationKey, held: Held, gaps: Sequence[Gap], view: View) -> Local:
    positions = {message_id: message.position for message_id, message in held.items()}
    return Local(positions, gaps, partial(view.below, key))


def _batch(
    key: ConversationKey,
    rows: Sequence[MessageRow],
    run: Run,
    woven: Woven,
    held: Held,
    gaps: Sequence[Gap],
) -> Batch:
    places = dict(zip(run.ids, woven.places, strict=True))
    distinct = {row.message_id: row for row in reversed(rows)}
    inserts = [(places[m], row) for m, row in distinct.items() if m not in held]
    moves = [(m, places[m]) for m, was in held.items() if places[m] != was.position]
    return Batch(
        key,
        moves=moves,
        inserts=inserts,
        replaces=[row for m, row in distinct.items() if m in held and _is_newer(row, held[m])],
        gaps_closed=[gap for gap in gaps if gap not in woven.gaps],
        gaps_opened=[gap for gap in woven.gaps if gap not in gaps],
        newest_changed=bool(moves) or (run.head and bool(inserts)),
        frontier=woven.frontier,
        open_gaps=sum(not gap.seam for gap in woven.gaps),
    )


def _guarded(batch: Batch, page: Page, view: View) -> Batch:
    """Keep out of sight what was deleted here, whatever the page says (laws 4 and 8)."""
    deleted = view.tombstones(batch.key, [message.message_id for message in page.messages])
    inserts = [
        (place, _stripped(row) if row.message_id in deleted else row)
        for place, row in batch.inserts
    ]
    hidden = _hidden(batch.key, [row for _, row in inserts], view)
    again = [m for m, at in deleted.items() if at is not None and _confirms(page, at)]
    return evolve(
        batch,
        inserts=inserts,
        hidden=hidden | {row.message_id: BURIED for _, row in inserts if row.message_id in deleted},
        sighted=[(m, page.served_at) for m, at in deleted.items() if at is None],
        reopened=again,
    )


def _stripped(row: MessageRow) -> MessageRow:
    """A deleted message keeps its place in the order, and nothing of what it said."""
    return MessageRow(row.message_id, "", row.timestamp, "unknown", "", None, b"")


def _hidden(key: ConversationKey, rows: Sequence[MessageRow], view: View) -> dict[str, int]:
    """New messages that a pending intent covers, and its number."""
    hidden: dict[str, int] = {}
    for number, before in view.pending(key):
        wanted = (
            view.wanted_gone(number, [row.message_id for row in rows])
            if before is None
            else {row.message_id for row in rows if row.timestamp <= before}
        )
        hidden |= dict.fromkeys(wanted - hidden.keys(), number)
    return hidden


def _confirms(page: Page, sighted_at: int) -> bool:
    return page.served_at is not None and page.served_at - sighted_at >= CONFIRM_MS


def _is_newer(row: MessageRow, held: HeldMessage) -> bool:
    """Whether a served message says something new; a late page must not undo an edit."""
    if held.hidden == BURIED:
        return False
    return row.raw != held.raw and (row.edited_at or 0) >= (held.edited_at or 0)


def _note(summary: Summary, view: View) -> Batch | None:
    key = summary.key
    listed = view.listed(key)
    if listed is None:
        return Batch(key, summary=summary, gaps_opened=[Gap(START, HEAD)])
    news = _preview(summary.newest) != _preview(listed.preview)
    look = _worth_a_look(summary, listed, news, view)
    closed, opened = _head_gap(key, view) if look else ([], [])
    changed = news or _state(summary) != (
        listed.unread_count,
        listed.pinned,
        listed.pinned_at,
        listed.marks,
    )
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


def _state(summary: Summary) -> tuple[object, ...]:
    return (summary.unread_count, summary.pinned, summary.pinned_at, summary.marks)


def _worth_a_look(summary: Summary, listed: ListedState, news: bool, view: View) -> bool:
    """Whether history should be asked for its newest page."""
    if not news:
        return 0 < listed.looks < MAX_LOOKS
    newest = summary.newest
    if newest is None or newest.edited_at is not None:
        return True
    return newest.message_id != view.newest_id(summary.key)


def _head_gap(key: ConversationKey, view: View) -> tuple[list[Gap], list[Gap]]:
    """A gap above everything held, unless there is one; a seam there is looked at again."""
    top = next((gap for gap in view.gaps(key) if gap.high == HEAD), None)
    if top is not None and not top.seam:
        return [], []
    newest = view.below(key, HEAD)
    low = START if newest is None else newest
    return ([top] if top is not None else []), [Gap(low if top is None else top.low, HEAD)]
