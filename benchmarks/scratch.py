"""Where measured files are: one folder for a whole command, gone when it ends."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.results import CannotRun


@contextmanager
def scratch() -> Iterator[Path]:
    """Every temporary file of this process, and of those it starts, is made in here."""
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(prefix="syncengine-bench-") as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before[0]
            os.environ.pop("TMPDIR")
            if before[1] is not None:
                os.environ["TMPDIR"] = before[1]


def need_room(size: int) -> None:
    """Raises CannotRun where so many bytes are not free."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < size:
        folder = tempfile.gettempdir()
        raise CannotRun(f"it needs {size / 1e9:.1f} GB in {folder}, and {free / 1e9:.1f} are free")
