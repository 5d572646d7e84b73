"""A second copy of the copy, made while it is in use."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from syncengine.engine.parts import Parts
from syncengine.errors import EngineClosed
from syncengine.reports import Backup
from syncengine.store.backup import copy_into


class BackingUp(Parts):
    """The part of the engine that copies the file."""

    async def backup(
        self,
        path: str | Path,
        *,
        force: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Backup:
        """Copy the file as it stands now to `path`, for this user alone (mode 0600).

        Reads, syncs and deletions go on meanwhile, in any process; the copy has what was
        committed when it began. It is checked and on the disk before it gets its name, and
        opens as any store. `force` replaces a store that has that name. `progress` is told
        how many bytes are copied, of how many; cancelled, it leaves nothing half behind.

        Raises ConfigError where there is a file already, or what would spoil the copy,
        StoreError where it cannot be written, StoreCorrupt where this file is damaged.
        """
        if self._closed:
            raise EngineClosed("the engine is closed")
        started = self._environment.monotonic()
        target = Path(path)
        size = await self._store.aside(
            partial(
                copy_into,
                source=self._store.path,
                target=target,
                force=force,
                progress=None if progress is None else _told_here(progress),
            )
        )
        return Backup(target, size, self._environment.monotonic() - started)


def _told_here(progress: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Tell it in the event loop's thread: the copy is made in another."""
    loop = asyncio.get_running_loop()

    def tell(done: int, total: int) -> None:
        loop.call_soon_threadsafe(progress, done, total)

    return tell
