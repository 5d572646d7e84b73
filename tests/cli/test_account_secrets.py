"""`syncengine account`: where a secret comes from, where it is kept, and where it never is."""

from pathlib import Path
from typing import Any

import keyring
import keyring.backends.fail
import pytest
from keyring.backend import KeyringBackend

from syncengine.accounts import keyrings
from tests.accounts.backends import Broken, Hanging, Locked, Stored
from tests.cli.command import Person, terminal
from tests.cli.owning import ADD, SECRET, config, person, plainly, ring

__all__ = ["person", "ring"]  # fixtures


def test_asked_for_on_a_terminal(newcomer: Person, tmp_path: Path) -> None:
    """What is typed is not shown."""
    person = newcomer.but(SYNCENGINE_PASSWORD=None)
    place = f"file:{tmp_path / 'secret'}"
    with terminal(person, *ADD, "--secret", place) as screen:
        screen.wait_for("Password of alice: ")
        before = len(screen.shown)
        screen.type("alice\n")
        done = screen.finish()
    assert done.code == 0
    assert not done.out[before:].lstrip("\r\n").startswith("alice\r\n")
    assert (tmp_path / "secret").read_text() == "alice\n"


def test_there_is_no_flag_for_a_secret(person: Person) -> None:
    """It would be in the shell's history."""
    for flag in ("--password", "--token"):
        person.call(*ADD, flag, SECRET).refused(2, "no such option")


def test_nobody_to_ask(person: Person) -> None:
    """With no terminal and no secret: exit 2, and the ways to give one."""
    silent = person.but(SYNCENGINE_PASSWORD=None)
    silent.run(*ADD).refused(2, "SYNCENGINE_PASSWORD", "--password-stdin")


@pytest.mark.parametrize("data", [b"", b"\n", b"one\ntwo\n", b"hunter2\xff"])
def test_a_pipe_without_a_password(person: Person, data: bytes) -> None:
    """Empty, of two lines, no text: exit 2, and it is not shown."""
    done = person.run(*ADD, "--password-stdin", stdin=None, input=data)
    done.refused(2, "the standard input")
    assert "hunter2" not in done.err
    assert not config(person).exists()


def test_a_wrong_password_is_not_kept(person: Person, ring: Stored) -> None:
    """Exit 4; nothing is stored anywhere, and nothing of it is shown."""
    done = person.but(SYNCENGINE_PASSWORD="hunter2").call(*ADD)
    done.refused(4, "password")
    assert "hunter2" not in done.err + done.out
    assert ring.entries == {}
    assert not config(person).exists()
    person.but(SYNCENGINE_SERVER="http://127.0.0.1:1").call(*ADD).refused(3)
    assert not config(person).exists()


def test_a_new_password(person: Person, ring: Stored) -> None:
    """A refused one is told how to give another: name and `--force` are enough."""
    assert person.but(SYNCENGINE_PASSWORD="old").call(*ADD, "--no-test").code == 0
    alone = plainly(person)
    done = alone.call("account", "test", "alice")
    done.refused(4, "syncengine account add alice --force")
    assert alone.but(SYNCENGINE_PASSWORD=SECRET).call(*ADD, "--force").code == 0
    assert alone.call("account", "test", "alice").code == 0


def test_a_login_that_is_gone_leaves_nothing(person: Person, ring: Stored) -> None:
    """Another user, or another place: the old password does not stay in the keyring."""
    assert person.call(*ADD).code == 0
    assert person.call(*ADD, "--force", "--secret", f"file:{person.home / 's'}").code == 0
    assert ring.entries == {}


KEYRINGS: list[tuple[type[KeyringBackend], str]] = [
    (Locked, "the system keyring is locked"),
    (Broken, "the system keyring failed"),
    (Hanging, "did not answer"),
    (keyring.backends.fail.Keyring, "this system has no keyring"),
]


@pytest.mark.parametrize(("kind", "words"), KEYRINGS)
def test_a_keyring_that_cannot_be_used(
    person: Person, monkeypatch: pytest.MonkeyPatch, kind: type[KeyringBackend], words: str
) -> None:
    """Exit 2 with other places to keep a secret; nothing is configured."""
    backend = kind()
    keyring.set_keyring(backend)
    monkeypatch.setattr(keyrings, "PATIENCE", 0.05)
    done = person.call(*ADD)
    done.refused(2, words, "--secret environment, credential or file:PATH")
    assert not config(person).exists()
    if isinstance(backend, Hanging):
        backend.let_go.set()


def test_a_locked_keyring_stops_a_sync_and_no_reading(person: Person, ring: Stored) -> None:
    """Law 9: what is stored is read without any secret. The sync ends with 2."""
    assert person.call(*ADD).code == 0
    alone = plainly(person)
    assert alone.call("sync").code == 0
    keyring.set_keyring(Locked(ring.path))
    alone.call("sync").refused(2, "locked", "Unlock it")
    assert len(alone.call("conversations", "--json").lines) == 12


def test_from_the_accounts_own_variable(person: Person, ring: Stored) -> None:
    """Where it is set it is the place; nothing is stored but where it is."""
    own = person.but(SYNCENGINE_PASSWORD=None, SYNCENGINE_PASSWORD_ALICE=SECRET)
    assert "read from the variable SYNCENGINE_PASSWORD_ALICE" in own.call(*ADD).out
    assert ring.entries == {}
    alone = plainly(person)
    alone.call("sync").refused(2, "SYNCENGINE_PASSWORD_ALICE is not set")
    alone.but(SYNCENGINE_PASSWORD=SECRET).call("sync").refused(2, "SYNCENGINE_PASSWORD_ALICE")
    assert alone.but(SYNCENGINE_PASSWORD_ALICE=SECRET).call("sync").code == 0


def test_from_a_credential(person: Person, tmp_path: Path) -> None:
    """As a systemd unit has it."""
    (tmp_path / "creds").mkdir()
    (tmp_path / "creds" / "alice").write_text("alice\n")
    unit = person.but(SYNCENGINE_PASSWORD=None, CREDENTIALS_DIRECTORY=str(tmp_path / "creds"))
    assert unit.call(*ADD, "--json").object["secret"] == "credential"
    assert plainly(unit).call("sync").code == 0


def test_a_file_that_is_there_is_used(person: Person, tmp_path: Path) -> None:
    """It has to be closed to others; what it holds is tried."""
    secret = tmp_path / "secret"
    secret.write_text("alice")
    secret.chmod(0o644)
    silent = person.but(SYNCENGINE_PASSWORD=None)
    silent.call(*ADD, "--secret", f"file:{secret}").refused(2, f"chmod 600 {secret}")
    secret.chmod(0o600)
    assert silent.call(*ADD, "--secret", f"file:{secret}").code == 0
    silent.call(*ADD, "--force", "--secret", "environment", "--token-stdin").refused(2, "there")
    removed = silent.call("account", "remove", "alice", "--yes")
    assert f"its password stays in {secret}" in removed.out


@pytest.mark.parametrize("place", ["nowhere", "file:", "keyring:x", "hunter2"])
def test_a_place_that_there_is_not(person: Person, place: str) -> None:
    """Exit 2; it is not shown, as it may be the secret."""
    done = person.call(*ADD, "--secret", place)
    done.refused(2, "--secret is no place for a secret")
    assert "hunter2" not in done.err


def test_a_refused_login_says_how_to_give_another(person: Person, ring: Stored) -> None:
    """A revoked password: sync and verify name the command, for the account that is meant; what
    is stored stays readable."""
    assert person.call(*ADD).code == 0
    alone = plainly(person)
    assert alone.call("sync").code == 0
    ring.set_password("syncengine", "org#app:alice", "revoked")
    for line in (("sync",), ("verify",)):
        done = alone.call(*line)
        assert done.code == 4
        assert "Give another: `syncengine account add alice --force`." in done.err
        assert "account add alice --force" in alone.call(*line, "--json").out
    assert len(alone.call("conversations", "--json").lines) == 12
    assert "account add" not in person.but(SYNCENGINE_PASSWORD="wrong").call("sync").err


@pytest.mark.parametrize(
    ("place", "given", "words"),
    [
        ("environment", {"SYNCENGINE_PASSWORD_ALICE": "old"}, "Set SYNCENGINE_PASSWORD_ALICE to"),
        ("environment", {"SYNCENGINE_TOKEN_ALICE": "old"}, "Set SYNCENGINE_TOKEN_ALICE to"),
        ("credential", {"CREDENTIALS_DIRECTORY": "."}, "LoadCredential=alice:"),
    ],
)
def test_where_another_is_given_that_is_not_ours_to_keep(
    person: Person, place: str, given: dict[str, str], words: str, monkeypatch: Any
) -> None:
    """A refused one, of the environment or of systemd: the hint names its place, and not the
    command that cannot change it."""
    assert person.call(*ADD, "--no-test", "--secret", place).code == 0
    monkeypatch.chdir(person.home)
    (person.home / "alice").write_text("old")
    alone = plainly(person).but(**given)
    for line in (("account", "test", "alice"), ("sync",), ("doctor",)):
        done = alone.call(*line)
        assert words in done.out + done.err
        assert "account add" not in done.out + done.err


def test_a_keyring_is_asked_once(person: Person, ring: Stored, monkeypatch: Any) -> None:
    """It may ask a person each time: a deletion looks for the password once."""
    assert person.call(*ADD).code == 0
    alone = plainly(person)
    assert alone.call("sync").code == 0
    away = ("--server", "http://127.0.0.1:1", "--no-test")
    assert person.call(*ADD, "--force", *away).code == 0
    asked: list[str] = []
    read = ring.get_password

    def counted(service: str, username: str) -> str | None:
        asked.append(username)
        return read(service, username)

    monkeypatch.setattr(ring, "get_password", counted)
    alone.call("delete", "bob", "--all", "--keep-messages", "--yes", "--attempts", "1")
    assert len(alone.call("outbox", "--json").lines) == 1
    assert asked == ["org#app:alice"]
