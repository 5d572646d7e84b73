"""`syncengine account`: add, list, test and remove, and where the secret ends up."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import keyring.backends.fail
import pytest
from keyring.backend import KeyringBackend
from rich.cells import cell_len

from syncengine.accounts import keyrings
from syncengine.store.lock import WriterLock
from tests.accounts.backends import Broken, Hanging, Locked, Stored
from tests.cli.command import Person, opened, terminal

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
    return person.home / "config" / "syncengine" / "config.toml"


def plainly(person: Person) -> Person:
    """The same with nothing but her configuration."""
    return person.but(**{name: None for name in person.env if name.startswith("SYNCENGINE")})


def test_added_tested_listed_used_and_removed(person: Person, ring: Stored) -> None:
    """The whole life of an account: afterwards no flag is needed, and no secret is shown."""
    added = person.call(*ADD)
    assert (added.code, added.err) == (0, "")
    assert f"its password is kept in the system keyring ({ring.name})" in added.out
    assert ring.entries == {"syncengine org#app:alice": SECRET}
    assert config(person).stat().st_mode & 0o777 == 0o600
    assert "password" not in config(person).read_text()

    alone = plainly(person)
    assert "alice works" in alone.call("account", "test", "alice").out
    assert alone.call("sync").code == 0
    assert len(alone.call("conversations", "--json").lines) == 12
    (listed,) = alone.call("account", "list", "--json").lines
    assert (listed["account"], listed["secret"], listed["exists"]) == ("alice", "keyring", True)

    removed = alone.call("account", "remove", "alice", "--yes")
    assert (removed.code, removed.err) == (0, "")
    assert "its messages stay in" in removed.out
    assert ring.entries == {}
    assert Path(listed["file"]).exists()
    assert "no account is configured" in alone.call("account", "list").err


def test_the_whole_as_processes(newcomer: Person, tmp_path: Path) -> None:
    """The same from a real shell, with the password through a pipe and a keyring by its name."""
    person = newcomer.but(
        SYNCENGINE_PASSWORD=None,
        PYTHON_KEYRING_BACKEND="tests.accounts.backends.Stored",
        TEST_KEYRING=str(tmp_path / "k.json"),
    )
    added = person.run(*ADD, "--password-stdin", stdin=None, input=b"alice\n")
    assert (added.code, added.err) == (0, "")
    assert json.loads((tmp_path / "k.json").read_text()) == {"syncengine org#app:alice": SECRET}
    done = plainly(person).run("sync", "--json")
    assert (done.code, done.err) == (0, "")


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


def test_added_without_asking_the_server(person: Person) -> None:
    """`--no-test`: for a machine that has no network yet; the test says later what is wrong."""
    away = person.but(SYNCENGINE_SERVER="http://127.0.0.1:1")
    assert away.call(*ADD, "--no-test", "--json").object["tested"] is False
    away.call("account", "test", "alice").refused(3, "network")


def test_a_name_that_is_taken(person: Person) -> None:
    """Exit 2; `--force` changes what is given and keeps the rest, comments too."""
    assert person.call(*ADD).code == 0
    person.call(*ADD).refused(2, "configured already", "--force")
    config(person).write_text(config(person).read_text() + "audit_pages = 9 # more\n")
    alone = plainly(person).but(SYNCENGINE_PASSWORD=SECRET)
    assert alone.call(*ADD, "--force", "--user", "bob", "--no-test").code == 0
    (listed,) = alone.call("account", "list", "--json").lines
    assert (listed["user"], listed["settings"]) == ("bob", {"audit_pages": 9})
    assert "# more" in config(person).read_text()


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


def test_a_secret_that_two_sign_in_with(person: Person, ring: Stored) -> None:
    """It stays in the keyring until the last of them is removed."""
    assert person.call(*ADD).code == 0
    assert person.call("account", "add", "twice", "--db", str(person.home / "2.db")).code == 0
    assert person.call("account", "remove", "twice", "--yes").code == 0
    assert ring.entries != {}
    assert person.call("account", "remove", "alice", "--yes").code == 0
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


def test_what_cannot_be_configured(person: Person) -> None:
    """A name that leads elsewhere, missing flags, plain http, a file in a file: exit 2 each."""
    person.call("account", "add", "../alice").refused(2, "cannot be the name")
    person.but(SYNCENGINE_USER=None).call(*ADD).refused(2, "missing: --user")
    far = person.but(SYNCENGINE_SERVER="http://example.com")
    far.call(*ADD).refused(2, "plain http", "--allow-insecure-http")
    (person.home / "letter").write_text("Dear Alice")
    inside = str(person.home / "letter" / "alice.db")
    person.call(*ADD, "--db", inside).refused(2, "cannot be written")
    assert person.call(*ADD).code == 0
    person.call("account", "add", "other").refused(2, "have one file", "--db PATH")
    assert len(person.call("account", "list", "--json").lines) == 1


def test_without_the_extra(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing the configuration needs it, and says how to install it; reading does not."""
    assert person.call(*ADD).code == 0
    monkeypatch.setitem(__import__("sys").modules, "tomlkit", None)
    person.call(*ADD, "--force").refused(2, "pip install 'syncengine-im[daemon]'")
    assert person.call("account", "list").code == 0


BROKEN = [
    ("[accounts.alice", "line 1"),
    ("[accounts.alice]\nsever = 1\n", "did you mean server?"),
    ('[accounts.alice]\nserver = "http://h.example"\napp_key = "o#a"\nuser = "a"\n', "plain http"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_a_broken_configuration(person: Person, text: str, words: str) -> None:
    """Every command that needs it says what and where: exit 2. With all flags none needs it."""
    config(person).parent.mkdir(parents=True)
    config(person).write_text(text)
    alone = plainly(person)
    for line in (("account", "list"), ADD, ("account", "test", "alice"), ("sync",), ("status",)):
        alone.call(*line).refused(2, str(config(person)), words)
    assert person.call("sync").code == 0
    assert config(person).read_text() == text


def test_removing_asks(person: Person) -> None:
    """It says what goes; no, and nothing is changed. With nobody to ask it needs `--yes`."""
    assert person.call(*ADD, "--secret", f"file:{person.home / 's'}").code == 0
    person.run("account", "remove", "alice").refused(2, "--yes")
    with terminal(person, "account", "remove", "alice") as screen:
        screen.wait_for("Remove alice?")
        screen.type("n\n")
        done = screen.finish()
    assert (done.code, "nothing was removed" in done.out) == (1, True)
    assert len(person.call("account", "list", "--json").lines) == 1


def test_removing_with_the_copy(person: Person) -> None:
    """`--delete-copy`: all files of it go, and nothing else beside them."""
    assert person.call(*ADD).code == 0
    assert plainly(person).call("sync").code == 0
    folder = person.home / "data" / "syncengine"
    (folder / "letter").write_text("Dear Alice")
    done = person.call("account", "remove", "alice", "--yes", "--delete-copy", "--json")
    assert (done.code, done.object["copy"]) == (0, None)
    assert [each.name for each in folder.iterdir()] == ["letter"]


def test_damaged_files_go_with_the_copy(person: Person) -> None:
    """Who wants their messages gone from here means those in damaged files, too; it is said,
    and what only has a similar name stays."""
    assert person.call(*ADD).code == 0
    assert plainly(person).call("sync").code == 0
    folder = person.home / "data" / "syncengine"
    (file,) = folder.glob("*.db")
    assert plainly(person).call("recover", "--force").code == 0
    (aside,) = folder.glob("*.db.damaged-*")
    aside.with_name(f"{aside.name}-wal").write_bytes(b"frames")
    file.with_name(f"{file.name}.recovering").write_bytes(b"half")
    similar = [f"{file.name}.damaged-by-bob", f"{file.name}x.damaged-20260131T120000Z"]
    for name in similar:
        (folder / name).write_text("Dear Alice")
    done = person.call("account", "remove", "alice", "--yes", "--delete-copy")
    assert (done.code, "and 1 damaged file of it" in done.out) == (0, True), done
    assert sorted(each.name for each in folder.iterdir()) == similar


def test_damaged_files_are_told_before(person: Person) -> None:
    """The question says that they go; without `--delete-copy` they stay."""
    assert person.call(*ADD, "--secret", f"file:{person.home / 's'}").code == 0
    assert plainly(person).call("sync").code == 0
    assert plainly(person).call("recover", "--force").code == 0
    with terminal(person, "account", "remove", "alice", "--delete-copy") as screen:
        screen.wait_for("1 damaged file beside")
        screen.type("n\n")
        screen.finish()
    done = person.call("account", "remove", "alice", "--yes", "--json")
    assert done.object["damaged_deleted"] == 0
    assert list((person.home / "data" / "syncengine").glob("*.db.damaged-*"))


def test_what_is_no_copy_is_not_deleted(person: Person) -> None:
    """A slip in the configuration must not cost a file of somebody else's."""
    letter = person.home / "letter.txt"
    letter.write_text("Dear Alice" * 1000)
    assert person.call(*ADD, "--db", str(letter)).code == 0
    person.call("account", "remove", "alice", "--yes", "--delete-copy").refused(2, "not deleted")
    assert letter.read_text() == "Dear Alice" * 1000
    assert len(person.call("account", "list", "--json").lines) == 1


def test_deletions_that_never_arrive_are_told(person: Person) -> None:
    """Law 8: nothing is dropped silently: the question counts what the server will not hear."""
    assert person.call(*ADD, "--secret", f"file:{person.home / 's'}").code == 0
    assert plainly(person).call("sync").code == 0
    (file,) = (person.home / "data" / "syncengine").glob("*.db")
    assert person.call("delete", "bob", "--all", "--yes", "--db", str(file), "--user", "").code == 0
    with opened(file) as database:
        assert database.execute("SELECT count(*) FROM intent").fetchone() != (0,)
    with terminal(person, "account", "remove", "alice", "--delete-copy") as screen:
        screen.wait_for("will never reach the server")
        screen.type("n\n")
        screen.finish()
    assert file.exists()


def test_a_keyring_that_fails_keeps_nobody(person: Person, ring: Stored) -> None:
    """The account is removed; that its password may be left is said, with exit 1."""
    assert person.call(*ADD).code == 0
    keyring.set_keyring(Locked(ring.path))
    done = person.call("account", "remove", "alice", "--yes")
    done.refused(1, "may still be in the keyring")
    assert person.call("account", "list", "--json").lines == []


def test_an_unknown_name(person: Person) -> None:
    """Exit 2, and the nearest one."""
    assert person.call(*ADD).code == 0
    for line in (("test", "alcie"), ("remove", "alcie", "--yes")):
        person.call("account", *line).refused(2, "no account 'alcie'", "did you mean alice?")


def test_a_copy_that_is_synced_just_now_is_not_deleted(person: Person) -> None:
    """One writer a file: exit 5, which says who it is, and nothing is changed; without
    `--delete-copy` nobody is in the way."""
    assert person.call(*ADD).code == 0
    alone = plainly(person)
    assert alone.call("sync").code == 0
    (file,) = (person.home / "data" / "syncengine").glob("*.db")
    line = ("account", "remove", "alice", "--yes")
    with WriterLock(file, program="the daemon").held():
        done = person.call(*line, "--delete-copy")
        done.refused(5, f"nothing was removed: {file} is synced by the daemon, process")
        assert file.exists()
        assert len(person.call("account", "list", "--json").lines) == 1
        assert person.call(*line).code == 0
    assert file.exists()


def test_a_test_looks_at_the_file_too(person: Person) -> None:
    """Where the messages could not be kept the account does not work: exit 2, before the
    server is asked."""
    file = person.home / "below" / "alice.db"
    assert person.call(*ADD, "--db", str(file)).code == 0
    (person.home / "below").write_text("a file now")
    plainly(person).call("account", "test", "alice").refused(2, f"{file} cannot be written")


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


def test_the_list_stays_straight_in_every_script(person: Person) -> None:
    """A user with a Chinese name or an emoji moves no column."""
    for name, user in (("one", "小明🙂"), ("two", "bob")):
        added = person.call("account", "add", name, "--user", user, "--no-test")
        assert added.code == 0, added.err
    lines = person.call("account", "list").out.splitlines()
    starts = {
        cell_len(line[: line.index(word)])
        for line, word in zip(lines, ("app key", "org#app", "org#app"), strict=True)
    }
    assert len(starts) == 1
