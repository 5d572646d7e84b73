"""Keyrings that a test installs as the system's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from tests.accounts.backends import Stored

Install = Callable[[KeyringBackend], KeyringBackend]


@pytest.fixture
def install() -> Iterator[Install]:
    """Let the system have this keyring until the test ends."""
    before = keyring.get_keyring()

    def use(backend: KeyringBackend) -> KeyringBackend:
        keyring.set_keyring(backend)
        return backend

    yield use
    keyring.set_keyring(before)


@pytest.fixture
def stored(install: Install, tmp_path: Path) -> Stored:
    """A keyring that works."""
    backend = Stored(tmp_path / "keyring.json")
    install(backend)
    return backend
