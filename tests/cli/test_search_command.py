"""`syncengine search` and `syncengine upkeep`."""

import sqlite3
from contextlib import closing

import pytest

from syncengine.emulator import World
from tests.cli.command import Person
from tests.cli.conftest import Serve


@pytest.fixture
def reader(serve: Serve, world: World) -> Person:
    """Alice, who pulled what bob said."""
    for text in ("see you at the Café", "明天上午开会", "the \x1b[31m cafe\x07 is closed"):
        world.send("bob", "alice", "chat", text)
    alice = serve(world)
    assert alice.call("sync").code == 0
    return alice


def test_what_a_person_sees(reader: Person) -> None:
    """A line a message, the newest first, with nothing that could drive a terminal; what is
    new is indexed before."""
    done = reader.call("search", "cafe")
    assert (done.code, done.err) == (0, "")
    first, second = done.out.splitlines()
    assert first.endswith("  chat bob  bob: the \ufffd[31m cafe\ufffd is closed")
    assert second.endswith("  chat bob  bob: see you at the Café")


def test_what_a_program_sees(reader: Person) -> None:
    """The message's fields, the snippet, and where the words stand in it."""
    done = reader.call("search", "上午", "--json")
    assert (done.code, done.err) == (0, "")
    assert (done.object["snippet"], done.object["highlights"]) == ("明天上午开会", [[2, 4]])
    assert done.object["text"] == "明天上午开会"


def test_filters_and_limits(reader: Person) -> None:
    """Each flag narrows; what the limit cut off is said."""
    texts = [line["text"] for line in reader.call("search", "--in", "bob", "--json").lines]
    assert len(texts) == 3
    assert len(reader.call("search", "cafe", "--ranked", "--json").lines) == 2
    assert reader.call("search", "cafe", "--since", "2100-01-01").err == "nothing found\n"
    assert reader.call("search", "cafe", "--kind", "groupchat").err == "nothing found\n"
    assert reader.call("search", "cafe", "--sender", "carol").err == "nothing found\n"
    cut = reader.call("search", "cafe", "--limit", "1", "--until", "2100-01-01")
    assert (len(cut.out.splitlines()), cut.err) == (1, "there is more: --limit 2\n")
    reader.call("search", "cafe", "--until", "soon").refused(2, "no time")


def test_a_word_is_found_whole_or_with_a_flag_from_its_beginning(reader: Person) -> None:
    """`caf` is no word of theirs; with --prefix it is the beginning of one."""
    assert reader.call("search", "see caf").err == "nothing found\n"
    (line,) = reader.call("search", "see caf", "--prefix", "--json").lines
    assert line["text"] == "see you at the Café"
    assert reader.call("search", "caf see", "--prefix").err == "nothing found\n"


def test_times_alone_list(reader: Person) -> None:
    """The newest first, as other filters do; no words and no filter are a mistake."""
    assert len(reader.call("search", "--since", "2000-01-01", "--json").lines) == 3
    assert len(reader.call("search", "--until", "2100-01-01", "--json").lines) == 3
    assert reader.call("search", "--since", "2100-01-01").err == "nothing found\n"
    for line in ((), ("",), (" ", "--limit", "3")):
        reader.call("search", *line).refused(2, "nothing to search for", "--since")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("--in", "nobody"), "no conversation 'nobody' is held here\n"),
        (("--in", "小明"), "no conversation '小明' is held here\n"),
        (("--in", "bob", "--kind", "groupchat"), "no groupchat 'bob' is held here\n"),
    ],
)
def test_a_conversation_that_is_not_there(
    reader: Person, line: tuple[str, ...], words: str
) -> None:
    """Exit 2, as of every command that is given one: a slip in a name is not an empty answer."""
    reader.call("search", "zzzz", *line).refused(2, words, "`syncengine conversations`")
    assert reader.call("search", "zzzz", "--in", "bob").code == 0


def test_however_many_words_all_are_looked_for(reader: Person) -> None:
    """A pasted text is a search, too; what no message can have is refused."""
    assert len(reader.call("search", "cafe " * 65, "--json").lines) == 2
    assert reader.call("search", "cafe " * 65 + "nowhere").err == "nothing found\n"
    reader.call("search", "a" * 100_001).refused(2, "100,000 are the most", "a part of it")


def test_what_cannot_be_indexed_is_said(reader: Person) -> None:
    """A file from a newer version is searched as far as it is indexed."""
    with closing(sqlite3.connect(reader.db)) as database:
        database.execute("PRAGMA user_version = 99")
    done = reader.call("search", "cafe")
    assert (done.code, done.out) == (0, "")
    assert done.err == "nothing found\n3 messages not searched: not indexed yet\n"
    assert reader.call("status", "--json").object["behind"] == 3


def test_a_status_says_what_a_search_would_index(reader: Person) -> None:
    """And nothing of it once that is done."""
    assert "search  3 messages not indexed yet" in reader.call("status").out
    reader.call("search", "x")
    assert "not indexed" not in reader.call("status").out


def test_upkeep_in_words_and_in_json(reader: Person) -> None:
    """What was indexed, and that words of deleted messages are gone."""
    with closing(sqlite3.connect(reader.db)) as database, database:
        database.execute("UPDATE search_state SET rules = ''")  # whatever the sync indexed
    assert reader.call("upkeep").out == "3 messages indexed for search\n"
    with closing(sqlite3.connect(reader.db)) as database, database:
        database.execute("DELETE FROM message WHERE message = 1")
    done = reader.call("upkeep", "--json")
    assert done.object.keys() == {"indexed", "merged", "truncated", "pending", "seconds"}
    assert (done.object["indexed"], done.object["merged"]) == (0, True)
    assert done.object["truncated"] is True


def test_upkeep_before_a_deletion_is_delivered(reader: Person) -> None:
    """Law 8: its text waits in the file; exit 1, and what ends that."""
    held = reader.call("search", "cafe", "--json").lines[0]["message_id"]
    assert (
        reader.but(SYNCENGINE_SERVER=None).call("delete", "bob", "--ids", held, "--yes").code == 0
    )
    done = reader.call("upkeep")
    assert done.code == 1
    assert "1 deleted message still in the file" in done.out
    assert "`syncengine sync` delivers" in done.out
    assert reader.call("upkeep", "--json").object["pending"] == 1
    assert reader.call("sync").code == 0
    done = reader.call("upkeep", "--json")
    assert (done.code, done.object["pending"]) == (0, 0)


def test_upkeep_beside_a_reader(reader: Person) -> None:
    """Another program that reads the file keeps its log: exit 1, and why."""
    reader.call("upkeep")
    with closing(sqlite3.connect(reader.db, isolation_level=None)) as database:
        database.execute("DELETE FROM message WHERE message = 1")
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM message").fetchone()
        done = reader.call("upkeep")
    assert done.code == 1
    assert "another program is reading the file" in done.out
