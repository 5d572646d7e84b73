"""A new file for a damaged one (law 10).

    alice.db ──what can be read──▶ alice.db.recovering ──flushed──▶ alice.db
        └──with its log, as it is──▶ alice.db.damaged-20260131T120000Z

Nobody can write the old file meanwhile, and it is never deleted. A kill at any moment leaves
either the old file under its name, or the new one. What is lost is pulled again.
"""

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from syncengine.durable import flush, flush_folder
from syncengine.errors import StoreCorrupt, StoreError
from syncengine.reports import Recovery
from syncengine.store.damaged import Source
from syncengine.store.database import created, damaged, opened, transaction, translated
from syncengine.store.files import LOGS, logs_of, remove
from syncengine.store.lock import WriterLock
from syncengine.store.migrate import APPLICATION_ID, check_version, migrate
from syncengine.store.remains import NO_STORE, has_remains
from syncengine.store.salvage import Naming, Salvage, Saved
from syncengine.store.scattered import Scattered

AGAIN_AFTER = 600_000
"""Ms: one attempt in ten minutes, for a disk that fails spoils every new file too."""
_MADE, _NAMED, _STAMP, _ASIDE = ".recovering", ".recovering-old", ".recovery", ".damaged-"
_MOMENT = re.compile(r"\d{8}T\d{6}Z(-\d+)?(-wal|-shm|-journal)?")
"""What follows in the name of a damaged file, and of its logs."""


_HEADING = "*** in database main ***\n"
"""What some versions of SQLite write before what they found, all of it in one row."""


def check(path: Path) -> tuple[str, ...]:
    """What is wrong with a store's pages, in SQLite's words, at most 20; nothing: it is sound.

    It reads all of the file: about a second for a gigabyte that is in memory. Raises
    StoreError where it cannot be looked at, but for being damaged.
    """
    try:
        with opened(path) as connection:
            found = connection.execute("PRAGMA quick_check(20)").fetchall()
    except StoreCorrupt as error:
        return (str(error),)
    lines = [line for (row,) in found for line in row.removeprefix(_HEADING).splitlines()]
    return tuple(line for line in lines if line != "ok")


def recover(
    path: str | Path, name: Naming, *, lock: WriterLock | None, now: Callable[[], int]
) -> Recovery:
    """Put a new file in the place of a damaged one, with all that can be read of it.

    See `syncengine.recover`. `name` tells the names of conversations where only their
    messages can.
    """
    started = time.monotonic()
    store = Path(os.path.realpath(path))
    with (lock or WriterLock(store)).held(), translated(store):
        check_ours(store)
        _note_attempt(store, now())
        _put_back(store)
        made = store.with_name(store.name + _MADE)
        _clear(store)
        try:
            with _still(store) as source:
                saved = _salvaged(source, store, made, now(), name)
                aside = set_aside(store, now())
                os.replace(made, store)
                flush_folder(store.parent)
        finally:
            _clear(store)
    return Recovery(
        path=store,
        damaged=aside,
        conversations=saved.conversations,
        messages=saved.messages,
        intents=saved.intents,
        lost=saved.lost,
        unsure=saved.unsure,
        nothing_read=saved.nothing_read,
        seconds=time.monotonic() - started,
    )


def set_aside(path: Path, now: int) -> Path:
    """Give a file and its logs another name, which is returned; `now` in ms. The file keeps
    its old name, too, until another takes it: there is no moment without one."""
    aside = _free_name(path, now)
    try:
        os.link(path, aside)
    except OSError:  # the file system has no links
        shutil.copyfile(path, aside)
        aside.chmod(0o600)
        flush(aside)
    for log, place in zip(logs_of(path), logs_of(aside), strict=True):
        if log.name.endswith("-shm") or (log.exists() and not log.stat().st_size):
            log.unlink(missing_ok=True)  # nothing that is not in the others
        elif log.exists():
            os.replace(log, place)
    flush_folder(path.parent)
    return aside


def attempted_at(path: Path) -> int | None:
    """When a recovery was last tried, ms, local clock."""
    try:
        return int(Path(os.path.realpath(path) + _STAMP).read_text())
    except (OSError, ValueError):
        return None


def check_ours(path: Path) -> None:
    """Nobody else's file is moved, and no newer version's. Raises StoreError, StoreCorrupt for
    a file that is no store, StoreTooNew."""
    if not path.is_file():
        raise StoreError(f"there is no file {path}", hint="Check the path.")
    try:
        with damaged(path, read_only=True) as connection:
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except StoreCorrupt:
        if has_remains(path):
            return
        raise StoreCorrupt(f"{path} is no store: it is left as it is", hint=NO_STORE) from None
    if owner != APPLICATION_ID:
        raise StoreCorrupt(
            f"{path} is a database of another program: it is left as it is", hint=NO_STORE
        )
    check_version(version)


def left_beside(path: Path) -> list[Path]:
    """What recoveries left beside a store: damaged files and their logs, the note of the last
    attempt, and of one that was cut off its new file."""
    own = [path.with_name(path.name + ending) for ending in (_MADE, _NAMED)]
    parts = (path.with_name(path.name + _STAMP), *own, *chain.from_iterable(map(logs_of, own)))
    return [*_set_aside(path), *(part for part in parts if part.exists())]


def _clear(path: Path) -> None:
    for ending in (_MADE, _NAMED):
        remove(path.with_name(path.name + ending))


def kept_damaged(path: Path) -> int:
    """How many damaged files stand beside a store."""
    return sum(not each.name.endswith(LOGS) for each in _set_aside(path))


def _set_aside(path: Path) -> list[Path]:
    start = path.name + _ASIDE
    found = path.parent.glob(f"{_escaped(start)}*")
    return sorted(each for each in found if _MOMENT.fullmatch(each.name.removeprefix(start)))


def _note_attempt(path: Path, now: int) -> None:
    last = attempted_at(path)
    if last is not None and 0 <= now - last < AGAIN_AFTER:
        left = AGAIN_AFTER - (now - last)
        minutes = left // 60_000 + 1
        raise StoreCorrupt(
            f"{path} was recovered less than ten minutes ago, and is damaged again",
            hint=f"The disk may be failing: check it, and try again in {minutes} minutes.",
            again_after=left / 1000,
        )
    _write_private(path.with_name(path.name + _STAMP), str(now))


def _write_private(path: Path, text: str) -> None:
    """For its owner only, as all that stands beside a store; also where it was open before."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        path.chmod(0o600)
        file.write(text)


def _put_back(path: Path) -> None:
    """After a kill in the middle of a swap: the old log belongs beside the old file."""
    for aside in path.parent.glob(f"{_escaped(path.name)}{_ASIDE}*Z*"):
        if aside.name.endswith(("-wal", "-journal")) or not aside.samefile(path):
            continue
        log, place = aside.with_name(aside.name + "-wal"), path.with_name(path.name + "-wal")
        if log.exists() and not place.exists() and _was_last(log, path):
            os.replace(log, place)
        aside.unlink()  # it is the file's second name


def _was_last(log: Path, path: Path) -> bool:
    """Whether nobody wrote the file without the log; else it would undo what came since."""
    return path.stat().st_mtime_ns <= log.stat().st_mtime_ns


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _free_name(path: Path, now: int) -> Path:
    moment = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}{_ASIDE}{moment}")
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{path.name}{_ASIDE}{moment}-{number}")
    return aside


@contextmanager
def _still(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, to be read. Nobody writes it for as long as the block lasts; who tries waits,
    and is told that it was replaced."""
    with damaged(path, read_only=True) as reader, damaged(path, read_only=False) as writer:
        try:
            # What is only in the log goes into the file: so a kill cannot part them.
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            writer.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise
        yield reader
        with suppress(sqlite3.DatabaseError):
            writer.execute("ROLLBACK")


def _salvaged(source: sqlite3.Connection, store: Path, made: Path, now: int, name: Naming) -> Saved:
    scattered = Scattered(store)
    with _named(source, scattered) as named, created(made) as fresh:
        migrate(fresh)
        with transaction(fresh):
            saved = Salvage(named, scattered, fresh, now, name).run()
    flush(made)
    return saved


@contextmanager
def _named(source: sqlite3.Connection, scattered: Scattered) -> Iterator[sqlite3.Connection]:
    """The file, or where it does not say which tables it has, a copy that says it as far as it
    can be known."""
    copy = scattered.path.with_name(scattered.path.name + _NAMED)
    described = Source(source, scattered).rows("SELECT name FROM sqlite_schema") is not None
    if described or not scattered.named(copy):
        yield source
        return
    with damaged(copy, read_only=True) as found:
        yield found
