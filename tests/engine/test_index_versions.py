"""A search index of an older version, or of other rules, is made anew; nothing is lost by it."""

import sqlite3
from contextlib import closing

import pytest

from syncengine.errors import StoreError
from syncengine.store import migrate
from syncengine.store.database import transaction
from syncengine.store.indexing import index_some, make_anew
from tests.engine.searching import Said, fill, texts
from tests.harness import Side

SAID = [Said(f"tea {n}", timestamp=n * 1_000_000) for n in range(50)]
NEWEST_FIRST = [said.text for said in reversed(SAID)]


def old_file(side: Side) -> None:
    """A file of version 8, its index filled as that version did, one message out of place."""
    with closing(sqlite3.connect(side.path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        for version, file in migrate.migrations():
            if version <= 8:
                database.executescript(file.read_text(encoding="utf-8"))
        database.execute("PRAGMA user_version = 8")
        database.execute(f"PRAGMA application_id = {migrate.APPLICATION_ID}")
    fill(side.path, SAID)
    with closing(sqlite3.connect(side.path)) as database, database:
        database.execute(
            "INSERT INTO search (rowid, text, tags)"
            " SELECT timestamp << 21 | message, text, 'c1 chat' FROM message"
        )
        database.execute("INSERT INTO search_moved VALUES (7, 1 << 60)")
        database.execute("UPDATE search_state SET indexed_to = 50, rules = '1/14.0.0', deleted = 1")
        database.execute("UPDATE message SET text = text WHERE message = 7")
        database.execute("DELETE FROM search_stale")
        database.execute("INSERT INTO search_stale VALUES (9, 1, 'bob', 8000, 'other words')")


@pytest.mark.parametrize(
    "damage",
    [
        "SELECT 1",
        "DROP TABLE search",
        "DROP TABLE search_data",
        "DROP TABLE search_idx",
        "DROP TABLE search_docsize",
        "DROP TABLE search_config",
        "DELETE FROM search_data",
        "UPDATE search_data SET block = x'ff'",
        "UPDATE search_config SET v = 9",
        "DELETE FROM search_config",
    ],
)
async def test_an_older_file_is_upgraded_whatever_its_index_is(side: Side, damage: str) -> None:
    """Law 10: also one that SQLite cannot open. All is behind at first, and found afterwards."""
    old_file(side)
    with closing(sqlite3.connect(side.path)) as database, database:
        database.execute(damage)
    async with side.engine(online=False) as engine:
        page = await engine.reader.search("tea")
        assert (page.hits, page.behind) == ([], 50)
        assert await engine.index() == 50
        assert await texts(engine, "tea") == NEWEST_FIRST
    with closing(sqlite3.connect(side.path)) as database:
        found = database.execute("SELECT name FROM sqlite_master WHERE name GLOB 'search_*'")
        assert {name for (name,) in found} & {"search_moved", "search_docsize"} == set()
        assert database.execute("SELECT * FROM search_stale").fetchall() == []
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_an_index_of_other_rules_is_not_written(side: Side) -> None:
    """What stands in it is not what today's rules would take out: it is made anew, and what
    was deleted until then is in none of the two."""
    async with side.engine(online=False) as engine:
        fill(side.path, SAID)
        await engine.index()
    with closing(sqlite3.connect(side.path)) as database, database:
        database.execute("UPDATE search_state SET rules = 'of old'")
    async with side.engine(online=False) as engine:
        with closing(sqlite3.connect(side.path)) as database, database:
            database.execute("DELETE FROM message WHERE message_id IN ('9', '50')")
            database.execute("UPDATE message SET text = 'wine' WHERE message_id = '3'")
        await engine.delete_remote_messages_with_ids("peer1", "chat", ["1"])
        with closing(sqlite3.connect(side.path)) as database:
            assert database.execute("SELECT * FROM search_stale").fetchall() == []
        page = await engine.reader.search("tea")
        assert (page.hits, page.behind) == ([], 48)
        await engine.index()
        left = [text for text in NEWEST_FIRST if text not in ("tea 0", "tea 2", "tea 8", "tea 49")]
        assert await texts(engine, "tea") == left
        assert await texts(engine, "wine") == ["wine"]


async def test_a_reader_beside_an_index_that_is_made_anew(side: Side) -> None:
    """It sees the old one until the new one is begun, and then how far it is."""
    async with side.engine(online=False) as engine:
        fill(side.path, SAID)
        await engine.index()
        with closing(sqlite3.connect(side.path, isolation_level=None)) as other:
            with transaction(other):
                make_anew(other)
                assert await texts(engine, "tea") == NEWEST_FIRST
            for done in range(0, 50, 10):
                page = await engine.reader.search("tea", limit=50)
                assert (len(page.hits), page.behind) == (done, 50 - done)
                index_some(other, 10)
        assert await texts(engine, "tea") == NEWEST_FIRST


async def test_a_row_number_beyond_the_index_is_refused(side: Side) -> None:
    """Only another program can choose one: it says so, and what is indexed stays found."""
    async with side.engine(online=False) as engine:
        fill(side.path, SAID)
        await engine.index()
        with closing(sqlite3.connect(side.path)) as database, database:
            database.execute(
                "INSERT INTO message SELECT 1 << 36, conversation, position, 'x', sender,"
                " timestamp, type, text, edited_at, raw, hidden, suspect_at, unverified, seen_at"
                " FROM message WHERE message = 1"
            )
        with pytest.raises(StoreError, match=str(1 << 36)):
            await engine.index()
        assert await texts(engine, "tea") == NEWEST_FIRST
