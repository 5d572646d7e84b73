"""Keeps many accounts up to date inside the caller's event loop: no signals, no globals.

    every half second; what is due, also when somebody asks and when a turn ends:
        did the machine sleep? ─▶ all accounts soon, on new connections
        did another process write a file? ─▶ is there a deletion? ─▶ that account now
        did one that synced a file let it go? ─▶ that account soon
        who is due? ─▶ is its server asked just now? ─▶ a turn, so many at once

When each account is due, and what an error makes of it, is decided in `schedule`, and put on
it in `judging`; one turn is in `keeper`; how often a server is asked, in `gate`. Nothing here
awaits an account: each turn is a task of its own, so that one that fails or hangs costs the
others nothing but its place among those at once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from syncengine.config import Environment
from syncengine.daemon import schedule
from syncengine.daemon.breaker import CircuitState
from syncengine.daemon.describing import account_status, server_status
from syncengine.daemon.ending import all_ended, closed
from syncengine.daemon.files import Files
from syncengine.daemon.gate import Server
from syncengine.daemon.judging import Judge, Unexpected
from syncengine.daemon.keeper import Ended, Keeper
from syncengine.daemon.roster import Roster
from syncengine.daemon.schedule import NEVER, AccountState
from syncengine.daemon.settings import ServiceAccount, Settings, checked
from syncengine.daemon.states import AccountStatus, ServerStatus
from syncengine.daemon.telling import Telling, Told
from syncengine.errors import EngineClosed, StoreError

_log = logging.getLogger("syncengine.daemon")


class SyncService:
    """Runs from `start` to `stop`, or for an `async with` block.

    Every method is to be called in the event loop that it was started in.
    """

    def __init__(
        self,
        accounts: Iterable[ServiceAccount] = (),
        *,
        settings: Settings | None = None,
        environment: Environment | None = None,
        files: Files | None = None,
    ) -> None:
        """Raises ConfigError for two accounts with one name, or on one file."""
        self._settings = settings or Settings()
        self._pace = self._settings.pace
        self._environment = environment or Environment()
        self._judge = Judge(self._environment)
        self._first = checked(accounts)
        self._roster = Roster(
            self._settings,
            self._environment,
            files or Files(),
            changed=self._server_changed,
            noticed=self._server_noticed,
        )
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._to_look: list[Keeper] = []
        self._telling = Telling()
        self._stopped = False
        self._clocks = (0, 0.0)

    # Living

    async def start(self) -> None:
        """Begin: each account has its first turn within the pace's window, one that was never
        synced soon."""
        if self._loop is not None or self._stopped:
            raise EngineClosed("a service starts once")
        self._clocks = self._read_clocks()
        self._add(self._first.values())
        self._loop = asyncio.create_task(self._run())
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """End: commits under way are finished, files and connections closed, within
        `stop_within` seconds. What hangs longer is left to itself. May be called twice."""
        if self._stopped:
            return
        self._stopped = True
        tasks = [*self._turns.values(), *self._looks.values()]
        tasks += [task for task in (self._loop, self._ticking) if task is not None]
        for task in tasks:
            task.cancel()
        closing = [asyncio.create_task(closed(keeper)) for keeper in self._all()]
        await self._bounded({*tasks, *closing})
        self._telling.close()

    async def run(self) -> None:
        """Start, and run until cancelled; then stop."""
        async with self:
            assert self._loop is not None
            await asyncio.shield(self._loop)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    # Asking for something

    def sync_now(self, name: str | None = None) -> None:
        """One account, or all, as soon as there is room. One that is syncing does so once
        more; one whose credentials were refused waits for others (`credentials_changed`).

        Raises ConfigError for an account that is not here.
        """
        for keeper in self._all() if name is None else [self._roster.named(name)]:
            if keeper.server.circuit.away:  # the network may be back; what it asked for stands
                keeper.server.rest_is_over()
            self._ask(keeper)
        self._wake.set()

    def credentials_changed(self, name: str) -> None:
        """There are new ones: the account's remote is made anew, and tried at once.

        Raises ConfigError for an account that is not here.
        """
        keeper = self._roster.named(name)
        keeper.stale = True
        self._cut_short(keeper)
        keeper.turn = schedule.renewed(keeper.turn, self._now())
        self._wake.set()

    async def reload(self, accounts: Iterable[ServiceAccount]) -> None:
        """These accounts from now on. Those that are here already, on the same file and
        server and with the same settings, go on undisturbed, but for those that waited for
        somebody: these try again. Returns when the ones that are gone are closed.

        Raises ConfigError as the class does; then nothing changed.
        """
        wanted = checked(accounts)
        gone = self._roster.take_out(wanted)
        for keeper in self._all():
            keeper.account = wanted.pop(keeper.account.name)
            if keeper.turn.state in (AccountState.UNAUTHORIZED, AccountState.STOPPED):
                self.credentials_changed(keeper.account.name)
        await self._remove(gone)
        self._add(wanted.values())
        self._wake.set()

    # How it stands

    @property
    def accounts(self) -> Mapping[str, AccountStatus]:
        """Every account as it stands now, by name."""
        return {keeper.account.name: self._status(keeper) for keeper in self._all()}

    @property
    def servers(self) -> Mapping[str, ServerStatus]:
        """Every server as it stands now, by name."""
        return {
            server.name: self._server_status(server) for server in self._roster.servers.values()
        }

    def changes(self) -> AsyncIterator[Told]:
        """How accounts and servers stand from now on, each time that one stands otherwise.
        A slow listener gets the newest of each. It ends when the service does."""
        return self._telling.listen()

    # The loop

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._look_at_clocks()
            self._look_at_files()
            self._start_due()
            await self._wake.wait()

    async def _tick(self) -> None:
        """One task for ever: to make one for each pause would cost more than the looks. Who is
        due waits for the next tick, so a machine that is idle wakes no oftener than for it."""
        while True:
            await self._environment.sleep(self._settings.look_every)
            self._to_look = self._all()
            self._wake.set()

    def _look_at_clocks(self) -> None:
        before, self._clocks = self._clocks, self._read_clocks()
        wall, monotonic = ((self._clocks[0] - before[0]) / 1000, self._clocks[1] - before[1])
        if not schedule.slept(self._pace, wall, monotonic):
            return
        _log.info("the machine slept: all accounts are synced soon")
        for server in self._roster.servers.values():
            server.rest_is_over()
        for keeper in self._all():
            keeper.stale = True
            self._cut_short(keeper)
            keeper.turn = schedule.woken(keeper.pace, keeper.turn, self._now(), self._chance())

    def _look_at_files(self) -> None:
        """Once a tick at each, for with hundreds that is what a service costs; the rest of it
        when there is room, for each that changed is a thread, at the start all of them."""
        while self._to_look and len(self._looks) < self._settings.at_once:
            keeper = self._to_look.pop()
            name = keeper.account.name
            busy = name in self._turns or name in self._looks
            if busy or not self._roster.holds(keeper):
                continue
            if keeper.is_let_in():
                self._judge.let_in(keeper)
                self._tell(keeper)
            elif not keeper.locked_out and keeper.watch.changed():
                self._looks[name] = asyncio.create_task(self._look(keeper))

    async def _look(self, keeper: Keeper) -> None:
        """Where a deletion waits that was not tried yet, it is delivered now; what was never synced
        does not wait as the others do at a start."""
        try:
            with suppress(StoreError):  # its turn will say so
                found = (await keeper.waiting()).deletions
                if keeper.never_synced and not keeper.cycles:
                    new = sum(each.never_synced and not each.cycles for each in self._all())
                    self._judge.never_synced(keeper, new)
                if found.number and found != keeper.tried:
                    keeper.urgent = True
                    self._ask(keeper)
        finally:
            if self._looks.get(keeper.account.name) is asyncio.current_task():
                del self._looks[keeper.account.name]
            self._wake.set()

    def _start_due(self) -> None:
        now = self._now()
        due = [k for k in self._all() if k.turn.due <= now and k.account.name not in self._turns]
        for keeper in sorted(due, key=lambda k: (not k.urgent, k.turn.due)):
            if len(self._turns) >= self._settings.at_once:
                return
            if not keeper.server.admits():
                self._hold_up(keeper)
            elif self._has_room(keeper.server):
                self._start_turn(keeper)

    def _has_room(self, server: Server) -> bool:
        """A server that hangs must not hold up the others; one that is tried is tried once."""
        busy = sum(self._roster.named(name).server is server for name in self._turns)
        if server.circuit.state is not CircuitState.CLOSED:
            return not busy
        most = self._settings.at_once
        return busy < (most if len(self._roster.servers) == 1 else max(1, most * 3 // 4))

    def _start_turn(self, keeper: Keeper) -> None:
        keeper.turn = schedule.begun(keeper.turn)
        self._turns[keeper.account.name] = asyncio.create_task(self._turn(keeper))
        self._tell(keeper)

    async def _turn(self, keeper: Keeper) -> None:
        name = keeper.account.name
        try:
            ended = await keeper.take_turn(lambda: self._others_wait(keeper))
            self._end_turn(keeper, ended)
            await self._close_if_idle(keeper)
        except Exception as error:
            _log.exception("account %s: %s", name, type(error).__name__)
            self._end_turn(keeper, Ended(error=Unexpected(f"unexpected: {type(error).__name__}")))
        finally:
            if self._turns.get(name) is asyncio.current_task():
                del self._turns[name]
            self._wake.set()

    def _end_turn(self, keeper: Keeper, ended: Ended) -> None:
        self._judge.ended(keeper, ended)
        self._tell(keeper)

    def _hold_up(self, keeper: Keeper) -> None:
        before = keeper.turn.state
        self._judge.held_up(keeper)
        if keeper.turn.state is not before:
            self._tell(keeper)

    def _others_wait(self, keeper: Keeper) -> bool:
        now = self._now()
        return len(self._turns) >= self._settings.at_once and any(
            other.turn.due <= now for other in self._all() if other is not keeper
        )

    async def _close_if_idle(self, keeper: Keeper) -> None:
        """Files stay open for who has a turn soon, as long as they are few."""
        soon = keeper.turn.due - self._now() <= self._settings.keep_open
        few = sum(other.is_open for other in self._all()) <= self._settings.open_engines
        if not (soon and few):
            await keeper.close_file()

    # Accounts come and go

    def _add(self, accounts: Iterable[ServiceAccount]) -> None:
        for account in accounts:
            keeper = self._roster.add(account)
            self._to_look.append(keeper)
            self._tell(keeper)

    async def _remove(self, keepers: list[Keeper]) -> None:
        tasks = [t for k in keepers for t in self._tasks_of(k)]
        for task in tasks:
            task.cancel()
        closing = {asyncio.create_task(closed(keeper)) for keeper in keepers}
        await self._bounded({*tasks, *closing})
        self._roster.forget(keepers)
        for keeper in keepers:
            self._tell(keeper)

    def _tasks_of(self, keeper: Keeper) -> Iterator[asyncio.Task[None]]:
        for tasks in (self._turns, self._looks):
            task = tasks.pop(keeper.account.name, None)
            if task is not None:
                yield task

    async def _bounded(self, tasks: "set[asyncio.Task[None]]") -> None:
        await all_ended(tasks, self._settings.stop_within, self._environment.sleep)

    # Small things

    def _ask(self, keeper: Keeper) -> None:
        keeper.again = keeper.turn.state is AccountState.SYNCING
        keeper.turn = schedule.asked(keeper.turn, self._now())

    def _cut_short(self, keeper: Keeper) -> None:
        """End its turn, if it has one: it begins anew."""
        task = self._turns.pop(keeper.account.name, None)
        if task is not None:
            task.cancel()
            keeper.turn = schedule.interrupted(keeper.turn, self._now())

    def _all(self) -> list[Keeper]:
        return self._roster.all()

    def _now(self) -> float:
        return self._environment.monotonic()

    def _chance(self) -> float:
        return self._environment.random.random()

    def _read_clocks(self) -> tuple[int, float]:
        return self._environment.now(), self._environment.monotonic()

    # Telling

    def _tell(self, keeper: Keeper) -> None:
        self._telling.tell(self._status(keeper))

    def _server_changed(self, server: Server) -> None:
        """Network gone is a state, not a flood of errors: one line for all accounts."""
        status = self._server_status(server)
        if server.circuit.state is CircuitState.CLOSED:
            _log.info("server %s: back", server.name)
            self._judge.server_is_back(self._roster.on(server))
        elif server.fault is not None:
            _log.warning("server %s: %s", server.name, server.fault.message)
        self._telling.tell(status)
        self._server_noticed(server)

    def _server_noticed(self, server: Server) -> None:
        """Whoever asks it just now stands otherwise, and whoever waits for it."""
        for keeper in self._roster.on(server):
            self._tell(keeper)

    def _wall(self, due: float) -> int | None:
        """A monotonic moment by the local clock, ms."""
        if abs(due) == NEVER:
            return None
        return self._environment.now() + int((due - self._now()) * 1000)

    def _status(self, keeper: Keeper) -> AccountStatus:
        return account_status(keeper, self._wall(keeper.turn.due))

    def _server_status(self, server: Server) -> ServerStatus:
        number = len(self._roster.on(server))
        return server_status(server, number, self._wall(server.circuit.retry_at))
