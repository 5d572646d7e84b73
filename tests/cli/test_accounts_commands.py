"""`syncengine account`: add, list, test and remove."""

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.accounts.backends import Stored
from tests.cli.command import Person
from tests.cli.owning import ADD, SECRET, config, person, plainly, ring

__all__ = ["person", "ring"]  # fixtures


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


def test_an_unknown_name(person: Person) -> None:
    """Exit 2, and the nearest one."""
    assert person.call(*ADD).code == 0
    for line in (("test", "alcie"), ("remove", "alcie", "--yes")):
        person.call("account", *line).refused(2, "no account 'alcie'", "did you mean alice?")


def test_a_test_looks_at_the_file_too(person: Person) -> None:
    """Where the messages could not be kept the account does not work: exit 2, before the
    server is asked."""
    file = person.home / "below" / "alice.db"
    assert person.call(*ADD, "--db", str(file)).code == 0
    (person.home / "below").write_text("a file now")
    plainly(person).call("account", "test", "alice").refused(2, f"{file} cannot be written")


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
