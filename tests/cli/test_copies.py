"""Reading a file that is elsewhere, half there, or being written: right, or a clear error."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncengine.emulator import sized_world
from tests.cli.command import Person, opened
from tests.cli.conftest import Serve
from tests.cli.test_files import as_nobody, closed_folder

__all__ = ["closed_folder"]  # a fixture

READING = [
    ("conversations", "--json"),
    ("conversations", "--after", "bob", "--json"),
    ("messages", "bob", "--json"),
    ("messages", "bob", "--at", "2024-06-01", "--json"),
    ("status", "--json"),
]
LINES = pytest.mark.parametrize("line", READING, ids=" ".join)


def stranger(alice: Person, file: Path) -> Person:
    """Who runs this copy of the program, from another folder, as another user."""
    here = str(Path(__file__).parents[2])
    changes = {"SYNCENGINE_DB": str(file), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": here}
    return alice.but(**changes)


@LINES
def test_every_read_works_on_a_copy_in_a_read_only_folder(
    alice: Person, closed_folder: Path, line: tuple[str, ...]
) -> None:
    """Law 9: another user, who may not write beside it, reads the same as its owner."""
    file = closed_folder / "alice.db"
    read = as_nobody(stranger(alice, file), *line)
    assert read.code == 0, read
    if line[0] != "status":
        assert read.out == alice.call(*line).out
    assert list(closed_folder.iterdir()) == [file]


def test_a_copy_with_its_log_in_a_read_only_folder(alice: Person, closed_folder: Path) -> None:
    """What the log holds cannot be read there; leaving it out would be a wrong answer, so it
    is an error that says what to do, and doing that helps."""
    file = closed_folder / "alice.db"
    with closing(sqlite3.connect(alice.db)) as database:
        database.execute("UPDATE message SET text = 'news'")
        database.commit()
        for ending in ("", "-wal"):
            shutil.copy(f"{alice.db}{ending}", f"{file}{ending}")
            os.chmod(f"{file}{ending}", 0o644)
    as_nobody(stranger(alice, file), "messages", "bob").refused(
        5, "alice.db-wal", "Copy both files"
    )
    for ending in ("", "-wal"):
        shutil.copy(f"{file}{ending}", f"{alice.home}/moved.db{ending}")
    moved = alice.but(SYNCENGINE_DB=str(alice.home / "moved.db"))
    assert {m["text"] for m in moved.call("messages", "bob", "--json").lines} == {"news"}


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_copy_that_was_cut_off(alice: Person, share: float) -> None:
    """Exit 5 and a hint, or what is still readable; never a traceback."""
    os.truncate(alice.db, int(alice.db.stat().st_size * share))
    for line in READING:
        done = alice.run(*line)
        assert "Traceback" not in done.err
        assert done.code in (0, 5), done


@pytest.mark.parametrize("seed", range(6))
def test_a_file_with_damaged_pages(alice: Person, seed: int) -> None:
    """Bytes that nobody wrote: exit 5 (or 2, where the conversation is lost), or an answer."""
    content = bytearray(alice.db.read_bytes())
    for page in range(1 + seed, len(content) // 8192, 5):
        content[page * 8192 : page * 8192 + 4096] = os.urandom(4096)
    alice.db.write_bytes(content)
    for line in READING:
        done = alice.run(*line)
        assert "Traceback" not in done.err, done.err
        assert done.code in (0, 2, 5), done


def test_columns_that_cannot_be(alice: Person) -> None:
    """A kind that there is not, and marks that are no list, are told as damage."""
    with opened(alice.db) as database:
        database.execute("UPDATE conversation SET kind = 'planet' WHERE conversation_id = 'bob'")
    alice.call("conversations").refused(5, "cannot be read", "--db")


def test_a_file_that_is_replaced_under_a_reader(alice: Person, tmp_path: Path) -> None:
    """What is read is the old file or the new one, whole, or a clear error."""
    other = tmp_path / "other.db"
    shutil.copy(alice.db, other)
    with opened(other) as database:
        database.execute("UPDATE message SET text = 'new'")
    program = (
        "import asyncio, sys\n"
        "from syncengine import StoreError, SyncEngine\n"
        "async def main():\n"
        "    async with SyncEngine.open(sys.argv[1]) as engine:\n"
        "        print('open', flush=True)\n"
        "        for line in sys.stdin:\n"
        "            try:\n"
        "                found = await engine.reader.messages('bob', 'chat', limit=500)\n"
        "                print({m.text == 'new' for m in found.messages}, flush=True)\n"
        "            except StoreError as error:\n"
        "                print(bool(error.hint), flush=True)\n"
        "asyncio.run(main())\n"
    )
    line = [sys.executable, "-c", program, str(alice.db)]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask() -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("read\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        assert process.stdout.readline() == "open\n"
        assert ask() == "{False}"
        shutil.copy(other, f"{alice.db}.tmp")
        os.replace(f"{alice.db}.tmp", alice.db)
        assert ask() in ("{False}", "{True}", "True")
        alice.db.write_bytes(other.read_bytes()[: other.stat().st_size // 2])
        assert ask() in ("{False}", "{True}", "True")
        process.stdin.close()
        assert process.wait() == 0


@pytest.fixture
def pulling(serve: Serve) -> Iterator[Person]:
    """Somebody whose pull is under way in another process."""
    person = serve(sized_world("40x2000"))
    process = person.start("sync", "--json")
    while not person.db.exists() or not person.call("conversations", "--json").lines:
        assert process.poll() is None
    yield person
    process.communicate()
    assert process.returncode == 0
    assert person.call("status", "--json").object["messages"] == 80_000


def test_a_file_that_is_being_written(pulling: Person) -> None:
    """Law 9: from another process every read is answered at once, and is right in itself."""
    for _ in range(5):
        (newest,) = pulling.call("conversations", "--limit", "1", "--json").lines
        where = ("messages", newest["conversation_id"], "--json", "--limit", "100")
        found = pulling.call(*where)
        assert found.code == 0, found
        times = [message["timestamp"] for message in found.lines]
        assert times == sorted(times)
        assert pulling.call("status", "--json").code == 0
