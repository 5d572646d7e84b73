"""Tells who listens how accounts and servers stand: the newest of each, however slow one is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self
from weakref import WeakSet

from syncengine.daemon.states import AccountStatus, ServerStatus

Told = AccountStatus | ServerStatus


class Listener(AsyncIterator[Told]):
    """What changes, from now on. Of one account or server only the newest waits."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[type, str], Told] = {}
        self._news = asyncio.Event()
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Told:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.pop(next(iter(self._waiting)))

    def put(self, told: Told) -> None:
        """One stands otherwise now."""
        key = (type(told), told.name)
        self._waiting.pop(key, None)
        self._waiting[key] = told
        self._news.set()

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True
        self._news.set()


class Telling:
    """All who listen."""

    def __init__(self) -> None:
        self._listeners: WeakSet[Listener] = WeakSet()
        self._closed = False

    def listen(self) -> Listener:
        """One more."""
        listener = Listener()
        self._listeners.add(listener)
        if self._closed:
            listener.close()
        return listener

    def tell(self, told: Told) -> None:
        """Let all know."""
        for listener in list(self._listeners):
            listener.put(told)

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True
        for listener in list(self._listeners):
            listener.close()
