"""Puts an export on the disk: private files, hashed while they are written, all or none.

Everything is written into `unfinished-export` inside the folder, and moved up when it is
whole, the manifest last. So a folder with a manifest holds a whole export, and one that an
export was to replace is not touched before its replacement is there (law 10).
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syncengine.errors import ConfigError, StoreFull
from syncengine.export.manifest import MANIFEST, ExportedFile, is_ours

_UNFINISHED = "unfinished-export"
_REPLACED = "replaced-export"
_BUFFER = 1 << 16
ENTRIES = (MANIFEST, "index.html", "conversations", "search")
"""What an export has at its top. The manifest leaves first and comes last: what lacks one
is not whole."""


class Folder:
    """Where an export goes. Made by `writing`."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._root = target / _UNFINISHED
        self._open: set[File] = set()
        self._made = False
        self.files: dict[str, ExportedFile] = {}
        """What is written, by its path inside the folder."""

    def begin(self) -> None:
        """Make the folder, for its owner only, and take away what was left unfinished."""
        self._made = not self._target.exists()
        self._target.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._root.exists():
            shutil.rmtree(self._root)
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
        """Move everything up, the manifest last; what was there before goes."""
        replaced = self._target / _REPLACED
        if replaced.exists():
            shutil.rmtree(replaced)
        replaced.mkdir(mode=0o700)
        moved: list[tuple[Path, Path]] = []
        try:
            for name in ENTRIES:
                _move(self._target / name, replaced / name, moved)
            for name in reversed(ENTRIES):
                _move(self._root / name, self._target / name, moved)
        except OSError:
            for origin, place in reversed(moved):
                os.replace(place, origin)
            replaced.rmdir()
            raise
        self._root.rmdir()
        shutil.rmtree(replaced)

    def abandon(self) -> None:
        """Leave nothing of this export behind; as much of that as the disk allows."""
        for file in self._open:
            file.abandon()
        with suppress(OSError):
            shutil.rmtree(self._root)
        if self._made:
            with suppress(OSError):
                self._target.rmdir()


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
        """It is whole."""
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
    `replace`; StoreFull where it cannot be written, also later.
    """
    folder = Folder(target)
    with _system_errors(target):
        _check(target, replace=replace)
        try:
            folder.begin()
            yield folder
            folder.commit()
        except BaseException:
            folder.abandon()
            raise


def _check(target: Path, *, replace: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise ConfigError(f"{target} is no folder", hint="Name a folder that is new or empty.")
    held = {each.name for each in target.iterdir()} - {_UNFINISHED}
    if not held:
        return
    if not is_ours(target):
        raise ConfigError(
            f"{target} is not empty, and holds no export",
            hint="Name a folder that is new or empty. Nothing was changed.",
        )
    if not replace:
        raise ConfigError(
            f"{target} holds an export already",
            hint="Name a new folder, or say that this one is to be replaced (--force).",
        )


def _move(origin: Path, place: Path, moved: list[tuple[Path, Path]]) -> None:
    if origin.exists():
        os.replace(origin, place)
        moved.append((origin, place))


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
