"""Secrets: found in the one place where they are said to be, and shown in none."""

import os
import traceback
from pathlib import Path
from typing import Any

import pytest

from syncengine import ConfigError
from syncengine.accounts import (
    Account,
    Keeper,
    Place,
    Secret,
    SecretKind,
    forget_secret,
    keep_secret,
    secret_of,
    variable_of,
)
from tests.accounts.backends import Stored


def account(place: Place, **more: Any) -> Account:
    given: dict[str, Any] = {
        "name": "al-ice.1",
        "server": "https://h.example",
        "app_key": "org#app",
    }
    return Account(**given, user="alice", file=Path("alice.db"), secret=place, **more)


ENVIRONMENT = account(Place(Keeper.ENVIRONMENT))
CREDENTIAL = account(Place(Keeper.CREDENTIAL))


def in_file(path: Path) -> Account:
    return account(Place(Keeper.FILE, path))


def private(path: Path, data: bytes = b"hunter2\n") -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_a_secret_is_not_shown() -> None:
    """In no repr, also not of what holds it; the adapter keeps it to itself too."""
    secret = Secret("hunter2", SecretKind.PASSWORD, "the file x")
    remote = ENVIRONMENT.remote(secret)
    shown = f"{secret} {secret!r} {[secret]} {ENVIRONMENT!r} {remote!r} {vars(remote)['_tokens']!r}"
    assert "hunter2" not in shown
    assert "the file x" in shown


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is the account's own; a token goes first. Nobody else's is taken."""
    monkeypatch.setenv("SYNCENGINE_PASSWORD", "of-another-account")
    with pytest.raises(ConfigError, match="SYNCENGINE_PASSWORD_AL_ICE_1 is not set") as caught:
        secret_of(ENVIRONMENT)
    assert "SYNCENGINE_TOKEN_AL_ICE_1" in caught.value.hint
    monkeypatch.setenv(variable_of("al-ice.1"), "hunter2")
    assert secret_of(ENVIRONMENT).value == "hunter2"
    monkeypatch.setenv(variable_of("al-ice.1", SecretKind.TOKEN), "YWM")
    found = secret_of(ENVIRONMENT)
    assert (found.value, found.kind) == ("YWM", SecretKind.TOKEN)
    assert found.place == "the variable SYNCENGINE_TOKEN_AL_ICE_1"


def test_from_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd names the folder; the file has the account's name."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="CREDENTIALS_DIRECTORY is not set") as caught:
        secret_of(CREDENTIAL)
    assert "LoadCredential=al-ice.1:" in caught.value.hint
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(ConfigError, match="No such file"):
        secret_of(CREDENTIAL)
    (tmp_path / "al-ice.1").write_bytes(b"hunter2\n")
    assert secret_of(CREDENTIAL).value == "hunter2"


@pytest.mark.parametrize("data", [b"hunter2", b"hunter2\n", b"hunter2\r\n"])
def test_from_a_file(tmp_path: Path, data: bytes) -> None:
    """One line; how it ends is no part of the secret. Spaces are."""
    assert secret_of(in_file(private(tmp_path / "s", data))).value == "hunter2"
    spaced = private(tmp_path / "spaced", b" p w \n")
    assert secret_of(in_file(spaced)).value == " p w "


def test_a_secret_may_be_a_token(tmp_path: Path) -> None:
    """As the configuration says; the way to the server uses it as one."""
    found = account(Place(Keeper.FILE, private(tmp_path / "s")), secret_is=SecretKind.TOKEN)
    assert secret_of(found).kind is SecretKind.TOKEN
    assert found.remote().account == "easemob:org#app:alice"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
def test_a_file_that_others_may_read(tmp_path: Path, mode: int) -> None:
    """Refused, with what to type."""
    path = private(tmp_path / "s")
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:04o}") as caught:
        secret_of(in_file(path))
    assert f"chmod 600 {path}" in caught.value.hint
    path.chmod(0o400)
    assert secret_of(in_file(path)).value == "hunter2"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user(tmp_path: Path) -> None:
    """Whoever owns it could have written it."""
    path = private(tmp_path / "s")
    os.chown(path, 12345, -1)
    with pytest.raises(ConfigError, match="belongs to another user") as caught:
        secret_of(in_file(path))
    assert "chown" in caught.value.hint


def test_what_is_no_file_with_a_secret(tmp_path: Path) -> None:
    """Missing, empty, of two lines, no text, too large, a folder, a pipe: said, and no hang."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    wrong = {
        "missing": "No such file",
        "empty": "is empty",
        "blank": "is empty",
        "two": "does not hold one line",
        "latin": "is not UTF-8",
        "large": "does not hold one line",
        "pipe": "is no file",
        "folder": "is no file",
    }
    contents = {"empty": b"", "blank": b"\n", "two": b"hunter2\nb\n", "latin": b"hunter2\xff"}
    for name, data in {**contents, "large": b"hunter2" * 10000}.items():
        private(tmp_path / name, data)
    for name, words in wrong.items():
        with pytest.raises(ConfigError, match=words) as caught:
            secret_of(in_file(tmp_path / name))
        assert caught.value.hint
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_kept_in_a_file(tmp_path: Path) -> None:
    """Made for its owner alone, and read again."""
    found = in_file(tmp_path / "new" / "s")
    assert keep_secret(found, Secret("hunter2")) == f"the file {tmp_path / 'new' / 's'}"
    assert (tmp_path / "new" / "s").stat().st_mode & 0o777 == 0o600
    assert secret_of(found).value == "hunter2"
    assert not forget_secret(found)
    assert secret_of(found).value == "hunter2"


def test_what_is_not_ours_to_keep() -> None:
    """The environment and systemd are written by a person."""
    for found in (ENVIRONMENT, CREDENTIAL):
        assert keep_secret(found, Secret("hunter2")) is None
        assert not forget_secret(found)


def test_kept_in_the_keyring(stored: Stored) -> None:
    """Under the service and the login, so that another user's is never overwritten."""
    alice = account(Place(Keeper.KEYRING))
    assert keep_secret(alice, Secret("hunter2")) == f"the system keyring ({stored.name})"
    assert stored.entries == {"syncengine org#app:alice": "hunter2"}
    found = secret_of(alice)
    assert (found.value, found.place) == ("hunter2", "the system keyring")
    assert forget_secret(alice)
    assert not forget_secret(alice)
    with pytest.raises(ConfigError, match="has no secret for it") as caught:
        secret_of(alice)
    assert "syncengine account add al-ice.1 --force" in caught.value.hint
