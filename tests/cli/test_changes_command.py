"""`syncengine changes`: what was written, a line each; and what is written now."""

import json
import signal

import pytest

from syncengine import What
from tests.cli.command import Person, opened

CHANGE = ["revision", "conversation_id", "kind", "what", "cause", "intent", "until", "message_ids"]


@pytest.fixture
def away(alice: Person) -> Person:
    """Alice, who pulled everything and has no server now."""
    return alice.but(SYNCENGINE_SERVER=None)


def delete_newest(person: Person) -> str:
    """Delete bob's newest message; its id."""
    (message,) = person.call("messages", "bob", "--limit", "1", "--json").lines
    message_id: str = message["message_id"]
    assert person.call("delete", "bob", "--ids", message_id, "--yes").code in (0, 1)
    return message_id


def test_changes_are_one_object_a_line(away: Person) -> None:
    """What a first sync wrote, oldest first, in the fields that programs rely on."""
    done = away.run("changes", "--since", "0", "--limit", "10000", "--json")
    assert (done.code, done.err) == (0, "")
    assert all(list(each) == CHANGE for each in done.lines)
    assert [each["revision"] for each in done.lines] == list(range(1, len(done.lines) + 1))
    added = sum(len(e["message_ids"]) for e in done.lines if e["what"] == "added")
    assert added == away.call("status", "--json").object["messages"]


def test_the_newest_are_shown(away: Person) -> None:
    """Without a revision the newest are shown, each in words."""
    message_id = delete_newest(away)
    done = away.call("changes", "--limit", "1")
    newest = away.call("changes", "--limit", "1", "--json").object
    assert newest["message_ids"] == [message_id]
    words = f"{newest['revision']:>8}  chat bob: 1 message not shown any more, deleted here\n"
    assert (done.code, done.out) == (0, words)


def test_it_goes_on_from_a_revision(away: Person) -> None:
    """What a program printed last is where it goes on; nothing new prints nothing."""
    newest = away.call("changes", "--limit", "1", "--json").object["revision"]
    assert away.call("changes", "--since", str(newest)).out == ""
    delete_newest(away)
    (change,) = away.call("changes", "--since", str(newest), "--json").lines
    assert (change["revision"], change["what"]) == (newest + 1, "removed")


def test_every_kind_of_change_has_words(away: Person) -> None:
    """Whatever the file tells, a line is printed; a name cannot drive the terminal."""
    with opened(away.db) as database:
        database.execute(
            "UPDATE conversation SET conversation_id = 'b\x1b[2J' WHERE conversation = 1"
        )
        for what in (*What, "sung"):
            database.execute(
                "INSERT INTO change (conversation, what, intent, last) VALUES (1, ?, 3, 1)", (what,)
            )
    done = away.call("changes", "--limit", str(len(What) + 1))
    assert (done.code, len(done.out.splitlines())) == (0, len(What) + 1)
    assert "\x1b" not in done.out
    assert "deletion 3 refused" in done.out


def test_an_unknown_revision_is_a_reset(away: Person) -> None:
    """Never silence: it says so, and where to go on."""
    newest = away.call("changes", "--limit", "1", "--json").object["revision"]
    done = away.call("changes", "--since", str(newest + 7), "--json")
    assert done.lines == [{"revision": newest, "what": "reset"}]
    words = away.call("changes", "--since", str(newest + 7)).out
    assert words == f"{newest:>8}  reset: read everything anew\n"


def test_messages_that_are_gone_again_are_not_counted(away: Person) -> None:
    """A first line says that some were added; which ones, nobody can tell any more."""
    held = away.call("messages", "noor", "--all", "--json").lines
    ids = ",".join(each["message_id"] for each in held)
    assert away.call("delete", "noor", "--ids", ids, "--yes").code in (0, 1)
    lines = away.call("changes", "--since", "0", "--limit", "10000").out.splitlines()
    assert any(line.endswith("chat noor: messages added, gone again since") for line in lines)
    assert not any(": 0 messages" in line for line in lines)


def test_it_follows_another_process_until_it_is_interrupted(away: Person) -> None:
    """Ctrl-C ends it with 130."""
    newest = away.call("changes", "--limit", "1", "--json").object["revision"]
    with away.start("changes", "--since", str(newest - 1), "--follow", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["revision"] == newest
        message_id = delete_newest(away)
        assert json.loads(process.stdout.readline())["message_ids"] == [message_id]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, json.loads(err)["error"]) == (130, "Interrupted")


@pytest.mark.parametrize("value", ["-1", "x", ""])
def test_what_is_no_revision_is_a_usage_error(away: Person, value: str) -> None:
    """Exit 2, with a hint."""
    done = away.call("changes", "--since", value)
    assert done.code == 2
    assert "hint:" in done.err
