"""The SDK-named calls: what they store, and what they answer when the server is away."""

from typing import Any

import pytest

from syncengine import (
    Config,
    ConfigError,
    EngineClosed,
    Kind,
    Source,
    State,
    SyncEngine,
    Unreachable,
)
from syncengine.emulator import demo_world
from tests.harness import Side, numbered


def away(side: Side) -> None:
    """The server cannot be reached any more."""
    side.fail("drop-before", probability=1.0)
    side.emulator.faults._in_a_row = -10_000  # not even now and then


async def test_the_paged_list_is_stored(side: Side) -> None:
    """A page of the list is here afterwards, its conversations known and not yet synced."""
    side.serve(demo_world(clock=side.time.now))
    async with side.engine() as engine:
        first = await engine.fetch_conversation_list_from_server(1, 5)
        last = await engine.fetch_conversation_list_from_server(3, 5)
        held = await engine.load_all_conversations()
    assert (len(first.items), first.cursor, first.source) == (5, "2", Source.SERVER)
    assert (len(last.items), last.cursor) == (2, None)
    assert len(held) == 7
    assert not any(conversation.synced or conversation.whole for conversation in held)
    assert all(conversation.last_message for conversation in held)  # the list's previews


async def test_the_unpaged_list_is_stored(side: Side) -> None:
    """The old call brings the 10 conversations of the last 7 days."""
    side.serve(demo_world(clock=side.time.now))
    async with side.engine() as engine:
        fetched = await engine.get_conversations_from_server()
        assert len(fetched.items) == len(await engine.load_all_conversations()) == 10


async def test_lists_come_from_the_copy_when_the_server_is_away(side: Side) -> None:
    """Law 9: the local answer is marked, and carries the error that caused it."""
    side.serve(demo_world(clock=side.time.now))
    await side.sync()
    away(side)
    async with side.engine() as engine:
        every = await engine.get_conversations_from_server()
        page = await engine.fetch_conversation_list_from_server(2, 10)
    assert every.source is page.source is Source.LOCAL
    assert isinstance(every.error, Unreachable)
    assert (len(every.items), len(page.items), page.cursor) == (12, 2, None)


async def test_history_is_paged_and_stored(side: Side) -> None:
    """Page by page to the start: the copy is whole afterwards, without any sync."""
    side.send(*numbered(1, 50))
    async with side.engine() as engine:
        texts: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await engine.fetch_history_messages(
                "bob", "chat", page_size=20, start_message_id=cursor
            )
            assert page.source is Source.SERVER
            texts = [message.text for message in page.items] + texts
            cursor = page.cursor
    assert texts == numbered(1, 50)
    assert side.picture().endswith(f"[{' '.join(numbered(1, 50))}]")
    await side.sync()
    assert side.picture() == f"[{' '.join(numbered(1, 50))}]"


async def test_history_below_a_start_that_is_not_held_is_answered_not_stored(side: Side) -> None:
    """Law 2: where a page has no place, it is shown and not kept."""
    ids = side.send(*numbered(1, 30))
    async with side.engine() as engine:
        page = await engine.fetch_history_messages(
            "bob", Kind.CHAT, page_size=5, start_message_id=ids[9]
        )
        assert [message.text for message in page.items] == numbered(5, 9)
        assert await engine.load_all_conversations() == []


async def test_history_comes_from_the_copy_when_the_server_is_away(side: Side) -> None:
    """Law 9: the same pages from here, marked; with nothing here, the error."""
    side.send(*numbered(1, 30))
    await side.sync()
    away(side)
    async with side.engine() as engine:
        newest = await engine.fetch_history_messages("bob", "chat", page_size=20)
        older = await engine.fetch_history_messages(
            "bob", "chat", page_size=20, start_message_id=newest.cursor or ""
        )
        with pytest.raises(Unreachable):
            await engine.fetch_history_messages("nobody", "chat")
    assert newest.source is older.source is Source.LOCAL
    assert [m.text for m in newest.items] == numbered(11, 30)
    assert [m.text for m in older.items] == numbered(1, 10)
    assert older.cursor is None
    assert isinstance(older.error, Unreachable)


@pytest.mark.parametrize("size", [0, 50, -1])
async def test_history_page_sizes_are_under_fifty(side: Side, size: int) -> None:
    """The limits are told before anything is sent."""
    async with side.engine() as engine:
        with pytest.raises(ConfigError) as caught:
            await engine.fetch_history_messages("bob", "chat", page_size=size)
        assert "1 to 49" in caught.value.hint
    assert side.emulator.counters.total == 0


@pytest.mark.parametrize(("number", "size"), [(0, 10), (1, 0), (1, 21)])
async def test_list_page_numbers_and_sizes_are_checked(side: Side, number: int, size: int) -> None:
    """Pages count from 1, sizes go to 20."""
    async with side.engine() as engine:
        with pytest.raises(ConfigError):
            await engine.fetch_conversation_list_from_server(number, size)


async def test_an_engine_with_no_remote_reads_and_does_not_fetch(side: Side) -> None:
    """Law 9: everything is readable offline; fetching says what is missing."""
    side.send(*numbered(1, 3))
    await side.sync()
    async with side.engine(online=False) as engine:
        assert engine.state is State.OFFLINE
        assert (await engine.status()).messages == 3
        fetched = await engine.fetch_history_messages("bob", "chat")
        assert (len(fetched.items), fetched.source) == (3, Source.LOCAL)
        with pytest.raises(ConfigError) as caught:
            await engine.sync()
    assert "remote" in caught.value.hint


async def test_a_closed_engine_says_so(side: Side) -> None:
    """After the block nothing works, and the error tells why."""
    states = []
    async with side.engine() as engine:
        states.append(engine.state)
    states.append(engine.state)
    assert states == [State.IDLE, State.CLOSED]
    with pytest.raises(EngineClosed):
        await engine.sync()
    with pytest.raises(EngineClosed):
        await engine.load_all_conversations()


async def test_messages_are_read_by_key_in_both_directions(side: Side) -> None:
    """Keys are message ids; a slice is oldest first and knows whether it reached the start."""
    ids = side.send(*numbered(1, 10))
    await side.sync()
    async with side.engine(online=False) as engine:
        read = engine.reader.messages
        newest = await read("bob", "chat", limit=3)
        before = await read("bob", "chat", before=ids[3], limit=5)
        after = await read("bob", "chat", after=ids[3], limit=2)
        first = await read("bob", "chat", oldest=True, limit=2)
        with pytest.raises(ConfigError):
            await read("bob", "chat", before="12345")
        with pytest.raises(ConfigError):
            await read("bob", "channel")
    assert [m.text for m in newest.messages] == numbered(8, 10)
    assert [m.text for m in before.messages] == numbered(1, 3)
    assert [m.text for m in after.messages] == numbered(5, 6)
    assert [m.text for m in first.messages] == numbered(1, 2)
    assert (newest.reached_start, before.reached_start) == (False, True)


async def test_a_slice_shows_its_gaps_in_place(side: Side) -> None:
    """Law 9: a read says where something is missing, by the messages on both sides."""
    side.page_size = 5
    side.send(*numbered(1, 12))
    await side.sync()
    news = side.send(*numbered(13, 40))
    await side.sync_until(lambda progress: progress.pages >= 2, fetchers=1)
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages("bob", "chat", limit=40)
        newest = await engine.reader.messages("bob", "chat", limit=2)
        (conversation,) = await engine.load_all_conversations()
    (gap,) = found.gaps
    assert gap.older_id == found.messages[11].message_id
    assert gap.newer_id == found.messages[12].message_id
    assert newest.messages[-1].message_id == news[-1]
    assert newest.gaps == []
    assert (conversation.gaps, conversation.whole) == (1, False)


@pytest.mark.parametrize(
    "setting", [{"page_size": 50}, {"fetchers": 0}, {"attempts": 0}, {"backoff_base": -1}]
)
def test_settings_are_checked(setting: dict[str, Any]) -> None:
    """A value that cannot be used is an error that names it and says what can."""
    with pytest.raises(ConfigError, match=next(iter(setting))) as caught:
        Config(**setting)
    assert "from" in caught.value.hint


async def test_an_engine_of_one_account_does_not_open_anothers_file(side: Side) -> None:
    """A file belongs to one user of one server."""
    side.send("m1")
    await side.sync()
    side.world.add_user("carol")
    with pytest.raises(ConfigError, match="belongs to"):
        async with SyncEngine.open(side.path, side.remote(user="carol", password="carol")):
            pass
