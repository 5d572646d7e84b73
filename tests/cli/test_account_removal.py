"""`syncengine account remove`: what goes, what stays, and what it asks."""

from collections.abc import Callable

import keyring
import pytest

from syncengine.store.lock import WriterLock
from tests.accounts.backends import Locked, Stored
from tests.cli.command import Person, opened, terminal
from tests.cli.owning import ADD, person, plainly, ring

__all__ = ["person", "ring"]  # fixtures


def test_a_secret_that_two_sign_in_with(person: Person, ring: Stored) -> None:
    """It stays in the keyring until the last of them is removed."""
    assert person.call(*ADD).code == 0
    assert person.call("account", "add", "twice", "--db", str(person.home / "2.db")).code == 0
    assert person.call("account", "remove", "twice", "--yes").code == 0
    assert ring.entries != {}
    assert person.call("account", "remove", "alice", "--yes").code == 0
    assert ring.entries == {}


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


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda data: bytes(100) + data[100:],
    lambda data: b"no store" * 512 + data[4096:],
    lambda data: data[:4096] + b"\xff" * (len(data) - 4096),
    lambda data: data[: len(data) // 2],
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_can_be_removed(person: Person, damage: Callable[[bytes], bytes]) -> None:
    """It is told that it is damaged, and what is lost with it; agreed to, it goes."""
    assert person.call(*ADD, "--secret", f"file:{person.home / 's'}").code == 0
    assert plainly(person).call("sync").code == 0
    (file,) = (person.home / "data" / "syncengine").glob("*.db")
    file.write_bytes(damage(file.read_bytes()))
    with terminal(person, "account", "remove", "alice", "--delete-copy") as screen:
        screen.wait_for("is damaged")
        screen.wait_for("`syncengine recover` saves what can be read")
        screen.type("n\n")
        screen.finish()
    assert file.exists()
    done = person.call("account", "remove", "alice", "--yes", "--delete-copy")
    assert (done.code, done.err) == (0, "")
    assert list(file.parent.iterdir()) == []


def test_another_programs_database_is_not_deleted(person: Person) -> None:
    """However damaged it may be."""
    file = person.home / "notes.db"
    with opened(file) as database:
        database.execute("CREATE TABLE note (text)")
        database.executemany("INSERT INTO note VALUES (?)", [("Dear Alice" * 100,)] * 100)
    assert person.call(*ADD, "--db", str(file)).code == 0
    line = ("account", "remove", "alice", "--yes", "--delete-copy")
    person.call(*line).refused(2, "is not deleted")
    file.write_bytes(file.read_bytes()[:5000])
    before = file.read_bytes()
    person.call(*line).refused(2, "is not deleted")
    assert file.read_bytes() == before


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
