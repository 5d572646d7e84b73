"""Several requests at once, the most urgent work first; one bad conversation stops nothing.

What fails for one conversation is noted and the rest goes on; a fault of the account ends
the cycle (law 12: it would only fail again, many times).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable

from attrs import field, frozen

from syncengine.errors import Patience, Scope, StoreError, SyncEngineError
from syncengine.models import ConversationKey
from syncengine.sync.links import Link
from syncengine.sync.tally import Tally

HEAD_PHASE, DEPTH_PHASE, AUDIT_PHASE = 0, 1, 2
_MOST_FAULTS_IN_A_ROW = 3
"""Conversations that fail with a fault of the server, before the whole cycle stops."""


@frozen(order=True)
class Work:
    """A conversation to fetch from; sorts by phase, then by recency."""

    phase: int
    order: int
    key: ConversationKey = field(order=False)
    link: Link | None = field(default=None, order=False)


Step = Callable[[Work], Awaitable[Work | None]]
"""Does a piece of work; gives the next piece for the same conversation, if there is one."""


async def together(jobs: Iterable[Coroutine[None, None, None]]) -> None:
    """Run all of some jobs at the same time. One that fails ends no other, as what is under way
    would be lost; then the first fault is raised."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        await asyncio.wait(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        task.result()


class Workers:
    """Runs a cycle's work. A conversation is in the queue once at most."""

    def __init__(self, number: int, step: Step, tally: Tally) -> None:
        self.number = number
        """How many requests at once."""
        self._step = step
        self._tally = tally
        self._queue: asyncio.PriorityQueue[Work] = asyncio.PriorityQueue()
        self._queued: dict[ConversationKey, int] = {}
        self._again: set[ConversationKey] = set()
        self._faults_in_a_row = 0

    async def run(self, cycle: Coroutine[None, None, None]) -> None:
        """Run `cycle`, which queues work, and the workers, until the cycle is over.

        Raises what ends either.
        """
        workers = [asyncio.create_task(self._work()) for _ in range(self.number)]
        tasks = [asyncio.create_task(cycle), *workers]
        try:
            # Workers end only by failing, so whatever is done first decides.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    def put(self, key: ConversationKey, phase: int) -> None:
        """Queue a conversation; one that is under way is looked at once more afterwards."""
        if key in self._queued:
            self._again.add(key)
            return
        self._queued[key] = len(self._queued)
        self._tally.known.add(key)
        self._queue.put_nowait(Work(phase, self._queued[key], key))

    async def join(self) -> None:
        """Wait until all that is queued is done."""
        await self._queue.join()

    def succeeded(self) -> None:
        """A conversation was read: the faults before it were not the account's."""
        self._faults_in_a_row = 0

    def failed(self, error: SyncEngineError, key: ConversationKey) -> None:
        """Note it for the conversation; raises it where the fault is the account's."""
        if error.scope is Scope.ACCOUNT:
            self._faults_in_a_row += 1
            may_be_local = error.patience is Patience.LATER and not isinstance(error, StoreError)
            if not may_be_local or self._faults_in_a_row >= _MOST_FAULTS_IN_A_ROW:
                raise error
        self._tally.problem(error, key)

    async def _work(self) -> None:
        while True:
            work = await self._queue.get()
            try:
                await self._do(work)
            finally:
                self._queue.task_done()

    async def _do(self, work: Work) -> None:
        try:
            more = await self._step(work)
            if more is not None:
                self._queue.put_nowait(more)
                return
            self.succeeded()
        except SyncEngineError as error:
            self.failed(error, work.key)
        self._finish(work)

    def _finish(self, work: Work) -> None:
        if work.key in self._again:
            self._again.discard(work.key)
            self._queue.put_nowait(Work(DEPTH_PHASE, work.order, work.key))
            return
        self._queued.pop(work.key, None)
        self._tally.done.add(work.key)
        self._tally.tell()
