"""The store: one file, one write verb, reads that never wait."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from syncengine.errors import (
    ConfigError,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReplaced,
    StoreTooNew,
)
from syncengine.models import ConversationKey
from syncengine.store.batch import Write
from syncengine.store.contention import Contention
from syncengine.store.database import (
    Connect,
    Connection,
    connect_inline,
    connect_threaded,
    translated,
)
from syncengine.store.lock import Unlocked, WriterLock
from syncengine.store.migrate import check, check_readable, migrate
from syncengine.store.remains import NO_STORE
from syncengine.store.writer import Decision, apply_all, claim

T = TypeVar("T")

_SMALLEST_DATABASE = 512
"""Bytes: the smallest page that SQLite knows."""


class Store:
    """A person's copy. Made by `open_store`."""

    def __init__(
        self,
        path: Path,
        reader: Connection,
        writer: Connection | StoreError,
        connect: Connect,
        lock: WriterLock,
    ) -> None:
        self.path = path
        self.lock = lock
        """Held by whoever runs cycles."""
        self._reader = reader
        self._writer = writer
        self._connect = connect
        self._log_path = path.with_name(path.name + "-wal")
        self._file, self._log = _identity(path), _identity(self._log_path)
        self._reopening = asyncio.Lock()
        self.files = 1
        """How many were read from under this path: one more where it was replaced."""
        self._rows: dict[ConversationKey, int] = {}
        self.on_commit: Callable[[], None] = _nobody
        """Called after each commit of this store."""
        self.written = asyncio.Event()
        """Set by every write; whoever waits for the next one clears it."""
        self.contention = Contention(self._log_path)
        self._here: Connection | None = None
        """Reads on the event loop's own thread."""
        self._closed = False
        self.index_damaged = False
        """A search found its index unusable; set until it is made anew."""

    @property
    def obstacle(self) -> StoreError | None:
        """Why the file can only be read; None: it can be written."""
        return self._writer if isinstance(self._writer, StoreError) else None

    async def apply(self, decisions: Sequence[Decision]) -> list[Write | None]:
        """Decide and write, all in one transaction (law 1). The only way in.

        Each decision sees what those before it wrote. Returns what was written, in order.
        Raises a StoreError where it cannot be written: then nothing was.
        """
        written = await self._writable().run(
            lambda connection: apply_all(connection, decisions, self._rows)
        )
        if _identity(self.path) != self._file:
            raise self._replaced()  # just now: nobody will see it
        self.on_commit()
        self.written.set()
        return written

    async def tend(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job on the connection that writes: upkeep of what is derived from the
        messages, never of them. Raises a StoreError where the file cannot be written."""
        return await self._writable().run(job)

    def _writable(self) -> Connection:
        if isinstance(self._writer, StoreError):
            raise self._writer
        if self.files > 1 or _identity(self.path) != self._file:
            raise self._replaced()
        return self._writer

    def _replaced(self) -> StoreReplaced:
        return StoreReplaced(f"{self.path} was replaced or removed while it was open")

    def note_damaged_index(self) -> None:
        """Have the search index made anew by whoever tends it."""
        self.index_damaged = True
        self.written.set()

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query on a consistent snapshot; it never waits for a writer (law 9).

        Where another file was put in the place of this one, that one is read. Raises a
        StoreError where it cannot be.
        """

        await self._follow()
        return await self._reader.run(lambda connection: _on_snapshot(connection, query))

    async def _follow(self) -> None:
        """Read another file from now on, where one stands there now; where none does, the
        open one can be read on."""
        file, log = _identity(self.path), _identity(self._log_path)
        if file in (None, self._file):
            self._log = log
            return
        async with self._reopening:
            if file == self._file:
                return  # somebody else did
            if log is not None and log == self._log:
                raise StoreReplaced(  # SQLite would mix the two
                    f"{self.path} was replaced, and {self._log_path.name} is still of the old one",
                    hint="Close all programs that have it open, then open it again.",
                )
            reader = await _open_reader(self.path, self._connect)
            old, self._reader, self._file = self._reader, reader, file
            self.files += 1
            await old.close()
            await self._leave_here()

    async def aside(self, job: Callable[[sqlite3.Connection, threading.Event], T]) -> T:
        """Run a long job that only reads, on a connection of its own: other reads do not
        wait for it. The event is set when nobody waits for it any more."""
        await self._follow()
        stop = threading.Event()
        connection = await self._connect(self.path, True)
        try:
            return await connection.run(lambda c: job(c, stop))
        finally:
            stop.set()
            await connection.close()

    async def serve(self, query: Callable[[sqlite3.Connection], T], *, few_rows: bool = False) -> T:
        """As `read`, for a person who waits: a pull of this process gives way. One that looks
        at `few_rows` takes no thread where a pull or another writer keeps the machine busy: to
        go to one, and to come back, would take several times as long as the read."""
        with self.contention.serving():
            here = few_rows and not self._closed and self.contention.high()
            return await (self._read_here if here else self.read)(query)

    async def _read_here(self, query: Callable[[sqlite3.Connection], T]) -> T:
        await self._follow()
        if self._here is None:
            self._here = await connect_inline(self.path, True)
        return await self._here.run(lambda connection: _on_snapshot(connection, query))

    async def _leave_here(self) -> None:
        here, self._here = self._here, None
        if here is not None:
            await here.close()

    async def data_version(self) -> int:
        """A number that changes when anybody else committed, also another process."""
        await self._follow()
        return await self._reader.run(_data_version)

    async def claim(self, account: str) -> None:
        """Make the file this account's. Raises ConfigError if it is another's."""
        if isinstance(self._writer, StoreError):
            return
        owner = await self._writer.run(lambda connection: claim(connection, account))
        if owner != account:
            raise ConfigError(
                f"{self.path} belongs to {owner}, not to {account}",
                hint="A file holds one user of one server: name another file with --db.",
            )

    async def close(self) -> None:
        """Close all connections."""
        self._closed = True  # whoever reads now is told so, and opens nothing
        try:
            await self._leave_here()
            await self._reader.close()
        finally:
            if not isinstance(self._writer, StoreError):
                await self._writer.close()


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file stands there; None: none does, or it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _on_snapshot(connection: sqlite3.Connection, query: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return query(connection)
    finally:
        connection.execute("ROLLBACK")


def _nobody() -> None:
    """Nobody follows the store."""


def _data_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


async def open_store(
    path: Path, *, connect: Connect = connect_threaded, lock: WriterLock | None = None
) -> Store:
    """Open or create the file at `path`, with its tables up to date.

    `lock` is one that somebody holds for longer; by default the file's own. Where the way to
    open connections is not the usual one, nobody else knows the file.

    A file from a newer version, and one that may not be written, are opened for reading
    only: `obstacle` says why. Raises a StoreError where not even that is possible; the
    file is not changed then.
    """
    writer = await _open_writer(path, connect)
    try:
        reader = await _open_reader(path, connect)
    except BaseException as error:
        if isinstance(writer, StoreError) and isinstance(error, StoreError):
            of_old = type(error) is StoreError  # its version is why, and says what helps
            raise error if of_old else writer from error
        if not isinstance(writer, StoreError):
            await writer.close()
        raise
    if lock is None:
        lock = (WriterLock if connect is connect_threaded else Unlocked)(path)
    return Store(path, reader, writer, connect, lock)


async def _open_reader(path: Path, connect: Connect) -> Connection:
    reader = await connect(path, True)
    try:
        await reader.run(check_readable)
    except BaseException:
        await reader.close()
        raise
    return reader


async def _open_writer(path: Path, connect: Connect) -> Connection | StoreError:
    try:
        with translated(path):
            holds_something = _holds_something(path)
        if holds_something:
            await _look(path, connect)
        writer = await connect(path, False)
        try:
            await writer.run(migrate)
        except BaseException:
            await writer.close()
            raise
    except (StoreTooNew, StoreFull) as error:
        return error
    return writer


def _holds_something(path: Path) -> bool:
    """Whether there is a database; SQLite would take a file of one byte for an empty one."""
    size = path.stat().st_size if path.exists() else 0
    if 0 < size < _SMALLEST_DATABASE:
        raise StoreCorrupt(f"{path} is no database", hint=NO_STORE)
    return size > 0


async def _look(path: Path, connect: Connect) -> None:
    """Look before opening for writing: even setting WAL would change a foreign file."""
    looking = await connect(path, True)
    try:
        await looking.run(check)
    finally:
        await looking.close()
