"""`syncengine status`: what was compared with the server, and what is left to decide."""

import pytest

from syncengine.emulator import World
from tests.cli.command import Person, opened
from tests.cli.conftest import Serve
from tests.cli.test_verify import NAME, delete_elsewhere, say, synced

STATUS = [
    "path",
    "account",
    "conversations",
    "messages",
    "gaps",
    "seams",
    "never_synced",
    "pending",
    "refused",
    "listed_at",
    "synced_at",
    "bytes",
    "writable",
    "behind",
    "verified_since",
    "suspects",
    "held_back",
    "held_back_conversations",
    "unverified",
    "undecided",
    "daemon",
]
LINE = ["conversation_id", "kind", "verified_since", "whole", "expired"]


def test_the_figures_are_one_object(alice: Person) -> None:
    """With `--json`: exactly the fields that programs rely on."""
    done = alice.run("status", "--json")
    assert (done.code, done.err) == (0, "")
    assert list(done.object) == STATUS
    assert type(done.object["verified_since"]) is int
    questions = ("suspects", "held_back", "held_back_conversations", "unverified", "undecided")
    assert [done.object[name] for name in questions] == [0] * 5
    daemon = {"running": False, "pid": None, "since": None, "written": None, "account": None}
    assert done.object["daemon"] == daemon


def test_since_when_all_of_it_is_verified(alice: Person) -> None:
    """The time of the longest unverified one; what never was is said to be so."""
    lines = alice.call("status").out.splitlines()
    assert lines[-1].startswith("verified since  20")
    assert len(lines) == 9
    with opened(alice.db) as database:
        database.execute("UPDATE audit SET verified_at = NULL WHERE conversation = 1")
    assert "verified since  not all of it yet\n" in alice.call("status").out
    assert alice.call("status", "--json").object["verified_since"] is None


@pytest.mark.parametrize(
    "unread",
    [
        "UPDATE conversation SET fetched = 0 WHERE conversation = 2",
        "INSERT INTO gap (conversation, low, high) VALUES (2, -1, 0)",
        "UPDATE account SET listed_at = NULL",
    ],
)
def test_what_was_never_read_is_not_verified(alice: Person, unread: str) -> None:
    """Law 5: absence is told by what was read again; what is not begun, a gap, and a list that
    was not read to its end are not."""
    assert alice.call("status", "--json").object["verified_since"] is not None
    with opened(alice.db) as database:
        database.execute(unread)
    assert "verified since  not all of it yet\n" in alice.call("status").out
    assert alice.call("status", "--json").object["verified_since"] is None
    for each in alice.call("conversations", "--all", "--json").lines:
        assert (each["verified_since"] is None) == (not each["synced"] or each["gaps"] > 0), each


def test_what_the_retention_would_settle(serve: Serve, world: World) -> None:
    """Law 7: how many are kept and why; with the plan's days the advice is gone."""
    ids = say(world, 20)
    alice = synced(serve, world)
    delete_elsewhere(world, ids[:2])
    assert alice.call("verify").code == 0
    done = alice.call("status")
    assert done.code == 0
    words = " ".join(done.out.split())
    assert "unverified 2 messages kept, though the server shows them no more: expired " in words
    assert "`syncengine verify --retention-days N`, with N as in the service's plan, wo" in words
    assert "would settle 2 of them" in words
    figures = alice.call("status", "--json").object
    assert (figures["unverified"], figures["undecided"]) == (2, 2)
    planned = alice.but(SYNCENGINE_RETENTION_DAYS="90")
    assert "--retention-days" not in planned.call("status").out
    assert planned.call("status", "--json").object["undecided"] == 0
    assert alice.call("status", "--retention-days", "90", "--json").object["unverified"] == 2


def test_a_retention_that_cannot_be_used(alice: Person) -> None:
    """Exit 2, with the range."""
    done = alice.call("status", "--retention-days", "0")
    done.refused(2, "--retention-days is 0.0\n", "Use a number from 0.01")


def test_conversations_the_longest_ago_first(serve: Serve, world: World) -> None:
    """One that was never verified leads; whole or not, expired or not; in every script."""
    world.add_user(NAME)
    world.add_user("carol")
    for sender in (NAME, "bob", "carol"):
        say(world, 3, sender)
    alice = synced(serve, world)
    with opened(alice.db) as database:
        (row, position), *_ = database.execute(
            "SELECT conversation, min(position) FROM message JOIN conversation"
            " USING (conversation) WHERE conversation_id = ? GROUP BY conversation",
            (NAME,),
        ).fetchall()
        database.execute("UPDATE audit SET verified_at = NULL WHERE conversation = ?", (row,))
        database.execute(
            "INSERT INTO gap (conversation, low, high, cursor, seam) VALUES (?, ?, ?, NULL, 0)",
            (row, -(2**62), position),
        )
        database.execute(
            "UPDATE audit SET verified_at = 1000 WHERE conversation ="
            " (SELECT conversation FROM conversation WHERE conversation_id = 'carol')"
        )
    done = alice.run("status", "--conversations", "--json")
    assert (done.code, list(done.object)) == (0, [*STATUS[:-1], "conversations_verified", "daemon"])
    found = done.object["conversations_verified"]
    assert all(list(each) == LINE for each in found)
    assert [each["conversation_id"] for each in found] == [NAME, "carol", "bob"]
    assert [each["verified_since"] for each in found[:2]] == [None, 1000]
    assert [each["whole"] for each in found] == [False, True, True]
    assert [each["expired"] for each in found] == [False] * 3
    lines = alice.run("status", "--conversations").out.splitlines()
    assert lines[-4:-1] == [
        "verified since",
        f"never             chat {NAME}, incomplete",
        "1970-01-01 00:00  chat carol",
    ]
    assert lines[-1].endswith("  chat bob")
    assert "conversations_verified" not in alice.call("status", "--json").object


def test_an_expired_conversation_is_marked(serve: Serve, world: World) -> None:
    """Law 7: the server has none of it any more; it is listed as what it is."""
    say(world, 3)
    alice = synced(serve, world)
    with opened(alice.db) as database:
        database.execute("UPDATE message SET unverified = 1")
    assert alice.call("status", "--conversations").out.endswith("  chat bob, expired\n")
    (line,) = alice.call("status", "--conversations", "--json").object["conversations_verified"]
    assert line["expired"] is True
