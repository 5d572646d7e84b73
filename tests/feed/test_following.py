"""Listeners: in order, without holes, commit by commit; slow, late, cancelled, closed."""

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from syncengine import (
    ActivityKind,
    ConfigError,
    EngineClosed,
    Progress,
    StoreFull,
    SyncEngine,
    Update,
    What,
)
from syncengine.emulator import Switches
from syncengine.feed import Feed
from syncengine.store import database, journal
from syncengine.store.database import Connection
from tests.feed.following import SOON, Follower, following
from tests.harness import Side, numbered

STARTED, FINISHED = ActivityKind.SYNC_STARTED, ActivityKind.SYNC_FINISHED


def commit_ends(path: Path) -> list[int]:
    """The revisions with which commits ended."""
    with closing(sqlite3.connect(path)) as file:
        found = file.execute("SELECT revision FROM change WHERE last = 1 ORDER BY revision")
        return [revision for (revision,) in found]


def add_rows(path: Path, number: int) -> None:
    """Another process writes so many changes, a commit each."""
    with closing(sqlite3.connect(path)) as file:
        statement = "INSERT INTO change (conversation, what, last) VALUES (1, 'settled', 1)"
        file.executemany(statement, [()] * number)
        file.commit()


async def test_everything_is_told_once_in_order_commit_by_commit(side: Side) -> None:
    """Law 1: what one transaction wrote is one update; no revision is missing or comes twice."""
    side.send(*numbered(1, 30))
    side.send("x1", peer="carol")
    async with side.engine(page_size=3) as engine, following(engine, None) as follower:
        await engine.sync()
        await engine.delete_remote_messages_before("bob", "chat", side.time.now())
        await engine.deliver()
        await follower.caught_up(engine)
        newest = await engine.reader.revision()
    assert [c.revision for c in follower.changes] == list(range(1, newest + 1))
    told = [update for update in follower.updates if update.changes]
    assert [update.revision for update in told] == commit_ends(side.path)
    assert all(update.changes[-1].revision == update.revision for update in told)


async def test_a_listener_goes_on_from_a_revision(side: Side) -> None:
    """Whoever remembers a revision misses nothing, whatever was written meanwhile."""
    side.send("m1")
    await side.sync()
    async with side.engine() as engine:
        since = (await engine.reader.messages("bob", "chat")).revision
        assert since == await engine.reader.revision() > 0
    (second,) = side.send("m2")
    await side.sync()
    async with side.engine(online=False) as engine, following(engine, since) as follower:
        await follower.caught_up(engine)
    assert follower.changes[0].revision == since + 1
    assert [c.message_ids for c in follower.changes if c.what is What.ADDED] == [[second]]


async def test_from_now_on_means_nothing_of_before(side: Side) -> None:
    """Without a revision a listener hears only what happens while it listens."""
    side.send("m1")
    await side.sync()
    (second,) = side.send("m2")
    async with side.engine() as engine, following(engine, None) as follower:
        await engine.sync()
        await follower.caught_up(engine)
    assert [c.message_ids for c in follower.changes if c.what is What.ADDED] == [[second]]


@pytest.mark.parametrize("ahead", [False, True])
async def test_a_revision_that_is_not_known_gets_one_reset(side: Side, ahead: bool) -> None:
    """Never silence: who was away for too long, or knew another file, is told so, once."""
    side.send("m1")
    await side.sync()
    add_rows(side.path, journal.KEPT + 5)
    await side.sync()
    async with side.engine() as engine:
        newest = await engine.reader.revision()
        since = newest + 1 if ahead else 3
        async with following(engine, since) as follower:
            await follower.until(lambda f: len(f.updates) == 1)
            add_rows(side.path, 2)
            await follower.until(lambda f: len(f.changes) == 2)
    assert follower.updates[0] == Update(newest, reset=True)
    assert [update.reset for update in follower.updates] == [True, False, False]


async def test_a_slow_listener_gets_one_reset_and_goes_on(side: Side) -> None:
    """It costs nothing while it lags: it holds a part of the changes at most, and no longer."""
    side.send("m1")
    await side.sync()
    async with side.engine() as engine:
        listener = engine.changes(0)
        await anext(listener)
        add_rows(side.path, journal.KEPT + 5)
        await engine.sync()  # drops what is too old
        resets = [update.reset async for update in _until_newest(engine, listener)]
        assert resets.count(True) == 1


async def _until_newest(
    engine: SyncEngine, listener: AsyncIterator[Update]
) -> AsyncIterator[Update]:
    newest = await engine.reader.revision()
    async for update in listener:
        yield update
        if update.revision >= newest:
            return


async def test_a_listener_that_lags_holds_little(side: Side) -> None:
    """Bounded memory: it reads about a hundred changes at once, however many wait."""
    side.send("m1")
    await side.sync()
    add_rows(side.path, 5000)
    async with side.engine(online=False) as engine:
        listener = engine.changes(0)
        number, most = 0, 0
        async for update in _until_newest(engine, listener):
            number += len(update.changes)
            most = max(most, len(listener._ready))  # type: ignore[attr-defined]  # the class behind it has it
        assert number == await engine.reader.revision()
        assert most <= 110


async def test_a_sync_is_told_from_start_to_end(side: Side) -> None:
    """Started, then what it wrote, then finished with its report; progress in between."""
    side.send(*numbered(1, 9))
    async with side.engine(page_size=3) as engine, following(engine) as follower:
        report = await engine.sync()
        await follower.until(lambda f: FINISHED in f.kinds)
    assert follower.kinds == [STARTED, FINISHED]
    assert follower.updates[0].activity == follower.activities[0]
    assert follower.activities[-1].report == report
    progress = [a.progress for a in follower.activities if a.progress is not None]
    assert progress
    assert progress[-1].messages_added == 9
    told = next(n for n, u in enumerate(follower.updates) if u.activity == follower.activities[-1])
    assert sum(len(u.changes) for u in follower.updates[:told]) == len(follower.changes) > 0


async def test_of_progress_only_the_newest_waits(side: Side) -> None:
    """Whoever is busy is not handed what is long past."""
    side.send(*numbered(1, 40))
    async with side.engine(page_size=2) as engine:
        listener = engine.changes(0)
        await engine.sync()
        follower = Follower()
        task = asyncio.create_task(follower.follow(listener))
        await follower.until(lambda f: FINISHED in f.kinds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    progress = [a.progress for a in follower.activities if a.progress is not None]
    assert [p.messages_added for p in progress] == [40]


async def test_a_sync_that_is_cut_off_is_finished_without_a_report(side: Side) -> None:
    """A listener never waits for the end of what has ended."""
    side.send(*numbered(1, 9))
    async with side.engine(page_size=2) as engine, following(engine) as follower:

        def cut(progress: Progress) -> None:
            task.cancel()

        task = asyncio.create_task(engine.sync(progress=cut))
        await asyncio.gather(task, return_exceptions=True)
        await follower.until(lambda f: FINISHED in f.kinds)
    assert follower.activities[-1].report is None


async def test_the_connection_is_lost_and_back(side: Side) -> None:
    """Told once each, when it changes."""
    side.send("m1")
    async with side.engine(attempts=1) as engine, following(engine) as follower:
        await engine.sync()
        for profile in ("drop-before", "drop-before", "none", "none"):
            side.fail(profile, probability=1.0)
            await engine.sync()
        await follower.until(lambda f: f.kinds.count(FINISHED) == 5)
    changed = [kind for kind in follower.kinds if kind not in (STARTED, FINISHED)]
    assert changed == [ActivityKind.CONNECTION_LOST, ActivityKind.CONNECTION_BACK]


async def test_a_refusal_is_told(side: Side) -> None:
    """Law 8: what comes back into sight is named."""
    ids = side.send(*numbered(1, 3))
    await side.sync()
    async with side.engine() as engine, following(engine, None) as follower:
        side.world.switches = Switches(roaming="disabled-400")
        await engine.delete_remote_messages_before("bob", "chat", side.time.now())
        (intent,) = await engine.outbox()
        await engine.deliver()
        await follower.until(lambda f: "refused" in f.words)
        assert len((await engine.reader.messages("bob", "chat")).messages) == len(ids)
    refused = follower.changes[-1]
    assert (refused.intent, refused.until) == (intent.number, intent.timestamp)


async def test_an_idle_cycle_tells_nothing_but_that_it_ran(side: Side) -> None:
    """Law 11: nothing new writes no change row, also when some is read again."""
    side.send(*numbered(1, 9))
    await side.sync()
    async with side.engine(audit_pages=4) as engine:
        before = await engine.reader.revision()
        async with following(engine, before) as follower:
            await engine.sync()
            await follower.until(lambda f: FINISHED in f.kinds)
        assert await engine.reader.revision() == before
        assert follower.changes == []


async def test_listeners_end_when_the_engine_closes(side: Side) -> None:
    """Nobody hangs, whether they wait or read; and afterwards nobody can begin."""
    side.send("m1")
    followers = [Follower() for _ in range(3)]
    async with side.engine() as engine:
        tasks = [asyncio.create_task(f.follow(engine.changes(0))) for f in followers]
        await engine.sync()
        await followers[0].until(lambda f: FINISHED in f.kinds)
    async with asyncio.timeout(SOON):
        await asyncio.gather(*tasks)
    assert all(follower.ended for follower in followers)
    with pytest.raises(EngineClosed):
        engine.changes()


async def test_a_listener_that_is_left_leaves_nothing_behind(side: Side) -> None:
    """Cancelled while it waits, or just not asked any more: no task, no poll, no listener."""
    side.send("m1")
    await side.sync()
    async with side.engine(online=False) as engine:
        tasks = asyncio.all_tasks()
        async with following(engine, 0) as follower:
            await follower.caught_up(engine)
        async for _ in engine.changes(0):
            break
        left = asyncio.all_tasks() - tasks
        if left:  # the poll sees within 50 ms that nobody waits
            _, left = await asyncio.wait(left, timeout=SOON)
        assert not left
        gc.collect()
        assert not engine._feed.followed


async def test_waiting_can_be_given_up_and_taken_up(side: Side) -> None:
    """A timeout around one wait loses nothing of what comes next."""
    side.send("m1")
    async with side.engine() as engine:
        listener = engine.changes(0)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(listener), 0.02)
        await engine.sync()
        first = await anext(listener)
        second = await anext(listener)
    assert first.activity is not None
    assert second.changes[0].revision == 1


async def immutable(path: Path, read_only: bool) -> Connection:
    """How a file is opened that lies in a folder that cannot be written."""
    if not read_only:
        raise StoreFull(f"{path}: read-only")
    uri = f"file:{path}?mode=ro&immutable=1"
    return database._Inline(path, database._configured(uri))


async def test_a_copy_that_nobody_writes_can_be_followed(side: Side) -> None:
    """Law 9: of a file in a folder that cannot be written a listener gets what is there, and
    then it just waits."""
    side.send("m1")
    await side.sync()
    async with SyncEngine.open(side.path, connect=immutable) as engine:
        async with following(engine, 0) as follower:
            await follower.caught_up(engine)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(engine.changes()), 0.2)


async def test_a_revision_below_zero_is_no_revision(side: Side) -> None:
    """Said at once, with a hint, and not when it is waited for."""
    async with side.engine() as engine:
        with pytest.raises(ConfigError, match="since is -1"):
            engine.changes(-1)


async def test_nobody_looks_elsewhere_while_nobody_waits(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that is not followed does not poll, nor does it count progress."""
    looks: list[int] = []
    real = Feed._look_elsewhere

    async def look(self: Feed) -> None:
        looks.append(1)
        await real(self)

    monkeypatch.setattr(Feed, "_look_elsewhere", look)
    side.send("m1")
    async with side.engine() as engine:
        await engine.sync()
        engine.changes(0)
        assert not looks
        assert [a.kind for _, a in engine._feed.told_after(0)] == [STARTED, FINISHED]
