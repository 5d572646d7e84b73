"""Closes gaps: a chain of pages from a message that is held down to one that is held.

    attach ──page──▶ place ──frontier?──▶ follow the cursor ──page──▶ place ──▶ …
       │                                                                │
       └── no proof: another start, in the end the head        joined, or the start

A page proves something only if its start is alive on the replica that answers: a start
that is gone may be answered with nothing, or with the head (law 2). So where a start is in
doubt, the request begins one message higher, and its page must show the message that the
chain continues from. In doubt are a chain taken up again, perhaps weeks later; a chain that
may meet what is held; the last hour, where replicas lag behind each other; and an answer
without any message, which would mean the start of history.
"""

from collections import Counter
from collections.abc import Callable

from attrs import evolve

from syncengine.config import Config
from syncengine.errors import CursorExpired, CursorStuck
from syncengine.models import ConversationKey, Page, Retention, is_named
from syncengine.store.batch import HEAD, START, Batch, Covered, Gap
from syncengine.store.store import Store
from syncengine.store.view import View
from syncengine.store.writer import Decision
from syncengine.sync.committer import Committer, Outcome
from syncengine.sync.doubts import MAX_LOOKS
from syncengine.sync.links import (
    Link,
    below_rows,
    finished,
    moved,
    new_of,
    next_link,
    shows_named,
    shows_newer,
    with_proof,
)
from syncengine.sync.placing import (
    accept_guess,
    place_around,
    place_below,
    place_head,
    place_nothing,
    place_overlapping,
)
from syncengine.sync.reconcile import Rules
from syncengine.sync.source import MOST_EMPTY, PageSource, Passing
from syncengine.sync.tally import Tally

_OVERLAPS = (1, 24, 240)
"""How many messages above the gap a chain taken up again starts, one try after the other."""
_AUDIT_LEAST = 4
"""Messages a page that reads again: it repeats two or three, and must go on."""
_LOOK = 20
"""Pages below a guessed gap in which what hangs above it is looked for."""
_MOST_FAILURES = 3
"""Chains on one gap that prove nothing, one after the other."""


class History:
    """Fetches one account's history and places it."""

    def __init__(
        self,
        source: PageSource,
        store: Store,
        committer: Committer,
        config: Config,
        tally: Tally,
        *,
        guarded: bool = True,
    ) -> None:
        """`guarded`: removals of very much are held back until a person agrees."""
        self.source = source
        self._store = store
        self._committer = committer
        self._tally = tally
        self.rules = rules_of(config, guarded=guarded)
        self._hasty: set[ConversationKey] = set()
        self._head_open: set[ConversationKey] = set()
        self._stay = 0
        self._astray: set[ConversationKey] = set()
        """Of which a chain did not find the message that it hangs on."""
        self._broken: set[ConversationKey] = set()
        """Of which a walk could not show every place."""
        self._added: Counter[ConversationKey] = Counter()

    @property
    def pages(self) -> int:
        """How many were fetched so far."""
        return self._tally.pages

    @property
    def longest_stay(self) -> int:
        """The longest that an unedited message was seen to stay on the server, ms."""
        return self._stay

    async def read_head(self, key: ConversationKey) -> tuple[Link | None, int]:
        """Fetch and place the newest page.

        Returns the link of a chain that is not at its end, and how many gaps are open.
        """
        page = await self.source.fetch(key, "")
        batch = await self._commit_head(key, page)
        if batch is None:
            return None, 0
        if batch.frontier is None:
            return None, batch.open_gaps
        # Its turn may come minutes later: by then its start has to be proved again.
        link = next_link(Link(None, None, ""), page, batch)
        return evolve(link, virgin=False), batch.open_gaps

    async def close_gaps(self, key: ConversationKey, link: Link | None = None) -> None:
        """Close every gap of the conversation, newest first.

        A gap whose end the server claims too early is left for a later cycle.
        Raises CursorStuck where the server's answers lead nowhere; what was proved stays.
        """
        failures = 0
        gap, fewest = await self._newest_gap(key)
        while gap is not None and failures < _MOST_FAILURES:
            added = self._added[key]
            link = link or await self._attach(key, gap)
            if link is not None and link.walking and gap.guessed and not link.aside:
                await self._look_below(key, gap, link)
            elif link is not None:
                await self._follow(key, link)
            link = None
            gap, number = await self._newest_gap(key)
            # Gaps that only move are no progress: a server can make them wander for ever.
            failures = 0 if self._added[key] > added or number < fewest else failures + 1
            fewest = min(fewest, number)
        if gap is not None and key not in self._hasty:
            raise CursorStuck(f"the history of {key} does not go on where it should")

    async def _look_below(self, key: ConversationKey, gap: Gap, link: Link) -> None:
        """What hangs above a guessed gap was not shown there: look further down."""
        empty = link.above is None
        if empty or await self._follow(key, evolve(link, looking=True), _LOOK):
            await self._committer.commit(accept_guess(key, gap, empty=empty))

    async def _attach(self, key: ConversationKey, gap: Gap) -> Link | None:
        """Begin a chain that leads into the gap."""
        if gap.high != HEAD:
            for start in await self._store.read(lambda c: _starts(View(c), key, gap)):
                link = await self._attach_at(key, start, gap.high)
                if link is not None:
                    return link
        page = await self.source.fetch(key, "")
        batch = await self._commit_head(key, page)
        if batch is None or not batch.believed:
            return None
        aside = batch.covered is None or batch.covered.high < gap.high
        if not batch.open_below and (aside or not (batch.open_gaps and gap.guessed)):
            return None  # from here it leads into no gap, and is no place to look for a guess
        return next_link(
            Link(None, None, "", walking=batch.frontier is None, aside=aside), page, batch
        )

    async def read_below(
        self,
        key: ConversationKey,
        start: str,
        *,
        prove: Callable[[], bool],
        passing: Passing,
    ) -> Covered | None:
        """Read again what stands below a held message; None: the page proves nothing.

        Where history seems to end there, and there are pages for it (`prove`), one or two more
        have to say so, from a start that was served. Raises CursorExpired where the start is
        refused.
        """
        page = await self.source.fetch_through(key, start, _AUDIT_LEAST, passing)
        batch = await self._commit_around(key, start, page)
        if batch is None or batch.covered is None:
            return None
        at_end = page.end or not page.cursor
        if at_end and len(page.messages) > 1 and prove():
            return await self._end_below(key, page, batch, batch.covered)
        return batch.covered

    async def _end_below(
        self, key: ConversationKey, page: Page, batch: Batch, part: Covered
    ) -> Covered:
        link = next_link(Link(None, None, ""), page, batch)
        if link.before is None:
            return part
        last, decision = await self._ask_with_proof(key, evolve(link, virgin=False))
        below = self._counted(await self._committer.commit(decision))
        proved = below is not None and below.covered is not None and below.covered.low == START
        return evolve(part, low=START, lowest_id=None) if proved and last.end else part

    async def walk(self, key: ConversationKey) -> Covered | None:
        """Read the whole conversation again, newest first.

        Returns the part that was read; it ends early where the server's answers prove
        nothing, also when asked anew: a start may just have been deleted, here or elsewhere,
        and not on every replica.
        """
        part: Covered | None = None
        for _ in range(_MOST_FAILURES):
            self._astray.discard(key)
            part = await self._walk_once(key)
            if part is None or part.low == START or key not in self._astray:
                break
        return part

    def went_astray(self, key: ConversationKey) -> bool:
        """Whether a walk ended early because what it stood at is gone."""
        return key in self._astray

    async def _walk_once(self, key: ConversationKey) -> Covered | None:
        # As long as the list's last message is looked for, or it is not believed yet.
        for _ in range(MAX_LOOKS):
            page = await self.source.fetch_through(key, "", _AUDIT_LEAST)
            batch = await self._commit_head(key, page)
            if batch is None or not (batch.looks or page.repeated):
                break
        if batch is None or batch.covered is None or batch.covered.low == START:
            return None if batch is None else batch.covered
        link = next_link(Link(None, None, "", walking=True, whole=True), page, batch)
        self._broken.discard(key)
        done = await self._follow(key, evolve(link, virgin=False)) and key not in self._broken
        return evolve(batch.covered, low=START, lowest_id=None) if done else batch.covered

    async def read_newest(self, key: ConversationKey, *, passing: Passing) -> Batch | None:
        """Read the newest page again."""
        page = await self.source.fetch_through(key, "", _AUDIT_LEAST, passing)
        return await self._commit_head(key, page)

    async def _attach_at(self, key: ConversationKey, start: str, high: int) -> Link | None:
        """Begin at a held message above the gap below `high`."""
        try:
            page = await self.source.fetch_through(key, start)
        except CursorExpired:
            return None
        batch = await self._commit_around(key, start, page)
        if batch is None or batch.covered is None or batch.covered.high < high:
            return None  # what stood at the gap is gone: from there it would lead away from it
        came_from = Link(start, None, "", walking=batch.frontier is None)
        return next_link(came_from, page, batch)

    async def _follow(self, key: ConversationKey, link: Link, most: int | None = None) -> bool:
        """Fetch and place until the chain's gap is closed, or so many pages were. False: it
        leads nowhere."""
        end = None if most is None else self.pages + most
        pending: Outcome | None = None
        before: Link | None = None
        empty = 0
        while empty <= MOST_EMPTY:
            try:
                page, decision = await self._ask(key, link)
            except CursorExpired:
                return False
            if pending is not None and await self._settled(pending) is None:
                unproved = before and with_proof(before)
                if unproved is None:
                    return False
                link, pending, before = unproved, None, None
                continue  # it contradicts what is held: once more, with proof
            before = link
            pending = self._committer.submit(decision)
            stuck = page.cursor == link.cursor
            empty = 0 if new_of(link, page) else empty + 1
            if link.virgin and not page.end and not stuck:
                # Whatever the writer finds, the next page is wanted: fetch it meanwhile.
                link = moved(link, page)
                continue
            batch = await self._settled(pending)
            pending = None
            unproved = with_proof(before) if batch is None else None
            if unproved is not None and not stuck:
                link = unproved
                continue
            if batch is None or stuck:
                return False
            if finished(batch, link, page) or (end is not None and self.pages >= end):
                return True
            link = next_link(link, page, batch)
        return False

    async def _ask(self, key: ConversationKey, link: Link) -> tuple[Page, Decision]:
        """The chain's next page, and how to place it."""
        provable = link.before is not None and self.source.starts_at_messages
        if provable and (link.fresh or not link.virgin):
            return await self._ask_with_proof(key, link)
        page = await self.source.fetch(key, link.cursor)
        if provable and (shows_newer(page, link) or (page.end and not shows_named(page))):
            return await self._ask_with_proof(key, link)
        shown = below_rows(link, page)
        if link.above is None:
            return page, place_head(key, shown, self.rules, link.rows)
        if link.fresh and not provable and self.source.starts_at_messages:
            self._hasty.add(key)  # nothing to prove it by, and lag may explain what it shows
            return page, place_nothing
        return page, place_below(key, link.above, shown, self.rules)

    async def _ask_with_proof(self, key: ConversationKey, link: Link) -> tuple[Page, Decision]:
        """The same page, asked for from one message higher: it must show where it hangs."""
        assert link.before is not None
        assert link.above is not None
        page = await self.source.fetch_named(key, link.before)
        named = [m.message_id for m in page.messages if is_named(m.message_id)]
        if named and named[-1] == link.above and page.cursor:
            more = await self.source.fetch_named(key, page.cursor)
            if more.end and not more.messages and link.fresh:
                self._hasty.add(key)
                return more, place_nothing
            # Of two requests, so not proved: the second start may be gone by then.
            both = evolve(more, messages=[*page.messages, *more.messages])
            decision = place_overlapping(key, link.above, both, self.rules, proved=False)
            return both, decision
        if all(message.message_id != link.above for message in page.messages):
            if link.fresh:
                self._hasty.add(key)  # a replica without the start: another time
            else:
                self._astray.add(key)
            if link.whole and page.messages:
                self._broken.add(key)  # gone since, as after a deletion of ours: go on below it
                return page, place_around(key, link.before, page, self.rules)
        return page, place_overlapping(key, link.above, page, self.rules)

    async def _settled(self, pending: Outcome) -> Batch | None:
        batch = await pending
        assert batch is None or isinstance(batch, Batch)
        return self._counted(batch)

    async def _commit_head(self, key: ConversationKey, page: Page) -> Batch | None:
        return self._counted(await self._committer.commit(place_head(key, page, self.rules)))

    async def _commit_around(self, key: ConversationKey, start: str, page: Page) -> Batch | None:
        decision = place_around(key, start, page, self.rules)
        return self._counted(await self._committer.commit(decision))

    def _counted(self, batch: Batch | None) -> Batch | None:
        self._tally.count(batch)
        if batch is None:
            return None
        # What was deleted may come and go with every lagging replica: that leads nowhere.
        gone = sum(number < 0 for number in batch.hidden.values())
        self._added[batch.key] += len(batch.inserts) - gone
        self._stay = max(self._stay, batch.stay)
        if batch.hasty:
            self._hasty.add(batch.key)
        if batch.head_open:
            self._head_open.add(batch.key)
        return batch

    async def _newest_gap(self, key: ConversationKey) -> tuple[Gap | None, int]:
        """The next gap to close, and how many there are; one at the head that was just read
        is left for later."""
        below = HEAD if key in self._head_open else HEAD + 1
        return await self._store.read(lambda c: _newest_gap(View(c), key, below))


def rules_of(config: Config, *, guarded: bool = True) -> Rules:
    """What the settings say about absent messages."""
    return Rules(
        confirm_after=int(config.confirm_absence_after * 1000),
        horizon=config.horizon_ms,
        mirror=config.retention is Retention.MIRROR,
        guarded=guarded,
    )


def _newest_gap(view: View, key: ConversationKey, below: int) -> tuple[Gap | None, int]:
    gaps = [gap for gap in view.gaps(key) if not gap.seam and gap.high < below]
    return (gaps[-1] if gaps else None), len(gaps)


def _starts(view: View, key: ConversationKey, gap: Gap) -> list[str]:
    """Messages from which a chain into the gap can be taken up again, nearest first."""
    above = view.above(key, gap.high, _OVERLAPS[-1] + 1)
    return [above[overlap] for overlap in _OVERLAPS if overlap < len(above)]
