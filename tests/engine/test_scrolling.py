"""Scrolling into a gap: it is closed first, with proof, past whatever else is under way."""

import asyncio
from collections.abc import Sequence

import pytest

from syncengine import ConfigError, Hole, Kind, Message, Source, SyncEngine, Unreachable
from syncengine.emulator import Switches, World
from syncengine.remote.easemob.roaming_pb2 import Meta
from tests.harness import USER, Side, WatchedRemote, numbered


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.text for message in messages]


def history_requests(side: Side) -> int:
    return side.emulator.counters.requests["history"]


async def gap_in_the_middle(side: Side, engine: SyncEngine, count: int = 60) -> list[str]:
    """`? … [m1 … m10] ? [m51 … m60]`: the newest ten were fetched after a time offline."""
    ids = side.send(*numbered(1, 10))
    await engine.sync()
    ids += side.send(*numbered(11, count))
    await engine.fetch_history_messages("bob", "chat", page_size=10)
    shown = f"[{' '.join(numbered(1, 10))}] ? [{' '.join(numbered(count - 9, count))}]"
    assert side.picture() == shown
    return ids


async def test_a_gap_is_closed_before_the_messages_are_shown(side: Side) -> None:
    """Laws 2 and 9: what lies in the gap is fetched, proved and shown, with one request."""
    async with side.engine() as engine:
        ids = await gap_in_the_middle(side, engine)
        asked = history_requests(side)
        found = await engine.load_messages("bob", "chat", before=ids[50], limit=20)
        assert history_requests(side) == asked + 1
    assert texts(found.slice.messages) == numbered(31, 50)
    assert (found.source, found.error, found.slice.whole) == (Source.SERVER, None, True)
    assert side.picture() == f"[{' '.join(numbered(1, 60))}]"


async def test_where_nothing_is_missing_nothing_is_asked(side: Side) -> None:
    """Law 9: a page that is here is read here, also when the server is slow or gone."""
    ids = side.send(*numbered(1, 60))
    await side.sync()
    async with side.engine() as engine:
        asked = side.emulator.counters.total
        found = await engine.load_messages("bob", "chat", around=ids[30], limit=10)
        assert side.emulator.counters.total == asked
    assert texts(found.slice.messages) == numbered(26, 35)
    assert (found.source, found.error, found.slice.whole) == (Source.LOCAL, None, True)


@pytest.mark.parametrize("place", ["after", "around", "at", "newest"])
async def test_every_way_to_read_closes_the_gap(side: Side, place: str) -> None:
    """From below, around a message, around a time that lies in it, and from the newest end."""
    async with side.engine() as engine:
        ids = await gap_in_the_middle(side, engine, 40)
        if place == "after":
            found = await engine.load_messages("bob", "chat", after=ids[9], limit=5)
            assert texts(found.slice.messages) == numbered(11, 15)
        elif place == "around":
            found = await engine.load_messages("bob", "chat", around=ids[30], limit=5)
            assert texts(found.slice.messages) == numbered(29, 33)
        elif place == "at":
            sent = side.world.history(USER, "bob", "chat")[19].timestamp
            found = await engine.load_messages("bob", "chat", at=sent, limit=5)
            assert texts(found.slice.messages) == numbered(18, 22)
            assert found.slice.anchor == ids[19]
        else:
            found = await engine.load_messages("bob", "chat", limit=25)
            assert texts(found.slice.messages) == numbered(16, 40)
    assert found.slice.whole
    assert found.source is Source.SERVER


async def test_a_large_gap_is_asked_for_a_few_pages_only(side: Side) -> None:
    """One call has bounded work: what is left stays a gap, and is shown as one."""
    side.page_size = 10
    async with side.engine() as engine:
        ids = await gap_in_the_middle(side, engine, 200)
        asked = history_requests(side)
        found = await engine.load_messages("bob", "chat", before=ids[190], limit=150)
        assert history_requests(side) == asked + 4
        (gap,) = found.slice.gaps
    shown = texts(found.slice.messages)
    assert shown == [*numbered(1, 10), *numbered(200 - len(shown) + 1, 190)]
    assert 32 <= len(shown) - 10 <= 40
    assert (gap.older_id, gap.newer_id) == (ids[9], found.slice.messages[10].message_id)


async def test_scrolling_to_the_start_of_history_ends_there(side: Side) -> None:
    """Law 2: the start is believed in answer to a start that was just served; then the copy
    is whole without any sync, and scrolling on asks for nothing."""
    side.page_size = 10
    side.send(*numbered(1, 35))
    async with side.engine() as engine:
        found = await engine.load_messages("bob", "chat", limit=10)
        while not found.slice.reached_start:
            first = found.slice.messages[0].message_id
            found = await engine.load_messages("bob", "chat", before=first, limit=10)
        assert side.picture() == f"[{' '.join(numbered(1, 35))}]"
        again = await engine.load_messages("bob", "chat", limit=50)
    assert again.source is Source.LOCAL
    assert again.slice.whole


async def test_a_conversation_that_nobody_heard_of_here_is_asked_for(side: Side) -> None:
    """A window may open on a conversation before any list was read; one that the server does
    not know either stays *never synced*."""
    side.send(*numbered(1, 3))
    async with side.engine() as engine:
        found = await engine.load_messages("bob", "chat")
        nobody = await engine.load_messages("nobody", Kind.CHAT)
    assert texts(found.slice.messages) == numbered(1, 3)
    assert found.slice.whole
    assert not nobody.slice.messages
    assert list(nobody.slice.gaps) == [Hole(None, None)]


@pytest.mark.parametrize("news", [0, 3, 20])
async def test_a_single_message_above_a_gap(side: Side, news: int) -> None:
    """Law 2: it has nothing above it to begin from; the newest end proves what lies below,
    however much arrived there meanwhile."""
    ids = side.send(*numbered(1, 20))
    side.page_size = 8
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=1)
        assert side.picture() == "? [m20]"
        side.send(*numbered(21, 20 + news))
        found = await engine.load_messages("bob", "chat", before=ids[19], limit=2)
    assert texts(found.slice.messages)[-2:] == ["m18", "m19"]
    assert found.error is None


async def test_a_single_message_between_two_gaps(side: Side) -> None:
    """Law 2: from such an island nothing can be proved: the gap above it is closed first."""
    ids = side.send(*numbered(1, 20))
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=1)
        side.send(*numbered(21, 40))
        await engine.fetch_history_messages("bob", "chat", page_size=5)
        assert side.picture() == f"? [m20] ? [{' '.join(numbered(36, 40))}]"
        found = await engine.load_messages("bob", "chat", before=ids[19], limit=5)
    assert texts(found.slice.messages) == numbered(15, 19)
    assert side.picture().endswith(f"[{' '.join(numbered(1, 40))}]")


async def test_rows_that_are_no_messages_are_passed(side: Side) -> None:
    """A page full of acknowledgements leads on to the messages below them."""
    side.page_size = 4
    side.send(*numbered(1, 12))
    for number in range(3):
        raw = Meta(id=1 + number, ns=5).SerializeToString()
        side.world.add_row("bob", USER, Kind.CHAT, raw)
    ids = side.send(*numbered(13, 16))
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=4)
        assert side.picture() == "? [m13 m14 m15 m16]"
        found = await engine.load_messages("bob", "chat", before=ids[0], limit=3)
    assert texts(found.slice.messages) == ["m10", "m11", "m12"]


@pytest.mark.parametrize("start_gone", ["nothing", "head", "honour"])
async def test_messages_deleted_at_the_gap_prove_nothing(side: Side, start_gone: str) -> None:
    """Law 2: where those above the gap are gone from the server, whatever it answers, no
    message is misplaced and no gap is closed too early."""
    world = World(clock=side.time.now, switches=Switches(start_gone=start_gone))  # type: ignore[arg-type]  # a word of it
    world.add_user(USER)
    side.serve(world)
    async with side.engine() as engine:
        ids = await gap_in_the_middle(side, engine)
        for message_id in ids[50:53]:
            world.delete_messages(USER, "bob", [message_id], Kind.CHAT)
        found = await engine.load_messages("bob", "chat", before=ids[50], limit=20)
        assert found.error is None
        shown = [text for text in texts(found.slice.messages) if text not in numbered(1, 10)]
        assert shown == numbered(51 - len(shown), 50)
        await engine.sync()
    held = side.held()
    assert held == sorted(held, key=int)
    assert set(held) >= set(side.served())


async def test_two_scrolls_into_one_gap_share_one_request(side: Side) -> None:
    """The second waits for the first one's page; when the first gives up, it still comes."""
    remote = side.remote()
    async with side.engine(remote=remote) as engine:
        ids = await gap_in_the_middle(side, engine)
        asked = history_requests(side)
        reached, go_on = hold(remote)
        first = asyncio.create_task(engine.load_messages("bob", "chat", before=ids[50]))
        await reached.wait()
        second = asyncio.create_task(engine.load_messages("bob", "chat", limit=30))
        await one_more_waits(engine)
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        go_on.set()
        found = await second
        assert history_requests(side) == asked + 1
    assert texts(found.slice.messages) == numbered(31, 60)


async def test_a_scroll_that_everybody_gave_up_is_over(side: Side) -> None:
    """The last to cancel ends the request, and nothing of it is left: neither half a page nor
    a task, and a deletion does not wait for it."""
    remote = side.remote()
    async with side.engine(remote=remote) as engine:
        ids = await gap_in_the_middle(side, engine)
        before = side.picture()
        reached, _ = hold(remote)
        scroll = asyncio.create_task(engine.load_messages("bob", "chat", before=ids[50]))
        await reached.wait()
        tasks = asyncio.all_tasks()
        scroll.cancel()
        await asyncio.wait([scroll])
        assert asyncio.all_tasks() < tasks
        await engine._under_way.placed()
    assert side.picture() == before


async def test_a_slow_server_does_not_hold_the_window_up(side: Side) -> None:
    """Law 9: after the deadline what is held is shown, with the reason."""
    remote = side.remote()
    async with side.engine(remote=remote) as engine:
        ids = await gap_in_the_middle(side, engine)
        hold(remote)
        found = await engine.load_messages("bob", "chat", before=ids[50], limit=5, deadline=0.01)
        await engine._under_way.placed()
    assert texts(found.slice.messages) == numbered(6, 10)
    assert found.source is Source.LOCAL
    assert isinstance(found.error, Unreachable)
    assert found.slice.gaps == [Hole(ids[9], ids[50])]


async def test_offline_a_gap_is_shown_for_what_it_is(side: Side) -> None:
    """Law 9: with no server the slice is what is held, its gap in place, and why it stays."""
    async with side.engine() as engine:
        ids = await gap_in_the_middle(side, engine)
    async with side.engine(online=False) as engine:
        found = await engine.load_messages("bob", "chat", limit=12)
        assert texts(found.slice.messages) == [*numbered(9, 10), *numbered(51, 60)]
        assert found.slice.gaps == [Hole(ids[9], ids[50])]
        assert found.source is Source.LOCAL
        assert isinstance(found.error, ConfigError)
        with pytest.raises(ConfigError):
            await engine.load_messages("bob", "chat", before="12345")
        with pytest.raises(ConfigError):
            await engine.load_messages("bob", "chat", before=ids[0], after=ids[1])


async def test_scrolling_while_a_sync_is_under_way(side: Side) -> None:
    """Law 1: both place pages into the same gap, and the history is whole and in order."""
    side.page_size = 10
    remote = side.remote()
    async with side.engine(remote=remote, fetchers=1) as engine:
        ids = await gap_in_the_middle(side, engine, 150)
        pages = 0

        async def scroll(peer: str, start: str) -> None:
            nonlocal pages
            pages += 1
            if pages % 3 == 1:
                remote.before = None
                found = await engine.load_messages("bob", "chat", before=ids[140], limit=30)
                assert found.error is None
                remote.before = scroll

        remote.before = scroll
        report = await engine.sync()
        assert pages > 2
    assert report.errors == ()
    assert side.picture() == f"[{' '.join(numbered(1, 150))}]"


def hold(remote: WatchedRemote) -> tuple[asyncio.Event, asyncio.Event]:
    """Requests for history wait: one event says that one is there, the other lets them go."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait(peer: str, start: str) -> None:
        reached.set()
        await go_on.wait()

    remote.before = wait
    return reached, go_on


async def one_more_waits(engine: SyncEngine) -> None:
    """Until a second scroll waits for the first one's work."""
    while not any(work.waiters == 2 for work in engine._scrolls._works.values()):  # noqa: ASYNC110
        await asyncio.sleep(0)
