"""Who pulls into a file: one at a time, by a lock that dies with its process.

    alice.db         the copy: anybody may read it, and write down what is to be deleted
    alice.db-lock    owned by whoever runs cycles; it says who that is

SQLite's own locks keep single commits safe, whoever makes them. This one keeps two programs
from pulling the same history at once, each by turns undoing what the other was about to do.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from syncengine.errors import StoreLocked
from syncengine.filelock import give_back, is_taken, take
from syncengine.store.database import translated

_MOST_WORDS = 4096
"""Bytes that are read of a lock file."""
_LOOKS = 10
"""Of about 20 microseconds each, for the words of an owner who is just writing them."""
_HINT = "That program keeps it up to date: read it meanwhile, or end that program first."


@frozen
class Holder:
    """Who owns a lock, as it says itself."""

    pid: int | None
    """Its process; None: it did not say."""
    program: str
    host: str
    since: int | None
    """Ms, local clock."""

    def __str__(self) -> str:
        process = "" if self.pid is None else f", process {self.pid}"
        where = "" if self.host in ("", socket.gethostname()) else f" on {self.host}"
        return f"{self.program}{process}{where}{_since(self.since)}"


UNKNOWN = Holder(None, "another program", "", None)


class WriterLock:
    """The lock of one file. Owned while a `held` block lasts; these may be nested.

    Whoever pulls for longer than one cycle holds it around the engine, and gives it to
    `SyncEngine.open`.
    """

    def __init__(self, path: str | Path, *, program: str | None = None) -> None:
        """`program`: how to call the owner; by default as the command that runs."""
        self.path = lock_path(Path(path))
        self._store = path
        self._program = program or _program()
        self._descriptor: int | None = None
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator["WriterLock"]:
        """Own the lock, which is given, for as long as the block lasts.

        Raises StoreLocked, which says who owns it, StoreFull where the lock file cannot be
        written.
        """
        self._acquire()
        try:
            yield self
        finally:
            self._release()

    def _acquire(self) -> None:
        if self._descriptor is None:
            with translated(self.path):
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                held = take(self.path)
            if held is None:
                raise StoreLocked(f"{self._store} is synced by {_named(self.path)}", hint=_HINT)
            self._descriptor = held
            self._sign(held)
        self._depth += 1

    def _release(self) -> None:
        self._depth -= 1
        if not self._depth and self._descriptor is not None:
            held, self._descriptor = self._descriptor, None
            give_back(held, self.path)

    def _sign(self, held: int) -> None:
        """Say who owns it. On a full disk nobody can: it is owned all the same."""
        words = {
            "pid": os.getpid(),
            "program": self._program,
            "host": socket.gethostname(),
            "since": time.time_ns() // 1_000_000,
        }
        with suppress(OSError):
            os.lseek(held, 0, os.SEEK_SET)
            # Cut off behind it: a file that is emptied first costs some systems a write to disk.
            os.ftruncate(held, os.write(held, json.dumps(words).encode()))


class Unlocked(WriterLock):
    """For a file that one program alone knows, on virtual time: it locks nothing."""

    @contextmanager
    def held(self) -> Iterator[WriterLock]:
        """Nobody else is there."""
        yield self


def lock_path(path: Path) -> Path:
    """The lock file of a store; the same one by whatever link it is reached."""
    real = Path(os.path.realpath(path))
    return real.with_name(real.name + "-lock")


def holder(path: Path) -> Holder | None:
    """Who pulls into the store right now; None: nobody does. What a lock file says counts
    only while it is owned."""
    found = lock_path(path)
    return _read(found) if is_taken(found) else None


def _named(path: Path) -> Holder:
    """Who owns it. It may just have been taken, and not be signed yet: that takes its owner
    microseconds, so it is read again at once and never waited for, in nobody's event loop."""
    found = _read(path)
    for _ in range(_LOOKS):
        if found.pid is not None:
            break
        found = _read(path)
    return found


def _read(path: Path) -> Holder:
    try:
        with path.open("rb") as file:
            words: Any = json.loads(file.read(_MOST_WORDS))
        return Holder(
            pid=int(words["pid"]),
            program=str(words["program"])[:80],
            host=str(words["host"])[:80],
            since=int(words["since"]),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return UNKNOWN


def _since(since: int | None) -> str:
    try:
        moment = None if since is None else datetime.fromtimestamp(since / 1000)
    except (ValueError, OverflowError, OSError):
        return ""
    return "" if moment is None else f", since {moment.isoformat(sep=' ', timespec='seconds')}"


def _program() -> str:
    """The command's name; `python -m name` has a file of it there."""
    script = Path(sys.argv[0] if sys.argv and sys.argv[0] else "python")
    return script.parent.name if script.name == "__main__.py" else script.name
