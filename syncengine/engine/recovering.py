"""A new file for a damaged one, with what the bytes of its messages tell (law 10)."""

import time
from collections.abc import Callable
from pathlib import Path

from syncengine.remote.formats import conversations_of
from syncengine.reports import Recovery
from syncengine.store import recovery
from syncengine.store.lock import WriterLock


def recover(
    path: str | Path,
    *,
    lock: WriterLock | None = None,
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Recovery:
    """Put a new file in the place of a damaged one, with all that can be read of it.

    Deletions that wait are saved first; where messages may be missing there are gaps, and
    the next sync pulls them again. A sound file is replaced as well: `check` tells whether it
    is. Where nothing could be read the new file is empty, and the result says so.

    Close every engine of this process on the file before; those of others read the new one
    from then on. Takes seconds a million messages, up to a minute where pages that say which
    tables there are cannot be read; and as much room on the disk as there are messages, for
    these files as much again. `lock`: for who holds the file's already.

    Raises StoreCorrupt for a file that is no store, and where the last attempt was less than
    ten minutes ago; StoreTooNew; StoreLocked while another program syncs or writes it;
    StoreFull where there is no room. Then the file is as it was.
    """
    return recovery.recover(path, conversations_of, lock=lock, now=now)
