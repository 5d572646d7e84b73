"""Shares an event loop: work that holds it goes one at a time, each in a turn of its own."""

import asyncio


class Turns:
    """Between two that were taken the event loop looks at everything else that is ready.

    Answers of many requests may arrive together; decoded one after the other they would hold
    the loop for as long as all of them take.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self) -> None:
        """Wait for a turn, in order of arrival; it ends with the loop's own."""
        await self._lock.acquire()
        asyncio.get_running_loop().call_soon(self._lock.release)
