"""Lets those who want the same thing at the same time wait for one piece of work."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from attrs import define

T = TypeVar("T")


@define
class _Work(Generic[T]):
    task: asyncio.Task[T]
    waiters: int = 0


class Shared(Generic[T]):
    """Work under way, by what it is for."""

    def __init__(self) -> None:
        self._works: dict[Hashable, _Work[T]] = {}

    async def run(self, place: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do the work, or wait for who does it for this place already; its error is raised for
        all who wait. One who gives up leaves the others waiting; with the last of them the
        work is cancelled, and over when this returns."""
        shared = self._works.get(place)
        if shared is None or shared.task.done():
            shared = self._works[place] = _Work(asyncio.create_task(work()))
        shared.waiters += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiters -= 1
            if not shared.waiters:
                await self._over(place, shared)

    async def _over(self, place: Hashable, shared: _Work[T]) -> None:
        if self._works.get(place) is shared:
            del self._works[place]
        if not shared.task.done():
            shared.task.cancel()
            await asyncio.wait([shared.task])
        if not shared.task.cancelled():
            shared.task.exception()  # looked at: who waited for it may be gone
