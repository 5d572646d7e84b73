"""Lets pages that wait for the writer share its next commit (law 1)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from syncengine.store.batch import Batch, Write
from syncengine.store.store import Store
from syncengine.store.writer import Decision

Outcome = asyncio.Future[Write | None]


class Committer:
    """One commit at a time. Whatever arrives meanwhile goes into the next one together."""

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self._most = most
        self._waiting: list[tuple[Decision, Outcome]] = []
        self._arrived = asyncio.Event()

    def submit(self, decision: Decision) -> Outcome:
        """Queue a decision; the future gives what was written, in the order of arrival."""
        outcome: Outcome = asyncio.get_running_loop().create_future()
        self._waiting.append((decision, outcome))
        self._arrived.set()
        return outcome

    async def commit(self, decision: Decision) -> Batch | None:
        """Queue a decision about one conversation and wait until it is durable."""
        batch = await self.submit(decision)
        assert batch is None or isinstance(batch, Batch)
        return batch

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Commit in the background for as long as the block lasts."""
        task = asyncio.create_task(self._run())
        try:
            with self._store.contention.pulling():
                yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for _, outcome in self._waiting:
                outcome.cancel()

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            await self._gather()
            await self._store.contention.give_way()
            most = self._store.contention.share(self._most)
            group, self._waiting = self._waiting[:most], self._waiting[most:]
            if not self._waiting:
                self._arrived.clear()
            await self._commit(group)

    async def _gather(self) -> None:
        """Those that come with the first join, and those that come right behind them: while
        answers are decoded, one in each turn of the event loop, a commit gets no processor. A
        turn is handed on in one and used in the next: hence two without anybody new end it."""
        before = 0
        while before < len(self._waiting) < self._most:
            before = len(self._waiting)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def _commit(self, group: list[tuple[Decision, Outcome]]) -> None:
        try:
            written = await self._store.apply([decision for decision, _ in group])
        except Exception as error:  # whoever waits gets it, whatever it is
            for _, outcome in group:
                if not outcome.cancelled():
                    outcome.set_exception(error)
                    outcome.exception()  # looked at: its waiter may be gone
            return
        for (_, outcome), batch in zip(group, written, strict=True):
            if not outcome.cancelled():
                outcome.set_result(batch)
