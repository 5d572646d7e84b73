"""Deletions asked for here: at once, for good, delivered sooner or later."""

import sqlite3
from contextlib import closing

import pytest

from syncengine import ConfigError, Kind, StoreFull
from syncengine.emulator import Switches, World
from syncengine.models import IntentKind, IntentState
from syncengine.store.database import Connection, connect_inline
from tests.harness import USER, Side, numbered

DELETIONS = {"delete_messages", "delete_before", "delete_conversation"}


def away(side: Side, routes: set[str] | None = None) -> None:
    """The server cannot be reached; or only for these calls."""
    side.fail("drop-before", probability=1.0, routes=routes or set())
    side.emulator.faults._in_a_row = -(10**6)  # never a good one in between


async def visible(side: Side, peer: str = "bob") -> list[str]:
    """The texts that a read shows."""
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages(peer, "chat", limit=1000)
        return [message.text for message in found.messages]


async def test_a_deletion_shows_at_once_and_reaches_the_server(side: Side) -> None:
    """Law 8: gone from every read when the call returns; sent by the next cycle."""
    ids = side.send("m1", "m2", "m3")
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[1:])
        found = await engine.reader.messages("bob", "chat")
        (conversation,) = await engine.load_all_conversations()
        (intent,) = await engine.outbox()
        assert [m.text for m in found.messages] == ["m1"]
        assert conversation.last_message is not None
        assert conversation.last_message.text == "m1"
        assert (intent.kind, intent.state) == (IntentKind.MESSAGES, IntentState.PENDING)
        assert side.served() == ids
        await engine.sync()
        assert await engine.outbox() == []
    assert side.served() == ids[:1] == side.held()


async def test_a_sync_leaves_what_can_be_taken_back(side: Side) -> None:
    """Law 8: hidden at once, sent by no program before its time is over, and then by the next
    sync; what was asked for plainly is sent at once."""
    ids = side.send("m1", "m2", "m3")
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[2:], undo_seconds=10)
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        await engine.sync()
        assert await visible(side) == ["m2"]
        assert side.served() == ids[1:]
        assert (await engine.deliver()).settled == 0
        side.time.seconds += 10
        await engine.sync()
        assert side.served() == ids[1:2]
        assert await engine.outbox() == []


async def test_a_deletion_that_waits_is_sent_when_nobody_wants_it_back(side: Side) -> None:
    """Asked for once more, it goes with the next delivery: its list entry, too."""
    side.send("m1", "m2")
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_conversation("bob", "chat", undo_seconds=10)
        await engine.retry_intents([intent.number for intent in await engine.outbox()])
        assert (await engine.deliver()).settled == 2
    assert side.served() == []


@pytest.mark.parametrize("seconds", [-1, 60.001, float("nan"), float("inf")])
async def test_a_deletion_waits_a_minute_at_most(side: Side, seconds: float) -> None:
    """Law 8: who asks for more learns it, and nothing is deleted."""
    side.send("m1")
    await side.sync()
    async with side.engine(online=False) as engine:
        with pytest.raises(ConfigError, match="between 0 and 60"):
            await engine.delete_remote_messages_before(
                "bob", "chat", side.time.now(), undo_seconds=seconds
            )
        assert await engine.outbox() == []


async def test_many_deletions_made_offline_are_sent_fifty_at_a_time(side: Side) -> None:
    """Law 8: any number at once; the fewest requests."""
    ids = side.send(*numbered(1, 230))
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:220])
    assert await visible(side) == numbered(221, 230)
    side.emulator.counters.reset()
    await side.sync()
    assert side.emulator.counters.requests["delete_messages"] == 5
    assert side.served() == ids[220:]


async def test_what_is_pulled_while_a_deletion_is_pending_stays_hidden(side: Side) -> None:
    """Laws 4 and 8: a page that shows what is being deleted does not bring it back."""
    side.page_size = 5
    ids = side.send(*numbered(1, 12))
    await side.sync_until(lambda progress: progress.pages >= 1, fetchers=1)
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids)
    assert await visible(side) == []
    async with side.engine() as engine:
        page = await engine.fetch_history_messages("bob", "chat", page_size=10)
        assert len(page.items) == 10  # what the server says is answered as it is
    assert await visible(side) == []
    await side.sync()
    assert side.served() == []
    assert side.held() == []


async def test_a_lost_acknowledgement_changes_nothing(side: Side) -> None:
    """Law 8: a deletion is sent again, and "already gone" is acceptance."""
    ids = side.send("m1", "m2")
    await side.sync()
    side.fail("drop-after", probability=1.0, budget=2, routes={"delete_messages"})
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        report = await engine.sync()
        assert report.errors == ()
        assert await engine.outbox() == []
    assert side.served() == ids[1:] == side.held()


async def test_a_deletion_survives_while_the_server_is_away(side: Side) -> None:
    """Law 8: it waits, counted and reported, until it can be delivered."""
    ids = side.send("m1", "m2")
    await side.sync()
    away(side)
    async with side.engine(attempts=1) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        report = await engine.sync()
        status = await engine.status()
        (intent,) = await engine.outbox()
    assert [problem.error for problem in report.errors] == ["Unreachable"]
    assert (status.pending, status.messages) == (1, 1)
    assert intent.attempts == 1
    assert intent.error
    side.fail("none")
    await side.sync()
    assert side.served() == ids[1:]


async def test_a_lasting_refusal_puts_the_messages_back_and_is_reported(side: Side) -> None:
    """Law 8: hidden, not dropped; back where they were, and said so."""
    ids = side.send("m1", "m2", "m3")
    await side.sync()
    world = side.world
    world.switches = Switches(roaming="disabled-400")
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[1:2])
        delivery = await engine.deliver()
        status = await engine.status()
        (intent,) = await engine.outbox()
    assert (delivery.settled, delivery.refused, delivery.error) == (0, 1, None)
    assert (status.pending, status.refused) == (0, 1)
    assert intent.state is IntentState.REFUSED
    assert await visible(side) == ["m1", "m2", "m3"]
    world.switches = Switches()
    assert side.served() == ids


async def test_a_refused_conversation_deletion_is_not_half_done(side: Side) -> None:
    """Law 8: where its messages are refused, its list entry stays too, here and there."""
    side.send("m1", "m2")
    await side.sync()
    side.world.switches = Switches(roaming="disabled-400")
    async with side.engine() as engine:
        await engine.delete_remote_conversation("bob", "chat")
        delivery = await engine.deliver()
        listed = await engine.load_all_conversations()
        states = {intent.state for intent in await engine.outbox()}
    assert (delivery.settled, delivery.refused, len(delivery.refusals)) == (0, 1, 1)
    assert states == {IntentState.REFUSED}
    assert [c.conversation_id for c in listed] == ["bob"]
    assert await visible(side) == ["m1", "m2"]
    assert len(side.world.conversations(USER)) == 1


async def test_a_delivered_conversation_deletion_leaves_nothing_to_fetch(side: Side) -> None:
    """Laws 8 and 11: one look at the head, and then the account is idle."""
    side.send("m1", "m2")
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_conversation("bob", "chat")
        await engine.sync()
        report = await engine.sync()
    assert (report.requests, report.gaps_open) == (1, 0)


async def test_delete_up_to_a_time_in_the_future_spares_what_is_written_later(
    side: Side,
) -> None:
    """Law 4: what is stored and sent is the newest time that the server was heard to say."""
    side.send("m1", "m2")
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_before("bob", "chat", 99_999_999_999_999)
    assert await visible(side) == []
    side.time.seconds += 60
    later = side.send("m3")
    await side.sync()
    await side.sync()
    assert side.served() == later == side.held()
    assert await visible(side) == ["m3"]


async def test_delete_up_to_a_time_is_inclusive_and_leaves_the_rest(side: Side) -> None:
    """Law 4: that moment and before, here and on the server."""
    start = side.time.now()
    for n, text in enumerate(numbered(1, 5)):
        side.send(text, at=start + n * 1000)
    side.time.seconds += 60
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_messages_before("bob", "chat", start + 2000)
        await engine.deliver()
    assert await visible(side) == ["m4", "m5"]
    assert side.served() == side.held()


async def test_a_deleted_conversation_that_someone_writes_to_is_back_with_that_only(
    side: Side,
) -> None:
    """Law 8: a stranger's message between asking and delivering is not deleted."""
    side.send(*numbered(1, 30))
    side.send("x", peer="carol")
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_conversation("bob", "chat")
        listed = await engine.load_all_conversations()
    assert [c.conversation_id for c in listed] == ["carol"]
    side.time.seconds += 60
    new = side.send("still there?")
    for _ in range(2):
        await side.sync()
    assert side.served() == new == side.held()
    async with side.engine(online=False) as engine:
        listed = await engine.load_all_conversations()
    assert [c.conversation_id for c in listed] == ["bob", "carol"]


async def test_a_conversation_leaves_the_lists_and_keeps_its_messages(side: Side) -> None:
    """With `delete_messages=False` it is gone from both lists, and readable here."""
    ids = side.send("m1", "m2")
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_conversation("bob", "chat", delete_messages=False)
        assert await engine.load_all_conversations() == []
        await engine.sync()
        assert await engine.load_all_conversations() == []
        assert await engine.outbox() == []
    assert side.world.conversations(USER) == []
    assert side.served() == ids
    assert await visible(side) == ["m1", "m2"]


async def test_a_replica_that_still_serves_a_deleted_message_does_not_bring_it_back(
    side: Side,
) -> None:
    """Law 4: a settled deletion beats every later page."""
    world = World(clock=side.time.now, switches=Switches(replicas=2, replica_lag_ms=30_000))
    world.add_user(USER)
    side.serve(world)
    ids = side.send("m1", "m2", "m3")
    side.time.seconds += 60
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[2:])
        await engine.deliver()
        for _ in range(4):
            await engine.fetch_history_messages("bob", "chat")
    assert await visible(side) == ["m1", "m2"]


async def test_a_deletion_that_the_server_undid_is_sent_again(side: Side) -> None:
    """Law 4: our own deletion that is still served, asked twice, reopens its intent."""
    ids = side.send("m1", "m2")
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        await engine.deliver()
        side.world.message(ids[0]).deleted_for.clear()  # restored from a backup
        for _ in range(3):
            side.time.seconds += 11
            await engine.fetch_history_messages("bob", "chat")
        assert await visible(side) == ["m2"]
        await engine.deliver()
    assert side.served() == ids[1:]


async def test_the_same_deletion_on_two_devices_ends_the_same(side: Side) -> None:
    """Law 8: what another device deleted already is settled."""
    ids = side.send("m1", "m2")
    await side.sync()
    side.world.delete_messages(USER, "bob", ids[:1], Kind.CHAT)
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        report = await engine.sync()
        assert report.errors == ()
        assert await engine.outbox() == []
    assert side.held() == ids[1:]


async def test_a_full_disk_fails_the_call_and_half_does_nothing(side: Side) -> None:
    """Law 8: an intent is durable, or the call fails and nothing is hidden."""
    ids = side.send(*numbered(1, 200))
    await side.sync()

    async def full(path: object, read_only: bool) -> Connection:
        connection = await connect_inline(side.path, read_only)
        if not read_only:
            await connection.run(_no_more_pages)
        return connection

    side.connect = full
    unknown = [str(number) for number in range(10**6, 10**6 + 20_000)]
    async with side.engine(online=False) as engine:
        with pytest.raises(StoreFull):
            await engine.delete_remote_messages_with_ids("bob", "chat", [*ids, *unknown])
        assert await engine.outbox() == []
    assert len(await visible(side)) == 200


def _no_more_pages(connection: sqlite3.Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


@pytest.mark.parametrize("message_id", ["", "abc", "12x", "1" * 30, "-5", str(2**64)])
async def test_what_can_be_no_message_id_is_refused_before_anything_happens(
    side: Side, message_id: str
) -> None:
    """Bad input: a clear error, nothing half-done."""
    ids = side.send("m1")
    await side.sync()
    async with side.engine() as engine:
        with pytest.raises(ConfigError) as caught:
            await engine.delete_remote_messages_with_ids("bob", "chat", [*ids, message_id])
        assert caught.value.hint
        assert await engine.outbox() == []


@pytest.mark.parametrize(("timestamp", "word"), [(-1, "1970"), (1_700_000_000, "seconds")])
async def test_times_before_1970_or_in_seconds_are_refused(
    side: Side, timestamp: int, word: str
) -> None:
    """Bad input: seconds taken for milliseconds would delete nothing, and say nothing."""
    side.send("m1")
    await side.sync()
    async with side.engine() as engine:
        with pytest.raises(ConfigError, match=word):
            await engine.delete_remote_messages_before("bob", "chat", timestamp)


async def test_ids_that_are_unknown_or_repeated_do_no_harm(side: Side) -> None:
    """Bad input: a harmless wish, settled by the server's "already gone"."""
    ids = side.send("m1", "m2")
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ["99", ids[0], ids[0]])
        await engine.sync()
        assert await engine.outbox() == []
        with pytest.raises(ConfigError):
            await engine.delete_remote_conversation("nobody", "chat")
    assert side.held() == ids[1:]


async def test_tombstones_are_kept_compactly(side: Side) -> None:
    """Law 4: lasting tombstones cost less than 50 bytes each."""
    side.send("m1")
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database:
        (before,) = database.execute("PRAGMA page_count").fetchone()
        database.executemany(
            "INSERT INTO tombstone VALUES (1, ?, NULL, NULL)",
            [(str(1_300_000_000_000_000_000 + n),) for n in range(100_000)],
        )
        database.commit()
        (after,) = database.execute("PRAGMA page_count").fetchone()
    assert (after - before) * 8192 / 100_000 < 50
