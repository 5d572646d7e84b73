"""A consistent copy of a store, made while it is read and written.

    alice.db ──snapshot, step by step──▶ copy.db-unfinished ──checked, on the disk──▶ copy.db

The snapshot is one read transaction: no commit makes the copy begin anew, and the log grows
meanwhile. What did not come to its end leaves nothing behind.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from syncengine.durable import flush, flush_folder
from syncengine.errors import ConfigError, StoreCorrupt, StoreError
from syncengine.store.database import created, translated
from syncengine.store.files import logs_of, put_new, remove
from syncengine.store.lock import WriterLock
from syncengine.store.migrate import APPLICATION_ID

Progress = Callable[[int, int], None]
"""Told how many bytes are copied, of how many."""

_PAGES = 256
"""Of one step: some milliseconds."""
_ID_AT = 68
"""Where the id of the program stands in a database's first bytes."""
_ENDING = "-unfinished"


class Stopped(StoreError):
    """Nobody waits for the copy any more."""


def copy_into(
    connection: sqlite3.Connection,
    stop: threading.Event,
    *,
    source: Path,
    target: Path,
    force: bool,
    progress: Progress | None,
) -> int:
    """Copy what the connection sees into a new file; how many bytes that are.

    Raises ConfigError for a target that is there already, or in use, or no store where
    `force` allows to replace one, StoreError where it cannot be written, and StoreCorrupt
    where the copy is not sound: then there is none.
    """
    _check_target(source, target, force=force)
    with WriterLock(target).held(), _unfinished(target) as made:
        with created(made) as copy:
            _copy(connection, copy, partial(_step, connection, stop, progress))
            _check_sound(source, copy, stop)
        _go_on(stop)
        with translated(target):
            flush(made)
            _publish(made, target, force=force)
            return target.stat().st_size


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    made = target.with_name(target.name + _ENDING)
    with translated(target):
        remove(made)  # of one that was killed: the lock is ours
    try:
        yield made
    finally:
        remove(made)


def _copy(
    connection: sqlite3.Connection, copy: sqlite3.Connection, step: Callable[[int, int, int], None]
) -> None:
    connection.execute("BEGIN")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # it begins here
        connection.backup(copy, pages=_PAGES, progress=step)
    finally:
        connection.execute("ROLLBACK")


def _step(
    connection: sqlite3.Connection,
    stop: threading.Event,
    progress: Progress | None,
    _status: int,
    remaining: int,
    total: int,
) -> None:
    _go_on(stop)
    if progress is not None:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        progress((total - remaining) * size, total * size)


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped("the copy was given up")


def _check_sound(source: Path, copy: sqlite3.Connection, stop: threading.Event) -> None:
    copy.set_progress_handler(stop.is_set, 100_000)
    try:
        (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    finally:
        copy.set_progress_handler(None, 0)
    if found != "ok":
        raise StoreCorrupt(
            f"{source} is damaged, so that no sound copy of it can be made: {found}",
            hint="`syncengine recover` saves what can be read; the old file is kept.",
        )


def _check_target(source: Path, target: Path, *, force: bool) -> None:
    with translated(target):
        if target.exists() and target.samefile(source):
            raise ConfigError(f"{target} is the file itself", hint="Name another file.")
        if os.path.lexists(target) and not force:
            raise _in_the_way(target)
        if target.exists() and not _is_store(target):
            raise ConfigError(
                f"{target} is there already, and is no copy of ours", hint="Name another file."
            )
        for log in logs_of(target):
            if log.exists() and log.stat().st_size and not log.name.endswith("-shm"):
                raise ConfigError(
                    f"{log} belongs to another file of that name, and would spoil the copy",
                    hint="End the programs that have it open, or name another file.",
                )


def _is_store(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(100)
    return head[_ID_AT : _ID_AT + 4] == APPLICATION_ID.to_bytes(4, "big")


def _publish(made: Path, target: Path, *, force: bool) -> None:
    try:
        if force:
            os.replace(made, target)
        else:
            put_new(made, target)
    except FileExistsError:
        raise _in_the_way(target) from None
    flush_folder(target.parent)


def _in_the_way(target: Path) -> ConfigError:
    return ConfigError(
        f"{target} is there already",
        hint="Name a new file, or add --force to replace the copy that it holds.",
    )
