"""Watches whether a file has one writer: the owner of its lock, and nobody else.

Linux tells of each process which files it has open, and how. A daemon has the account's file
open for writing only while it owns the lock, for it takes the lock before and gives it back
after: so whoever can write, and is not who `holder` names, is caught in the act.
"""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define, field

from syncengine import holder

EVERY = 0.003
"""Seconds between two looks."""


@define
class Referee:
    """Looks again and again, from a thread, while a `watching` block lasts."""

    path: Path
    players: set[int] = field(factory=set)
    """The processes that are watched. Take one out before it is waited for: its id is free then."""
    seen: Counter[int] = field(factory=Counter)
    """How often each was seen able to write."""
    fouls: set[str] = field(factory=set)

    @contextmanager
    def watching(self) -> Iterator["Referee"]:
        """A foul within the block is an error at its end."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(EVERY):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield self
        finally:
            over.set()
            thread.join()
            self.judge()  # also where something else went wrong, for that is why

    def judge(self) -> None:
        """Nobody was caught so far."""
        assert not self.fouls, self.fouls

    def look(self) -> None:
        """Note who can write, and who should not."""
        for pid in tuple(self.players):
            if not self._can_write(pid):
                continue
            found = holder(self.path)
            if not self._can_write(pid):
                continue  # it ended in between, and may have given the lock back
            self.seen[pid] += 1
            if found is None or found.pid != pid:
                self.fouls.add(f"process {pid} can write, and the owner is {found}")

    def _can_write(self, pid: int) -> bool:
        """Whether it has the file open for writing."""
        with suppress(OSError):  # the process has ended
            return any(
                _is_for_writing(pid, descriptor)
                for descriptor in os.listdir(f"/proc/{pid}/fd")
                if self._is_ours(pid, descriptor)
            )
        return False

    def _is_ours(self, pid: int, descriptor: str) -> bool:
        with suppress(OSError):  # that descriptor was just closed
            return os.readlink(f"/proc/{pid}/fd/{descriptor}") == str(self.path)
        return False


def _is_for_writing(pid: int, descriptor: str) -> bool:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().splitlines()
        flags = next(int(line.split()[1], 8) for line in lines if line.startswith("flags:"))
        return flags & os.O_ACCMODE != os.O_RDONLY
    return False
