"""Notices that another process wrote a file, without opening it.

A commit changes the write-ahead log, and the last program to close a file moves the log into
it. To look at both costs a few microseconds a file: cheap enough for hundreds, twice a second.
"""

import os
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

    @property
    def log_bytes(self) -> int:
        """The size of the log as it is now."""
        found = _mark(self._paths[1])
        return found[1] if found else 0


def _mark(path: str) -> Mark:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found.st_size else None
