"""Interleavings and lags that once lost messages, or held up a conversation for ever."""

import asyncio

import pytest
from attrs import evolve

from syncengine import Kind, Report, Unauthorized, Unreachable
from syncengine.emulator import Switches, World
from syncengine.models import SummaryPage
from syncengine.remote.easemob.roaming_pb2 import Meta
from tests.harness import USER, Side, WatchedRemote, numbered


def use(side: Side, **switches: object) -> None:
    world = World(clock=side.time.now, switches=Switches(**switches))  # type: ignore[arg-type]  # by their names
    world.add_user(USER)
    side.serve(world)


def send_acknowledgements(side: Side, count: int) -> None:
    """Rows of bob's history that are no messages."""
    for number in range(count):
        raw = Meta(id=1 + number, ns=5).SerializeToString()
        side.world.add_row("bob", USER, Kind.CHAT, raw)


def later(side: Side) -> None:
    """So much later that no replica lags behind."""
    side.time.seconds += 7200


def hold_the_first_page(remote: WatchedRemote) -> tuple[asyncio.Event, asyncio.Event]:
    """The first page is slow on its way: one event says that it was answered, the other
    lets it arrive."""
    answered, go_on = asyncio.Event(), asyncio.Event()

    async def hold(peer: str, start: str) -> None:
        if not answered.is_set():
            answered.set()
            await go_on.wait()

    remote.after = hold
    return answered, go_on


async def settle(side: Side) -> Report:
    """Sync until nothing can be in doubt any more."""
    for _ in range(5):
        later(side)
        report = await side.sync()
    assert report.errors == ()
    assert report.gaps_open == 0
    return report


async def test_a_page_that_comes_late_does_not_close_a_gap(side: Side) -> None:
    """Law 2: a head page asked for before newer ones arrived proves nothing about them."""
    side.page_size = 10
    side.send(*numbered(1, 10))
    await side.sync()
    later(side)
    remote = side.remote()
    answered, go_on = hold_the_first_page(remote)
    async with side.engine(remote=remote, fetchers=1) as engine:
        slow = asyncio.create_task(engine.fetch_history_messages("bob", "chat", page_size=10))
        await answered.wait()
        side.send(*numbered(11, 60))
        await engine.fetch_history_messages("bob", "chat", page_size=10)
        go_on.set()
        await slow
        assert " ? " in side.picture()
        await engine.sync()
    await settle(side)
    assert side.held() == side.served()


async def test_a_page_that_comes_late_does_not_undo_an_edit(side: Side) -> None:
    """Law 3: what is held is replaced by what is newer, not by what arrives later."""
    ids = side.send(*numbered(1, 10))
    await side.sync()
    remote = side.remote()
    answered, go_on = hold_the_first_page(remote)
    async with side.engine(remote=remote) as engine:
        slow = asyncio.create_task(engine.fetch_history_messages("bob", "chat", page_size=10))
        await answered.wait()
        side.world.edit(ids[-1], "m10-edited")
        await engine.sync()
        go_on.set()
        await slow
    assert side.picture().endswith("m9 m10-edited]")


@pytest.mark.parametrize("start_gone", ["nothing", "head", "honour"])
async def test_a_replica_that_lags_after_an_interruption_loses_nothing(
    side: Side, start_gone: str
) -> None:
    """Law 2: an old head neither joins two spans nor ends the history between them."""
    use(side, start_gone=start_gone)
    side.page_size = 10
    side.send(*numbered(1, 10))
    later(side)
    await side.sync()
    side.send(*numbered(11, 60))
    await side.sync_until(lambda progress: progress.messages_added >= 10, fetchers=1)
    side.world.switches = evolve(side.world.switches, replicas=2, replica_lag_ms=3_000_000)
    for _ in range(3):
        side.time.seconds += 11
        await side.sync()
    await settle(side)
    assert side.held() == side.served()


@pytest.mark.parametrize("page_size", [1, 49])
async def test_a_head_of_one_message_is_not_the_end_of_history(side: Side, page_size: int) -> None:
    """Law 2: where one message is all that was served, a lagging replica's nothing is no end."""
    use(side, start_gone="nothing", replicas=2, replica_lag_ms=1_000)
    side.page_size = page_size
    side.send(*numbered(1, 5))
    later(side)
    side.send("m6")
    if page_size == 49:
        send_acknowledgements(side, 48)
    for _ in range(2):
        await side.sync()
    await settle(side)
    assert side.picture() == "[m1 m2 m3 m4 m5 m6]"


async def test_an_announced_message_is_waited_for_as_long_as_replicas_may_lag(side: Side) -> None:
    """Law 6: three quick looks are not enough to give up what the list announced."""
    use(side, replicas=2, replica_lag_ms=3_000_000)
    side.send(*numbered(1, 3))
    later(side)
    await side.sync()
    side.send("m4")
    for _ in range(6):
        report = await side.sync()
        if side.held() != side.served():
            assert report.gaps_open == 1
    await settle(side)
    assert side.picture() == "[m1 m2 m3 m4]"


async def test_what_left_the_list_before_it_was_fetched_is_still_fetched(side: Side) -> None:
    """Law 6: the gap is kept here, whatever the list shows later."""
    use(side, list_cap=2, replicas=2, replica_lag_ms=3_000_000)
    side.send("m1")
    later(side)
    await side.sync()
    side.send("m2")
    await side.sync()
    for peer in ("carol", "dave"):
        side.send("x", peer=peer)
    await settle(side)
    assert side.picture() == "[m1 m2]"


async def test_a_run_of_rows_that_are_no_messages_holds_nothing_up(side: Side) -> None:
    """More acknowledgements than a page has rows stand between two messages."""
    side.send(*numbered(1, 5))
    later(side)
    await side.sync()
    side.send(*numbered(6, 30))
    send_acknowledgements(side, 60)
    side.send(*numbered(31, 100))
    later(side)
    await settle(side)
    assert side.picture() == f"[{' '.join(numbered(1, 100))}]"


async def test_a_stuck_conversation_does_not_ask_more_because_others_pull(side: Side) -> None:
    """Law 12: how often one gap is tried does not grow with the account."""
    side.page_size = 10
    side.send(*numbered(1, 10), peer="bob")
    await side.sync()
    side.send(*numbered(11, 60), peer="bob")
    side.send(*numbered(1, 2000), peer="carol")
    later(side)
    remote = side.remote()
    asked = 0

    async def count(peer: str, start: str) -> None:
        nonlocal asked
        asked += peer == "bob"
        if peer == "bob" and start:
            side.world.delete_messages(USER, "bob", [start], Kind.CHAT)

    remote.before = count
    async with side.engine(remote=remote, fetchers=2) as engine:
        await engine.sync()
    assert asked < 40


async def test_an_import_above_the_last_message_left_does_not_hold_up_the_gap(side: Side) -> None:
    """Law 2: a resumed chain proves itself from what is held, whatever stands in between."""
    side.send(*numbered(1, 5))
    later(side)
    await side.sync()
    for text in numbered(6, 199):
        side.send(text)
        side.time.seconds += 60
    await side.sync_until(lambda progress: progress.messages_added >= 40, fetchers=1)
    held = side.held()
    low = side.world.message(held[5])
    older = side.served()[: side.served().index(held[5])]
    side.world.delete_messages(USER, "bob", older, Kind.CHAT)
    side.world.import_message("bob", USER, Kind.CHAT, "imported", at=low.timestamp + 10)
    await settle(side)


async def test_a_start_deleted_between_two_phases_misplaces_nothing(side: Side) -> None:
    """Law 2: minutes pass between a newest page and its depth; its start is proved again."""
    use(side, start_gone="head")
    side.page_size = 5
    side.send(*numbered(1, 60))
    later(side)
    side.send("hi", peer="carol")
    remote = side.remote()
    gone: list[str] = []

    async def delete_the_start(peer: str, start: str) -> None:
        if peer == "bob" and start and not gone:
            gone.append(start)
            side.world.delete_messages(USER, "bob", [start], Kind.CHAT)
            side.send(*(f"n{i}" for i in range(8)))

    remote.before = delete_the_start
    async with side.engine(remote=remote, fetchers=1) as engine:
        await engine.sync()
    await settle(side)
    assert [m for m in side.held() if m not in gone] == side.served()


class CutList(WatchedRemote):
    """A list whose second page fails."""

    async def fetch_summaries(self, cursor: str = "", *, limit: int = 50) -> SummaryPage:
        """The first page only."""
        if cursor:
            raise Unreachable("no answer in time")
        return await super().fetch_summaries(cursor, limit=limit)


async def test_news_below_a_page_of_the_list_that_failed_is_not_forgotten(side: Side) -> None:
    """Law 6: a first page without news ends a pass only when nothing was left below it."""
    peers = [f"u{number:02}" for number in range(12)]
    for peer in peers:
        side.send("a", peer=peer)
    later(side)
    await side.sync(summary_page_size=5)
    for peer in peers:
        side.send("b", peer=peer)
    cut = CutList(
        "http://127.0.0.1:1",
        app_key=side.world.app_key,
        user=USER,
        password=USER,
        transport=side.emulator.transport,
        now=side.time.now,
    )
    async with side.engine(remote=cut, attempts=1, summary_page_size=5) as engine:
        assert (await engine.sync()).errors
    await side.sync(summary_page_size=5)
    side.assert_same()


async def test_a_persons_look_at_the_list_does_not_swallow_the_news_below(side: Side) -> None:
    """Law 6: a page of the list that was fetched alone leaves the rest to the next cycle."""
    peers = [f"u{number:02}" for number in range(12)]
    for text in ("a", "b"):
        for peer in peers:
            side.send(text, peer=peer)
        later(side)
        async with side.engine(summary_page_size=5) as engine:
            await engine.fetch_conversation_list_from_server(1, 5)
            await engine.sync()
        side.assert_same()


async def test_a_cancellation_is_never_swallowed(side: Side) -> None:
    """Also in the very tick in which a fetcher fails."""
    side.send("m1")
    remote = side.remote()

    async def cancel_and_fail(peer: str, start: str) -> None:
        task.cancel()
        raise Unauthorized("refused")

    remote.before = cancel_and_fail
    async with side.engine(remote=remote, fetchers=1) as engine:
        task = asyncio.create_task(engine.sync())
        await asyncio.wait([task])
    assert task.cancelled()


async def test_a_local_page_does_not_jump_over_a_gap(side: Side) -> None:
    """Law 9: what is answered offline stands next to each other, or nothing is."""
    side.page_size = 10
    side.send(*numbered(1, 10))
    later(side)
    await side.sync()
    side.send(*numbered(11, 60))
    later(side)
    await side.sync_until(lambda progress: progress.messages_added >= 10, fetchers=1)
    held = side.held()
    async with side.engine() as engine:
        side.fail("drop-before", probability=1.0, budget=10**6)
        side.emulator.faults._in_a_row = -(10**6)
        across = await engine.fetch_history_messages(
            "bob", "chat", page_size=20, start_message_id=held[13]
        )
        assert [m.message_id for m in across.items] == held[10:13]
        below = await engine.fetch_history_messages(
            "bob", "chat", page_size=20, start_message_id=held[10]
        )
        assert (below.items, below.cursor) == ((), held[10])
        assert isinstance(below.error, Unreachable)


async def test_a_gap_closes_though_the_message_above_it_was_deleted_elsewhere(side: Side) -> None:
    """Laws 2 and 13: a page that begins below the gap says nothing about it: the chain is
    taken up again higher up, where a page crosses it."""
    side.page_size = 5
    side.send(*numbered(1, 25))
    await side.sync()
    ids = side.send(*numbered(26, 33))
    await side.sync_until(lambda progress: progress.pages >= 1)
    assert side.picture().endswith(" m25] ? [m29 m30 m31 m32 m33]")
    side.world.delete_messages(USER, "bob", ids[3:4], Kind.CHAT)
    side.time.seconds += 7200
    report = await side.sync()
    assert (report.errors, report.gaps_open) == ((), 0)
    assert [m for m in side.held() if m != ids[3]] == side.served()
