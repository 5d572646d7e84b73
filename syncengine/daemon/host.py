"""A service as a process: joins it with systemd, signals, its state file and its metrics.

signals ──▶ Host ──▶ SyncService
             ▲  │ ▲       │ how accounts stand
 reread ─────┘  │ └───────┘
                └──▶ state file, metrics, systemd
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

from attrs import define, field, frozen

from syncengine.config import Environment
from syncengine.daemon import runtime
from syncengine.daemon.answering import answering
from syncengine.daemon.metrics import Metrics, health
from syncengine.daemon.notify import Notifier
from syncengine.daemon.service import SyncService
from syncengine.daemon.settings import ServiceAccount
from syncengine.daemon.signals import heard
from syncengine.daemon.standing import Ledger, Snapshot, standing_of
from syncengine.daemon.states import AccountStatus
from syncengine.errors import SyncEngineError
from syncengine.plain import count

_log = logging.getLogger("syncengine.daemon.host")

Place = tuple[str, int] | Path
"""A loopback host and a port, or the path of a Unix socket."""
Reread = Callable[[], Awaitable[Iterable[ServiceAccount]]]
"""The accounts as they are configured now. May raise SyncEngineError."""


@frozen(kw_only=True)
class Wishes:
    """How the process is to be."""

    state: Path
    """The folder of its lock and its state."""
    metrics: Place | None = None
    """Where figures are served; None: nowhere."""


@define
class Host:
    """Runs a service until a signal ends it."""

    _service: SyncService
    _reread: Reread
    _wishes: Wishes
    _notifier: Notifier = field(factory=Notifier.from_environment)
    _environment: Environment = field(factory=Environment)
    _ledger: Ledger = field(factory=Ledger)
    _changed: asyncio.Event = field(factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(factory=set)
    _reloading: asyncio.Lock = field(factory=asyncio.Lock)
    _since: int = 0
    _stopping: bool = False

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; then everything has ended.

        Raises StoreLocked where another daemon runs, StoreFull where the state folder cannot
        be written, ConfigError where the metrics cannot be served.
        """
        self._since = self._environment.now()
        actions = {"SIGHUP": self._reload, "SIGUSR1": self._sync_now}
        with heard(actions) as ending, runtime.owned(self._wishes.state):
            self._ledger.carry_over(runtime.look(self._wishes.state).snapshot)
            async with self._shown(), self._tended():
                await self._serve(ending.told)

    def snapshot(self) -> Snapshot:
        """How everything stands now."""
        self._ledger.begin(_day(self._environment.now()))
        accounts = self._service.accounts
        return Snapshot(
            pid=os.getpid(),
            since=self._since,
            written=self._environment.now(),
            day=self._ledger.day,
            accounts=[self._ledger.enter(standing_of(each)) for each in accounts.values()],
        )

    async def _serve(self, told: asyncio.Event) -> None:
        """Until told to end. A service that ends by itself has failed: so does the process,
        and whoever watches it starts it anew."""
        service = asyncio.create_task(self._service.run())
        end = asyncio.create_task(told.wait())
        await asyncio.sleep(0)  # it has started
        self._accounts_are_known()
        self._notifier.ready(self._words())
        _log.info("started, %s; Ctrl-C ends it", count(len(self._service.accounts), "account"))
        try:
            await asyncio.wait({service, end}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping = True
            self._notifier.stopping()
            end.cancel()
            if service.done():
                service.result()
            service.cancel()
            with suppress(asyncio.CancelledError):
                await service

    @asynccontextmanager
    async def _shown(self) -> AsyncIterator[None]:
        """Metrics, where they are wanted."""
        if self._wishes.metrics is None:
            yield
            return
        metrics = Metrics(self.snapshot)
        routes = {
            "/metrics": metrics.answer,
            "/healthz": lambda: health(self.snapshot(), stopping=self._stopping),
        }
        async with answering(self._wishes.metrics, routes) as where:
            _log.info("metrics on %s", where)
            yield

    @asynccontextmanager
    async def _tended(self) -> AsyncIterator[None]:
        """What runs beside the service; the last state is written at the end."""
        self._spawn(self._listen())
        self._spawn(runtime.keep_written(self._wishes.state, self._changed, self._told))
        if self._notifier.watchdog_every is not None:
            self._spawn(self._show_alive(self._notifier.watchdog_every))
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            runtime.write(self._wishes.state, self.snapshot())

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self) -> None:
        async for told in self._service.changes():
            if isinstance(told, AccountStatus):
                self._changed.set()

    async def _show_alive(self, every: float) -> None:
        while True:
            self._notifier.alive()
            await asyncio.sleep(every)

    def _told(self) -> Snapshot:
        self._notifier.status(self._words())
        return self.snapshot()

    def _accounts_are_known(self) -> None:
        """Not before is anything forgotten or written: a service that has not begun has no
        accounts, and what the last daemon counted of them would be lost."""
        self._ledger.forget_all_but(set(self._service.accounts))
        self._changed.set()

    def _words(self) -> str:
        """One line for `systemctl status`."""
        accounts = self._service.accounts.values()
        failing = sum(1 for each in accounts if each.fault is not None)
        more = f", {failing} with an error" if failing else ""
        return f"{count(len(accounts), 'account')}{more}"

    def _sync_now(self) -> None:
        _log.info("asked to sync now")
        self._service.sync_now()

    def _reload(self) -> None:
        self._spawn(self._reload_once())

    async def _reload_once(self) -> None:
        """Take over what is configured now. What cannot be used changes nothing."""
        async with self._reloading:
            self._notifier.reloading()
            try:
                await self._service.reload(await self._reread())
                self._accounts_are_known()
                _log.info("configuration reread: %s", self._words())
            except SyncEngineError as error:
                _log.error("the configuration is not taken over: %s", error, extra=_hint(error))
            self._changed.set()
            self._notifier.ready(self._words())


def _hint(error: SyncEngineError) -> dict[str, str]:
    return {"error": type(error).__name__, "hint": error.hint}


def _day(ms: int) -> str:
    """The local date."""
    return datetime.fromtimestamp(ms / 1000).date().isoformat()
