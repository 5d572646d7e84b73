"""The store: one file, one write verb, reads that never wait."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from syncengine.errors import ConfigError, StoreCorrupt, StoreError, StoreFull, StoreTooNew
from syncengine.models import ConversationKey
from syncengine.store.batch import Write
from syncengine.store.database import Connect, Connection, connect_threaded, translated
from syncengine.store.migrate import check, migrate
from syncengine.store.writer import Decision, apply_all, claim

T = TypeVar("T")

_SMALLEST_DATABASE = 512
"""Bytes: the smallest page that SQLite knows."""


class Store:
    """A person's copy. Made by `open_store`."""

    def __init__(self, path: Path, reader: Connection, writer: Connection | StoreError) -> None:
        self.path = path
        self._reader = reader
        self._writer = writer
        self._rows: dict[ConversationKey, int] = {}
        self.on_commit: Callable[[], None] = _nobody
        """Called after each commit of this store."""
        self.written = asyncio.Event()
        """Set by every write; whoever waits for the next one clears it."""
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
        if isinstance(self._writer, StoreError):
            raise self._writer
        written = await self._writer.run(
            lambda connection: apply_all(connection, decisions, self._rows)
        )
        self.on_commit()
        self.written.set()
        return written

    async def tend(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job on the connection that writes: upkeep of what is derived from the
        messages, never of them. Raises a StoreError where the file cannot be written."""
        if isinstance(self._writer, StoreError):
            raise self._writer
        return await self._writer.run(job)

    def note_damaged_index(self) -> None:
        """Have the search index made anew by whoever tends it."""
        self.index_damaged = True
        self.written.set()

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query on a consistent snapshot; it never waits for a writer (law 9)."""

        def snapshot(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN")
            try:
                return query(connection)
            finally:
                connection.execute("ROLLBACK")

        return await self._reader.run(snapshot)

    async def data_version(self) -> int:
        """A number that changes when anybody else committed, also another process."""
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
        """Close both connections."""
        try:
            await self._reader.close()
        finally:
            if not isinstance(self._writer, StoreError):
                await self._writer.close()


def _nobody() -> None:
    """Nobody follows the store."""


def _data_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


async def open_store(path: Path, *, connect: Connect = connect_threaded) -> Store:
    """Open or create the file at `path`, with its tables up to date.

    A file from a newer version, and one that may not be written, are opened for reading
    only: `obstacle` says why. Raises a StoreError where not even that is possible; the
    file is not changed then.
    """
    writer = await _open_writer(path, connect)
    try:
        reader = await connect(path, True)
    except BaseException as error:
        if isinstance(writer, StoreError) and isinstance(error, StoreError):
            raise writer from error
        if not isinstance(writer, StoreError):
            await writer.close()
        raise
    return Store(path, reader, writer)


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
        raise StoreCorrupt(f"{path} is no database")
    return size > 0


async def _look(path: Path, connect: Connect) -> None:
    """Look before opening for writing: even setting WAL would change a foreign file."""
    looking = await connect(path, True)
    try:
        await looking.run(check)
    finally:
        await looking.close()
