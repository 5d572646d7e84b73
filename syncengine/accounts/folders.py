"""Where things are on this system, and files that nobody but their owner may read."""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import platformdirs

from syncengine.durable import flush_folder
from syncengine.errors import ConfigError

_LONGEST_NAME = 200
"""Bytes; file systems allow 255, and SQLite adds endings of its own."""


def default_path() -> Path:
    """The configuration, whether it exists or not."""
    return platformdirs.user_config_path("syncengine") / "config.toml"


def default_file(user: str) -> Path:
    """Where a user's messages are kept, unless another file is named."""
    return platformdirs.user_data_path("syncengine") / f"{_file_name(user)}.db"


def default_state() -> Path:
    """The folder where the daemon says how it is."""
    return platformdirs.user_state_path("syncengine")


def _file_name(user: str) -> str:
    """A name that no user can lead out of the folder, and no file system finds too long."""
    name = quote(user, safe="")
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:100]}-{hashlib.sha256(user.encode()).hexdigest()[:32]}"


def write_private(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for its owner only; its folder is made where it misses.

    A symbolic link stays one: what it leads to is replaced. Raises ConfigError.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            Path(name).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        flush_folder(target.parent)
    except OSError as error:
        hint = "Check the path, the disk, and who may write there."
        raise ConfigError(f"{path} cannot be written: {error.strerror}", hint=hint) from error


def check_folder(file: Path) -> None:
    """Raises ConfigError where a file could not be made or written. Leaves nothing behind."""
    try:
        if file.exists():
            _try_file(file)
        with tempfile.NamedTemporaryFile(dir=_nearest(file.parent), prefix=".syncengine-"):
            pass
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be written: {error.strerror}",
            hint="Check who may write there, or name another file.",
        ) from None


def _try_file(file: Path) -> None:
    os.close(os.open(file, os.O_RDWR))


def _nearest(folder: Path) -> Path:
    """The folder itself, or the one that it would be made in."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
