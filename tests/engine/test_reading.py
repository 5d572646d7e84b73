"""Local reads: in pages by key, around a message or a time, and what each says of itself."""

import asyncio
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from syncengine import ConfigError, Conversation, ConversationKey, Hole, Slice, SyncEngine
from syncengine.models import Details
from tests.harness import Side, numbered

BOB = ConversationKey("bob", "chat")


def keys(conversations: list[Conversation]) -> list[str]:
    return [conversation.conversation_id for conversation in conversations]


def texts(part: Slice) -> list[str]:
    return [message.text for message in part.messages]


async def listed_page_by_page(engine: SyncEngine, size: int) -> list[str]:
    found: list[str] = []
    after: ConversationKey | None = None
    while page := await engine.reader.conversations(after=after, limit=size):
        found += keys(page)
        after = ConversationKey(page[-1].conversation_id, page[-1].kind)
    return found


@pytest.mark.parametrize("size", [1, 3, 7, 50])
async def test_pages_of_the_list_are_the_list(side: Side, size: int) -> None:
    """Law 9: pinned first, then most recent, also where times tie; page by page the same as
    at once, none twice and none left out."""
    for number in range(12):
        side.time.seconds += number % 3  # some tie
        side.send("hi", peer=f"peer{number}")
    for peer in ("peer2", "peer7"):
        side.world.pin("alice", peer, "chat")
    await side.sync()
    async with side.engine(online=False) as engine:
        every = keys(await engine.load_all_conversations())
        assert await listed_page_by_page(engine, size) == every
    assert set(every[:2]) == {"peer2", "peer7"}
    assert len(every) == 12


async def test_a_page_after_nothing_that_is_held(side: Side) -> None:
    """A key that is unknown, and a limit below one, are errors with a hint."""
    side.send("m1")
    await side.sync()
    async with side.engine(online=False) as engine:
        with pytest.raises(ConfigError) as caught:
            await engine.reader.conversations(after=ConversationKey("nobody", "chat"))
        assert "listing" in caught.value.hint
        with pytest.raises(ConfigError):
            await engine.reader.conversations(limit=0)
        assert await engine.reader.conversations(after=BOB) == []


@pytest.mark.parametrize("limit", [0, -1, 2_000_000_001, 10**20])
async def test_a_limit_that_cannot_be_meant(side: Side, limit: int) -> None:
    """Whatever is read: an error with a hint, not one of the database's."""
    side.send("m1")
    await side.sync()
    async with side.engine(online=False) as engine:
        read = engine.reader
        for call in (
            read.conversations(limit=limit),
            read.messages("bob", "chat", limit=limit),
            engine.load_messages("bob", "chat", limit=limit),
            read.search("m1", limit=limit),
            read.changes(limit=limit),
        ):
            with pytest.raises(ConfigError, match=f"limit is {limit}") as caught:
                await call
            assert "at " in caught.value.hint
        most = 2_000_000_000
        assert len(await read.conversations(limit=most)) == 1
        assert len((await read.messages("bob", "chat", limit=most)).messages) == 1
        assert await read.changes(limit=most)


async def test_a_conversation_that_was_deleted_here_is_still_a_key(side: Side) -> None:
    """Paging goes on from where it stood, though it is not listed any more."""
    for peer in ("carol", "bob", "dave"):
        side.time.seconds += 1
        side.send("hi", peer=peer)
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_conversation("bob", "chat")
        assert keys(await engine.load_all_conversations()) == ["dave", "carol"]
        assert keys(await engine.reader.conversations(after=BOB)) == ["carol"]


@pytest.mark.parametrize(
    ("middle", "limit", "shown"),
    [
        (50, 10, (45, 54)),
        (50, 1, (50, 50)),
        (50, 2, (49, 50)),
        (1, 5, (1, 5)),
        (3, 9, (1, 9)),
        (100, 5, (96, 100)),
        (98, 9, (92, 100)),
        (50, 500, (1, 100)),
    ],
)
async def test_around_a_message(
    side: Side, middle: int, limit: int, shown: tuple[int, int]
) -> None:
    """Half older, half newer, the message included; near an end the other side has more.

    Around the time at which it was sent is the same."""
    ids = side.send(*numbered(1, 100))
    await side.sync()
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages("bob", "chat", around=ids[middle - 1], limit=limit)
        sent = next(m for m in found.messages if m.message_id == ids[middle - 1]).timestamp
        same = await engine.reader.messages("bob", "chat", at=sent, limit=limit)
    assert texts(found) == numbered(*shown)
    assert found.anchor == ids[middle - 1]
    assert found.whole
    assert found.reached_start == (shown[0] == 1)
    assert same.anchor is not None
    assert same.messages[0].timestamp <= sent <= same.messages[-1].timestamp


async def test_around_times_before_and_after_everything(side: Side) -> None:
    """Then it is the oldest, or the newest messages; only the latter have no anchor."""
    ids = side.send(*numbered(1, 30))
    await side.sync()
    async with side.engine(online=False) as engine:
        first = await engine.reader.messages("bob", "chat", at=0, limit=5)
        last = await engine.reader.messages("bob", "chat", at=1 << 62, limit=5)
        never = await engine.reader.messages("bob", "chat", at=-(1 << 70), limit=5)
    assert (texts(first), first.anchor) == (numbered(1, 5), ids[0])
    assert (texts(last), last.anchor) == (numbered(26, 30), None)
    assert never == first


async def test_a_time_inside_a_gap(side: Side) -> None:
    """Law 9: what was sent then is missing, and the slice says so in its middle."""
    side.send(*numbered(1, 10))
    await side.sync()
    side.time.seconds += 1000
    then = side.time.now()
    ids = side.send(*numbered(11, 30))
    side.time.seconds += 1000
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=5)
        found = await engine.reader.messages("bob", "chat", at=then, limit=6)
    assert texts(found) == [*numbered(8, 10), *numbered(26, 28)]
    assert found.anchor == ids[15]
    assert (len(found.gaps), found.whole) == (1, False)


async def test_messages_that_are_not_held_and_two_places_at_once(side: Side) -> None:
    """Both are errors with a hint; a message that was just deleted is still a place."""
    ids = side.send(*numbered(1, 9))
    await side.sync()
    async with side.engine(online=False) as engine:
        read = engine.reader.messages
        for places in (
            {"around": "1"},
            {"before": "\ud800"},
            {"around": ids[0], "at": 1},
            {"before": "1", "at": 1},
        ):
            with pytest.raises(ConfigError) as caught:
                await read("bob", "chat", **places)
            assert caught.value.hint
        await engine.delete_remote_messages_with_ids("bob", "chat", [ids[4]])
        found = await read("bob", "chat", around=ids[4], limit=4)
    assert texts(found) == ["m3", "m4", "m6", "m7"]
    assert found.anchor is None


async def test_an_id_that_is_no_text(side: Side) -> None:
    """Half a surrogate pair cannot be stored: an error with a hint, for reads and deletions."""
    async with side.engine(online=False) as engine:
        for call in (
            engine.reader.messages("\ud800", "chat"),
            engine.reader.conversation("\ud800", "chat"),
            engine.delete_remote_messages_with_ids("\ud800", "chat", ["1"]),
        ):
            with pytest.raises(ConfigError, match="no conversation id") as caught:
                await call
            assert caught.value.hint


async def test_a_slice_is_whole_only_where_nothing_is_missing_beside_it(side: Side) -> None:
    """Law 9: a gap or a seam that it borders on counts, one further away does not."""
    ids = side.send(*numbered(1, 9))
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database:
        row, places = 1, [p for (p,) in database.execute("SELECT position FROM message ORDER BY 1")]
        database.execute(
            "INSERT INTO gap (conversation, low, high, cursor, seam) VALUES (?, ?, ?, NULL, 0)",
            (row, places[2], places[3]),
        )
        database.execute(
            "INSERT INTO gap (conversation, low, high, cursor, seam) VALUES (?, ?, ?, NULL, 1)",
            (row, places[5], places[6]),
        )
        database.commit()
    async with side.engine(online=False) as engine:
        newest = await engine.reader.messages("bob", "chat", limit=2)
        seam = await engine.reader.messages("bob", "chat", limit=3)
        both = await engine.reader.messages("bob", "chat", around=ids[4], limit=3)
        never = await engine.reader.messages("nobody", "chat")
    assert (texts(newest), newest.whole) == (["m8", "m9"], True)
    assert (seam.gaps, seam.seams, seam.whole) == ([], [Hole(ids[5], ids[6])], False)
    assert (both.gaps, both.seams) == ([Hole(ids[2], ids[3])], [Hole(ids[5], ids[6])])
    assert (list(never.gaps), never.whole) == ([Hole(None, None)], False)


async def test_reads_do_not_wait_for_a_sync(side: Side) -> None:
    """Law 9: while a page is on its way everything is readable."""
    side.send(*numbered(1, 5))
    await side.sync()
    side.send(*numbered(6, 9))
    remote = side.remote()
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait(peer: str, start: str) -> None:
        reached.set()
        await go_on.wait()

    remote.before = wait
    async with side.engine(remote=remote) as engine:
        sync = asyncio.create_task(engine.sync())
        await reached.wait()
        assert texts(await engine.reader.messages("bob", "chat")) == numbered(1, 5)
        go_on.set()
        await sync
        assert texts(await engine.reader.messages("bob", "chat")) == numbered(1, 9)


async def test_details_are_decoded_when_they_are_looked_at(side: Side) -> None:
    """A list decodes nothing; a message is equal to one that is decoded, whole and frozen."""
    side.send("m1", ext={"colour": "red"})
    await side.sync()
    async with side.engine(online=False) as engine:
        decoded: list[bytes] = []
        decode = engine.reader._decode

        def watched(raw: bytes) -> Details:
            decoded.append(raw)
            return decode(raw)

        engine.reader._decode = watched
        (conversation,) = await engine.load_all_conversations()
        last = conversation.last_message
        assert last is not None
        assert (last.text, decoded) == ("m1", [])
        assert last.ext == {"colour": "red"}
        assert last.body == {}
        assert len(decoded) == 1
        (message,) = (await engine.reader.messages("bob", "chat")).messages
        (same,) = await engine.load_all_conversations()
    assert message == last
    assert same == conversation
    assert pickle.loads(pickle.dumps(same)) == same
    assert attrs.asdict(same)["last_message"]["ext"] == {"colour": "red"}
    with pytest.raises(AttributeError):
        same.last_message = None  # type: ignore[misc]  # it is refused
    with pytest.raises(AttributeError):
        message.ext = {}  # type: ignore[misc]  # it is refused
    with pytest.raises(AttributeError, match="colour"):
        _ = message.colour  # type: ignore[attr-defined]  # it is refused


async def test_a_message_of_five_megabytes(side: Side) -> None:
    """It is stored and read back whole, in a page, in the list, and around its time."""
    text = "消息" * 850_000
    side.send("before")
    (large,) = side.send(text)
    side.send("after")
    await side.sync()
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages("bob", "chat", around=large)
        (conversation,) = await engine.load_all_conversations()
    assert texts(found) == ["before", text, "after"]
    assert len(text.encode()) > 5_000_000
    assert conversation.whole


def fill(path: Path, count: int) -> None:
    """Put so many messages into bob's conversation, every tenth followed by a gap."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM message")
        database.execute("DELETE FROM gap")
        database.executemany(
            "INSERT INTO message (conversation, position, message_id, sender, timestamp, type,"
            " text, raw) VALUES (1, ?, ?, 'bob', ?, 'text', '', x'')",
            ((n << 16, f"m{n}", n * 1000) for n in range(count)),
        )
        database.executemany(
            "INSERT INTO gap (conversation, low, high, cursor, seam) VALUES (1, ?, ?, NULL, 0)",
            ((n << 16, (n + 1) << 16) for n in range(0, count - 1, 10)),
        )
        database.commit()


async def steps(engine: SyncEngine, read: Callable[..., Any], **place: Any) -> int:
    """How many steps of SQLite's machine a page takes."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    await engine._store.read(lambda c: c.set_progress_handler(count, 1))
    found = await read("bob", "chat", limit=20, **place)
    await engine._store.read(lambda c: c.set_progress_handler(None, 1))
    assert len(found.messages) == 20
    return counted


async def test_a_page_costs_the_same_wherever_it_is_and_however_much_is_held(side: Side) -> None:
    """Laws 9 and 11: SQLite's own steps are counted, at two sizes, in every way to read."""
    side.send("m1")
    await side.sync()
    costs: dict[int, dict[str, int]] = {}
    for count in (1_000, 20_000):
        fill(side.path, count)
        middle = f"m{count // 2}"
        places: dict[str, dict[str, Any]] = {
            "newest": {},
            "oldest": {"oldest": True},
            "before": {"before": middle},
            "after": {"after": middle},
            "around": {"around": middle},
            "at": {"at": count // 2 * 1000},
        }
        async with side.engine(online=False) as engine:
            read = engine.reader.messages
            costs[count] = {name: await steps(engine, read, **at) for name, at in places.items()}
    for name, cost in costs[20_000].items():
        assert cost < 1.3 * costs[1_000][name] + 100, costs
    assert costs[20_000]["before"] < 1.5 * costs[20_000]["newest"], costs
