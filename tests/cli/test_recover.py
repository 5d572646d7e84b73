"""`syncengine recover`."""

import pytest

from tests.cli.command import Person
from tests.store.damaging import PAGE, overwrite, roots, schema_pages, spoil, zeros


def test_a_damaged_file(alice: Person) -> None:
    """Law 10: it says what was saved and where the old file is; a sync gets the rest."""
    before = alice.call("messages", "bob", "--all", "--json").out
    spoil(alice.db, roots(alice.db, "message_order"))
    damaged = alice.db.read_bytes()
    done = alice.call("recover")
    assert done.code == 0, done
    assert "saved " in done.out
    (aside,) = alice.home.glob("alice.db.damaged-*")
    assert str(aside) in done.out
    assert aside.read_bytes() == damaged
    assert alice.call("sync", "--json").object["gaps_open"] == 0
    assert alice.call("messages", "bob", "--all", "--json").out == before
    alice.call("recover", "--force").refused(5, "ten minutes")


def test_a_sound_file_is_left_alone(alice: Person) -> None:
    """Law 10: nothing is replaced that can be read, unless it is asked for."""
    before = alice.db.read_bytes()
    done = alice.call("recover")
    assert (done.code, "this file is sound; nothing was done" in done.out) == (0, True)
    told = alice.call("recover", "--json").object
    assert told == {"replaced": False, "path": str(alice.db)}
    assert alice.db.read_bytes() == before
    assert not list(alice.home.glob("alice.db.*recover*"))
    assert not list(alice.home.glob("alice.db.damaged-*"))


def test_a_conversation_that_was_deleted_is_not_counted(alice: Person) -> None:
    """Law 8: it says how many are listed; what is hidden for good is saved, not shown."""
    offline = alice.but(SYNCENGINE_SERVER=None)
    assert offline.call("delete", "bob", "--all", "--yes").code == 0
    listed = alice.call("conversations", "--json").lines
    assert len(listed) == 11
    assert alice.call("recover", "--force", "--json").object["conversations"] == len(listed)
    assert len(alice.call("conversations", "--json").lines) == len(listed)


def test_for_programs(alice: Person) -> None:
    """With `--json`: one object."""
    found = alice.call("recover", "--force", "--json").object
    assert (found["lost"], found["unsure"], found["conversations"]) == (0, 0, 12)
    assert (found["path"], found["replaced"]) == (str(alice.db), True)
    assert found["nothing_read"] is False


@pytest.mark.parametrize("which", ["the first", "the others", "all"])
def test_pages_that_name_the_tables(alice: Person, which: str) -> None:
    """Laws 8 and 10: where the first page is gone, or those that say which tables there are, the
    messages are found all the same, and the deletions that wait; it says how many."""
    offline = alice.but(SYNCENGINE_SERVER=None)
    before = alice.call("messages", "bob", "--all", "--json").out
    assert offline.call("delete", "carol", "--all", "--yes").code == 0
    first, others = {1}, schema_pages(alice.db) - {1}
    assert others
    spoil(alice.db, {"the first": first, "the others": others}.get(which, first | others))
    damaged = alice.db.read_bytes()
    done = alice.call("recover")
    assert done.code == 0, done
    assert "saved 1,479 messages of 11 conversations, 2 deletions to be delivered" in done.out
    (aside,) = alice.home.glob("alice.db.damaged-*")
    assert str(aside) in done.out
    assert aside.read_bytes() == damaged
    assert alice.call("messages", "bob", "--all", "--json").out == before
    assert len(alice.call("conversations", "--json").lines) == 11
    assert len(alice.call("outbox", "--json").lines) == 2


def _lose_everything(alice: Person) -> None:
    pages = alice.db.stat().st_size // PAGE
    zeros(alice.db, [1])
    overwrite(alice.db, range(2, pages + 1))


def test_nothing_can_be_read(alice: Person) -> None:
    """Law 8: a deletion is never lost in silence: where no page is left, it says so, with
    exit 1, and where the old file is."""
    _lose_everything(alice)
    done = alice.call("recover")
    (aside,) = alice.home.glob("alice.db.damaged-*")
    assert done.code == 1, done
    assert "saved" not in done.out
    for words in ("nothing could be read", "deletions that were not delivered", str(aside)):
        assert words in done.out


def test_nothing_can_be_read_for_programs(alice: Person) -> None:
    """With `--json`: a field says it, and exit 1."""
    _lose_everything(alice)
    done = alice.call("recover", "--json")
    assert (done.code, done.object["nothing_read"], done.object["messages"]) == (1, True, 0)


def test_noise(alice: Person) -> None:
    """Bad input: what never was a file of ours is left as it is, and called so."""
    overwrite(alice.db, range(1, alice.db.stat().st_size // PAGE + 1))
    before = alice.db.read_bytes()
    alice.call("recover").refused(5, "is no store: it is left as it is")
    assert alice.db.read_bytes() == before
    assert not list(alice.home.glob("alice.db.damaged-*"))
