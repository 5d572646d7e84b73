"""Follows what was written: the change rows as they come, and what the engine is doing.

    commit here ──────────▶ wake ──▶ listener ──reads after its revision──▶ the change rows
    commit elsewhere ─poll──┘           └──takes what it has not heard ──▶ activities, newest few

Nothing is handed to a listener: it is woken, and reads what it does not know from the
table, at its own pace. So one that is slow or asleep costs nothing and loses nothing, and
one in another process differs only in how it is woken: by looking every 50 ms, while
somebody waits, whether anybody committed.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Self
from weakref import WeakSet

from syncengine.changes import Activity, ActivityKind, Update
from syncengine.errors import ConfigError, EngineClosed, StoreError
from syncengine.store.journal import commits, revision
from syncengine.store.store import Store

POLL = 0.05
"""Seconds between two looks for another process's commits."""
_CHANGES_AT_ONCE = 100
"""Read at once, about: a listener holds no more, however far it lags."""
_ACTIVITIES = 64
"""The newest are remembered, for listeners that are busy."""


class Feed:
    """One store's changes, for any number of listeners in this process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._closed = False
        self._wakes = 0
        self._woken = asyncio.Event()
        self._waiting = 0
        self._poll: asyncio.Task[None] | None = None
        self._version: tuple[int, int] | None = None
        self._told = 0
        self._activities: deque[tuple[int, Activity]] = deque(maxlen=_ACTIVITIES)
        self._listeners: WeakSet[Listener] = WeakSet()
        store.on_commit = self._wake

    @property
    def followed(self) -> bool:
        """Whether there is any listener."""
        return bool(self._listeners)

    def listen(self, since: int | None) -> "Listener":
        """A new listener: of all after a revision, or from its first look on.

        Raises ConfigError for a revision that can be none, EngineClosed.
        """
        if self._closed:
            raise EngineClosed("the engine is closed")
        if since is not None and since < 0:
            raise ConfigError(f"since is {since}", hint="Use the revision of an update, or 0.")
        listener = Listener(self, self._store, since, self._told)
        self._listeners.add(listener)
        return listener

    def tell(self, activity: Activity) -> None:
        """Let the listeners know what goes on. Of progress only the newest counts."""
        newest = self._activities[-1][1].kind if self._activities else None
        if activity.kind is newest is ActivityKind.SYNC_PROGRESSED:
            self._activities.pop()
        self._told += 1
        self._activities.append((self._told, activity))
        self._wake()

    def told_after(self, number: int) -> list[tuple[int, Activity]]:
        """Activities with their numbers, those after one of them."""
        return [told for told in self._activities if told[0] > number]

    @property
    def closed(self) -> bool:
        """Whether nothing is to come."""
        return self._closed

    @property
    def wakes(self) -> int:
        """How often there was something new so far: see `wait`."""
        return self._wakes

    async def wait(self, seen: int) -> None:
        """Until there is something new since `wakes` was `seen`."""
        if self._wakes != seen or self._closed:
            return
        self._waiting += 1
        try:
            if self._poll is None or self._poll.done():
                self._poll = asyncio.create_task(self._look_elsewhere())
            await self._woken.wait()
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End every listener."""
        self._closed = True
        self._wake()
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.gather(self._poll, return_exceptions=True)

    def _wake(self) -> None:
        self._wakes += 1
        self._woken.set()
        self._woken = asyncio.Event()

    async def _look_elsewhere(self) -> None:
        """Look for others' commits for as long as anybody waits."""
        while self._waiting:
            version = await self._look()
            if version != self._version:
                self._version = version
                self._wake()
            # Not the engine's clock: another process lives by the real one.
            await asyncio.sleep(POLL)

    async def _look(self) -> tuple[int, int] | None:
        """What is another once somebody committed; None: it cannot be read, which the
        listener meets, too, when it looks."""
        try:
            return await self._store.data_version(), self._store.files
        except StoreError:
            return None


class Listener(AsyncIterator[Update]):
    """Gives update by update; ends when the engine closes. One task at a time may wait."""

    def __init__(self, feed: Feed, store: Store, since: int | None, heard: int) -> None:
        self._feed = feed
        self._store = store
        self._revision = since
        self._heard = heard
        self._ready: deque[Update] = deque()
        self._files = store.files

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update:
        while not self._ready:
            if self._feed.closed:
                raise StopAsyncIteration
            seen = self._feed.wakes
            try:
                await self._look()
            except EngineClosed:
                raise StopAsyncIteration from None
            if not self._ready:
                await self._feed.wait(seen)
        return self._ready.popleft()

    async def _look(self) -> None:
        """Fetch what is new. What a sync wrote stands between its start and its end."""
        told = self._feed.told_after(self._heard)
        started = bool(told) and told[0][1].kind is ActivityKind.SYNC_STARTED
        before, after = (told[:1], told[1:]) if started else ([], told)
        if self._revision is None:
            self._revision = await self._store.read(revision)
        updates, more = await self._read(self._revision)
        self._hear(before)
        self._ready.extend(updates)
        if updates:
            self._revision = updates[-1].revision
        if not more:
            self._hear(after)

    async def _read(self, since: int) -> tuple[list[Update], bool]:
        """What was written after a revision, and whether that was not all."""
        part = await self._store.read(lambda c: commits(c, since, _CHANGES_AT_ONCE))
        another, self._files = self._files != self._store.files, self._store.files
        if part.lost or another:
            return [Update(part.newest, reset=True)], False
        updates = [Update(commit.revision, commit.changes) for commit in part.commits]
        return updates, bool(updates) and updates[-1].revision < part.newest

    def _hear(self, told: Sequence[tuple[int, Activity]]) -> None:
        assert self._revision is not None
        for number, activity in told:
            self._heard = number
            self._ready.append(Update(self._revision, activity=activity))
