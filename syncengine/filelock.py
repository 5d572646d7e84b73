"""A lock that lives in a file: the system frees it when its owner ends, in whatever way.

The file itself is no lock: what a killed owner left of it is taken over by the next.
"""

import errno
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
"""The file system has none: everybody may own everything there."""
_LOOKS = 20
"""Milliseconds to wait for those who only look whether the lock is owned."""
_FAR = 1 << 30
"""Where the locked byte lies on Windows, which lets nobody read it: behind the words."""


def take(path: Path) -> int | None:
    """Own the lock: an open descriptor, for `give_back`; None: another owns it, in this
    process or another.

    Raises OSError where the file cannot be made.
    """
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            owned = _lock(held)
        except BaseException:
            os.close(held)
            raise
        if owned and _is_named(held, path):  # its last owner may have taken it away
            return held
        os.close(held)
        if not owned:
            return None


def give_back(held: int, path: Path) -> None:
    """Take the file away, while it is owned: nobody else's can be meant."""
    with suppress(OSError):  # Windows removes no open file: it stays, and is used again
        if _is_named(held, path):
            path.unlink()
    os.close(held)


def is_taken(path: Path) -> bool:
    """Whether somebody owns the lock right now, in this process or another."""
    try:
        looking = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _ask_for(looking, shared=True)
    except OSError:
        return False
    finally:
        os.close(looking)


def _lock(held: int) -> bool:
    """Whether it is ours now. Who only looks has gone in a moment."""
    if _ask_for(held):
        return True
    for _ in range(_LOOKS):
        if not _ask_for(held, shared=True):
            return False
        time.sleep(0.001)
        if _ask_for(held):
            return True
    return False


def _ask_for(held: int, *, shared: bool = False) -> bool:
    try:
        _system_lock(held, shared=shared)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _system_lock(held: int, *, shared: bool) -> None:
    if sys.platform == "win32":
        os.lseek(held, _FAR, os.SEEK_SET)
        msvcrt.locking(held, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(held, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def _is_named(held: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(held), path.stat())
    except FileNotFoundError:
        return False
