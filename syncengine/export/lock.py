"""One export at a time into a folder: the system frees the lock also when its owner dies."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syncengine.errors import ConfigError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = "unfinished-export.lock"
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
"""The file system has none: a folder there is written all the same."""


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Own the folder, which is made for its owner only where it is missing.

    Raises ConfigError where another export, of any process, owns it.
    """
    made = not target.exists()
    held = _acquire(target)
    try:
        yield
    finally:
        _release(held, target / LOCK)
        if made:
            with suppress(OSError):  # it holds an export now
                target.rmdir()


def _acquire(target: Path) -> int:
    """Lock the file that has the name: its last owner may have taken away the one opened."""
    while True:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            held = os.open(target / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # so has the folder
            continue
        try:
            _lock(held, target)
        except BaseException:
            os.close(held)
            raise
        if _is_named(held, target / LOCK):
            return held
        os.close(held)


def _lock(held: int, target: Path) -> None:
    try:
        _ask_for(held)
    except (BlockingIOError, PermissionError):
        raise ConfigError(
            f"another export is being written into {target}",
            hint="Wait until it has ended, or name another folder. Nothing was changed.",
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _ask_for(held: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(held, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_named(held: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(held), path.stat())
    except FileNotFoundError:
        return False


def _release(held: int, path: Path) -> None:
    """Take the file away, while it is owned: nobody else's can be meant."""
    with suppress(OSError):  # Windows removes no open file: it stays, and is used again
        path.unlink()
    os.close(held)
