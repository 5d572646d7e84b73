"""Keyrings of our own, behind the interface that the system's have.

A subprocess is told with `PYTHON_KEYRING_BACKEND=tests.accounts.backends.Stored` and
`TEST_KEYRING`, a file.
"""

import json
import os
from pathlib import Path
from threading import Event

import keyring.errors
from keyring.backend import KeyringBackend


class Stored(KeyringBackend):
    """Keeps what it is given in a file."""

    priority = 1

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # it has no types
        self.path = path or Path(os.environ.get("TEST_KEYRING", "keyring.json"))

    @property
    def entries(self) -> dict[str, str]:
        """All secrets, by service and login."""
        if not self.path.exists():
            return {}
        found: dict[str, str] = json.loads(self.path.read_text(encoding="utf-8"))
        return found

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self.entries, f"{service} {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        self._write({k: v for k, v in self.entries.items() if k != f"{service} {username}"})

    def _write(self, entries: dict[str, str]) -> None:
        self.path.write_text(json.dumps(entries), encoding="utf-8")


class Locked(Stored):
    """Nobody unlocks it."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("Failed to unlock the collection!")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.InitError(f"cannot keep {password}")


class Broken(Stored):
    """Fails in a way of its own, and says too much."""

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(f"secret-in-an-error of {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise ValueError(f"cannot keep {password}")


class Forgetful(Stored):
    """Takes everything and keeps nothing, as `keyring.backends.null` does."""

    def _write(self, entries: dict[str, str]) -> None:
        pass


class Hanging(Stored):
    """Waits for a window that nobody sees, until it is let go."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.let_go = Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.let_go.wait()
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.let_go.wait()
