"""How the configured accounts stand: what their files say, put together with what the daemon
last said of itself. Either may be missing.

    files ─▶ WatchedFiles ──┐
    daemon ─▶ look ─────────┴──▶ Overview ─▶ `table` (lines, JSON)
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from attrs import define, field, frozen

from syncengine.accounts import Account, default_state
from syncengine.config import Config
from syncengine.daemon.runtime import Found, look
from syncengine.daemon.schedule import AccountState
from syncengine.daemon.standing import Standing
from syncengine.daemon.states import Fault
from syncengine.daemon.watching import Watch
from syncengine.engine import SyncEngine
from syncengine.errors import Patience, StoreError
from syncengine.reports import Status
from syncengine.store.lock import holder

_AT_ONCE = 8
"""Files that are read at once: each costs two threads."""
_WAITS = (AccountState.UNAUTHORIZED, AccountState.STOPPED, AccountState.FULL)
"""The states that end only when a person does something."""
UNSERVED = "not served"
"""A daemon runs, and does not know the account."""


@frozen(kw_only=True)
class Row:
    """One account. What is None is not known. Times are ms, local clock."""

    name: str
    file: Path
    state: str | None = None
    """A word of `AccountState`, or `UNSERVED`; None: no daemon runs, and nobody syncs it."""
    last_sync: int | None = None
    next_sync: int | None = None
    fault: Fault | None = None
    """Why its file cannot be read; else what ended the daemon's last cycle, unless somebody
    synced it since."""
    failures: int = 0
    copy: Status | None = None
    """None: there is no file yet, or it cannot be read."""
    requests_today: int | None = None
    """By the daemon; None: it never knew the account."""
    received_today: int | None = None
    """Bytes."""
    waits: bool = False
    """Its state is one that only a person ends."""

    @property
    def whole(self) -> bool:
        """Whether all that the server has, as far as is known here, is held (law 2)."""
        copy = self.copy
        if copy is None or copy.listed_at is None:
            return False
        return not (copy.gaps or copy.seams or copy.never_synced)

    @property
    def needs_person(self) -> bool:
        """Whether it stays as it is until somebody decides or changes something."""
        return self.waits or (self.copy is not None and self.copy.held_back > 0)


@frozen(kw_only=True)
class Overview:
    """Accounts, and the daemon that keeps them."""

    daemon: Found
    accounts: Sequence[Row] = ()


Copy = Status | StoreError | None
"""What a file says, why it says nothing, or that it is not there."""


@define
class WatchedFiles:
    """Reads files, and again when they were written."""

    _most: int = 16
    """Of those that were read before, so many are read again at once: a pull writes all the
    time, and to look at it must not take the machine."""
    _found: dict[Path, Copy] = field(factory=dict)
    """The one that was read the longest ago comes first."""
    _watches: dict[Path, Watch] = field(factory=dict)

    async def read(self, paths: Sequence[Path]) -> Sequence[Copy]:
        """What each says now, or said a moment ago. Raises nothing of a store's."""
        new = [path for path in paths if path not in self._found]
        changed = [path for path in self._found if self._watch(path).changed()]
        for late in changed[self._most :]:
            self._watches.pop(late)  # it counts as changed the next time, too
        room = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._read(path, room) for path in (*new, *changed[: self._most])))
        return [self._found[path] for path in paths]

    def _watch(self, path: Path) -> Watch:
        return self._watches.setdefault(path, Watch(path))

    async def _read(self, path: Path, room: asyncio.Semaphore) -> None:
        self._watch(path).changed()  # what is written from here on is read the next time
        async with room:
            found = await _read(path)
        self._found.pop(path, None)
        self._found[path] = found


async def _read(path: Path) -> Copy:
    try:
        if not await asyncio.to_thread(path.exists):
            return None
        async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
            return await engine.status()
    except StoreError as error:
        return error
    except OSError as error:
        return StoreError(f"{path}: {error.strerror}", hint="Check who may read and write there.")


async def overview(accounts: Sequence[Account], files: WatchedFiles) -> Overview:
    """How they stand now. Raises nothing of a store's."""
    found = look(default_state())
    read = await files.read([each.file for each in accounts])
    rows = [
        row(each.name, each.file, copy, found, today())
        for each, copy in zip(accounts, read, strict=True)
    ]
    return Overview(daemon=found, accounts=rows)


def today() -> str:
    """The local date, as the daemon writes it: 2026-01-31."""
    return datetime.now().astimezone().date().isoformat()


def row(name: str, file: Path, copy: Copy, found: Found, day: str) -> Row:
    """One account, on that day."""
    standing = standing_of(found, file)
    status = None if isinstance(copy, StoreError) else copy
    fault = _fault(copy, standing, found)
    synced = [standing.last_sync if standing else None, status.synced_at if status else None]
    same_day = found.snapshot is not None and found.snapshot.day == day
    return Row(
        name=name,
        file=file,
        state=_state(file, standing, found),
        last_sync=max((each for each in synced if each is not None), default=None),
        next_sync=standing.next_sync if standing is not None and found.alive else None,
        fault=fault,
        failures=standing.failures if standing is not None and fault is not None else 0,
        copy=status,
        requests_today=None if standing is None else standing.requests_today * same_day,
        received_today=None if standing is None else standing.received_today * same_day,
        waits=_waits(copy, standing, fault),
    )


def standing_of(found: Found, file: Path) -> Standing | None:
    """What the daemon last said of the account with this file."""
    accounts = found.snapshot.accounts if found.snapshot is not None else ()
    real = os.path.realpath(file)
    return next((each for each in accounts if os.path.realpath(each.path) == real), None)


def serves(found: Found, file: Path) -> bool:
    """Whether a daemon runs that keeps this file."""
    return found.alive and standing_of(found, file) is not None


def _state(file: Path, standing: Standing | None, found: Found) -> str | None:
    if found.alive and standing is not None:
        return standing.state
    if holder(file) is not None:
        return AccountState.SYNCING.value
    return UNSERVED if found.alive else None


def _fault(copy: Copy, standing: Standing | None, found: Found) -> Fault | None:
    if isinstance(copy, StoreError) and (standing is None or standing.error is None):
        return Fault(type(copy).__name__, str(copy), copy.hint, 0)
    if standing is None or standing.error is None or _synced_since(copy, found):
        return None
    return Fault(standing.error, standing.message, standing.hint, standing.error_since or 0)


def _synced_since(copy: Copy, found: Found) -> bool:
    """Whether somebody synced it after the daemon had ended."""
    if found.alive or found.snapshot is None or not isinstance(copy, Status):
        return False
    return (copy.synced_at or 0) > found.snapshot.written


def _waits(copy: Copy, standing: Standing | None, fault: Fault | None) -> bool:
    if isinstance(copy, StoreError):
        return copy.patience is Patience.NEVER
    return fault is not None and standing is not None and standing.state in _WAITS
