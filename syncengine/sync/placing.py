"""Decisions: what to write, given a page or a list entry and what is held. No await.

Each function here returns a decision, which the store runs inside the transaction that
writes its result. A decision that returns None found no proof: nothing is written.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import dropwhile, takewhile

from attrs import evolve, frozen

from syncengine.models import ConversationKey, MessageRow, Page, is_named
from syncengine.store.answers import HeldMessage
from syncengine.store.batch import (
    BURIED,
    HEAD,
    START,
    UNCOUNTED,
    Absence,
    Batch,
    Covered,
    Doubt,
    Gap,
    Shift,
)
from syncengine.store.view import View
from syncengine.store.writer import Decision
from syncengine.sync.absence import covered, judge_absence, sightings
from syncengine.sync.doubts import Held, is_hasty, judge_head, stale_head, stands_below
from syncengine.sync.gaps import Local, Run, Woven, weave
from syncengine.sync.hiding import guarded
from syncengine.sync.order import is_newer
from syncengine.sync.reconcile import Rules


def place_head(
    key: ConversationKey, page: Page, rules: Rules, placed: Sequence[MessageRow] = ()
) -> Decision:
    """A page that was read from the newest end, or that goes on where such pages showed no
    message at all, only rows without an id: these were `placed`, and stand above it."""
    return partial(_place, key, page, _run(page, head=True), rules, placed=len(placed))


def place_below(key: ConversationKey, above: str, page: Page, rules: Rules) -> Decision:
    """A page below a message that this chain was served: its end counts (law 2)."""
    return partial(_place, key, page, _run(page, above=above), rules)


def place_overlapping(
    key: ConversationKey, above: str, page: Page, rules: Rules, *, proved: bool = True
) -> Decision:
    """A page that began higher up: it must begin with the message the chain goes on from.

    Then it hangs where it should, and where it contradicts the order held, that is wrong
    (law 3); unless it was put together from two answers: then it is not `proved`.
    """
    unnamed = dropwhile(lambda m: not is_named(m.message_id), page.messages)
    shown = evolve(page, messages=list(unnamed))
    if not shown.messages or shown.messages[0].message_id != above:
        return place_nothing
    return partial(_place, key, shown, evolve(_run(shown), proved=proved), rules)


def place_nothing(view: View) -> None:
    """A page that proves nothing."""


def accept_guess(key: ConversationKey, guess: Gap, *, empty: bool) -> Decision:
    """What hangs above a guessed gap was not found further down either: it stands where it
    is, or is gone, and the next reads tell. Where the server has nothing at all any more,
    the order can not be proved: a seam."""

    def decide(view: View) -> Batch | None:
        open_ones = [gap for gap in view.gaps(key) if not gap.seam]
        closed = [gap for gap in open_ones if gap.guessed and gap.high == guess.high]
        seams = [evolve(gap, seam=True, cursor=None) for gap in closed] if empty else []
        left = len(open_ones) - len(closed)
        return Batch(key, gaps_closed=closed, gaps_opened=seams, open_gaps=left)

    return decide


def place_around(key: ConversationKey, start: str, page: Page, rules: Rules) -> Decision:
    """A page below a held message that may be gone from the server.

    It proves something only from the first message on that is held as older than the
    start, and nothing about the end: a start that is gone may answer with nothing, or
    with the head (law 2).
    """
    return partial(_around, key, start, page, rules)


def _around(key: ConversationKey, start: str, page: Page, rules: Rules, view: View) -> Batch | None:
    held = view.held(key, [start, *(m.message_id for m in page.messages)])
    origin = held.pop(start, None)
    named = {m: found for m, found in held.items() if is_named(m)}
    if origin is None or any(found.position > origin.position for found in named.values()):
        return None
    for index, message in enumerate(page.messages):
        if message.message_id in named:
            proved = evolve(page, messages=page.messages[index:], end=False)
            return _place(key, proved, _run(proved), rules, view)
    return None


def _run(page: Page, *, above: str | None = None, head: bool = False) -> Run:
    ids = [m.message_id for m in page.messages]
    if above is not None:
        ids.insert(0, above)
    return Run(ids, head=head, end=page.end, cursor=page.cursor)


def _distinct(run: Run) -> Run:
    """A page may repeat a message, or include its start: the first place counts."""
    repeats = len(set(run.ids)) < len(run.ids)
    return evolve(run, ids=list(dict.fromkeys(run.ids))) if repeats else run


def _place(
    key: ConversationKey, page: Page, run: Run, rules: Rules, view: View, *, placed: int = 0
) -> Batch | None:
    if not page.messages and view.row(key) is None:
        return None  # nobody ever heard of this conversation
    run = _distinct(run)
    placing = _Placing(key, page, run, rules, view, view.held(key, run.ids))
    placing = _without_strays(placing, placed)
    return placing.head() if run.head else placing.woven()


def _without_strays(placing: "_Placing", placed: int) -> "_Placing":
    """Rows without an id of their own tell no order where one like them is held already:
    the same bytes may stand in many places. But for those that the chain just placed."""
    stray = {m for m in placing.held if not is_named(m)} - _placed_rows(placing, placed)
    if not stray:
        return placing
    shown = [message for message in placing.page.messages if message.message_id not in stray]
    return evolve(
        placing,
        page=evolve(placing.page, messages=shown),
        run=evolve(placing.run, ids=[m for m in placing.run.ids if m not in stray]),
        held={m: found for m, found in placing.held.items() if m not in stray},
        strays=frozenset(stray),
    )


def _placed_rows(placing: "_Placing", number: int) -> set[str]:
    """Rows at the run's beginning that are held there, one directly below the other.

    At the newest end only that number counts, which the chain placed there: another page of
    it may begin with the same bytes, and be older.
    """
    ids, position = placing.run.ids, HEAD
    if placing.run.head:
        ids = ids[:number]
    elif ids and ids[0] in placing.held:
        position, ids = placing.held[ids[0]].position, ids[1:]
    placed: set[str] = set()
    for message_id in takewhile(lambda m: not is_named(m) and m in placing.held, ids):
        row = placing.held[message_id].position
        if placing.view.below(placing.key, position) != row:
            break
        placed.add(message_id)
        position = row
    return placed


@frozen
class _Placing:
    """One page on its way to a batch."""

    key: ConversationKey
    page: Page
    run: Run
    rules: Rules
    view: View
    held: Held
    """Those of the run's messages that are here."""
    strays: frozenset[str] = frozenset()
    """Shown, and of no use for the order."""

    def head(self) -> Batch | None:
        """Place a page of the newest end, as far as it is believed."""
        key, page, view = self.key, self.page, self.view
        newest = view.newest_served(key)
        stale = stale_head(key, page, self.held, newest, view)
        if stale is not None:
            newer = partial(self._newer, HEAD)
            below = stands_below(key, stale, page, self.held, view, newer)
            return self._below() if below else self._disbelieved(stale)
        judged = judge_head(key, page, self.held, newest, view)
        if page.repeated and newest in self.held:
            page = evolve(page, repeated=False)  # it was the head, whatever it was asked for
        elif page.repeated and any(m.message_id not in self.held for m in page.messages):
            # An old page that was not stored yet: what it shows is new, and not newer.
            return self._disbelieved(Doubt(page.messages[0].message_id, page.served_at))
        run = evolve(self.run, open_above=judged.open_above)
        batch = evolve(self, page=page, run=run).woven(to_head=judged.covers)
        if batch is None or batch.shifts:
            return batch
        return evolve(
            batch,
            looks=judged.looks,
            doubt=judged.doubt,
            settled=judged.settled,
            fetched=judged.first,
            fetched_at=page.served_at,
            head_open=judged.open_above,
            hasty=batch.hasty or judged.open_above,
        )

    def _disbelieved(self, doubt: Doubt) -> Batch:
        """Nothing of the page is placed; what it said is noted, for another read to confirm."""
        noted = self.view.noted_doubt(self.key)
        new = noted is None or noted.top != doubt.top
        return Batch(
            self.key,
            doubt=doubt if new else None,
            hasty=True,
            believed=False,
            head_open=True,
            open_gaps=1,
            absence=sightings(self.page, self.held),
        )

    def _below(self) -> Batch | None:
        """Place a page of the newest end below what is held; the newest end stays open, and so
        does the start of history: what it says is judged where the page is read again."""
        batch = evolve(self, run=evolve(self.run, open_above=True, end=False)).woven()
        return batch and evolve(batch, fetched_at=self.page.served_at, head_open=True, hasty=True)

    def woven(self, *, to_head: bool = False) -> Batch | None:
        """Work the run into what is held, and see what it does not show."""
        key, page, view, held = self.key, self.page, self.view, self.held
        hasty = self.run.end and is_hasty(key, page, held, view)
        run = evolve(self.run, end=False) if hasty else self.run
        gaps, hides = view.surroundings(key)
        woven = weave(run, self._local(gaps))
        if woven is None:
            return None
        if isinstance(woven, Shift):
            return Batch(key, shifts=[woven])
        places = dict(zip(run.ids, woven.places, strict=True))
        part = covered(page, self.run, woven.places, to_head=to_head)
        batch = _batch(key, page, run, woven, places, held, gaps, part)
        if hides:
            batch = guarded(batch, page, view)
        batch = self._without_absent(batch, woven, places, gaps)
        return evolve(batch, hasty=True) if hasty or woven.unproved else batch

    def _local(self, gaps: Sequence[Gap]) -> Local:
        positions = {message_id: message.position for message_id, message in self.held.items()}
        return Local(positions, gaps, partial(self.view.below, self.key), self._newer)

    def _newer(self, position: int, message_id: str) -> int:
        """See `Local.newer`; not further down than a thousand messages."""
        row = next((row for row in self.page.messages if row.message_id == message_id), None)
        if row is None:
            return position
        below = self.view.downwards(self.key, position, 1000)
        for place, held_id, timestamp in below:
            if not is_newer(held_id, timestamp, message_id, row.timestamp):
                break
            position = place
        return position

    def _without_absent(
        self, batch: Batch, woven: Woven, places: Mapping[str, int], gaps: Sequence[Gap]
    ) -> Batch:
        absence = judge_absence(
            self.key,
            self.page,
            places,
            batch.covered,
            self.held,
            gaps,
            self.rules,
            self.view,
            self.strays | self._unproved(woven),
            batch.arrived,
        )
        if absence is None:
            return batch
        return self._without_hollow_seams(evolve(batch, absence=absence), woven, absence)

    def _unproved(self, woven: Woven) -> set[str]:
        """Held in the run's part, and perhaps not standing there."""
        return {
            message.message_id
            for low, high in woven.unproved
            for message in self.view.between(self.key, low - 1, high, START)
        }

    def _without_hollow_seams(self, batch: Batch, woven: Woven, absence: Absence) -> Batch:
        """A seam below which nothing is left is no seam: history begins above it."""
        lowest = woven.places[-1] if woven.places else HEAD
        seams = [gap for gap in woven.gaps if gap.seam and gap.high <= lowest]
        gone = {*absence.removed, *absence.expired, *absence.dropped}
        if batch.covered is None or batch.covered.low != START or not seams or not gone:
            return batch
        below = self.view.between(self.key, START, lowest, START)
        if any(message.message_id not in gone for message in below):
            return batch
        hollow = [gap for gap in seams if gap not in batch.gaps_opened]
        return evolve(
            batch,
            gaps_closed=[*batch.gaps_closed, *hollow],
            gaps_opened=[gap for gap in batch.gaps_opened if gap not in seams],
        )


def _batch(
    key: ConversationKey,
    page: Page,
    run: Run,
    woven: Woven,
    places: Mapping[str, int],
    held: Held,
    gaps: Sequence[Gap],
    part: Covered | None,
) -> Batch:
    distinct = {row.message_id: row for row in reversed(page.messages)}
    inserts = [(places[m], row) for m, row in distinct.items() if m not in held]
    moves = [(m, places[m]) for m, was in held.items() if places[m] != was.position]
    before, after = set(gaps), set(woven.gaps)  # after a loss of the file there are thousands
    return Batch(
        key,
        moves=moves,
        inserts=inserts,
        seen_at=page.served_at,
        replaces=[
            distinct[m]
            for m, found in held.items()
            if m in distinct and _is_newer(distinct[m], found)
        ],
        gaps_closed=[gap for gap in gaps if gap not in after],
        gaps_opened=[gap for gap in woven.gaps if gap not in before],
        newest_changed=bool(moves) or (run.head and bool(inserts)),
        arrived=_arrivals(inserts, gaps, woven),
        frontier=woven.frontier,
        open_gaps=sum(not gap.seam for gap in woven.gaps),
        open_below=any(
            not gap.seam and gap.high <= min(woven.places, default=HEAD) for gap in woven.gaps
        ),
        covered=part,
        stay=_longest_stay(distinct, held, page.served_at),
    )


def _longest_stay(rows: Mapping[str, MessageRow], held: Held, served_at: int | None) -> int:
    """For how long this file saw an unedited message of a page stay on the server, ms."""
    if served_at is None:
        return 0
    stays = (
        served_at - found.seen_at
        for message_id, found in held.items()
        if found.seen_at is not None and message_id in rows and rows[message_id].edited_at is None
    )
    return max(stays, default=0)


def _arrivals(inserts: Sequence[tuple[int, MessageRow]], gaps: Sequence[Gap], woven: Woven) -> int:
    """How many of the messages are new on the server: those that do not lie in the first
    descent to the start of history. A new seam below them hides any number."""
    places = [place for place, _ in inserts]
    newest = max(places, default=START)
    seams = [gap for gap in woven.gaps if gap.seam and gap.low != START and gap not in gaps]
    if any(gap.high <= newest for gap in seams):
        return UNCOUNTED
    unread = max((gap.high for gap in gaps if gap.low == START), default=START)
    return len([place for place in places if place > unread]) if newest > unread else 0


def _is_newer(row: MessageRow, held: HeldMessage) -> bool:
    """Whether a served message says something new; a late page must not undo an edit."""
    if held.hidden == BURIED:
        return False
    return row.raw != held.raw and (row.edited_at or 0) >= (held.edited_at or 0)
