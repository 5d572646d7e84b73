"""Waits for what is ending, and not for ever."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from syncengine.daemon.keeper import Keeper
from syncengine.errors import SyncEngineError

_log = logging.getLogger("syncengine.daemon")


async def all_ended(
    tasks: "set[asyncio.Task[None]]", within: float, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Until all have ended, in whatever way, or so many seconds have passed: what hangs longer
    is left to itself."""
    if not tasks:
        return

    async def patience() -> None:
        await sleep(within)

    end = asyncio.create_task(patience())
    everything = asyncio.gather(*tasks, return_exceptions=True)
    both: set[asyncio.Future[Any]] = {end, everything}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not everything.done():
            _log.warning("something does not end in time; it is left to itself")
    finally:
        end.cancel()
        await asyncio.gather(end, return_exceptions=True)


async def closed(keeper: Keeper) -> None:
    """When nothing is under way with it any more."""
    with suppress(SyncEngineError):
        await keeper.close()
