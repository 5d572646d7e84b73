"""What is read again, in which order, and what is held back from removal."""

import asyncio
import copy
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from attrs import evolve

from syncengine import ConfigError, Gone, Kind, Progress, Report, ServerFault
from syncengine.emulator import World
from syncengine.emulator.switches import StartGone
from syncengine.models import SummaryPage
from syncengine.remote.easemob import roaming_pb2 as pb
from tests.harness import USER, Side, numbered

DAY = 86_400
AUDIT: dict[str, Any] = {"audit_pages": 4}


def delete(side: Side, ids: Sequence[str], peer: str = "bob") -> None:
    """Another device of alice deletes."""
    side.world.delete_messages(USER, peer, ids, Kind.CHAT)


async def cycle(side: Side, **config: Any) -> Report:
    """A cycle, 11 s after the last one."""
    side.time.seconds += 11
    return await side.sync(**(AUDIT | config))


def verified(side: Side) -> list[int | None]:
    """Since when each conversation is verified."""
    with closing(sqlite3.connect(side.path)) as database:
        found = database.execute(
            "SELECT verified_at FROM audit JOIN conversation USING (conversation)"
            " ORDER BY conversation_id"
        )
        return [at for (at,) in found]


@pytest.mark.parametrize("start_gone", ["nothing", "head", "honour"])
async def test_every_message_is_verified_in_the_end(side: Side, start_gone: StartGone) -> None:
    """Passes over whole conversations go on where the last cycle stopped, until the start."""
    side.page_size = 10
    side.world.switches = evolve(side.world.switches, start_gone=start_gone)
    ids = side.send(*numbered(1, 150))
    side.send(*numbered(1, 45), peer="carol")
    side.time.seconds += 7200
    await side.sync()
    before = verified(side)
    delete(side, [ids[n] for n in (0, 1, 40, 77, 78, 120, 149)])
    for _ in range(60):
        await cycle(side, retention_days=7.0)
    assert side.held() == side.served()
    after = verified(side)
    assert all(
        new is not None and old is not None and new > old
        for new, old in zip(after, before, strict=True)
    )


async def test_newest_pages_are_read_more_often_than_the_depth(side: Side) -> None:
    """A deletion among the newest messages is found soon, however long the history is."""
    side.page_size = 10
    ids = side.send(*numbered(1, 300))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[-3:-2])
    for _ in range(4):
        await cycle(side)
    assert side.held() == side.served()


async def test_each_cycle_reads_no_more_than_its_budget(side: Side) -> None:
    """Law 11: the list, and as many pages as configured; none at all where it is switched off."""
    side.page_size = 10
    for peer in ("bob", "carol", "dave"):
        side.send(*numbered(1, 60), peer=peer)
    side.time.seconds += 7200
    await side.sync()
    for pages in (0, 3, 4, 5, 9, 16):
        for _ in range(5):
            assert (await cycle(side, audit_pages=pages)).requests <= 1 + pages


async def test_a_conversation_that_fails_does_not_stop_the_others(side: Side) -> None:
    """Law 11: audits rotate also when they fail."""
    for peer in ("bob", "carol", "dave"):
        side.send(*numbered(1, 5), peer=peer)
    side.time.seconds += 7200
    await side.sync()
    remote = side.remote()

    async def fail(conversation: str, start: str) -> None:
        if conversation == "bob":
            raise Gone("it is not there")

    remote.before = fail
    before = verified(side)
    async with side.engine(remote=remote, audit_pages=1) as engine:
        for _ in range(9):
            side.time.seconds += 11
            await engine.sync()
    after = verified(side)
    assert after[0] == before[0]
    assert all(new != old for new, old in zip(after[1:], before[1:], strict=True))


async def test_verify_finds_everything_at_once(side: Side) -> None:
    """A full audit, second reads included: what was deleted elsewhere is gone, all of it is
    verified since now."""
    side.page_size = 10
    ids = side.send(*numbered(1, 150))
    side.send(*numbered(1, 5), peer="carol")
    side.time.seconds += 7200
    await side.sync()
    delete(side, [ids[n] for n in (0, 1, 40, 77, 78, 120, 149)])
    seen: list[Progress] = []
    async with side.engine(retention_days=7.0) as engine:
        began = side.time.now()
        found = await engine.verify(progress=seen.append)
        status = await engine.status()
    assert (found.messages_removed, found.suspects, found.held_back) == (7, 0, 0)
    assert (found.conversations, found.incomplete, found.errors) == (2, 0, ())
    assert side.held() == side.served()
    assert status.verified_since is not None
    assert status.verified_since >= began
    assert seen[-1].conversations_done == seen[-1].conversations_known == 2


async def test_a_newest_page_of_rows_that_are_no_messages_is_passed_by(side: Side) -> None:
    """Law 13: what stands below such rows is verified, too."""
    side.send("m1")
    await side.sync(page_size=2)
    for _ in range(2):
        side.world.add_row("bob", USER, Kind.CHAT, pb.Meta(id=7, ns=5).SerializeToString())
    imported = side.world.import_message("bob", USER, Kind.CHAT, "old", at=side.time.now() - DAY)
    side.time.seconds += 11
    async with side.engine(page_size=2) as engine:
        found = await engine.verify()
        assert (found.messages_added, found.incomplete) == (1, 0)
        page = await engine.reader.messages("bob", "chat")
        assert imported in [message.message_id for message in page.messages]


async def test_verify_can_look_at_one_conversation(side: Side) -> None:
    """Only that one is read; another's deletions are found another time."""
    ids = side.send(*numbered(1, 5))
    others = side.send(*numbered(1, 5), peer="carol")
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[:1])
    delete(side, others[:1], peer="carol")
    async with side.engine(retention_days=7.0) as engine:
        found = await engine.verify("bob", "chat")
        assert (found.conversations, found.messages_removed) == (1, 1)
        with pytest.raises(ConfigError, match="no conversation"):
            await engine.verify("nobody", "chat")
    assert side.held("carol") == others


async def test_verify_says_what_it_could_not_read(side: Side) -> None:
    """A server that fails half-way: incomplete, and the error; nothing is removed for it."""
    side.page_size = 10
    ids = side.send(*numbered(1, 100))
    side.time.seconds += 7200
    await side.sync()
    remote = side.remote()

    async def fail(conversation: str, start: str) -> None:
        if start and int(start) < int(ids[50]):
            raise Gone("it is not there")

    remote.before = fail
    async with side.engine(remote=remote) as engine:
        found = await engine.verify()
    assert (found.conversations, found.incomplete) == (0, 1)
    assert [problem.error for problem in found.errors] == ["Gone"]
    assert side.held() == ids


async def restored(side: Side, count: int, lost: int, **config: Any) -> tuple[list[str], Report]:
    """A server that lost the newest `lost` of `count` messages; the last of many cycles."""
    ids = side.send(*numbered(1, count))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[count - lost :])  # for alice it looks the same
    for _ in range(12):
        report = await cycle(side, **config)
    return ids, report


async def test_a_server_that_lost_a_quarter_does_not_take_it_from_the_copy(side: Side) -> None:
    """Law 10: removals of more than a quarter are held back, and said to be."""
    ids, report = await restored(side, 100, 26)
    assert side.held() == ids
    assert [problem.error for problem in report.errors] == ["RemovalHeldBack"]
    assert report.held_back == 26
    async with side.engine() as engine:
        status = await engine.status()
        assert (status.held_back, status.held_back_conversations) == (26, 1)
        found = await engine.verify()
        assert (found.held_back, found.messages_removed) == (26, 0)
        accepted = await engine.verify(accept=True)
        assert (accepted.held_back, accepted.messages_removed) == (0, 26)
        assert accepted.errors == ()
    assert side.held() == side.served() == ids[:74]
    assert (await cycle(side)).errors == ()


async def test_a_quarter_of_a_conversation_and_small_ones_go_without_asking(side: Side) -> None:
    """Law 10: people do delete things."""
    ids, report = await restored(side, 100, 25)
    assert side.held() == ids[:75]
    assert report.errors == ()


async def test_small_bites_do_not_get_past_it(side: Side) -> None:
    """Law 10: everything since the last accepted verification counts, suspects included."""
    side.page_size = 10
    ids = side.send(*numbered(1, 100))
    side.time.seconds += 7200
    await side.sync()
    for bite in range(12):
        delete(side, ids[5 + 8 * bite : 5 + 8 * bite + 4])
        for _ in range(15):
            report = await cycle(side)
    assert len(side.held()) >= 75
    assert report.held_back > 0
    async with side.engine() as engine:
        assert (await engine.verify()).held_back > 0
        await engine.verify(accept=True)
    assert side.held() == side.served()


async def test_an_emptied_server_empties_nothing(side: Side) -> None:
    """Law 10: not even many small conversations; a person may accept it."""
    peers = [f"peer{n}" for n in range(12)]
    for peer in peers:
        side.send(*numbered(1, 5), peer=peer)
    side.time.seconds += 7200
    await side.sync()
    empty = World(seed=2, clock=side.time.now)
    empty.add_user(USER)
    side.serve(empty)
    for _ in range(12):
        report = await cycle(side, full_list_every=1.0, retention_days=7.0)
    gone = [peer for peer in peers if not side.held(peer)]
    assert len(gone) <= 5
    assert report.held_back >= 5
    async with side.engine(retention_days=7.0) as engine:
        await engine.verify()
        assert [peer for peer in peers if not side.held(peer)] == gone
        await engine.verify(accept=True)
        assert await engine.load_all_conversations() == []


async def test_what_comes_back_is_held_back_no_more(side: Side) -> None:
    """Law 10: a server that recovers clears the matter by itself."""
    ids = side.send(*numbered(1, 100))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[20:])
    for _ in range(6):
        report = await cycle(side)
    assert report.held_back == 80
    for message_id in ids[20:]:
        side.world.message(message_id).deleted_for.clear()
    for _ in range(4):
        report = await cycle(side)
    assert (report.held_back, report.errors) == (0, ())
    assert side.held() == ids


async def test_a_refused_cursor_costs_its_gap_and_nothing_else(side: Side) -> None:
    """Law 10: what was pulled stays; the gap is asked for anew."""
    side.page_size = 5
    ids = side.send(*numbered(1, 40))
    await side.sync_until(lambda progress: progress.pages >= 3, fetchers=1)
    held = side.held()
    with closing(sqlite3.connect(side.path)) as database:
        database.execute("UPDATE gap SET cursor = '1'")
        database.commit()
    side.world.switches = evolve(side.world.switches, start_gone="nothing")
    side.time.seconds += 7200
    report = await side.sync()
    assert set(held) <= set(side.held())
    assert side.held() == ids
    assert report.errors == ()


async def test_no_conversation_is_read_twice_at_the_same_time(side: Side) -> None:
    """Law 11: pages are read again in several conversations at once, in each of them in one
    place, and after what is new; the budget stays."""
    side.page_size = 10
    peers = ("bob", "carol", "dave")
    for peer in peers:
        side.send(*numbered(1, 60), peer=peer)
    side.time.seconds += 7200
    await side.sync()
    asked: list[str] = []
    remote = side.remote()

    async def begin(conversation: str, start: str) -> None:
        assert conversation not in asked
        asked.append(conversation)
        for _ in range(20):
            await asyncio.sleep(0)

    async def end(conversation: str, start: str) -> None:
        asked.remove(conversation)

    remote.before, remote.after = begin, end
    async with side.engine(remote=remote, audit_pages=6) as engine:
        for turn in range(12):
            side.time.seconds += 11
            for peer in peers[: turn % 4]:
                side.send("news", peer=peer)
            report = await engine.sync()
            assert not report.errors
            assert report.pages <= 6 + turn % 4
    for peer in peers:
        assert side.held(peer) == side.served(peer)


async def test_what_fails_to_be_read_again_keeps_nothing_new_away(side: Side) -> None:
    """Law 12: three faults in a row end a cycle, but not before what is new is here."""
    bad = ("carol", "dave", "erin", "frank")
    for peer in ("bob", *bad):
        side.send(*numbered(1, 5), peer=peer)
    side.time.seconds += 7200
    await side.sync()
    side.time.seconds += 7200
    side.send(*numbered(6, 100))
    remote = side.remote()

    async def fail(conversation: str, start: str) -> None:
        if conversation in bad:
            raise ServerFault("no")

    remote.before = fail
    async with side.engine(remote=remote, page_size=4, **AUDIT) as engine:
        report = await engine.sync()
    assert report.errors
    assert side.held() == side.served()


@pytest.mark.parametrize("cycles", [5, 10])
async def test_what_is_missing_is_judged_when_all_news_is_known(side: Side, cycles: int) -> None:
    """Laws 5 (b) and 7: a cap on length took the oldest for one that is announced on the list's
    next page, which the server fails to give for a while: it is not taken for deleted."""
    world = World(seed=1, clock=side.time.now)
    world.switches = evolve(world.switches, message_cap=10)
    world.add_user(USER)
    side.serve(world)
    settings: dict[str, Any] = {"audit_pages": 2, "page_size": 5, "retention_days": 90.0}
    settings["summary_page_size"] = 1
    ids = side.send(*numbered(1, 10))
    for peer in ("carol", "dave", "erin", "frank", "grace"):
        side.send("one", peer=peer)
    side.time.seconds += 7200
    for _ in range(cycles):
        await side.sync(**settings)
        side.time.seconds += 60
    remote = side.remote()

    async def send(conversation: str, start: str) -> None:
        if len(ids) == 10:
            ids.extend(side.send("one more"))

    remote.before = send  # when the list was read already
    async with side.engine(remote=remote, **settings) as engine:
        await engine.sync()
    for _ in range(3):
        side.time.seconds += 11
        side.send("news", peer="carol")
        await _sync_with_a_list_that_stumbles(side, settings)
    assert side.held() == ids


async def _sync_with_a_list_that_stumbles(side: Side, settings: dict[str, Any]) -> None:
    remote = side.remote()
    fetch, failures = remote.fetch_summaries, 4

    async def stumble(cursor: str = "", *, limit: int = 50) -> SummaryPage:
        nonlocal failures
        if cursor and failures:
            failures -= 1
            await asyncio.sleep(0.005)
            raise ServerFault("later")
        return await fetch(cursor, limit=limit)

    remote.fetch_summaries = stumble  # type: ignore[method-assign]  # a server that fails now and then
    async with side.engine(remote=remote, **settings) as engine:
        await engine.sync()


async def test_a_verification_walks_again_where_lag_led_it_astray(side: Side) -> None:
    """Law 4: a server that was restored shows what was deleted here, and is told once more.
    A replica that does not know yet shows a newest page of which another one knows nothing:
    after the wait for replicas the walk comes down to the start all the same."""
    side.page_size = 7
    side.send(*numbered(1, 41))
    side.time.seconds += 7200
    await side.sync()
    backup = copy.deepcopy(side.world, {id(side.time): side.time})
    async with side.engine() as engine:
        await engine.delete_remote_conversation("bob", "chat", delete_messages=True)
        await engine.sync()
    backup.switches = evolve(backup.switches, start_gone="nothing", replicas=2, replica_lag_ms=5000)
    side.serve(backup)
    async with side.engine() as engine:
        await engine.verify()
        side.time.seconds += 11
        await engine.fetch_history_messages("bob", "chat", page_size=7)
        await engine.verify()
        await engine.sync()
    assert side.held() == side.served() == []
