"""Upkeep of what is derived from the messages: the search index, and the file itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from syncengine.engine.parts import Parts
from syncengine.errors import EngineClosed, StoreError
from syncengine.reports import Upkeep
from syncengine.store.indexing import (
    behind,
    index_some,
    merge_some,
    truncate_log,
    wants_merge,
)
from syncengine.store.outbox import still_here

_SET = 4_000
"""Messages of one transaction: enough to be quick, and a deletion waits for it."""
_SMALL_SET = 1_500
"""Of one that a cycle under way waits for: about 10 ms."""
_PAUSE = 1.0
"""Seconds between two of these."""
_SETTLE = 0.2
"""Seconds from a commit to the indexing of what it brought, for more may come."""


class Upkeeping(Parts):
    """The part of the engine that tends the file."""

    async def index(self, *, progress: Callable[[int, int], None] | None = None) -> int:
        """Index all messages that a search does not find yet; how many they were.

        In sets, a transaction each: cut off at any moment, it goes on from there. With
        `index_search` the engine does so by itself, when it has nothing else to do.
        `progress` is told how many are done, of how many. Raises StoreError where the copy
        cannot be written.
        """
        self._open()
        done, total = 0, await self._store.read(behind)
        while number := await self._index_some(_SET):
            done += number
            if progress is not None:
                progress(done, max(done, total))
        return done

    async def upkeep(self, *, progress: Callable[[int, int], None] | None = None) -> Upkeep:
        """Put the file in order: index what is behind, and let go of what was deleted.

        Afterwards no byte of a deleted message's text is in the file, with two exceptions
        that the result names: `pending` messages wait, hidden, for the server to accept
        their deletion (law 8), and another process may have been reading (`truncated` is
        False). Takes seconds a million messages; reads and syncs go on meanwhile. Otherwise
        as `index`.
        """
        started = self._environment.monotonic()
        indexed = await self.index(progress=progress)
        merged = await self._store.read(wants_merge)
        if merged:
            await self._merge()
        truncated = await self._store.tend(truncate_log)
        pending = await self._store.read(still_here)
        seconds = self._environment.monotonic() - started
        return Upkeep(indexed, merged, truncated, pending, seconds)

    async def _merge(self) -> None:
        more = await self._store.tend(lambda c: merge_some(c, first=True))
        while more:
            more = await self._store.tend(lambda c: merge_some(c, first=False))

    async def _index_some(self, most: int) -> int:
        """One set. An index that a search found damaged is made anew."""
        anew = self._store.index_damaged
        number = await self._store.tend(lambda c: index_some(c, most, anew=anew))
        if anew:
            self._store.index_damaged = False
        return number

    def _open(self) -> None:
        if self._closed:
            raise EngineClosed("the engine is closed")

    @asynccontextmanager
    async def _tended(self) -> AsyncIterator[None]:
        """Index in the background for as long as the block lasts, if the file can be written.

        It ends with the set under way: the store is closed after that.
        """
        if not self._config.index_search or self._store.obstacle is not None:
            yield
            return
        task = asyncio.create_task(self._index_for_ever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _index_for_ever(self) -> None:
        while True:
            await self._environment.sleep(_SETTLE)
            with suppress(StoreError):  # a full disk, a locked file: another time
                await self._catch_up()
            await self._store.written.wait()

    async def _catch_up(self) -> None:
        """Between cycles set after set; during one a small set a second."""
        self._store.written.clear()
        syncing = self._syncing.locked()
        while await self._index_some(_SMALL_SET if syncing else _SET):
            if syncing:
                await self._environment.sleep(_PAUSE)
            syncing = self._syncing.locked()
