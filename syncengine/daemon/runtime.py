"""What a running daemon leaves for others to read: one file, and a lock that says it lives.

    daemon.json        how every account stands (`Snapshot`), swapped in whole
    daemon-lock        owned for as long as the daemon lives, in whatever way it ends

The file stays when its daemon is gone: it tells how things stood. The lock alone tells whether
somebody is there.
"""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from attrs import frozen

from syncengine.daemon.standing import Snapshot
from syncengine.errors import StoreFull, StoreLocked
from syncengine.filelock import give_back, is_taken, take

FILE = "daemon.json"
LOCK = "daemon-lock"
_LARGEST = 16 * 1024 * 1024
"""Bytes that are read: thousands of accounts."""
_AT_MOST_EVERY = 1.0
"""Seconds between two writes."""


@frozen
class Found:
    """What a folder tells of its daemon."""

    alive: bool
    snapshot: Snapshot | None
    """The last that was written, by a daemon that lives or not; None: there is none that this
    version can read."""


def look(folder: Path) -> Found:
    """How the daemon stands that keeps its state here. Raises nothing."""
    return Found(is_taken(folder / LOCK), _read(folder / FILE))


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Be the daemon of this folder for as long as the block lasts.

    The folder is made, for its owner only. Raises StoreLocked where another daemon is, which
    it names, StoreFull where the folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = take(folder / LOCK)
    except OSError as error:
        raise StoreFull(f"{folder}: {error.strerror}") from None
    if held is None:
        raise _another(folder)
    try:
        yield
    finally:
        give_back(held, folder / LOCK)


def write(folder: Path, snapshot: Snapshot) -> bool:
    """Put the snapshot in the old one's place, for its owner only. Returns whether it could be:
    on a full disk the daemon's work is not this file."""
    data = msgspec.json.encode(snapshot)
    try:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{FILE}-")  # made 0600
    except OSError:
        return False
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(folder / FILE)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        return False
    return True


async def keep_written(
    folder: Path,
    changed: asyncio.Event,
    take_snapshot: Callable[[], Snapshot],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Until cancelled: write a snapshot when something changed, once a second at most."""
    while True:
        await changed.wait()
        changed.clear()
        write(folder, take_snapshot())
        await sleep(_AT_MOST_EVERY)


def _read(path: Path) -> Snapshot | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_LARGEST), type=Snapshot)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return None


def _another(folder: Path) -> StoreLocked:
    snapshot = _read(folder / FILE)
    whose = "" if snapshot is None else f" (process {snapshot.pid})"
    return StoreLocked(
        f"another daemon is running{whose}",
        hint="One is enough for all accounts: `syncengine status` shows them. End it first.",
    )
