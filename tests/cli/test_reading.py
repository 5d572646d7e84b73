"""Listings of what is held, with no network."""

from pathlib import Path

import pytest

from tests.cli.command import Person, opened

MESSAGE = ["message_id", "conversation_id", "kind", "sender", "timestamp", "type", "text"]
CONVERSATION = ["conversation_id", "kind", "unread_count", "pinned", "last_message"]


def check_message(message: dict[str, object]) -> None:
    """It has the fields that programs rely on, in their types."""
    assert list(message)[: len(MESSAGE)] == MESSAGE
    assert isinstance(message["message_id"], str)
    assert type(message["timestamp"]) is int
    assert message["kind"] in ("chat", "groupchat", "chatroom")
    for name in ("conversation_id", "sender", "type", "text"):
        assert isinstance(message[name], str)


def test_conversations_are_one_object_a_line(alice: Person) -> None:
    """Each has id, kind, unread count, whether pinned, and its last message whole."""
    found = alice.call("conversations", "--json")
    assert (found.code, found.err) == (0, "")
    assert len(found.lines) == 12
    for conversation in found.lines:
        assert list(conversation)[: len(CONVERSATION)] == CONVERSATION
        assert type(conversation["unread_count"]) is int
        assert type(conversation["pinned"]) is bool
        check_message(conversation["last_message"])
        assert conversation["last_message"]["conversation_id"] == conversation["conversation_id"]


def test_pinned_conversations_come_first_then_the_most_recent(alice: Person) -> None:
    """The order is that of every chat program."""
    found = alice.call("conversations", "--json").lines
    order = [(not c["pinned"], -c["last_message"]["timestamp"]) for c in found]
    pinned = sum(c["pinned"] for c in found)
    assert pinned == 2
    assert [key[0] for key in order] == [False] * pinned + [True] * (len(found) - pinned)
    assert order[pinned:] == sorted(order[pinned:])


def test_the_sign_of_a_pinned_conversation_is_explained(alice: Person) -> None:
    """Below the list, where it stands there; not for programs."""
    lines = alice.call("conversations").out.splitlines()
    assert [line[0] == "*" for line in lines] == [False] + [True] * 2 + [False] * 10 + [True]
    assert lines[-1] == "* pinned"
    assert "* pinned" not in alice.call("conversations", "--json").out
    with opened(alice.db) as database:
        database.execute("UPDATE conversation SET pinned = 0")
    assert "*" not in alice.call("conversations").out


def test_a_conversation_without_messages_has_null(alice: Person) -> None:
    """`last_message` is null where there is none: empty is said, not left out."""
    with opened(alice.db) as database:
        database.execute("INSERT INTO conversation (conversation_id, kind) VALUES ('e', 'chat')")
    last = alice.call("conversations", "--json").lines[-1]
    assert (last["conversation_id"], last["last_message"]) == ("e", None)
    assert "(never synced)" in alice.call("conversations").out


def test_messages_are_one_object_a_line_oldest_first(alice: Person) -> None:
    """The newest 50 by default, as in every chat window."""
    found = alice.call("messages", "bob", "--json")
    assert (found.code, found.err) == (0, "")
    assert len(found.lines) == 50
    for message in found.lines:
        check_message(message)
    times = [message["timestamp"] for message in found.lines]
    assert times == sorted(times)


def test_limit_gives_the_newest(alice: Person) -> None:
    """`--limit N` counts back from the newest message, or down from the first conversation."""
    all_of_bob = alice.call("messages", "bob", "--all", "--json").lines
    assert alice.call("messages", "bob", "--limit", "3", "--json").lines == all_of_bob[-3:]
    conversations = alice.call("conversations", "--json").lines
    assert alice.call("conversations", "--limit", "2", "--json").lines == conversations[:2]


def test_before_and_after_page_through(alice: Person) -> None:
    """Keys are message ids, exclusive; the nearest messages come, oldest first."""
    whole = alice.call("messages", "bob", "--all", "--json").lines
    middle = whole[200]["message_id"]
    older = alice.call("messages", "bob", "--before", middle, "--limit", "4", "--json")
    newer = alice.call("messages", "bob", "--after", middle, "--limit", "4", "--json")
    assert older.lines == whole[196:200]
    assert newer.lines == whole[201:205]
    rest = alice.call("messages", "bob", "--after", middle, "--all", "--json")
    assert rest.lines == whole[201:]


@pytest.mark.parametrize(
    "flags",
    [
        ("--before", "1", "--after", "2"),
        ("--before", "1", "--after", "2", "--all"),
        ("--all", "--before", "1"),
        ("--before", "no such id"),
    ],
)
def test_places_that_cannot_be_meant_are_refused(alice: Person, flags: tuple[str, ...]) -> None:
    """Both directions at once, all before something, a message that is not held."""
    done = alice.call("messages", "bob", *flags)
    done.refused(2)
    assert ("--before and --after exclude each other\n" in done.err) == ("--after" in flags)


def test_what_the_limit_cut_off_is_said(alice: Person) -> None:
    """On the error stream, for people only; a listing that is whole says nothing."""
    cut = alice.call("conversations", "--limit", "5")
    assert cut.err == "5 of 12; --all shows the rest\n"
    assert alice.call("conversations", "--limit", "5", "--json").err == ""
    for flags in (("--limit", "12"), ("--all",), ("--all", "--limit", "5"), ()):
        assert alice.call("conversations", *flags).err == ""


def test_messages_say_how_to_page_on(alice: Person) -> None:
    """With the flag as it has to be typed; at either end, and for programs, nothing is said."""
    ids = [m["message_id"] for m in alice.call("messages", "bob", "--all", "--json").lines]
    listing = ("messages", "bob", "--limit", "4")
    assert alice.call(*listing).err == f"older: --before {ids[-4]}\n"
    assert alice.call(*listing, "--before", ids[-4]).err == f"older: --before {ids[-8]}\n"
    assert alice.call(*listing, "--after", ids[0]).err == f"newer: --after {ids[4]}\n"
    for flags in (("--before", ids[4]), ("--after", ids[-5]), ("--json",), ("--all",)):
        assert alice.call(*listing, *flags).err == ""
    assert alice.call("messages", "bob", "--limit", str(len(ids))).err == ""


@pytest.mark.parametrize("seam", [0, 1])
def test_where_the_start_is_missing_there_is_no_paging_back(alice: Person, seam: int) -> None:
    """Below the oldest message held is a hole, and nothing to be shown with --before."""
    with opened(alice.db) as database:
        database.execute(
            "INSERT INTO gap (conversation, low, high, cursor, seam)"
            " SELECT conversation, ?, min(position), NULL, ? FROM message"
            " JOIN conversation USING (conversation) WHERE conversation_id = 'noor'",
            (-(2**62), seam),
        )
    ids = [m["message_id"] for m in alice.call("messages", "noor", "--all", "--json").lines]
    whole = alice.call("messages", "noor", "--limit", str(len(ids)))
    assert ("seam" if seam else "gap") in whole.out.splitlines()[0]
    assert whole.err == ""
    newest = alice.call("messages", "noor", "--limit", str(len(ids) - 1))
    assert newest.err == f"older: --before {ids[1]}\n"


def test_all_conversations(alice: Person) -> None:
    """`--all` has no limit, and is the same in the environment."""
    assert len(alice.but(SYNCENGINE_LIMIT="1").call("conversations", "--json").lines) == 1
    everything = alice.but(SYNCENGINE_LIMIT="1", SYNCENGINE_ALL="1")
    assert len(everything.call("conversations", "--json").lines) == 12


def test_an_id_of_a_user_and_a_group_needs_kind(alice: Person) -> None:
    """The error names the kinds to choose from; with one, only that conversation comes."""
    alice.call("messages", "support").refused(
        2, "'support' is both a chat and a groupchat\n", "--kind chat or --kind groupchat"
    )
    for kind in ("chat", "groupchat"):
        found = alice.call("messages", "support", "--kind", kind, "--json").lines
        assert {message["kind"] for message in found} == {kind}


@pytest.mark.parametrize("flags", [(), ("--kind", "chat")])
def test_an_unknown_conversation_is_said_to_be_unknown(
    alice: Person, flags: tuple[str, ...]
) -> None:
    """It is an error, with or without a kind, and not an empty answer."""
    alice.call("messages", "nobody", *flags).refused(
        2,
        f"no {flags[-1] if flags else 'conversation'} 'nobody' is held here\n",
        "syncengine conversations",
    )


def test_status_in_figures_and_in_words(alice: Person) -> None:
    """What is held, what is missing, as of when."""
    figures = alice.call("status", "--json").object
    assert figures["path"] == str(alice.db)
    assert (figures["conversations"], figures["messages"]) == (12, 1479)
    assert (figures["gaps"], figures["never_synced"], figures["writable"]) == (0, 0, True)
    assert type(figures["synced_at"]) is int
    words = alice.call("status").out
    assert "messages  1,479" in words
    assert "missing  nothing" in words


@pytest.mark.parametrize("command", [("conversations",), ("messages", "bob"), ("status",)])
def test_reading_before_the_first_sync_says_what_to_do(
    newcomer: Person, command: tuple[str, ...]
) -> None:
    """There is no file: exit 2, the hint names the command that makes it, none is made."""
    done = newcomer.call(*command)
    done.refused(2, f"nothing is stored for alice yet ({newcomer.db})\n")
    assert f"Run `syncengine sync --user alice --db {newcomer.db} …` first." in done.err
    unnamed = newcomer.but(SYNCENGINE_USER=None).call(*command)
    unnamed.refused(2, f"nothing is stored in {newcomer.db} yet\n", "syncengine sync --db")
    by_default = newcomer.but(SYNCENGINE_DB=None, SYNCENGINE_USER="zoe o").call(*command)
    by_default.refused(2, "for zoe o yet (", "Run `syncengine sync --user 'zoe o' …` first.")
    assert not list(newcomer.home.rglob("*.db"))


def test_empty_and_never_synced_differ(newcomer: Person, alice: Person) -> None:
    """Law 9: a file in which nothing was stored yet says so in both forms."""
    assert alice.call("conversations").err == ""
    newcomer.db.unlink(missing_ok=True)
    assert newcomer.but(SYNCENGINE_PASSWORD="wrong").call("sync").code == 4
    listed = newcomer.call("conversations")
    assert (listed.code, listed.out) == (0, "")
    assert "syncengine sync" in listed.err
    assert "not known yet: it was never synced\n" in newcomer.call("status").out


@pytest.mark.parametrize(
    "line",
    [
        ("messages", "bob"),
        ("search", "station"),
        ("search", "station", "--in", "bob"),
        ("export", "--output", "out"),
        ("export", "bob", "--output", "out"),
        ("verify", "bob"),
        ("delete", "bob", "--all", "--dry-run"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("away", [True, False])
def test_a_first_sync_that_failed_leaves_no_empty_account(
    newcomer: Person, line: tuple[str, ...], away: bool
) -> None:
    """Law 9: the server was away, or refused the password: every read says that nothing was
    ever synced, none that there is nothing; and nothing is exported."""
    change = {"SYNCENGINE_SERVER": "http://127.0.0.1:1"} if away else {"SYNCENGINE_PASSWORD": "no"}
    assert newcomer.but(**change).call("sync", "--attempts", "1").code == (3 if away else 4)
    out = newcomer.home / "out"
    done = newcomer.call(*(str(out) if word == "out" else word for word in line))
    done.refused(2, "nothing is stored here yet: it was never synced\n", "syncengine sync")
    assert done.out == ""
    assert not out.exists()


def test_reading_touches_no_network(alice: Person) -> None:
    """Law 9: with a server that is not there, everything is readable at once."""
    away = alice.but(SYNCENGINE_SERVER="http://127.0.0.1:1", SYNCENGINE_PASSWORD=None)
    for line in (("conversations",), ("messages", "bob"), ("status",)):
        assert away.call(*line).code == 0


def test_gaps_and_seams_are_shown_where_they_are(alice: Person) -> None:
    """Law 9: a read never looks whole where it is not."""
    with opened(alice.db) as database:
        row, low, high = database.execute(
            "SELECT conversation, min(position), max(position) FROM message"
            " JOIN conversation USING (conversation) WHERE conversation_id = 'noor'"
        ).fetchone()
        database.execute(
            "INSERT INTO gap (conversation, low, high, cursor, seam) VALUES (?, ?, ?, NULL, 0)",
            (row, -(2**62), low),
        )
        database.execute(
            "INSERT INTO gap (conversation, low, high, cursor, seam) VALUES (?, ?, ?, NULL, 1)",
            (row, high, 2**62),
        )
    lines = alice.call("messages", "noor", "--all").out.splitlines()
    assert "gap" in lines[0]
    assert "seam" in lines[-1]
    words = alice.call("status").out
    assert "missing  1 conversation incomplete\n" in words
    assert "seams  1" in words


def test_status_counts_no_conversation_twice(alice: Person) -> None:
    """Not started or incomplete: one with two gaps is one, and figures for programs stay."""
    with opened(alice.db) as database:
        rows = database.execute("SELECT conversation FROM conversation LIMIT 4").fetchall()
        for (row,) in rows[:3]:
            database.execute("DELETE FROM message WHERE conversation = ?", (row,))
            database.execute("UPDATE conversation SET fetched = 0 WHERE conversation = ?", (row,))
            database.execute(
                "INSERT INTO gap (conversation, low, high, cursor, seam) VALUES (?, ?, ?, NULL, 0)",
                (row, -(2**62), 2**62),
            )
        for low in (-(2**62), 0):
            gap = (*rows[3], low, low + 1)
            database.execute(
                "INSERT INTO gap (conversation, low, high, cursor, seam) VALUES (?, ?, ?, NULL, 0)",
                gap,
            )
    figures = alice.call("status", "--json").object
    assert (figures["gaps"], figures["never_synced"]) == (5, 3)
    words = alice.call("status").out
    assert "missing  3 conversations not started, 1 incomplete\n" in words


def test_a_long_conversation_comes_whole_in_chunks(alice: Person, tmp_path: Path) -> None:
    """`--all` reads a chunk at a time: more messages than one chunk, none twice, none lost."""
    with opened(alice.db) as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
            " INSERT INTO message (conversation, position, message_id, sender, timestamp, type,"
            " text, raw) SELECT conversation, 1000000000000 + i, 'x' || i, 'erin', i, 'text',"
            " 'n' || i, x'' FROM n, conversation WHERE conversation_id = 'erin'"
        )
    found = alice.call("messages", "erin", "--all", "--json").lines
    assert [m["text"] for m in found[1:]] == [f"n{i}" for i in range(1, 1001)]
    assert len(found) == 1001
    assert len(alice.call("messages", "erin", "--all").out.splitlines()) == 1001


def test_around_and_at_show_a_place(alice: Person) -> None:
    """A message with its neighbours, a time with what was written then; and how to go on."""
    whole = alice.call("messages", "bob", "--all", "--json").lines
    middle = whole[200]
    around = alice.call("messages", "bob", "--around", middle["message_id"], "--limit", "5")
    assert around.err == (
        f"older: --before {whole[198]['message_id']}\nnewer: --after {whole[202]['message_id']}\n"
    )
    flags = ("--limit", "5", "--json")
    found = alice.call("messages", "bob", "--around", middle["message_id"], *flags).lines
    assert found == whole[198:203]
    at = alice.call("messages", "bob", "--at", str(middle["timestamp"]), *flags).lines
    first = next(n for n, m in enumerate(whole) if m["timestamp"] >= middle["timestamp"])
    assert at == whole[first - 2 : first + 3]
    assert alice.call("messages", "bob", "--at", "2999-01-01", *flags).lines == whole[-5:]
    assert alice.call("messages", "bob", "--at", "1999-01-01", *flags).lines == whole[:5]


@pytest.mark.parametrize(
    "flags",
    [
        ("--at", "yesterday"),
        ("--at", "20241231"),
        ("--at", "1", "--around", "2"),
        ("--around", "1"),
        ("--all", "--at", "1"),
        ("--after", "1", "--around", "2"),
    ],
)
def test_other_places_that_cannot_be_meant_are_refused(
    alice: Person, flags: tuple[str, ...]
) -> None:
    """What is no time, a message that is not held, two places at once: exit 2 and a hint."""
    alice.call("messages", "bob", *flags).refused(2)


def test_conversations_come_in_pages(alice: Person) -> None:
    """`--after` goes on below one; it says how to go on, and where the id is ambiguous that
    a kind is needed."""
    every = alice.call("conversations", "--json").lines
    names = [(c["conversation_id"], c["kind"]) for c in every]
    found = names[:5]
    while found[-1] != names[-1]:
        last, kind = found[-1]
        page = ("conversations", "--after", last, "--kind", kind, "--limit", "5")
        lines = alice.call(*page, "--json").lines
        found += [(c["conversation_id"], c["kind"]) for c in lines]
        said = alice.call(*page).err
        expected = f"more: --after {found[-1][0]} --kind {found[-1][1]}\n"
        assert said == ("" if found[-1] == names[-1] else expected)
    assert found == names
    alice.call("conversations", "--after", "support").refused(2, "--kind chat")
    alice.call("conversations", "--after", "nobody").refused(2, "is held here")
