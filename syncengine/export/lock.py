"""One export at a time into a folder: the system frees the lock also when its owner dies."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syncengine.errors import ConfigError
from syncengine.filelock import give_back, take

LOCK = "unfinished-export.lock"


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
        give_back(held, target / LOCK)
        if made:
            with suppress(OSError):  # it holds an export now
                target.rmdir()


def _acquire(target: Path) -> int:
    """Lock the folder; its last owner may have taken it away just now."""
    while True:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            held = take(target / LOCK)
        except FileNotFoundError:
            continue
        if held is None:
            raise ConfigError(
                f"another export is being written into {target}",
                hint="Wait until it has ended, or name another folder. Nothing was changed.",
            )
        return held
