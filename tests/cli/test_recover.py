"""`syncengine recover`."""

from tests.cli.command import Person
from tests.store.damaging import roots, spoil


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
    alice.call("recover").refused(5, "ten minutes")


def test_a_conversation_that_was_deleted_is_not_counted(alice: Person) -> None:
    """Law 8: it says how many are listed; what is hidden for good is saved, not shown."""
    offline = alice.but(SYNCENGINE_SERVER=None)
    assert offline.call("delete", "bob", "--all", "--yes").code == 0
    listed = alice.call("conversations", "--json").lines
    assert len(listed) == 11
    assert alice.call("recover", "--json").object["conversations"] == len(listed)
    assert len(alice.call("conversations", "--json").lines) == len(listed)


def test_for_programs(alice: Person) -> None:
    """With `--json`: one object."""
    found = alice.call("recover", "--json").object
    assert (found["lost"], found["unsure"], found["conversations"]) == (0, 0, 12)
    assert found["path"] == str(alice.db)
