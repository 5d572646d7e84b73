"""Puts an export on the disk: private files, hashed while they are written, all or none.

Everything is written into `unfinished-export` inside the folder, and moved up when it is
whole and on the disk, the manifest last (`swap`). So a folder with a manifest holds a whole
export, also after a power cut, and one that an export was to replace is not touched before its
replacement is there (law 10). Only one at a time writes there (`lock`).
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syncengine.errors import ConfigError, StoreFull
from syncengine.export.lock import LOCK, locked
from syncengine.export.manifest import ExportedFile, is_ours
from syncengine.export.swap import REPLACED, UNFINISHED, Swap

_BUFFER = 1 << 16
_LEFTOVERS = {UNFINISHED, REPLACED, LOCK}
"""What a killed export may leave; the next one settles it."""


class Folder:
    """Where an export goes. Made by `writing`."""

    def __init__(self, target: Path) -> None:
        self._root = target / UNFINISHED
        self._swap = Swap(target)
        self._open: set[File] = set()
        self.files: dict[str, ExportedFile] = {}
        """What is written, by its path inside the folder."""

    def begin(self) -> None:
        """Make the place that is written into, for its owner only."""
        self._root.mkdir(mode=0o700)

    def create(self, name: str) -> "File":
        """A new file; `name` is its path inside the folder, with slashes."""
        path = self._root / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = File(self, name, path)
        self._open.add(file)
        return file

    def write(self, name: str, text: str) -> None:
        """A whole file at once."""
        file = self.create(name)
        file.write(text)
        file.close()

    def closed(self, file: "File", record: ExportedFile) -> None:
        """Note a file that is whole."""
        self._open.discard(file)
        self.files[file.name] = record

    def discard(self, name: str) -> None:
        """Take a file away that was written."""
        for file in [each for each in self._open if each.name == name]:
            file.abandon()
            self._open.discard(file)
        self.files.pop(name, None)
        (self._root / name).unlink(missing_ok=True)

    def commit(self) -> None:
        """Move everything up, the manifest last; the files of the export before it go."""
        self._swap.run()

    def abandon(self) -> None:
        """Leave nothing of this export behind; as much of that as the disk allows."""
        for file in self._open:
            file.abandon()
        self._swap.undo()


class File:
    """A file being written: UTF-8, private to its owner."""

    def __init__(self, folder: Folder, name: str, path: Path) -> None:
        self.name = name
        self._folder = folder
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=_BUFFER)
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, text: str) -> None:
        """Append."""
        data = text.encode()
        self._hash.update(data)
        self._size += len(data)
        self._file.write(data)

    def close(self) -> None:
        """It is whole, and on the disk: what the manifest says of it holds after a power cut."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._folder.closed(self, ExportedFile(self._size, self._hash.hexdigest()))

    def abandon(self) -> None:
        """Close it, whatever is in it."""
        with suppress(OSError):  # what is still to be written may find no room
            self._file.close()


@contextmanager
def writing(target: Path, *, replace: bool) -> Iterator[Folder]:
    """A folder to export into: whole when the block ends, else as it was before.

    Raises ConfigError where it holds something else, or an earlier export and not
    `replace`, and where another export is written there; StoreFull where it cannot be
    written, also later.
    """
    with _system_errors(target):
        _check_ours(target)
        with locked(target):
            finished = Swap(target).recover()
            _check_again(target, replace=replace, finished=finished)
            with _whole_or_not(Folder(target)) as folder:
                yield folder


@contextmanager
def _whole_or_not(folder: Folder) -> Iterator[Folder]:
    try:
        folder.begin()
        yield folder
        folder.commit()
    except BaseException:
        folder.abandon()
        raise


def _check_ours(target: Path) -> None:
    """Refuse a folder that holds anything, but no export and nothing that one left."""
    if not target.exists():
        return
    if not target.is_dir():
        raise ConfigError(f"{target} is no folder", hint="Name a folder that is new or empty.")
    held = {each.name for each in target.iterdir()}
    if not (held <= _LEFTOVERS or REPLACED in held or is_ours(target)):
        raise _not_ours(target)


def _check_again(target: Path, *, replace: bool, finished: bool) -> None:
    """The same when nobody else writes there, and whether an export may be replaced."""
    if {each.name for each in target.iterdir()} <= _LEFTOVERS:
        return
    if not is_ours(target):
        raise _not_ours(target)
    if not replace:
        said = " now: one that was interrupted has just been finished" if finished else " already"
        raise ConfigError(
            f"{target} holds an export{said}",
            hint="Name a new folder, or say that this one is to be replaced (--force).",
        )


def _not_ours(target: Path) -> ConfigError:
    return ConfigError(
        f"{target} is not empty, and holds no export",
        hint="Name a folder that is new or empty. Nothing was changed.",
    )


@contextmanager
def _system_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or target
        why = error.strerror or str(error)
        hint = _FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
        raise StoreFull(f"{where}: {why}; nothing was exported", hint=hint) from error


_FULL = "Free some disk space, or name a folder on another disk, and export again."
