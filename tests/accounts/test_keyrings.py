"""Keyrings that are locked, absent, broken, or give no answer."""

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring.backends.fail
import pytest

from syncengine import ConfigError
from syncengine.accounts import keyrings
from tests.accounts.backends import Broken, Forgetful, Hanging, Locked
from tests.accounts.conftest import Install

SECRET = "hunter2"
ASKED: list[Callable[[], object]] = [
    lambda: keyrings.read("alice"),
    lambda: keyrings.keep("alice", SECRET),
    lambda: keyrings.forget("alice"),
]


def refused(ask: Callable[[], object]) -> ConfigError:
    """The error: with a way out, and without the secret, also in a traceback."""
    with pytest.raises(ConfigError) as caught:
        ask()
    assert "--secret environment, credential or file:PATH" in caught.value.hint
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "secret-in-an-error" not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.mark.parametrize("ask", ASKED)
def test_a_locked_keyring(install: Install, tmp_path: Path, ask: Callable[[], object]) -> None:
    """It says so, and how to go on."""
    install(Locked(tmp_path / "k"))
    error = refused(ask)
    assert str(error) == "the system keyring is locked"
    assert error.hint.startswith("Unlock it")


@pytest.mark.parametrize("ask", ASKED)
def test_a_system_with_no_keyring(install: Install, ask: Callable[[], object]) -> None:
    """As on most servers."""
    install(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]  # it has no types
    assert str(refused(ask)) == "this system has no keyring"


@pytest.mark.parametrize("ask", ASKED)
def test_a_keyring_that_fails(install: Install, tmp_path: Path, ask: Callable[[], object]) -> None:
    """Its own words are not passed on: they may hold the secret."""
    install(Broken(tmp_path / "k"))
    assert "the system keyring failed: " in str(refused(ask))


def test_a_keyring_that_keeps_nothing(install: Install, tmp_path: Path) -> None:
    """It takes the secret without a word; that is noticed now, and not by the next sync."""
    install(Forgetful(tmp_path / "k"))
    assert "kept nothing" in str(refused(lambda: keyrings.keep("alice", SECRET)))


@pytest.fixture
def hanging(install: Install, tmp_path: Path) -> Iterator[Hanging]:
    backend = Hanging(tmp_path / "k")
    install(backend)
    yield backend
    backend.let_go.set()


def test_a_keyring_that_gives_no_answer(hanging: Hanging) -> None:
    """Whoever asks waits for a bounded time."""
    begin = time.monotonic()
    for ask in (
        lambda: keyrings.read("alice", patience=0.05),
        lambda: keyrings.keep("alice", SECRET, patience=0.05),
        lambda: keyrings.forget("alice", patience=0.05),
    ):
        assert "did not answer within 0.05 s" in str(refused(ask))
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("ask", ASKED)
def test_without_the_library(monkeypatch: pytest.MonkeyPatch, ask: Callable[[], object]) -> None:
    """All else works without the extra; what needs it says how to install it."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install 'syncengine-im[daemon]'" in refused(ask).hint
