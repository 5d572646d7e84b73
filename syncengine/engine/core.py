"""The facade: wires the parts of one account together and holds no policy."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from syncengine.config import Config, Environment
from syncengine.engine.backing_up import BackingUp
from syncengine.engine.deleting import Deleting
from syncengine.engine.fetching import Fetching
from syncengine.engine.following import Following, Telling
from syncengine.engine.scrolling import Scrolling
from syncengine.engine.upkeeping import Upkeeping
from syncengine.engine.waiting import Waiting
from syncengine.models import Kind
from syncengine.remote.formats import decoder_for
from syncengine.remote.port import Remote
from syncengine.reports import Progress, Report, Status, Verification
from syncengine.store.database import Connect, connect_threaded
from syncengine.store.lock import WriterLock
from syncengine.store.store import Store, open_store
from syncengine.store.view import View
from syncengine.sync.cycle import Cycle


class SyncEngine(Fetching, Scrolling, Deleting, Following, Upkeeping, BackingUp, Waiting):
    """One account's copy, and the way to its server. Use `SyncEngine.open`."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: str | Path,
        remote: Remote | None = None,
        *,
        config: Config | None = None,
        environment: Environment | None = None,
        lock: WriterLock | None = None,
        connect: Connect = connect_threaded,
    ) -> AsyncIterator[Self]:
        """Open the copy at `path`, creating it where there is none.

        With no `remote` the engine is offline: everything is readable, nothing is
        fetched. The engine closes the remote when the block ends. `lock` is the file's
        `WriterLock`, for who holds it for longer than one cycle, as a daemon does.

        Raises ConfigError where the file belongs to another account, StoreError where
        it cannot be opened.
        """
        store: Store | None = None
        try:
            store = await open_store(Path(path), connect=connect, lock=lock)
            if remote is not None:
                await store.claim(remote.account)
            account = (await store.read(lambda c: View(c).account())).name
            engine = cls(
                store,
                remote,
                decoder_for(account or (remote.account if remote is not None else None)),
                config or Config(),
                environment or Environment(),
            )
            try:
                async with engine._tended():
                    yield engine
            finally:
                engine._closed = True
                await engine._feed.close()
        finally:
            await _close(remote, store)

    async def sync(self, *, progress: Callable[[Progress], None] | None = None) -> Report:
        """One full cycle: everything new on the server is here afterwards.

        Faults of the server are in the report, and what was fetched before them is kept.
        A second call waits for the first. Raises StoreLocked, which says who it is, where
        another engine or program syncs this file, StoreError where the copy cannot be
        written, ConfigError where the engine has no remote.
        """
        remote = self._online()
        if self._store.obstacle is not None:
            raise self._store.obstacle
        async with self._syncing:
            with self._store.lock.held(), self._telling(progress) as telling:
                telling.report = report = await self._cycle(remote, telling).run()
                return report

    async def verify(
        self,
        conversation_id: str | None = None,
        kind: Kind | str | None = None,
        *,
        accept: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Verification:
        """A cycle, and then all of history read again, or that of one conversation: what is
        not on the server any more goes here too, as far as it is certain (law 5).

        Where messages are missing it waits `confirm_absence_after` and reads them a second
        time. Removals that are too many are held back, unless `accept` says that a person
        agrees to them. Otherwise as `sync`; raises ConfigError for a conversation that is
        not held here.
        """
        remote = self._online()
        only = None
        if conversation_id is not None:
            only = await self._known(conversation_id, kind or Kind.CHAT)
        if self._store.obstacle is not None:
            raise self._store.obstacle
        async with self._syncing:
            with self._store.lock.held(), self._telling(progress) as telling:
                cycle = self._cycle(remote, telling, accept=accept)
                telling.report = found = await cycle.verify(only)
                return found

    def _cycle(self, remote: Remote, telling: Telling, *, accept: bool = False) -> Cycle:
        return Cycle(
            remote,
            self._store,
            self._retrier,
            self._config,
            self._environment,
            self._replays,
            telling,
            accept=accept,
            placed=self._under_way.placed,
        )

    async def status(self) -> Status:
        """The copy in figures."""
        return await self.reader.status(plan_known=self._config.retention_days is not None)


async def _close(remote: Remote | None, store: Store | None) -> None:
    try:
        if remote is not None:
            await remote.close()
    finally:
        if store is not None:
            await store.close()
