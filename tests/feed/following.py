"""What tests of the feed share: a listener in a task of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from attrs import define, field

from syncengine import Activity, ActivityKind, Change, SyncEngine, Update

SOON = 20
"""Seconds, real ones, after which something that should happen never will."""


@define
class Follower:
    """What a listener got so far."""

    updates: list[Update] = field(factory=list)
    ended: bool = False
    _news: asyncio.Event = field(factory=asyncio.Event)

    async def follow(self, updates: AsyncIterator[Update]) -> None:
        """Take what comes, until it ends."""
        async for update in updates:
            self.updates.append(update)
            self._news.set()
        self.ended = True
        self._news.set()

    async def until(self, enough: Callable[["Follower"], bool]) -> None:
        """Wait until that is so."""
        async with asyncio.timeout(SOON):
            while not enough(self):
                self._news.clear()
                await self._news.wait()

    @property
    def changes(self) -> list[Change]:
        """All changes, in order."""
        return [change for update in self.updates for change in update.changes]

    @property
    def words(self) -> list[str]:
        """What happened, in a word each."""
        return [change.what.value for change in self.changes]

    @property
    def activities(self) -> list[Activity]:
        """What the engine did."""
        return [update.activity for update in self.updates if update.activity is not None]

    @property
    def kinds(self) -> list[ActivityKind]:
        """The same without progress."""
        kinds = [activity.kind for activity in self.activities]
        return [kind for kind in kinds if kind is not ActivityKind.SYNC_PROGRESSED]

    async def caught_up(self, engine: SyncEngine) -> None:
        """Wait until everything that is written was told."""
        newest = await engine.reader.revision()
        await self.until(lambda f: bool(f.updates) and f.updates[-1].revision >= newest)


@asynccontextmanager
async def following(engine: SyncEngine, since: int | None = 0) -> AsyncIterator[Follower]:
    """A listener for as long as the block lasts."""
    follower = Follower()
    task = asyncio.create_task(follower.follow(engine.changes(since)))
    await asyncio.sleep(0)
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
