"""Cuts an engine off at its n-th step, as a kill or a power cut would.

    cut = Cut(at=17)                       # or Cut(): only counts
    async def work() -> None:
        async with cut_engine(side, cut) as engine:
            await engine.sync()
    died = await cut.survive(work())

Points are counted before and after every hop to the store, every statement of the writer,
every request and every sleep. At the chosen one `Died` is raised, and the connections are
closed under the engine: what was not committed is lost. From then on every point raises,
so no cleanup can write or send anything. All of it is deterministic.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, TypeVar, cast

import httpx

from syncengine import Config, Environment, SyncEngine
from syncengine.store.database import Connection, Job, connect_inline
from tests.harness import Side

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
Lanes = Callable[[], httpx.AsyncBaseTransport]


class Died(BaseException):
    """The process is no more. No `except Exception` may survive it."""


class Cut:
    """Counts the points of a run, and ends it at one of them (from 1; None: at none)."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.points = 0
        """How many were passed so far."""
        self.where: str | None = None
        """The point at which it died, for example ``COMMIT, before``."""
        self.on_commit: Callable[[sqlite3.Connection], None] | None = None
        """Looks at the file right after each commit of the writer."""
        self._death = asyncio.Event()
        self._connections: list[sqlite3.Connection] = []

    @property
    def dead(self) -> bool:
        """Whether the cut was made."""
        return self.where is not None

    def point(self, what: str) -> None:
        """One more step; raises `Died` where it is the last one, and ever after."""
        if self.where is not None:
            raise Died(self.where)
        self.points += 1
        if self.points == self.at:
            self._die(what)

    def _die(self, what: str) -> None:
        self.where = what
        for connection in self._connections:
            _kill(connection)
        self._death.set()
        raise Died(what)

    async def survive(self, work: Coroutine[Any, Any, object]) -> bool:
        """Run it to its end, or to the cut; whether it was cut. Other errors are raised.

        A death in one task must not leave others waiting for it, so all that `work` began
        is ended with it.
        """
        others = asyncio.all_tasks()
        task = asyncio.ensure_future(work)
        death = asyncio.ensure_future(self._death.wait())
        try:
            await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end({task, *asyncio.all_tasks()} - others)
        if not self.dead:
            task.result()
        return self.dead

    async def connect(self, path: Path, read_only: bool) -> Connection:
        """For `SyncEngine.open`: a connection without a thread, which can be cut."""
        self.point("open, before")
        inner = await connect_inline(path, read_only)
        await inner.run(self._connections.append)
        try:
            self.point("open, after")
        except Died:
            await inner.close()
            raise
        return _CutConnection(inner, self, read_only)

    def transport(self, lanes: Lanes) -> Lanes:
        """For `EasemobRemote`: lanes whose requests can be cut."""
        return lambda: _CutLane(lanes(), self)

    def sleep(self, inner: Sleep) -> Sleep:
        """For `Environment`: a sleep that can be cut."""

        async def sleep(seconds: float) -> None:
            self.point("sleep, before")
            await inner(seconds)
            self.point("sleep, after")

        return sleep


def _kill(connection: sqlite3.Connection) -> None:
    """Nothing that was not committed stays. A closed connection lives on in SQLite while
    some traceback holds a cursor of it, so its locks are given up before."""
    with suppress(sqlite3.ProgrammingError):  # closed in an orderly way
        connection.rollback()
        connection.close()


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _CutConnection:
    """A store's connection: every hop is a point, and every statement where it writes."""

    def __init__(self, inner: Connection, cut: Cut, read_only: bool) -> None:
        self._inner = inner
        self._cut = cut
        self._name = "read" if read_only else "write"
        self._read_only = read_only

    async def run(self, job: Job[T]) -> T:
        self._cut.point(f"{self._name}, before")
        result = await self._inner.run(job if self._read_only else self._watched(job))
        self._cut.point(f"{self._name}, after")
        return result

    def _watched(self, job: Job[T]) -> Job[T]:
        return lambda c: job(cast(sqlite3.Connection, _CutStatements(c, self._cut)))

    async def close(self) -> None:
        await self._inner.close()


class _CutStatements:
    """Stands for the writer's `sqlite3.Connection`: every statement is a point."""

    def __init__(self, inner: sqlite3.Connection, cut: Cut) -> None:
        self._inner = inner
        self._cut = cut

    def execute(self, sql: str, *bound: Any) -> sqlite3.Cursor:
        name = _name(sql)
        if name is None:
            return self._inner.execute(sql, *bound)
        self._cut.point(name[0])
        return self._after(name, self._inner.execute(sql, *bound))

    def executemany(self, sql: str, bound: Any) -> sqlite3.Cursor:
        name = _name(sql)
        assert name is not None
        self._cut.point(name[0])
        return self._after(name, self._inner.executemany(sql, bound))

    @property
    def in_transaction(self) -> bool:
        return not self._cut.dead and self._inner.in_transaction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _after(self, name: tuple[str, str], cursor: sqlite3.Cursor) -> sqlite3.Cursor:
        if name is _COMMIT and self._cut.on_commit is not None:
            self._cut.on_commit(self._inner)
        self._cut.point(name[1])
        return cursor


@cache
def _name(sql: str) -> tuple[str, str] | None:
    """The points before and after a statement; None: dying before and after it is the same."""
    words = sql.split()
    if words[0] == "SELECT":
        return None
    name = " ".join(words[:3])
    return f"{name}, before", f"{name}, after"


_COMMIT = _name("COMMIT")


class _CutLane(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport, cut: Cut) -> None:
        self._inner = inner
        self._cut = cut

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path}"
        self._cut.point(f"{name}, before")
        response = await self._inner.handle_async_request(request)
        try:
            self._cut.point(f"{name}, after")
        except Died:
            await response.aclose()
            raise
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def cut_engine(side: Side, cut: Cut, **config: Any) -> AsyncIterator[SyncEngine]:
    """An engine of `side`, on its virtual time, that the cut can end."""
    environment = Environment(
        now=side.time.now,
        monotonic=side.time.monotonic,
        sleep=cut.sleep(side.time.sleep),
        random=Random(side.seed),
    )
    async with SyncEngine.open(
        side.path,
        side.remote(transport=cut.transport(side.emulator.transport)),
        config=Config(**({"page_size": side.page_size, "index_search": False} | config)),
        environment=environment,
        connect=cut.connect,
    ) as engine:
        yield engine
