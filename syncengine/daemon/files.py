"""What a service does with files: the one place that holds, opens, asks and repairs them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from syncengine.config import Config, Environment
from syncengine.engine import SyncEngine
from syncengine.remote.port import Remote
from syncengine.store.database import Connect, connect_threaded
from syncengine.store.outbox import Undelivered, undelivered

Hold = Callable[[Path], AbstractContextManager[Any]]
"""Owns a file for as long as the block lasts. Raises StoreLocked where another does."""
Recover = Callable[[Path], Any]
"""Puts a new file in the place of a damaged one (law 10); called in a thread. Raises
SyncEngineError where it cannot."""


class Files:
    """Opens the accounts' files. A program gives its own where it locks or repairs them."""

    def __init__(
        self,
        *,
        hold: Hold | None = None,
        recover: Recover | None = None,
        connect: Connect = connect_threaded,
    ) -> None:
        """`hold`: who syncs a file, from the account's first turn to its end; None: nobody
        else does. `recover`: for damaged files; None: the account stops."""
        self._hold = hold or _nobody_else
        self.recover = recover
        self._connect = connect

    def hold(self, path: Path) -> AbstractContextManager[Any]:
        """Own the file for as long as the block lasts. Raises StoreLocked."""
        return self._hold(path)

    def open(
        self, path: Path, remote: Remote, config: Config, environment: Environment
    ) -> AbstractAsyncContextManager[SyncEngine]:
        """An engine on the file. Raises as `SyncEngine.open`."""
        return SyncEngine.open(
            path, remote, config=config, environment=environment, connect=self._connect
        )

    async def undelivered(self, path: Path) -> Undelivered:
        """The deletions that wait in a file that is not open. Raises StoreError."""
        connection = await self._connect(path, True)
        try:
            return await connection.run(undelivered)
        finally:
            await connection.close()


def _nobody_else(_: Path) -> AbstractContextManager[Any]:
    return nullcontext()
