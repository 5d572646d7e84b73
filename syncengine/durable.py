"""What is written is on the disk only when it was flushed: a file's content, and its name."""

import os
from contextlib import suppress
from pathlib import Path


def flush(path: Path) -> None:
    """Have a file on the disk, whatever happens to the machine. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(path: Path) -> None:
    """The same for the names in a folder, where the system can do that."""
    with suppress(OSError):  # Windows opens no folders
        flush(path)
