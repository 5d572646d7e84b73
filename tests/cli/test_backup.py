"""`syncengine backup`."""

import re
from contextlib import suppress
from pathlib import Path

from tests.cli.command import Person, copy, terminal


def test_in_words_and_in_json(alice: Person) -> None:
    """It says how much is where; the copy reads as the file does."""
    target = alice.home / "copy.db"
    done = alice.call("backup", str(target))
    assert re.fullmatch(rf"copied \d+\.\d MB to {re.escape(str(target))}\n", done.out), done
    there = alice.but(SYNCENGINE_DB=str(target))
    assert there.call("messages", "bob").out == alice.call("messages", "bob").out
    found = alice.call("backup", "--json", "--force", str(target)).object
    assert found["path"] == str(target)
    assert found["bytes"] == target.stat().st_size
    assert set(found) == {"path", "bytes", "seconds"}


def test_what_is_refused(alice: Person, newcomer: Person) -> None:
    """Exit 2 for a file that is there, exit 5 where nobody may write; no copy of nothing."""
    target = alice.home / "copy.db"
    target.write_text("mine")
    alice.call("backup", str(target)).refused(2, "already", "--force")
    alice.call("backup", "--force", str(target)).refused(2, "no copy of ours")
    assert target.read_text() == "mine"
    alice.call("backup", "/proc/nowhere/copy.db").refused(5, "/proc/nowhere")
    other = newcomer.but(SYNCENGINE_DB=str(newcomer.home / "none.db"))
    other.call("backup", str(alice.home / "new.db")).refused(2, "nothing is stored")


def test_a_full_disk_keeps_the_old_copy(alice: Person, small_disk: Path) -> None:
    """Law 10: exit 5 and a hint; what was there is whole, and nothing half is left."""
    target = small_disk / "copy.db"
    assert alice.call("backup", str(target)).code == 0
    filler = small_disk / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while file.write(b"x" * 8192):
            file.flush()
    before = target.read_bytes()
    alice.call("backup", "--force", str(target)).refused(5, "disk space")
    assert target.read_bytes() == before
    assert {each.name for each in small_disk.iterdir()} == {"copy.db", "filler"}


def test_on_a_terminal(alice: Person) -> None:
    """The bar is gone at the end."""
    copy(alice.db, alice.home / "other.db")
    with terminal(alice, "backup", str(alice.home / "copy.db")) as screen:
        done = screen.finish()
    assert (done.code, "copied" in done.out) == (0, True)
