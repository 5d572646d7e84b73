"""The search index follows the messages: at once, after a crash, in the background, repaired.
And what was deleted leaves the file."""

import asyncio
import random
import re
import sqlite3
from contextlib import closing, suppress
from typing import Any

import pytest

from syncengine import EngineClosed, SyncEngine
from syncengine.reader import Reader
from syncengine.remote.formats import decoder_for
from syncengine.store import indexing
from syncengine.store.database import connect_threaded
from syncengine.store.indexing import index_some
from syncengine.store.store import open_store
from tests.engine.searching import Said, bytes_of, fill, texts
from tests.harness import USER, Side, dump, numbered


async def prepare(side: Side, *said: Said) -> None:
    """A file with these messages, indexed."""
    async with side.engine(online=False) as engine:
        fill(side.path, said)
        await engine.index()


def run(side: Side, statement: str) -> Any:
    """What another program does to the file."""
    with closing(sqlite3.connect(side.path)) as database, database:
        return database.execute(statement).fetchall()


async def found(side: Side, query: str) -> list[str]:
    """What is found with nothing indexed before."""
    async with side.engine(online=False) as engine:
        return await texts(engine, query)


async def test_what_is_deleted_here_is_found_by_nothing_at_once(side: Side) -> None:
    """Laws 4 and 8: from the call on, settled or not; a deletion given up is found again."""
    ids = side.send("tea one", "tea two", "tea three")
    await side.sync()
    async with side.engine() as engine:
        await engine.index()
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        assert await texts(engine, "tea") == ["tea three", "tea two"]
        await engine.drop_intents([1])
        assert await texts(engine, "tea") == ["tea three", "tea two", "tea one"]
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[1:2])
        await engine.sync()
        assert await engine.outbox() == []
        assert await texts(engine, "tea") == ["tea three", "tea one"]
        assert await engine.index() == 0


async def test_what_is_deleted_elsewhere_is_found_by_nothing(side: Side) -> None:
    """Law 5: from the read on that removes it; what comes back is found again."""
    ids = side.send(*(f"tea {name}" for name in numbered(1, 9)))
    side.time.seconds += 7200
    await side.sync()
    async with side.engine(audit_pages=4) as engine:
        await engine.index()
        side.world.delete_messages(USER, "bob", ids[3:5], "chat")
        for _ in range(2):
            side.time.seconds += 11
            await engine.sync()
        assert [text[4:] for text in await texts(engine, "tea")] == [
            *reversed(numbered(6, 9)),
            *reversed(numbered(1, 3)),
        ]


async def test_an_edit_is_found_by_its_new_text_at_once(side: Side) -> None:
    """In the commit that brings it; the old text finds nothing, and is where nothing is."""
    (first, _) = side.send("green tea", "black tea")
    await side.sync()
    async with side.engine(audit_pages=4) as engine:
        await engine.index()
        side.world.edit(first, "red wine")
        side.time.seconds += 11
        await engine.sync()
        assert await texts(engine, "green") == []
        assert await texts(engine, "wine") == ["red wine"]
        assert await texts(engine, "tea") == ["black tea"]
        await engine.upkeep()
    assert b"green" not in bytes_of(side)


async def test_a_row_number_that_is_used_again(side: Side) -> None:
    """SQLite gives a deleted newest message's number to the next one: that is indexed too."""
    await prepare(side, Said("tea one"), Said("tea two"), Said("tea three"))
    run(side, "DELETE FROM message WHERE message_id IN ('2', '3')")
    run(
        side,
        "INSERT INTO message (conversation, position, message_id, sender, timestamp, type, text,"
        " raw) VALUES (1, 9, 'x', 'bob', 1700000000000, 'text', 'wine', x'')",
    )
    assert run(side, "SELECT message FROM message WHERE message_id = 'x'") == [(2,)]
    async with side.engine(online=False) as engine:
        assert (await engine.reader.search("tea")).behind == 1
        assert await texts(engine, "two") == []
        assert await engine.index() == 1
        assert await texts(engine, "wine") == ["wine"]
        assert await texts(engine, "tea") == ["tea one"]


async def test_random_writes_leave_an_exact_index(side: Side) -> None:
    """Inserts, edits and deletions in any order, also of one row in one transaction: the index
    equals one made anew, posting by posting."""
    chance = random.Random(3)
    await prepare(side)
    async with side.engine(online=False) as engine:
        for step in range(60):
            statements = []
            for number in range(chance.randint(1, 6)):
                what = chance.choice(("insert", "insert", "edit", "delete", "late"))
                some = f"(SELECT message FROM message ORDER BY {chance.choice(('-', ''))}message)"
                text = f"w{chance.randrange(9)} 中{chance.choice('国文')} {step}"
                statements.append(
                    {
                        "insert": "INSERT INTO message (conversation, position, message_id, sender,"
                        f" timestamp, type, text, raw) VALUES (1, 0, '{step}.{number}', 'bob',"
                        f" {chance.randrange(5)}, 'text', '{text}', x'')",
                        "edit": f"UPDATE message SET text = '{text}' WHERE message = {some}",
                        "late": f"UPDATE message SET timestamp = {chance.randrange(5)}"
                        f" WHERE message = {some}",
                        "delete": f"DELETE FROM message WHERE message = {some}",
                    }[what]
                )
            with closing(sqlite3.connect(side.path)) as database, database:
                database.execute(
                    "INSERT OR IGNORE INTO conversation VALUES (1, 'p', 'chat', 0, 0,"
                    " NULL, '[]', 0, NULL, 0, 0, NULL, NULL, 0)"
                )
                for statement in statements:
                    database.execute(statement)
            if chance.random() < 0.7:
                await engine._store.tend(lambda c: index_some(c, 3))
        await engine.index()
        kept = postings(side)
        await engine._store.tend(lambda c: index_some(c, 1000, anew=True))
        assert postings(side) == kept
        assert kept


def postings(side: Side) -> list[tuple[Any, ...]]:
    """Every token of the index and where it stands."""
    with closing(sqlite3.connect(side.path)) as database:
        database.execute("INSERT INTO search (search) VALUES ('integrity-check')")
        database.execute("CREATE VIRTUAL TABLE temp.seen USING fts5vocab(main, search, instance)")
        return database.execute(
            "SELECT * FROM temp.seen ORDER BY term, doc, col, offset"
        ).fetchall()


@pytest.mark.parametrize("after", range(1, 60, 4))
async def test_a_crash_repeats_a_set_at_worst(side: Side, after: int) -> None:
    """Law 1: killed at any statement, the index and its mark are of one commit."""
    async with side.engine(online=False):
        fill(side.path, [Said(f"tea {n}", timestamp=n) for n in range(30)])

    left = after

    def die() -> int:
        nonlocal left
        left -= 1
        return left < 0

    with closing(sqlite3.connect(side.path, isolation_level=None)) as database:
        database.set_progress_handler(die, 200)
        with suppress(sqlite3.OperationalError):
            while index_some(database, 7):
                pass
    async with side.engine(online=False) as engine:
        await engine.index()
        assert len(await texts(engine, "tea")) == 30
    assert len(postings(side)) == len(set(postings(side)))


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE search",
        "DROP TABLE search_data",
        "DROP TABLE search_idx",
        "DROP TABLE search_config",
        "DELETE FROM search_data",
        "DELETE FROM search_data WHERE id > 10",
        "UPDATE search_data SET block = x'ff'",
        "UPDATE search_data SET block = zeroblob(40)",
        "UPDATE search_data SET block = x'ff' WHERE id > 10",
        "UPDATE search_config SET v = 9",
        "UPDATE search_state SET rules = 'of old'",
    ],
)
async def test_a_damaged_index_is_made_anew(side: Side, damage: str) -> None:
    """Law 10: it is derived, so nothing is lost; what is found meanwhile is honest."""
    await prepare(side, *(Said(f"tea {n}", timestamp=n) for n in range(50)))
    run(side, damage)
    async with side.engine(online=False) as engine:
        first = await engine.reader.search("tea", limit=100)
        assert len(first.hits) == 50 or first.behind == 50
        await engine.index()
        assert len(await texts(engine, "tea")) == 50
    assert len(await found(side, "tea")) == 50


@pytest.mark.parametrize("damage", ["DROP TABLE search_data", "DELETE FROM search_data"])
async def test_a_damaged_index_never_keeps_a_message_from_being_deleted(
    side: Side, damage: str
) -> None:
    """Law 10: the messages come first; the index is made anew behind them."""
    ids = side.send("tea one", "tea two")
    await side.sync()
    async with side.engine() as engine:
        await engine.index()
        run(side, damage)
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        await engine.sync()
        assert side.held() == ids[1:]
        await engine.index()
        assert await texts(engine, "tea") == ["tea two"]


async def test_the_engine_indexes_by_itself(side: Side) -> None:
    """What a sync brought is found soon after it, with nobody asking for that."""
    side.send("tea one")
    async with side.engine(index_search=True) as engine:
        await engine.sync()
        await until_found(engine, "one")
        side.send("tea two")
        await engine.sync()
        await until_found(engine, "two")
        assert (await engine.status()).behind == 0


async def until_found(engine: SyncEngine, text: str) -> None:
    """Look again and again; the engine's task has its turns in between."""
    while not (await engine.reader.search(text, limit=1)).hits:  # noqa: ASYNC110 - no event to wait for
        await asyncio.sleep(0)


async def test_the_engine_repairs_by_itself(side: Side) -> None:
    """A search that finds the index damaged has it made anew in the background."""
    await prepare(side, *(Said(f"tea {n}", timestamp=n) for n in range(50)))
    run(side, "UPDATE search_data SET block = x'ff'")
    async with side.engine(online=False, index_search=True) as engine:
        await until_found(engine, "tea")


async def test_with_the_switch_off_nothing_is_indexed(side: Side) -> None:
    """`index_search=False`: a search says how many messages it does not know."""
    side.send(*numbered(1, 5))
    await side.sync()
    before = dump(side.path)
    async with side.engine(online=False) as engine:
        assert (await engine.status()).behind == 5
    assert dump(side.path) == before


async def test_closing_waits_for_one_set_only(side: Side) -> None:
    """An engine with much to index closes at once, and the next goes on from there."""
    async with side.engine(online=False):
        fill(side.path, [Said(f"tea {n}", timestamp=n) for n in range(20_000)])
    async with side.engine(online=False, index_search=True) as engine:
        await until_found(engine, "tea")
    (mark,) = run(side, "SELECT indexed_to FROM search_state")[0]
    assert 0 < mark < 20_000
    async with side.engine(online=False) as engine:
        assert await engine.index() == 20_000 - mark


async def test_progress_is_told(side: Side) -> None:
    """How many are done, of how many."""
    async with side.engine(online=False) as engine:
        fill(side.path, [Said(f"tea {n}", timestamp=n) for n in range(9_000)])
        seen: list[tuple[int, int]] = []
        assert await engine.index(progress=lambda done, total: seen.append((done, total))) == 9_000
        assert seen == [(4_000, 9_000), (8_000, 9_000), (9_000, 9_000)]


async def test_a_closed_engine_does_no_upkeep(side: Side) -> None:
    """It says so."""
    async with side.engine(online=False) as engine:
        pass
    for call in (engine.index, engine.upkeep):
        with pytest.raises(EngineClosed):
            await call()


async def test_a_file_that_may_not_be_written_is_searched(side: Side) -> None:
    """Law 9: a reader beside the one that writes finds what is indexed, and indexes nothing."""
    await prepare(side, Said("tea one"))
    fill_more = "UPDATE message SET message_id = 'y'"
    run(side, fill_more)
    side.path.chmod(0o400)
    connection = await connect_threaded(side.path, True)
    await connection.close()
    store = await open_store(side.path)
    try:
        reader = Reader(store, decoder_for(None))
        assert [hit.message.text for hit in (await reader.search("tea")).hits] == ["tea one"]
    finally:
        await store.close()
        side.path.chmod(0o600)


SECRET = ("zanzibar", "麒麟")


def traces(side: Side) -> list[str]:
    """Which of the secret words are somewhere in the file or its log."""
    held = bytes_of(side)
    return [word for word in SECRET if word.encode() in held]


async def test_a_settled_deletion_leaves_no_bytes(side: Side) -> None:
    """After the upkeep no word of it is in the file: not in the message, not in the list's
    preview, not in the index."""
    texts_ = [f"tea {n} with words {n * 7}" for n in range(300)]
    texts_[150] = texts_[299] = "zanzibar 麒麟"
    ids = side.send(*texts_)
    await side.sync()
    async with side.engine() as engine:
        await engine.index()
        assert traces(side)
        await engine.delete_remote_messages_with_ids("bob", "chat", [ids[150], ids[299]])
        await engine.deliver()  # no list is read, which would replace the preview
        done = await engine.upkeep()
        assert (done.merged, done.truncated) == (True, True)
        assert traces(side) == []
        assert len(await texts(engine, "tea")) == 298
        assert not (await engine.upkeep()).merged
    assert traces(side) == []


async def test_a_deletion_that_waits_is_counted(side: Side) -> None:
    """Law 8: what is not delivered yet is kept, hidden, and the upkeep says so; also of a
    preview whose message is not held."""
    side.send("tea", "zanzibar 麒麟")
    unheld = side.send("zanzibar 麒麟", peer="carol")
    async with side.engine() as engine:
        await engine.get_conversations_from_server()
        await engine.delete_remote_messages_with_ids("carol", "chat", unheld)
        assert (await engine.upkeep()).pending == 1
        await engine.fetch_history_messages("bob", "chat")
        await engine.delete_remote_messages_before("bob", "chat", 1 << 50)
        done = await engine.upkeep()
        assert (done.pending, done.truncated) == (3, True)
        assert traces(side) == list(SECRET)
        await engine.sync()
        assert (await engine.upkeep()).pending == 0
    assert traces(side) == []


async def test_a_deletion_elsewhere_leaves_no_bytes(side: Side) -> None:
    """The same for what a second read did not show (law 5), by `verify`."""
    names = [f"tea {n}" for n in range(60)]
    names[20] = "zanzibar 麒麟"
    ids = side.send(*names)
    side.time.seconds += 7200
    await side.sync()
    async with side.engine() as engine:
        await engine.index()
        side.world.delete_messages(USER, "bob", [ids[20]], "chat")
        await engine.verify()
        await engine.upkeep()
        assert len(await texts(engine, "tea")) == 59
    assert traces(side) == []


async def test_many_deletions_leave_no_bytes(side: Side) -> None:
    """Half of some thousands, all over the file, with index pages merged and moved before."""
    words = [f"q{n:06}z" for n in range(6_000)]
    async with side.engine(online=False):
        fill(side.path, [Said(f"tea {w} {w[::-1]}", timestamp=n) for n, w in enumerate(words)])
    async with side.engine(online=False) as engine:
        await engine.index()
        with closing(sqlite3.connect(side.path)) as database, database:
            database.execute("PRAGMA secure_delete = ON")
            database.execute("DELETE FROM message WHERE message % 2 = 0")
        await engine.upkeep()
        assert len(await texts(engine, "tea", limit=5000)) == 3_000
    held = set(re.findall(rb"q\d{6}z|z\d{6}q", bytes_of(side)))
    kept = {w.encode() for w in words[::2]}
    assert held == kept | {w[::-1] for w in kept}


async def test_a_merge_goes_in_steps(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them a transaction of its own: a deletion need not wait for all of it."""
    monkeypatch.setattr(indexing, "_MERGE_PAGES", 2)
    await prepare(side, *(Said(f"tea {n} w{n * 7919 % 5003}", timestamp=n) for n in range(5_000)))
    run(side, "DELETE FROM message WHERE message = 2500")
    steps = 0
    async with side.engine(online=False) as engine:
        tend = engine._store.tend

        async def counted(job: Any) -> Any:
            nonlocal steps
            steps += 1
            return await tend(job)

        monkeypatch.setattr(engine._store, "tend", counted)
        assert (await engine.upkeep()).merged
        assert steps > 10
        assert len(await texts(engine, "tea", limit=1000)) == 4_999
    (levels,) = run(side, "SELECT count(DISTINCT segid) FROM search_idx")[0]
    assert levels == 1
