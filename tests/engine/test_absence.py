"""Deletions made elsewhere: what a read did not show goes, as far as that is certain."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from attrs import evolve

from syncengine import Config, ConfigError, Kind, Retention
from syncengine.emulator import Switches, World
from tests.harness import USER, Side, dump, numbered

DAY = 86_400
AUDIT: dict[str, Any] = {"audit_pages": 4}


def use(side: Side, **switches: Any) -> None:
    """A world with these switches."""
    world = World(seed=1, clock=side.time.now, switches=Switches(**switches))
    world.add_user(USER)
    side.serve(world)


def delete(side: Side, ids: list[str], peer: str = "bob") -> None:
    """Another device of alice deletes."""
    side.world.delete_messages(USER, peer, ids, Kind.CHAT)


async def cycles(side: Side, number: int, **config: Any) -> list[int]:
    """Some cycles, 11 s apart; how many messages each removed."""
    removed = []
    for _ in range(number):
        side.time.seconds += 11
        report = await side.sync(**(AUDIT | config))
        removed.append(report.messages_removed)
    return removed


def facts(side: Side, what: str) -> list[str]:
    """Ids of messages that are `suspect_at IS NOT NULL`, or whatever is asked."""
    with closing(sqlite3.connect(side.path)) as database:
        found = database.execute(f"SELECT message_id FROM message WHERE {what} ORDER BY position")
        return [message_id for (message_id,) in found]


async def test_a_message_deleted_on_another_device_goes_after_two_reads(side: Side) -> None:
    """Law 5: one read makes it a suspect, a second one removes it, and the report says so."""
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[3:5])
    assert await cycles(side, 1) == [0]
    assert side.held() == ids
    assert facts(side, "suspect_at IS NOT NULL") == ids[3:5]
    assert await cycles(side, 1) == [2]
    assert side.held() == side.served()
    assert facts(side, "suspect_at IS NOT NULL OR unverified = 1") == []


async def test_a_second_read_too_soon_decides_nothing(side: Side) -> None:
    """Law 5 (c): the reads must be `confirm_absence_after` apart by the server's clock."""
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[3:4])
    await cycles(side, 1)
    side.time.seconds += 9
    assert (await side.sync(**AUDIT)).messages_removed == 0
    assert await cycles(side, 2, confirm_absence_after=3600.0) == [0, 0]
    assert side.held() == ids
    side.time.seconds += 3600
    assert (await side.sync(**AUDIT)).messages_removed == 1


async def test_a_sighting_in_between_starts_anew(side: Side) -> None:
    """Law 5 (c): what a replica omitted once and shows again is no suspect any more."""
    use(side, replicas=2, replica_lag_ms=60_000)
    side.send(*numbered(1, 3))
    side.time.seconds += 7200
    ids = side.send("m4", "m5")
    await side.sync()
    for _ in range(6):
        await cycles(side, 1)
        assert set(ids) <= set(side.held())
    side.time.seconds += 7200
    await cycles(side, 3)
    assert facts(side, "suspect_at IS NOT NULL") == []


@pytest.mark.parametrize("which", [slice(0, 2), slice(8, 10)])
async def test_the_outermost_messages_go_too(side: Side, which: slice) -> None:
    """Law 5 (a): a read that reached the head, or the start, covers all beyond."""
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[which])
    await cycles(side, 4, retention_days=7.0)
    assert side.held() == side.served()


async def test_what_may_have_expired_stays_and_is_marked(side: Side) -> None:
    """Law 7: what falls out of the server's retention reads as history, not as a gap."""
    use(side, retention_days=7)
    old = side.send(*numbered(1, 5))
    await side.sync()
    side.time.seconds += 5 * DAY
    new = side.send(*numbered(6, 8))
    await cycles(side, 2)
    side.time.seconds += 3 * DAY
    assert side.served() == new
    assert await cycles(side, 4) == [0, 0, 0, 0]
    assert side.held() == old + new
    assert facts(side, "unverified = 1") == old
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages("bob", "chat")
        (conversation,) = await engine.load_all_conversations()
    assert found.unverified == old
    assert (found.gaps, found.seams, found.reached_start) == ([], [], True)
    assert (conversation.whole, conversation.expired) == (True, False)


async def test_a_head_that_meets_nothing_held_leaves_a_seam(side: Side) -> None:
    """Law 2: what came and expired unseen lay between; also where no gap was known of."""
    use(side, retention_days=7)
    side.send(*numbered(1, 3))
    await side.sync()
    side.time.seconds += DAY
    side.send(*numbered(4, 6))
    side.time.seconds += 7 * DAY
    side.send(*numbered(7, 8))
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat")
    assert side.picture() == "[m1 m2 m3] ~ [m7 m8]"


async def test_a_mirror_drops_what_expired(side: Side) -> None:
    """Law 7: with `retention="mirror"` what the server dropped is dropped here too."""
    use(side, retention_days=7)
    side.send(*numbered(1, 60))
    await side.sync()
    side.time.seconds += 8 * DAY
    new = side.send("m61")
    await cycles(side, 4, retention="mirror", retention_days=7.0)
    assert side.held() == new
    assert side.picture() == "[m61]"


async def test_a_younger_message_is_deleted_even_where_old_ones_expired(side: Side) -> None:
    """Law 5 (b): with the service's plan configured, the age decides."""
    use(side, retention_days=7)
    old = side.send(*numbered(1, 3))
    side.time.seconds += 6 * DAY
    young = side.send(*numbered(4, 6))
    await side.sync()
    delete(side, young[:1])
    side.time.seconds += 2 * DAY
    await cycles(side, 3, retention_days=7.0)
    assert side.held() == old + young[1:]
    assert facts(side, "unverified = 1") == old


async def test_without_the_plan_what_is_undecidable_stays(side: Side) -> None:
    """Law 5 (b): nothing older is served, and the file never saw a message stay so long."""
    use(side, retention_days=7)
    ids = side.send(*numbered(1, 3))
    await side.sync()
    side.time.seconds += 8 * DAY
    side.send("m4")
    delete(side, ids)
    await cycles(side, 3)
    assert facts(side, "unverified = 1") == ids
    async with side.engine(online=False) as engine:
        status = await engine.status()
    assert (status.unverified, status.undecided) == (3, 3)


async def test_setting_the_plan_settles_what_was_undecided(side: Side) -> None:
    """Law 5 (b): what is younger than the plan was deleted, not expired."""
    use(side, retention_days=90)
    ids = side.send(*numbered(1, 3))
    await side.sync()
    side.time.seconds += 8 * DAY
    side.send("m4")
    delete(side, ids)
    await cycles(side, 3)
    assert facts(side, "unverified = 1") == ids
    assert sum(await cycles(side, 4, retention_days=90.0)) == 3
    assert side.held() == side.served()


async def test_the_longest_stay_that_was_seen_is_the_horizon(side: Side) -> None:
    """Law 5 (b): where this file saw one message stay so long, younger ones cannot have
    expired. What a message says of its age is no evidence: it may be imported."""
    use(side, retention_days=90)
    side.send("c1", "c2", "c3", peer="carol")
    await side.sync()
    side.time.seconds += 30 * DAY
    ids = side.send(*numbered(1, 3))
    side.time.seconds += 20 * DAY
    await cycles(side, 2)  # carol's are seen again, 50 days after they came
    delete(side, ids[:2])
    await cycles(side, 3)
    assert side.held() == ids[2:] == side.served()


async def test_a_stay_is_not_longer_than_the_copy_is_old(side: Side) -> None:
    """Law 5 (b): one reply with a date far ahead makes no horizon."""
    use(side, retention_days=7)
    side.send(*numbered(1, 3), peer="carol")
    ids = side.send(*numbered(1, 3))
    await side.sync()
    side.time.seconds += 3600
    side.world.switches = evolve(side.world.switches, retention_days=0)
    side.world.advance(365 * DAY * 1000)
    await cycles(side, 1)
    side.world.advance(-365 * DAY * 1000)
    side.world.switches = evolve(side.world.switches, retention_days=7)
    side.time.seconds += 8 * DAY
    side.send("m4")
    assert sum(await cycles(side, 4)) == 0
    assert set(ids) <= set(side.held())


async def test_an_edited_neighbour_is_no_witness(side: Side) -> None:
    """Law 5 (b): an edit restarts retention, so what stands above may have expired."""
    use(side, retention_days=7)
    ids = side.send(*numbered(1, 4))
    await side.sync()
    side.time.seconds += 5 * DAY
    side.world.edit(ids[0], "m1 edited")
    side.time.seconds += 4 * DAY
    assert side.served() == ids[:1]
    assert sum(await cycles(side, 4)) == 0
    assert side.held() == ids


async def test_an_imported_neighbour_is_no_witness(side: Side) -> None:
    """Law 5 (b): an imported message may have come after those above it expired."""
    ids = side.send(*numbered(1, 4))
    await side.sync()
    side.time.seconds += 9 * DAY
    delete(side, ids)
    side.world.import_message("bob", USER, content="late", at=1_600_000_000_000)
    assert sum(await cycles(side, 4)) == 0
    assert set(ids) <= set(side.held())


async def test_what_newer_ones_pushed_out_stays(side: Side) -> None:
    """Law 5 (b): a cap on length explains the k oldest missing where k arrived."""
    use(side, message_cap=10)
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    ids += side.send(*numbered(11, 13))
    await side.sync()
    side.time.seconds += 7200
    assert side.served() == ids[3:]
    assert sum(await cycles(side, 4, retention_days=90.0)) == 0
    assert side.held() == ids
    assert facts(side, "unverified = 1") == ids[:3]


async def test_removed_by_absence_comes_back_when_it_is_served_twice(side: Side) -> None:
    """Law 5: removal by absence leaves no lasting tombstone; one stale replica is not enough."""
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    messages = [side.world.message(message_id) for message_id in ids[3:5]]
    delete(side, ids[3:5])
    await cycles(side, 2)
    assert len(side.held()) == 8
    for message in messages:
        message.deleted_for.clear()
    await cycles(side, 1)
    assert len(side.held()) == 8
    await cycles(side, 1)
    assert side.held() == side.served() == ids
    with closing(sqlite3.connect(side.path)) as database:
        assert database.execute("SELECT count(*) FROM tombstone").fetchone() == (0,)


async def test_what_was_removed_by_absence_is_not_remembered_for_ever(side: Side) -> None:
    """Law 5: after an hour nothing is kept of it."""
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[3:5])
    await cycles(side, 2)
    side.time.seconds += 3700
    await cycles(side, 1)
    with closing(sqlite3.connect(side.path)) as database:
        assert database.execute("SELECT count(*) FROM tombstone").fetchone() == (0,)


async def test_an_edited_message_is_replaced_where_it_stands(side: Side) -> None:
    """An edit of an old message is found by the audit; its place does not change."""
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    side.world.edit(ids[4], "edited")
    await cycles(side, 2)
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages("bob", "chat")
    assert [m.text for m in found.messages] == [*numbered(1, 4), "edited", *numbered(6, 10)]


async def test_a_message_that_should_have_been_there_gets_its_place(side: Side) -> None:
    """Law 3: one imported into the past is found by the audit, and stands where it belongs."""
    side.send(*numbered(1, 5))
    side.time.seconds += 7200
    between = side.time.now()
    side.time.seconds += 7200
    side.send(*numbered(6, 10))
    await side.sync()
    side.world.import_message("bob", USER, content="late", at=between)
    await cycles(side, 2)
    assert side.held() == side.served()


async def test_a_pushed_out_conversation_keeps_everything(side: Side) -> None:
    """Law 6: the list keeps so many; what it leaves out is still on the server, and here."""
    use(side, list_cap=2)
    side.send(*numbered(1, 5))
    await side.sync()
    for peer in ("carol", "dave", "erin"):
        side.time.seconds += 60
        side.send("hi", peer=peer)
        await cycles(side, 1)
    side.time.seconds += 7200
    assert sum(await cycles(side, 5)) == 0
    assert side.held() == side.served()
    async with side.engine(online=False) as engine:
        assert len(await engine.load_all_conversations()) == 4


async def test_a_conversation_deleted_on_another_device_goes(side: Side) -> None:
    """Law 6: missing in the list is a question; its history answers, asked twice."""
    side.send(*numbered(1, 5))
    side.send("hi", peer="carol")
    side.time.seconds += 7200
    await side.sync()
    side.world.delete_conversation(USER, "bob", Kind.CHAT, delete_messages=True)
    side.time.seconds += 3600
    assert sum(await cycles(side, 4, retention_days=7.0)) == 5
    async with side.engine(online=False) as engine:
        (left,) = await engine.load_all_conversations()
    assert left.conversation_id == "carol"
    side.send("again")
    await cycles(side, 2)
    async with side.engine(online=False) as engine:
        assert len(await engine.load_all_conversations()) == 2
    assert side.picture() == "[again]"


async def test_a_conversation_that_expired_wholly_stays_readable(side: Side) -> None:
    """Laws 6 and 7: the server has nothing of it any more; it is here, and marked so."""
    use(side, retention_days=7)
    ids = side.send(*numbered(1, 5))
    side.send("hi", peer="carol")
    await side.sync()
    side.time.seconds += 8 * DAY
    side.send("still here", peer="carol")
    assert sum(await cycles(side, 4)) == 0
    async with side.engine(online=False) as engine:
        found = {c.conversation_id: c for c in await engine.load_all_conversations()}
    assert side.held() == ids
    assert (found["bob"].expired, found["carol"].expired) == (True, False)


async def test_pending_deletions_are_left_alone(side: Side) -> None:
    """Law 8: what is hidden by an intent is no suspect, and comes back when it is refused."""
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:2])
    side.fail("drop-before", probability=1.0, routes={"delete_messages"})
    await cycles(side, 2, attempts=1)
    assert facts(side, "suspect_at IS NOT NULL") == []
    async with side.engine(online=False) as engine:
        (intent,) = await engine.outbox()
        await engine.drop_intents([intent.number])
    assert side.held() == ids


async def test_a_page_asked_for_before_a_deletion_was_accepted_brings_nothing_back(
    side: Side,
) -> None:
    """Law 4: a *delete up to* covers the pages that were asked for before it was accepted."""
    side.page_size = 10
    side.send(*numbered(1, 40))
    side.time.seconds += 7200
    await side.sync_until(lambda progress: progress.pages >= 1, retention_days=7)
    remote = side.remote()
    delivering: list[asyncio.Task[object]] = []
    async with side.engine(remote=remote) as engine:

        async def accepted_meanwhile(conversation: str, asked: str) -> None:
            """The server answered; before the page is placed it accepts the deletion."""
            remote.after = None
            await engine.delete_remote_messages_before("bob", "chat", side.time.now())
            delivering.append(asyncio.create_task(engine.deliver()))
            await until(lambda: side.served() == [])

        remote.after = accepted_meanwhile
        start = side.held()[0]
        page = await engine.fetch_history_messages(
            "bob", "chat", page_size=10, start_message_id=start
        )
        await delivering[0]
        assert len(page.items) == 10
        assert await engine.outbox() == []
    assert side.held() == []


async def until(true: Callable[[], bool]) -> None:
    """Let other tasks run until something is true."""
    while not true():  # noqa: ASYNC110 - nobody sets an event; zero seconds, only a turn
        await asyncio.sleep(0)


async def test_a_replayed_page_removes_nothing(side: Side) -> None:
    """Law 5: a page that repeats the answer to another question leaves out what it wants."""
    side.page_size = 5
    ids = side.send(*numbered(1, 20))
    side.time.seconds += 7200
    async with side.engine(**AUDIT) as engine:
        await engine.sync()
        side.fail("repeat", probability=1.0, routes={"history"})
        side.emulator.faults._in_a_row = -(10**6)
        for _ in range(4):
            side.time.seconds += 11
            await engine.sync()
    assert side.held() == ids


async def test_an_idle_cycle_with_an_audit_writes_one_row_of_books(side: Side) -> None:
    """Law 11: reading again what did not change writes no message, gap or conversation."""
    side.send(*numbered(1, 120))
    side.send("hi", peer="carol")
    side.time.seconds += 7200
    await cycles(side, 3)
    before = dump(side.path)
    requests = []
    for _ in range(4):
        side.time.seconds += 11
        report = await side.sync(**AUDIT)
        requests.append(report.requests)
        assert report.messages_added == report.messages_removed == report.conversations == 0
    after = dump(side.path)
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"account", "audit"}
    assert max(requests) <= 1 + AUDIT["audit_pages"] + 2


def test_retention_is_checked() -> None:
    """A word that is no retention is refused, with the words that are."""
    assert Config(retention="mirror").retention is Retention.MIRROR
    with pytest.raises(ConfigError, match="retention is 'drop'") as caught:
        Config(retention="drop")
    assert "keep, mirror" in caught.value.hint


async def test_a_server_whose_clock_was_set_back_delays_and_loses_nothing(side: Side) -> None:
    """Law 5 (c): the time between two reads cannot be told; it is noted anew."""
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[3:4])
    await cycles(side, 1)
    side.world.advance(-DAY * 1000)
    assert await cycles(side, 2) == [0, 1]
    assert side.held() == side.served()


async def test_what_was_put_above_a_gap_does_not_make_older_messages_look_gone(side: Side) -> None:
    """Laws 3 and 5: a page shows messages imported below the newest, and not yet the older
    ones that follow; with a gap near these, it is no proof that they are gone."""
    side.page_size = 6
    for text in numbered(1, 20):
        side.send(text)
        side.time.seconds += 10
    await side.sync_until(lambda progress: progress.pages >= 2, fetchers=1)
    held = side.held()
    newest = side.world.message(held[-1]).timestamp
    for n in range(6):
        side.world.import_message("bob", USER, content="back", at=newest - 5_000 + n)
    for text in ("new 1", "new 2", "new 3"):
        side.send(text)
        await side.sync_until(lambda progress: progress.pages >= 1, retention_days=7)
        assert set(held) <= set(side.held())
        side.time.seconds += 11
    await side.sync()
    assert side.held() == side.served()
