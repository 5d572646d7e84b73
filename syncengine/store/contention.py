"""Who waits for whom, where a person's reads compete with what is pulled and written."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_GENTLE_COMMITS = 50
"""After a person's read: a tenth of a second in a pull at full speed."""
_WRITTEN_LATELY = 1.0
"""Seconds after a write, during which others are expected."""


class Contention:
    """What competes for the interpreter's lock and for the processors, as one store sees it.

    Within a process a pull gives way to reads. To another process it cannot: that one is seen
    by what it writes into the file's log.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._changed = _changed_at(log)
        self._written_at: float | None = None
        self._gentle = 0
        self._served: set[asyncio.Future[None]] = set()
        self._pulls = 0

    def high(self) -> bool:
        """Whether a pull runs in this process, or any process has just written the file. Then a
        read that goes to another thread and comes back waits for a processor twice."""
        now, changed = asyncio.get_running_loop().time(), _changed_at(self._log)
        if changed != self._changed:
            self._changed, self._written_at = changed, now
        if self._pulls:
            return True
        return self._written_at is not None and now - self._written_at < _WRITTEN_LATELY

    @contextmanager
    def serving(self) -> Iterator[None]:
        """For as long as the block lasts a person waits. The next commits are small: while one
        is made the interpreter's lock is hard to get."""
        self._gentle = _GENTLE_COMMITS
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._served.add(over)
        try:
            yield
        finally:
            self._served.discard(over)
            over.set_result(None)

    @contextmanager
    def pulling(self) -> Iterator[None]:
        """For as long as the block lasts much is decoded and written in this process."""
        self._pulls += 1
        try:
            yield
        finally:
            self._pulls -= 1

    async def give_way(self) -> None:
        """Let those read on who are served just now; who comes later waits with the others."""
        for over in tuple(self._served):
            await over

    def share(self, most: int) -> int:
        """How many of `most` decisions may share the next commit: one while a person reads."""
        if not self._gentle:
            return most
        self._gentle -= 1
        return 1


def _changed_at(log: Path) -> int | None:
    """When it was last written, ns; None: there is none, or it cannot be seen."""
    try:
        return log.stat().st_mtime_ns
    except OSError:
        return None
