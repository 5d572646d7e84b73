"""Tends one account: its file, its way to the server, and what happens in one turn.

    open the file ─▶ cycle ─▶ index, upkeep ─▶ look at the copy ─▶ close, unless it is soon again
                     │   ▲
                     └───┘ cut: another process asked for a deletion, which goes first

A file is open during a turn and little longer, for hundreds of accounts would need a
thousand threads. The remote stays, and with it the token: a poll signs in once a process.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack, suppress
from enum import Enum
from typing import Any, TypeVar

from attrs import evolve, frozen

from syncengine import errors
from syncengine.config import Environment
from syncengine.daemon.files import Files, Waiting
from syncengine.daemon.gate import Gated, Held, Server
from syncengine.daemon.pace import Pace
from syncengine.daemon.schedule import Outcome, Turn
from syncengine.daemon.settings import ServiceAccount, Settings
from syncengine.daemon.states import Fault, repair_words
from syncengine.daemon.watching import Watch
from syncengine.engine import SyncEngine
from syncengine.errors import (
    RemovalHeldBack,
    StoreCorrupt,
    StoreError,
    StoreLocked,
    StoreReplaced,
    SyncEngineError,
)
from syncengine.remote.port import Remote
from syncengine.reports import Problem, Report, Status
from syncengine.store.outbox import Undelivered

T = TypeVar("T")
_log = logging.getLogger("syncengine.daemon")


class Cut(Enum):
    """Why a cycle did not come to its end."""

    DELETION = "deletion"
    OTHERS = "others"


MoreUrgent = Callable[[SyncEngine], Awaitable[Cut | None]]
"""Whether something is, just now."""


@frozen
class Ended:
    """What a turn came to; with neither an outcome nor an error it was cut, for others."""

    outcome: Outcome | None = None
    error: SyncEngineError | Problem | None = None

    @property
    def error_type(self) -> type[SyncEngineError]:
        """The class of the error."""
        if not isinstance(self.error, Problem):
            return type(self.error) if self.error is not None else SyncEngineError
        if self.error.error == Held.__name__:
            return Held
        found: type[SyncEngineError] = getattr(errors, self.error.error, SyncEngineError)
        return found


class Keeper:
    """One account. What uses its file has its `lock`."""

    def __init__(
        self,
        account: ServiceAccount,
        server: Server,
        turn: Turn,
        settings: Settings,
        environment: Environment,
        files: Files,
    ) -> None:
        self.account = account
        self.server = server
        self.turn = turn
        self.lock = asyncio.Lock()
        self.watch = Watch(account.path)
        self.urgent = self.again = self.stale = False
        """A deletion waits; one more turn is wanted; its remote is to be made anew."""
        self.fresh = True
        """No cycle has ended well yet."""
        self.never_synced = False
        """Nor one of any program, as its file says; until it was looked at: so it may be."""
        self.locked_out = False
        """Another program had its file when the last turn ended."""
        self.fault: Fault | None = None
        self.last_sync: int | None = None
        self.cycles = 0
        self.report: Report | None = None
        self.copy: Status | None = None
        self.tried = Undelivered()
        """What waited to be delivered when the last cycle began."""
        self._settings, self._environment, self._files = settings, environment, files
        self._held: ExitStack | None = None
        self._gated: Gated | None = None
        self._stack: AsyncExitStack | None = None
        self._engine: SyncEngine | None = None
        self._audits = False
        self._audited_at = self._tended_at = -float("inf")
        self._wrote = self._looked = False

    @property
    def pace(self) -> Pace:
        """The account's own, or the service's."""
        return self.account.pace or self._settings.pace

    @property
    def is_open(self) -> bool:
        """Whether its file is."""
        return self._engine is not None

    @property
    def requests(self) -> int:
        """Sent so far."""
        return self._gated.requests if self._gated is not None else 0

    @property
    def received(self) -> int:
        """Bytes of answers so far."""
        return self._gated.received if self._gated is not None else 0

    async def take_turn(self, others_wait: Callable[[], bool]) -> Ended:
        """One cycle, and what belongs to it. Errors are in the result."""
        async with self.lock:
            self.cycles += 1
            self.urgent = self.again = self.locked_out = False
            try:
                ended = await self._twice_where_the_file_is_another(others_wait)
            except SyncEngineError as error:
                await self._close_file()
                ended = Ended(error=error)
            if issubclass(ended.error_type, StoreLocked):
                self.locked_out = self._files.is_owned_elsewhere(self.account.path)
            return ended

    def is_let_in(self) -> bool:
        """Whether who had its file gave it back; told once."""
        if not self.locked_out or self._files.is_owned_elsewhere(self.account.path):
            return False
        self.locked_out = False
        return True

    async def waiting(self) -> Waiting:
        """What its file has for it to do. Raises StoreError."""
        async with self.lock:
            if self._engine is not None:
                found = Waiting(await self._engine.undelivered(), synced=self.last_sync is not None)
            else:
                found = await self._files.waiting(self.account.path, self._environment.now())
            self._noticed(found.deletions)
            self.never_synced = not found.synced
            return found

    def _noticed(self, found: Undelivered) -> Undelivered:
        """No write tells when those are due that somebody may take back: it is looked again."""
        if found.later:
            self.watch.forget()
        return found

    async def close_file(self) -> None:
        """Close the file; the remote stays."""
        async with self.lock:
            await self._close_file()

    async def close(self) -> None:
        """Close all, and let others have the file."""
        async with self.lock:
            try:
                await self._close_file()
                if self._gated is not None:
                    await self._gated.shut()
            finally:
                held, self._held = self._held, None
                if held is not None:
                    held.close()

    async def _close_file(self) -> None:
        stack, self._stack, self._engine = self._stack, None, None
        if stack is not None:
            with self.watch.closing():
                await stack.aclose()
        if self._gated is not None:
            await self._gated.rest()

    # One turn

    async def _twice_where_the_file_is_another(self, others_wait: Callable[[], bool]) -> Ended:
        try:
            return await self._cycle(others_wait)
        except StoreReplaced:
            await self._close_file()
        except StoreCorrupt as damage:  # met on the way: opening looks at a few pages only
            await self._close_file()
            if not (self._files.can_recover and await self._is_damaged()):
                raise  # all pages are sound: a person has to look at that
            await self._mend(damage)
        return await self._cycle(others_wait)

    async def _cycle(self, others_wait: Callable[[], bool]) -> Ended:
        report: Report | None = None
        cut: Cut | None = Cut.DELETION
        more_urgent = self._more_urgent(others_wait)
        while cut is Cut.DELETION:
            engine = await self._ready()
            self.tried = await engine.undelivered()
            report, cut = await self._until(more_urgent, engine, engine.sync())
        self._note(report)
        if report is None:
            return Ended()
        problem = ended_by(report)
        if problem is not None:
            return Ended(error=problem)
        await self._tidy(engine, report, more_urgent)
        return Ended(await self._outcome(engine, report))

    def _more_urgent(self, others_wait: Callable[[], bool]) -> MoreUrgent:
        began = self._environment.monotonic()

        async def look(engine: SyncEngine) -> Cut | None:
            if (await engine.undelivered()).newest > self.tried.newest:
                return Cut.DELETION
            long = self._environment.monotonic() - began > self._settings.longest_turn
            return Cut.OTHERS if long and others_wait() else None

        return look

    async def _until(
        self, more_urgent: MoreUrgent, engine: SyncEngine, work: Coroutine[Any, Any, T]
    ) -> tuple[T | None, Cut | None]:
        """Do some work; cut where something is more urgent: it goes on from there later."""
        task = asyncio.create_task(work)
        try:
            while not await self._ends_soon(task):
                cut = await more_urgent(engine)
                if cut is not None:
                    return None, cut
            return task.result(), None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _ends_soon(self, task: "asyncio.Task[Any]") -> bool:
        """Whether it ends before it is time to look at the file again."""

        async def pause() -> None:
            await self._environment.sleep(self._settings.look_every)

        pausing = asyncio.create_task(pause())
        try:
            await asyncio.wait({task, pausing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pausing.cancel()
        return task.done()

    def _note(self, report: Report | None) -> None:
        if report is None:
            self._wrote = True
            return
        self.report = report
        self._wrote = self._wrote or bool(report.pages or report.messages_removed)
        if self._audits:
            self._audited_at = self._environment.monotonic()

    async def _tidy(self, engine: SyncEngine, report: Report, more_urgent: MoreUrgent) -> None:
        """Upkeep, where it is time for it; at least the index, as the file is closed soon."""
        now = self._environment.monotonic()
        large = self.watch.log_bytes > self._settings.log_cap
        due = now - self._tended_at > self._settings.upkeep_every
        behind = report.messages_added or (self.copy is not None and self.copy.behind)
        with suppress(StoreError):  # another time: the cycle went well
            if large or (due and report.messages_added + report.messages_removed):
                self._tended_at = now
                await self._until(more_urgent, engine, engine.upkeep())
            elif behind and self.account.config.index_search:
                await self._until(more_urgent, engine, engine.index())

    async def _outcome(self, engine: SyncEngine, report: Report) -> Outcome:
        if self.copy is None or self._wrote or self.copy.gaps != report.gaps_open:
            self.copy, self._wrote = await engine.status(), False
        self.last_sync = self._environment.now()
        self.watch.changed()  # all that was written up to here is looked through now
        waiting = self._noticed(await engine.undelivered())
        self.again = self.again or bool(waiting.number and waiting != self.tried)
        progress = report.messages_added + report.messages_removed
        if waiting.number or (report.gaps_open and progress):
            return Outcome.UNFINISHED
        return Outcome.NEWS if progress else Outcome.QUIET

    # Opening

    async def _ready(self) -> SyncEngine:
        """The engine on its file, with a remote that is not stale."""
        if self.stale and self._gated is not None:
            await self._gated.replace(await self._make_remote())
        self.stale = False
        audits = self._audit_is_due()
        if audits != self._audits:
            await self._close_file()
            self._audits = audits
        if self._engine is None:
            await self._look_through()
            try:
                self._engine = await self._open()
            except StoreCorrupt as damage:
                await self._mend(damage)
                self._engine = await self._open()
        return self._engine

    async def _open(self) -> SyncEngine:
        if self._held is None:
            with ExitStack() as held:
                held.enter_context(self._files.hold(self.account.path))
                self._held = held.pop_all()
        if self._gated is None:
            self._gated = Gated(await self._make_remote(), self.server)
        pages = self.account.config.audit_pages if self._audits else 0
        config = evolve(self.account.config, audit_pages=pages)
        async with AsyncExitStack() as stack:
            opening = self._files.open(self.account.path, self._gated, config, self._environment)
            engine = await stack.enter_async_context(opening)
            self._stack = stack.pop_all()
        return engine

    async def _look_through(self) -> None:
        """Once a life, before it is used: damage that nothing happens to meet would spread into
        what is copied from it, and its deletions would never be sent."""
        if self._looked or not self._files.can_recover:
            return
        if await self._is_damaged():
            await self._repair()
        self._looked = True  # where it could not be mended, it is looked through once more

    async def _is_damaged(self) -> bool:
        return bool(await asyncio.to_thread(self._files.damage, self.account.path))

    async def _mend(self, damage: StoreCorrupt) -> None:
        """Another file takes a damaged one's place, if there is who makes it (law 10)."""
        if not self._files.can_recover:
            raise damage
        await self._repair()

    async def _repair(self) -> None:
        """Nobody asked for it, and it may have cost something: it is told (law 8)."""
        found = await asyncio.to_thread(self._files.recover, self.account.path)
        _log.warning("account %s: %s", self.account.name, repair_words(found))

    async def _make_remote(self) -> Remote:
        made = self.account.remote()
        return await made if inspect.isawaitable(made) else made

    def _audit_is_due(self) -> bool:
        if not self.account.config.audit_pages:
            return False
        doubts = self.copy is not None and self.copy.suspects > self.copy.held_back
        ago = self._environment.monotonic() - self._audited_at
        return doubts or ago >= self._settings.audit_every


def ended_by(report: Report) -> Problem | None:
    """What ended a cycle; what concerns one conversation, or a person, does not."""
    return next(
        (
            problem
            for problem in report.errors
            if problem.conversation_id is None and problem.error != RemovalHeldBack.__name__
        ),
        None,
    )
