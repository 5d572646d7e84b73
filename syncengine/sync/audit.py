"""Reads again what is held, to find what was deleted elsewhere: nobody tells us (law 5).

Each cycle has a budget of pages. It goes, in this order, to messages that were missing
once and wait for the read that decides; to conversations that fell out of the server's
list (law 6); then by turns to the newest pages, which are so read more often, and to
passes over whole conversations, those first that were verified longest ago. One that
fails goes to the end of the queue (law 11).

Several conversations are read at the same time, as round trips are long; each of them in one
place only, so that what a page does not show is judged before the next one is asked for.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import chain, zip_longest
from random import Random

from syncengine.errors import CursorExpired, SyncEngineError
from syncengine.models import ConversationKey
from syncengine.store.batch import HEAD, START, Audited, Covered
from syncengine.store.due import Due, Plan, decidable_due, plan, suspects_due
from syncengine.store.store import Store
from syncengine.store.view import View
from syncengine.sync.budget import TO_THE_END, Budget, OutOfPages
from syncengine.sync.history import History
from syncengine.sync.reconcile import horizon
from syncengine.sync.workers import Workers, together

_NEAR, _FURTHER = (2,), (24, 240, 1)
"""How many messages above the place to be read the page starts, one try after the other.
With two or more, two are shown, and one that was served can confirm the end (law 2). To look
further up takes as long as to place a page, and is seldom needed."""
_ENDLESS = 1 << 62


class Audit:
    """The audit of one cycle. `marks` is what there is to note at its end."""

    def __init__(
        self,
        store: Store,
        history: History,
        confirm_after: int,
        workers: Workers,
        random: Random,
        *,
        accept: bool = False,
    ) -> None:
        """`confirm_after` is in ms; `accept`: a person agrees to what was held back."""
        self._random = random
        self._store = store
        self._history = history
        self._confirm_after = confirm_after
        self._workers = workers
        self._accept = accept
        self.marks: list[Audited] = []

    async def spend(self, pages: int) -> None:
        """Read at most so many pages again; two more where not even one place fits in."""
        if not pages:
            return
        now, since = self._history.source.server_time, self._history.source.first_heard
        due_now = await self._store.read(
            lambda c: plan(c, pages, now=now, since=since, confirm_after=self._confirm_after)
        )
        start = self._history.pages
        await self._visit_all(due_now, due_now.suspects, start + (pages + 1) // 2)
        await self._visit_all(due_now, self._in_turn(due_now), start + pages)

    async def _visit_all(self, due_now: Plan, places: Iterable[Due], end: int) -> None:
        """Visit as many as fit in; the first may take what one place needs at most."""
        waiting = deque(places)
        least = _needed(waiting[0]) if waiting else 0
        while waiting and (left := end - self._history.pages) > 0:
            budget = Budget(max(left, least), lambda: self._history.pages >= end)
            some = _apart(waiting, self._workers.number, budget.left)
            await together(self._visit(due, due_now, budget) for due in some)
            least = 1

    def _in_turn(self, due_now: Plan) -> Iterable[Due]:
        """Newest pages and passes over the whole by turns; chance says which comes first, for
        there may be room for one only."""
        both = [due_now.heads, due_now.sweeps]
        self._random.shuffle(both)
        by_turns = chain.from_iterable(zip_longest(*both))
        seen = set(due_now.suspects)
        return dict.fromkeys(due for due in by_turns if due is not None and due not in seen)

    async def _visit(self, due: Due, due_now: Plan, budget: Budget) -> None:
        part: Covered | None = None
        failure: SyncEngineError | None = None
        try:
            async with budget.place(due.key):
                part = await self._read(due, budget)
            self._workers.succeeded()
        except OutOfPages:
            return  # it keeps its turn
        except SyncEngineError as error:
            failure = error
        at = self._history.source.server_time or due_now.server_time
        self.marks.append(_mark(due, part, at, second_look=due in due_now.suspects))
        if failure is not None:
            self._workers.failed(failure, due.key)

    async def _read(self, due: Due, budget: Budget) -> Covered | None:
        """Read a page again from a place downwards, as long as the budget has pages.

        Returns the part that it covers; where nothing leads to that place any more it is
        the newest page's. None: nothing is proved.
        """
        taken = budget.page()  # at once: all who begin together have their first page
        if due.position != HEAD:
            for overlaps in (_NEAR, _FURTHER):
                above = await self._above(due, max(overlaps))
                for start in (above[overlap] for overlap in overlaps if overlap < len(above)):
                    if not taken:
                        return None
                    part = await self._below(due.key, start, budget)
                    if part is not None and _leads_to(part, due):
                        return part
                    taken = budget.page()
        return await self._newest(due.key, budget) if taken else None

    async def _below(self, key: ConversationKey, start: str, budget: Budget) -> Covered | None:
        try:
            return await self._history.read_below(
                key, start, prove=budget.proof, passing=partial(budget.rows, key)
            )
        except CursorExpired:
            budget.give_back()
            return None

    async def _above(self, due: Due, most: int) -> list[str]:
        return await self._store.read(lambda c: View(c).above(due.key, due.position, most + 1))

    async def _newest(self, key: ConversationKey, budget: Budget) -> Covered | None:
        batch = await self._history.read_newest(key, passing=partial(budget.rows, key))
        return None if batch is None else batch.covered

    async def walk(self, key: ConversationKey) -> bool:
        """Read all of a conversation again. False: not to its start."""
        arrived = await self._store.read(lambda c: View(c).arrived(key))
        part = await self._history.walk(key)
        if part is None or part.at is None:
            return False
        head, whole = part.high == HEAD, part.low == START and part.high == HEAD
        self.marks.append(
            Audited(
                key,
                part.at,
                head=head,
                finished=whole,
                began_at=part.at,
                arrived_before=arrived,
                accepted=whole and self._accept,
            )
        )
        return whole

    async def suspects(self, key: ConversationKey | None) -> list[Due]:
        """Where messages wait for the read that decides: the topmost one of each."""
        found = await self._store.read(lambda c: suspects_due(c, held_back=self._accept))
        return [due for due in found if key in (None, due.key)]

    async def decidable(self, key: ConversationKey | None) -> list[Due]:
        """Where messages were kept since they might have expired, and what was read
        meanwhile may tell that they cannot have."""
        rules, now = self._history.rules, self._history.source.server_time
        if now is None:
            return []
        found = await self._store.read(
            lambda c: decidable_due(c, now - horizon(rules, View(c).longest_stay()))
        )
        return [due for due in found if key in (None, due.key)]

    async def settle(self, places: Callable[[], Awaitable[list[Due]]]) -> None:
        """Read those places again, downwards: each once, and where that leads to others."""
        seen: set[Due] = set()
        while new := deque(due for due in await places() if due not in seen):
            seen.update(new)
            while new:
                some = _apart(new, self._workers.number, _ENDLESS)
                await together(self._settle_one(place) for place in some)

    async def _settle_one(self, due: Due) -> None:
        try:
            await self._read(due, Budget(_ENDLESS, lambda: False))
        except SyncEngineError as error:
            self._workers.failed(error, due.key)


def _apart(waiting: deque[Due], most: int, pages: int) -> list[Due]:
    """Take the first of them out, at most so many, each of another conversation; and as many as
    have, in so many pages, each what it needs at most. One that has to wait for another place of
    its conversation keeps its pages: those behind it must not take them."""
    taken: dict[ConversationKey, Due] = {}
    later: list[Due] = []
    scarce = pages <= TO_THE_END  # then the end of history stays unproved
    while waiting and len(taken) < most and pages > 0:
        needed = _needed(waiting[0])
        if needed > pages and not scarce:
            break
        due = waiting.popleft()
        pages -= needed
        if due.key in taken:
            later.append(due)
        else:
            taken[due.key] = due
    waiting.extendleft(reversed(later))
    return list(taken.values())


def _needed(due: Due) -> int:
    """Pages, at most, but for where a start is gone."""
    return 1 if due.position == HEAD else 1 + TO_THE_END


def _leads_to(part: Covered, due: Due) -> bool:
    return part.low < due.position <= part.high


def _mark(due: Due, part: Covered | None, at: int, *, second_look: bool) -> Audited:
    """What a visit means for the pass over the whole conversation."""
    head = due.position == HEAD or (part is not None and part.high == HEAD)
    if second_look:
        return Audited(due.key, at, head=head, second_look=True)
    if part is None:
        return Audited(due.key, at, head=head, failed=True)
    at, finished = part.at or at, part.low == START
    if finished or due.position == HEAD or _leads_to(part, due):
        return Audited(due.key, at, head, part.lowest_id, finished=finished)
    return Audited(due.key, at, head, part.lowest_id, restarted=True)
