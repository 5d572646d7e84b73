"""Opens the file and runs functions on its connection. The only door to SQLite's threads.

A store has two connections: one writes, one reads (WAL: a reader never waits for the
writer, law 9). What runs on them are plain functions of a `sqlite3.Connection`: one hop
to the connection's thread for a whole transaction or a whole read, however many
statements it has. `connect_inline` runs the same functions without a thread, so that an
engine can live on virtual time.
"""

import errno
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import aiosqlite

from syncengine.errors import (
    EngineClosed,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    SyncEngineError,
)
from syncengine.store.remains import NO_STORE, has_remains

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

_SETTINGS = (
    "PRAGMA busy_timeout = 10000",  # ms; another process may be committing
    "PRAGMA cache_size = -8000",  # KiB
    "PRAGMA temp_store = MEMORY",
)
_WRITER_SETTINGS = (
    "PRAGMA page_size = 8192",  # of a new file; 8 % faster inserts than 4096
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",  # a power cut may cost the last commits, never the file
    "PRAGMA cache_size = -32000",  # KiB; a pull touches two indexes all over
    "PRAGMA wal_autocheckpoint = 4000",  # pages; 15 % faster inserts than 1000
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten, not left in free pages
)

_ERRORS: dict[int, type[StoreError]] = {
    sqlite3.SQLITE_BUSY: StoreLocked,
    sqlite3.SQLITE_LOCKED: StoreLocked,
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_READONLY: StoreFull,
    sqlite3.SQLITE_CANTOPEN: StoreFull,
    sqlite3.SQLITE_IOERR: StoreFull,
    sqlite3.SQLITE_PERM: StoreFull,
    sqlite3.SQLITE_CORRUPT: StoreCorrupt,
    sqlite3.SQLITE_NOTADB: StoreCorrupt,
}
_NO_ROOM = "Free some disk space; what was stored before is kept."
_HINTS = {
    sqlite3.SQLITE_FULL: _NO_ROOM,
    sqlite3.SQLITE_IOERR: "Free some disk space, or check the disk and who may write there.",
}
"""Where the class's own does not fit."""


class Connection(Protocol):
    """Runs functions on one SQLite connection, one after the other."""

    async def run(self, job: Job[T]) -> T:
        """Call `job` with the connection. SQLite's errors come as store errors."""
        ...

    async def close(self) -> None:
        """Close it, after what was asked for before. May be called twice."""
        ...


Connect = Callable[[Path, bool], Awaitable[Connection]]
"""Opens a file; the flag says whether for reading only."""


async def connect_threaded(path: Path, read_only: bool) -> Connection:
    """A connection on a thread of its own: the event loop never waits for a disk."""
    failed: list[Exception] = []

    def opening() -> sqlite3.Connection:
        try:
            return _open(path, read_only)
        except Exception as error:
            # A connection of aiosqlite that fails to open leaves its thread to end by
            # itself, perhaps after the event loop. One that opened can be closed.
            failed.append(error)
            return sqlite3.connect(":memory:")

    connection = aiosqlite.Connection(opening, iter_chunk_size=64)
    # Its thread would keep the process alive where nobody closes it. Cut off in the middle
    # of a statement, it leaves what a power cut leaves: whole transactions (law 1).
    worker: Any = getattr(connection, "_thread", connection)
    worker.daemon = True
    await connection
    if failed:
        await connection.close()
        with translated(path):
            raise failed[0]
    return _Threaded(path, connection)


async def connect_inline(path: Path, read_only: bool) -> Connection:
    """A connection on the caller's thread: what runs is a function of its inputs alone."""
    with translated(path):
        return _Inline(path, _open(path, read_only))


class _Threaded:
    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self._path = path
        self._connection: aiosqlite.Connection | None = connection

    async def run(self, job: Job[T]) -> T:
        if self._connection is None:
            raise EngineClosed("the store is closed")
        with translated(self._path):
            # aiosqlite's public methods cost one hop a statement. Its own way of running
            # a function on the thread is not public, but is what each of them is made of.
            run = self._connection._execute
            result: T = await run(job, self._connection._conn)  # type: ignore[no-untyped-call]  # they give it no types
            return result

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class _Inline:
    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = connection

    async def run(self, job: Job[T]) -> T:
        if self._connection is None:
            raise EngineClosed("the store is closed")
        with translated(self._path):
            return job(self._connection)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _open(path: Path, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        _create_private(path)
        return _configured(f"file:{quote(str(path))}?mode=rw", _WRITER_SETTINGS)
    try:
        return _configured(f"file:{quote(str(path))}?mode=ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise  # somebody writes it: as it stands it may contradict itself
        # A file in a folder that cannot be written has nowhere for its shared memory.
        # Nothing can be writing it either, so it may be read as it stands.
        _refuse_half(path)
        return _configured(f"file:{quote(str(path))}?mode=ro&immutable=1")


def _refuse_half(path: Path) -> None:
    """Read as it stands, a file lacks what its log holds, and may even contradict itself."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise StoreFull(
            f"{path} cannot be read without writing beside it: a part of it is in {log.name}",
            hint="Copy both files to a folder where you may write, and read them there.",
        )


def _configured(uri: str, settings: tuple[str, ...] = ()) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=256)
    try:
        for setting in (*_SETTINGS, *settings):
            connection.execute(setting)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _create_private(path: Path) -> None:
    """Make the file for its owner only; SQLite gives its WAL the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


@contextmanager
def created(path: Path) -> Iterator[sqlite3.Connection]:
    """A new file, for its owner only, to be filled in one go and then flushed by the caller:
    until then it is worth nothing, and SQLite never waits for the disk.

    Raises StoreError, also where there is a file already.
    """
    with translated(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        settings = (
            "PRAGMA page_size = 8192",
            "PRAGMA synchronous = OFF",
            "PRAGMA secure_delete = ON",
        )
        connection = _configured(f"file:{quote(str(path))}?mode=rw", settings)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, to look at for the length of a block, in the caller's thread.

    Raises StoreError where it cannot be read.
    """
    with translated(path), closing(_open(path, read_only=True)) as connection:
        yield connection


@contextmanager
def damaged(path: Path, *, read_only: bool) -> Iterator[sqlite3.Connection]:
    """A file of which some pages cannot be read; each statement may fail by itself."""
    uri = f"file:{quote(str(path))}?mode={'ro' if read_only else 'rw'}"
    with translated(path), closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as found:
        found.execute("PRAGMA busy_timeout = 10000")
        found.execute("PRAGMA writable_schema = ON")  # else one that was cut off is refused
        found.execute("PRAGMA cell_size_check = ON")
        yield found


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: committed whole, or rolled back whole (law 1)."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """The one table from SQLite's and the system's exceptions to store errors."""
    try:
        yield
    except SyncEngineError:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        hint = NO_STORE if _is_foreign(path, code) else _HINTS.get(code)
        raise _ERRORS.get(code, StoreError)(f"{path}: {error}", hint=hint) from error
    except OSError as error:
        hint = _NO_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
        raise StoreFull(f"{path}: {error.strerror or error}", hint=hint) from error


def _is_foreign(path: Path, code: int) -> bool:
    """A store that lost its first page is no database to SQLite either."""
    if code != sqlite3.SQLITE_NOTADB:
        return False
    try:
        return not has_remains(path)
    except OSError:
        return False
