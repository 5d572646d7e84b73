"""`syncengine outbox`: what the server has not accepted yet, and what to do about it."""

import pytest

from syncengine import Kind
from syncengine.emulator import World, with_values
from tests.cli.command import Person
from tests.cli.conftest import Serve

INTENT = [
    "number",
    "conversation_id",
    "kind",
    "what",
    "messages",
    "message_ids",
    "until",
    "asked_at",
    "state",
    "attempts",
    "error",
]


@pytest.fixture
def away(alice: Person) -> Person:
    """Alice, who pulled everything and has no server now."""
    return alice.but(SYNCENGINE_SERVER=None)


def delete(person: Person, *what: str) -> None:
    """Ask for a deletion."""
    assert person.call("delete", *what, "--yes").code in (0, 1)


def newest(person: Person, name: str, number: int) -> list[str]:
    """The newest ids of a conversation."""
    found = person.call("messages", name, "--limit", str(number), "--json").lines
    return [message["message_id"] for message in found]


def held(person: Person) -> int:
    """How many messages are shown in all."""
    number: int = person.call("status", "--json").object["messages"]
    return number


def test_deletions_are_one_object_a_line(away: Person) -> None:
    """Law 8: what was asked for, oldest first, in the fields that programs rely on."""
    ids = newest(away, "bob", 2)
    delete(away, "bob", "--ids", ",".join(ids))
    delete(away, "carol", "--before", "2000-01-01T00:00Z")
    delete(away, "mama", "--all", "--keep-messages")
    found = away.run("outbox", "--json")
    assert (found.code, found.err) == (0, "")
    assert all(list(each) == INTENT for each in found.lines)
    first, second, third = found.lines
    assert (first["what"], first["messages"], first["message_ids"]) == ("messages", 2, ids)
    assert (first["conversation_id"], first["kind"]) == ("bob", "chat")
    assert (first["state"], first["attempts"], first["error"]) == ("pending", 0, None)
    assert (second["what"], second["until"]) == ("before", 946_684_800_000)
    assert (third["what"], third["messages"]) == ("listing", None)


def test_deletions_in_words(away: Person) -> None:
    """A line for what, a line for how far, and the reason where there is one."""
    delete(away, "bob", "--ids", newest(away, "bob", 1)[0])
    delete(away, "carol", "--before", "2000-01-01T00:00Z")
    lines = away.call("outbox").out.splitlines()
    assert lines[0] == "   1  chat bob: 1 message"
    assert lines[1].startswith("      pending, asked for 20")
    assert lines[2] == "   2  chat carol: everything up to 2000-01-01 00:00"
    delete(away.but(SYNCENGINE_SERVER="http://127.0.0.1:1"), "mama", "--all", "--keep-messages")
    lines = away.call("outbox").out.splitlines()
    assert lines[1].startswith("      pending after 1 attempt, asked for ")
    assert lines[2] == "      no connection to the server"


def test_an_empty_outbox_says_so(away: Person) -> None:
    """On the error stream, for people only."""
    done = away.call("outbox")
    assert (done.code, done.out, done.err) == (0, "", "nothing waits for the server\n")
    assert away.call("outbox", "--json").err == ""
    assert away.call("outbox", "--retry").out == "nothing is refused\n"
    assert away.call("outbox", "--drop", "all").code == 0


def test_before_the_first_sync(newcomer: Person) -> None:
    """There is no file: exit 2, and none is made."""
    newcomer.call("outbox").refused(2, "nothing is stored for alice yet")
    assert not newcomer.db.exists()


def test_status_counts_what_waits_and_what_is_refused(away: Person) -> None:
    """Law 8: both are said in words and in figures; with neither there is no such line."""
    figures = away.call("status", "--json").object
    assert (figures["pending"], figures["refused"]) == (0, 0)
    assert "deletions" not in away.call("status").out
    delete(away, "bob", "--all")
    figures = away.call("status", "--json").object
    assert (figures["pending"], figures["refused"]) == (2, 0)
    assert "     deletions  2 to be delivered (`syncengine outbox`" in away.call("status").out


def refused(serve: Serve, world: World) -> tuple[Person, list[str]]:
    """Alice, one of whose deletions the server refused; and the ids of all messages."""
    ids = [world.send("bob", "alice", Kind.CHAT, text) for text in ("m0", "m1")]
    person = serve(world)
    assert person.call("sync").code == 0
    world.switches = with_values(world.switches, {"roaming": "disabled-400"})
    delete(person, "bob", "--ids", ids[0])
    world.switches = with_values(world.switches, {"roaming": "enabled"})
    return person, ids


def test_a_refused_deletion_is_an_error_and_says_why(serve: Serve, world: World) -> None:
    """Law 8: exit 1 in both forms, with the server's reason; its message is shown."""
    alice, _ = refused(serve, world)
    done = alice.call("outbox")
    assert done.code == 1
    assert "refused after 1 attempt" in done.out
    assert "roaming" in done.out
    as_json = alice.run("outbox", "--json")
    assert (as_json.code, as_json.object["state"], as_json.object["attempts"]) == (1, "refused", 1)
    assert "roaming" in as_json.object["error"]
    assert "     deletions  1 refused (" in alice.call("status").out
    assert alice.call("status", "--json").object["refused"] == 1
    assert held(alice) == 2


def test_a_refused_deletion_can_be_sent_again(serve: Serve, world: World) -> None:
    """Law 8: pending and hidden once more; the next sync delivers it."""
    alice, ids = refused(serve, world)
    done = alice.call("outbox", "--retry")
    assert done.code == 0
    assert done.out.startswith("1 deletion made pending again: ")
    assert held(alice) == 1
    assert alice.call("sync").code == 0
    assert alice.call("outbox", "--json").out == ""
    served = world.history("alice", "bob", Kind.CHAT)
    assert [str(message.message_id) for message in served] == ids[1:]


def test_a_refused_deletion_can_be_given_up(serve: Serve, world: World) -> None:
    """Law 8: it is reported no more, and its message stays on both sides."""
    alice, ids = refused(serve, world)
    done = alice.call("outbox", "--drop", "1")
    assert done.code == 0
    assert done.out.startswith("1 deletion given up: ")
    assert alice.call("sync").code == 0
    assert held(alice) == 2
    served = world.history("alice", "bob", Kind.CHAT)
    assert [str(message.message_id) for message in served] == ids


def test_what_is_given_up_is_shown_again_where_it_was(away: Person) -> None:
    """One by its number, or all; what another deletion hides as well stays hidden."""
    before = away.call("messages", "bob", "--all", "--json").out
    listed = away.call("conversations", "--json").out
    ids = newest(away, "bob", 3)
    delete(away, "bob", "--ids", ",".join(ids))
    delete(away, "bob", "--ids", ids[0])
    delete(away, "bob", "--all")
    assert held(away) == 1479 - 418
    away.call("outbox", "--drop", "3")
    assert held(away) == 1479 - 3
    left = away.call("outbox", "--drop", "1", "--json").lines
    assert [each["number"] for each in left] == [2, 4]
    assert held(away) == 1479 - 1
    assert away.call("outbox", "--drop", "all", "--json").out == ""
    assert away.call("messages", "bob", "--all", "--json").out == before
    assert away.call("conversations", "--json").out == listed


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--drop", "99"), "no deletion 99 is in the outbox\n"),
        (("--drop", "x"), "'x' is no number of a deletion\n"),
        (("--drop", ""), "'' is no number of a deletion\n"),
        (("--drop", "-1"), "'-1' is no number of a deletion\n"),
        (("--drop", "9" * 5000), "is no number of a deletion\n"),
        (("--retry", "--drop", "1"), "--retry and --drop exclude each other\n"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(
    away: Person, flags: tuple[str, ...], words: str
) -> None:
    """Bad input: exit 2 and a hint; the outbox is as it was."""
    delete(away, "bob", "--all")
    before = away.call("outbox", "--json").out
    away.call("outbox", *flags).refused(2, words)
    assert away.call("outbox", "--json").out == before


def test_nothing_is_given_up_by_a_variable(away: Person) -> None:
    """Only the command line drops and retries."""
    delete(away, "bob", "--all")
    forgotten = away.but(SYNCENGINE_DROP="all", SYNCENGINE_RETRY="1")
    assert len(forgotten.call("outbox", "--json").lines) == 2
