"""Notices that another process wrote a file, without opening it.

A commit changes the write-ahead log, and the last program to close a file moves the log into
it. To look at both costs a few microseconds a file: cheap enough for hundreds, twice a second.

Who closes a file changes it likewise. That this was all is told by the log, of which a handle
is kept meanwhile: it is as it was seen, it is gone, and the file is no younger than that.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Mark = tuple[int, int, int] | None
"""Which file, its size and its time; None: none, or an empty one."""


class Watch:
    """One file and its log."""

    def __init__(self, path: Path) -> None:
        self._paths = (os.fspath(path), os.fspath(path) + "-wal")
        self._seen: tuple[Mark, Mark] | None = None

    def changed(self) -> bool:
        """Whether either changed since it was asked last. At first it did."""
        found = (_mark(self._paths[0]), _mark(self._paths[1]))
        if found == self._seen:
            return False
        self._seen = found
        return True

    def forget(self) -> None:
        """It counts as changed the next time."""
        self._seen = None

    @contextmanager
    def closing(self) -> Iterator[None]:
        """The file is closed in this block. What that changes is no change, but what another
        process writes meanwhile, or wrote since it was asked last, is one still."""
        log = _handle(self._paths[1])
        try:
            yield
        finally:
            if log is not None:
                self._closed(log)
                os.close(log)

    def _closed(self, log: int) -> None:
        end = os.fstat(log)
        if end.st_nlink or self._seen is None or self._seen[1] != _mark_of(end):
            return  # others have it open, and it was not moved; or somebody wrote it
        with suppress(OSError):
            file = os.stat(self._paths[0])
            if file.st_mtime_ns <= end.st_ctime_ns and _mark(self._paths[1]) is None:
                self._seen = (_mark_of(file), None)

    @property
    def log_bytes(self) -> int:
        """The size of the log as it is now."""
        found = _mark(self._paths[1])
        return found[1] if found else 0


def _mark(path: str) -> Mark:
    try:
        return _mark_of(os.stat(path))
    except OSError:
        return None


def _mark_of(found: os.stat_result) -> Mark:
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found.st_size else None


def _handle(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
