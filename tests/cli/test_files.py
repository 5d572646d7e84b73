"""Files that are not what was hoped for, disks that are full, folders that are closed."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncengine.emulator import sized_world
from tests.cli.command import Outcome, Person, copy, opened, outcome
from tests.cli.conftest import Serve
from tests.store.damaging import spoil

READING = [("conversations",), ("messages", "bob"), ("status",)]
ALL = [*READING, ("sync",), ("recover",)]


@pytest.mark.parametrize("line", ALL, ids=" ".join)
@pytest.mark.parametrize("content", [b"Dear diary, today \x00\xff" * 100, b"hi"])
def test_a_file_that_is_no_database(
    newcomer: Person, line: tuple[str, ...], content: bytes
) -> None:
    """Exit 5, and a hint to check the name, not to recover what never was a copy; the file is
    as before, byte for byte, with nothing beside it."""
    newcomer.db.write_bytes(content)
    done = newcomer.call(*line)
    done.refused(5, str(newcomer.db), "no file of syncengine's", "--db")
    assert "syncengine recover" not in done.err
    assert newcomer.db.read_bytes() == content
    assert list(newcomer.home.glob("alice.db*")) == [newcomer.db]


@pytest.mark.parametrize("line", ALL, ids=" ".join)
@pytest.mark.parametrize("version", [0, 1, 99])
def test_a_database_of_another_program(
    newcomer: Person, line: tuple[str, ...], version: int
) -> None:
    """Exit 5; it is as before, byte for byte: not even its journal mode is changed."""
    with opened(newcomer.db) as database:
        database.execute("CREATE TABLE recipe (name TEXT)")
        database.execute(f"PRAGMA user_version = {version}")
    before = newcomer.db.read_bytes()
    done = newcomer.call(*line)
    done.refused(5, "another program", "no file of syncengine's", "--db")
    assert "syncengine recover" not in done.err
    assert newcomer.db.read_bytes() == before
    assert list(newcomer.home.glob("alice.db*")) == [newcomer.db]


def test_a_first_page_that_is_lost(alice: Person) -> None:
    """Law 10: what was a copy once may be recovered, and the hint says so."""
    spoil(alice.db, [1], seed=1)
    alice.call("conversations").refused(5, "syncengine recover")


def test_a_database_from_a_newer_version(alice: Person) -> None:
    """It can be read; sync refuses with exit 5, says to upgrade, and changes nothing."""
    with opened(alice.db) as database:
        database.execute("PRAGMA user_version = 99")
    before = alice.db.read_bytes()
    assert len(alice.call("conversations", "--json").lines) == 12
    assert len(alice.call("messages", "bob", "--json").lines) == 50
    assert alice.call("status", "--json").object["writable"] is False
    assert "not written" in alice.call("status").out
    alice.call("sync").refused(5, "version 99", "Upgrade")
    assert alice.call("sync", "--json").problem["error"] == "StoreTooNew"
    assert alice.db.read_bytes() == before


def test_half_a_file(alice: Person) -> None:
    """A copy that was cut off: exit 5 or what is still readable, never a traceback."""
    os.truncate(alice.db, alice.db.stat().st_size // 2)
    for line in ALL:
        done = alice.call(*line)
        assert done.code in (0, 5), done
        assert done.code == 0 or "\nhint: " in done.err


def test_a_folder_instead_of_a_file(newcomer: Person) -> None:
    """Exit 2, as for every value that cannot be used."""
    newcomer.but(SYNCENGINE_DB=str(newcomer.home)).call("sync").refused(2, "directory")


def test_a_file_where_a_folder_should_be(newcomer: Person) -> None:
    """The path leads through a file: an error with a hint, whichever command."""
    (newcomer.home / "file").write_text("x")
    person = newcomer.but(SYNCENGINE_DB=str(newcomer.home / "file" / "alice.db"))
    person.call("sync").refused(5, str(newcomer.home / "file"))
    person.call("status").refused(2, "nothing is stored")


def test_a_folder_that_is_not_there_yet_is_made(newcomer: Person) -> None:
    """For its owner only, as the file is."""
    path = newcomer.home / "new" / "deep" / "a.db"
    assert newcomer.but(SYNCENGINE_DB=str(path)).call("sync").code == 0
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk(serve: Serve, small_disk: Path) -> None:
    """Exit 5 and a hint; what was stored before stays readable, and with room sync goes on."""
    person = serve(sized_world("4x3000")).but(SYNCENGINE_DB=str(small_disk / "alice.db"))
    person.run("sync").refused(5, "disk space")
    held = person.call("status", "--json").object["messages"]
    assert 0 < held < 12_000
    assert len(person.call("conversations", "--json").lines) == 4
    assert person.call("sync", "--json").problem["error"] == "StoreFull"
    assert person.call("status", "--json").object["messages"] >= held
    remount = ["mount", "-o", "remount,size=64m", str(small_disk)]
    subprocess.run(remount, check=True)
    assert person.call("sync", "--json").object["gaps_open"] == 0
    assert person.call("status", "--json").object["messages"] == 12_000


AS_NOBODY = (
    "import sys, os, encodings.idna, syncengine.cli.app, syncengine.store.migrate as m;"
    "m.latest_version(); os.setgroups([]); os.setgid(65534); os.setuid(65534);"
    "from syncengine.cli import main; sys.argv[0] = 'syncengine'; main()"
)


@pytest.fixture
def closed_folder(alice: Person) -> Iterator[Path]:
    """A copy in a folder of root's, that others may look into but not write."""
    if os.name != "posix" or os.getuid() != 0:
        pytest.skip("another user can be become by root only")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(alice.db, folder / "alice.db")
        (folder / "alice.db").chmod(0o644)
        folder.chmod(0o755)
        yield folder


def as_nobody(person: Person, *arguments: str) -> Outcome:
    """Run as user 65534, everything of Python's own loaded before: it may live in /root."""
    return outcome([sys.executable, "-c", AS_NOBODY, *arguments], person.env, cwd="/")


def test_a_read_only_folder(alice: Person, closed_folder: Path) -> None:
    """What is there can be read; sync refuses with exit 5 and a hint, and changes nothing."""
    file = closed_folder / "alice.db"
    before = file.read_bytes()
    person = alice.but(SYNCENGINE_DB=str(file), PYTHONDONTWRITEBYTECODE="1")
    assert len(as_nobody(person, "conversations", "--json").lines) == 12
    assert len(as_nobody(person, "messages", "bob", "--json").lines) == 50
    assert as_nobody(person, "status", "--json").object["writable"] is False
    as_nobody(person, "sync").refused(5, "who may write")
    assert file.read_bytes() == before
    assert list(closed_folder.iterdir()) == [file]
    new = person.but(SYNCENGINE_DB=str(closed_folder / "new.db"))
    as_nobody(new, "sync").refused(5, "who may write")


def test_a_folder_that_may_not_be_looked_into(alice: Person, closed_folder: Path) -> None:
    """Exit 5 and a hint for every command, where not even the file's existence is known."""
    closed_folder.chmod(0o700)
    person = alice.but(SYNCENGINE_DB=str(closed_folder / "alice.db"))
    for line in ALL:
        as_nobody(person, *line).refused(5, "Permission denied")
