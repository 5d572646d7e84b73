"""Accounts that are configured: Alice with a keyring of her own, for commands in this process."""

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from tests.accounts.backends import Stored
from tests.cli.command import Person

SECRET = "alice"
ADD = ("account", "add", "alice")


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Stored]:
    """The system's keyring, for commands in this process."""
    before = keyring.get_keyring()
    stored = Stored(tmp_path / "keyring.json")
    keyring.set_keyring(stored)
    yield stored
    keyring.set_keyring(before)


@pytest.fixture
def person(newcomer: Person, ring: Stored) -> Person:
    """Alice, whose flags and password stand in her environment; the file is the default one."""
    return newcomer.but(SYNCENGINE_DB=None)


def config(person: Person) -> Path:
    """Her configuration."""
    return person.home / "config" / "syncengine" / "config.toml"


def plainly(person: Person) -> Person:
    """The same with nothing but her configuration."""
    return person.but(**{name: None for name in person.env if name.startswith("SYNCENGINE")})
