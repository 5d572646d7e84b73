"""What a service does with files: the one place that holds, opens, asks and repairs them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    contextmanager,
    nullcontext,
)
from functools import partial
from pathlib import Path

from attrs import field, frozen

from syncengine.config import Config, Environment
from syncengine.engine import SyncEngine
from syncengine.errors import StoreError
from syncengine.filelock import is_taken
from syncengine.remote.port import Remote
from syncengine.reports import Recovery
from syncengine.store.database import Connect, connect_threaded
from syncengine.store.lock import WriterLock, lock_path
from syncengine.store.outbox import Undelivered, undelivered
from syncengine.store.recovery import check
from syncengine.store.view import View

Hold = Callable[[Path], AbstractContextManager[WriterLock | None]]
"""Owns a file for as long as the block lasts, which gets the lock that its engine is to use.
Raises StoreLocked where another does."""
Recover = Callable[[Path, WriterLock | None], Recovery]
"""Puts a new file in the place of a damaged one (law 10), given the lock that is held; called
in a thread. Raises SyncEngineError where it cannot."""


@frozen
class Waiting:
    """What a file has for its account to do."""

    deletions: Undelivered = field(factory=Undelivered)
    synced: bool = False
    """A sync of it has ended well, some day."""


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
        self._recover = recover
        self._connect = connect
        self._locks: dict[Path, WriterLock | None] = {}

    @contextmanager
    def hold(self, path: Path) -> Iterator[None]:
        """Own the file for as long as the block lasts. Raises StoreLocked."""
        with self._hold(path) as lock:
            self._locks[path] = lock
            try:
                yield
            finally:
                del self._locks[path]

    def is_owned_elsewhere(self, path: Path) -> bool:
        """Whether somebody else syncs the file right now. A look at its lock: microseconds."""
        return self._locks.get(path) is None and is_taken(lock_path(path))

    @property
    def can_recover(self) -> bool:
        """Whether damaged files are repaired."""
        return self._recover is not None

    def damage(self, path: Path) -> Sequence[str]:
        """What is wrong with a file's pages; nothing for one that is not there, and for one that
        cannot be looked at just now. Reads all of it: call it in a thread."""
        try:
            return check(path) if path.exists() else ()
        except StoreError:
            return ()  # opening it will say so

    def recover(self, path: Path) -> Recovery:
        """Put a new file in the place of a damaged one, where that is done at all. Raises
        SyncEngineError."""
        assert self._recover is not None
        return self._recover(path, self._locks.get(path))

    def open(
        self, path: Path, remote: Remote, config: Config, environment: Environment
    ) -> AbstractAsyncContextManager[SyncEngine]:
        """An engine on the file. Raises as `SyncEngine.open`."""
        return SyncEngine.open(
            path,
            remote,
            config=config,
            environment=environment,
            lock=self._locks.get(path),
            connect=self._connect,
        )

    async def waiting(self, path: Path, now: int) -> Waiting:
        """What waits in a file that is not open; `now` in ms, local clock. Raises StoreError."""
        if not _is_there(path):
            return Waiting()
        connection = await self._connect(path, True)
        try:
            deletions = await connection.run(partial(undelivered, now=now))
            account = await connection.run(lambda c: View(c).account())
            return Waiting(deletions, synced=account.synced_at is not None)
        finally:
            await connection.close()


def _is_there(path: Path) -> bool:
    """A look that costs microseconds."""
    return path.exists()


def _nobody_else(_: Path) -> AbstractContextManager[None]:
    return nullcontext()
