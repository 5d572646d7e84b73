"""A store is a file and what SQLite keeps beside it: together they are moved and removed."""

import os
from collections.abc import Iterator
from pathlib import Path

LOGS = ("-wal", "-shm", "-journal")
"""The endings of what SQLite keeps beside a file."""


def logs_of(path: Path) -> Iterator[Path]:
    """What SQLite may keep beside a file."""
    for ending in LOGS:
        yield path.with_name(path.name + ending)


def remove(path: Path) -> None:
    """Take a file away, and what is beside it, as far as they are there."""
    for each in (path, *logs_of(path)):
        each.unlink(missing_ok=True)


def put_new(made: Path, target: Path) -> None:
    """Give a file its name. Raises FileExistsError where another has it."""
    try:
        os.link(made, target)
    except FileExistsError:
        raise
    except OSError:  # the file system has no links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.replace(made, target)
        return
    made.unlink()
