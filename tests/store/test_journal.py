"""Change rows: why a message is not shown any more, or is again; in order, without holes."""

import sqlite3
from contextlib import closing

from syncengine import Cause, Change, Kind, What
from syncengine.emulator import Switches
from syncengine.store import journal
from tests.harness import USER, Side, numbered


async def changes(side: Side, since: int = 0) -> list[Change]:
    """What a program that follows the changes sees."""
    async with side.engine(online=False) as engine:
        return await engine.reader.changes(since=since)


async def test_every_reason_is_told_in_order(side: Side) -> None:
    """Laws 1 and 4: asked, settled; gone elsewhere; revisions grow by one."""
    ids = side.send(*numbered(1, 6))
    side.time.seconds += 7200
    await side.sync()
    assert await changes(side) == []
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        await engine.deliver()
    side.world.delete_messages(USER, "bob", ids[3:4], Kind.CHAT)
    for _ in range(2):
        side.time.seconds += 11
        await side.sync(audit_pages=4)
    asked, settled, gone = await changes(side)
    assert (asked.what, asked.cause, asked.message_ids) == (What.REMOVED, Cause.DELETED, ids[:1])
    assert (settled.what, settled.intent) == (What.SETTLED, asked.intent)
    assert (gone.what, gone.cause, gone.message_ids) == (What.REMOVED, Cause.ABSENT, ids[3:4])
    assert [change.revision for change in (asked, settled, gone)] == [1, 2, 3]
    assert await changes(side, since=2) == [gone]


async def test_a_refusal_and_a_return_are_told(side: Side) -> None:
    """Laws 5 and 8: what comes back into sight says why."""
    ids = side.send(*numbered(1, 6))
    side.time.seconds += 7200
    await side.sync()
    side.world.switches = Switches(roaming="disabled-400")
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        await engine.deliver()
        (intent,) = await engine.outbox()
        await engine.drop_intents([intent.number])
    side.world.switches = Switches()
    message = side.world.message(ids[3])
    side.world.delete_messages(USER, "bob", ids[3:4], Kind.CHAT)
    for back in (False, False, True, True):
        if back:
            message.deleted_for.clear()
        side.time.seconds += 11
        await side.sync(audit_pages=4)
    found = await changes(side)
    assert [change.what for change in found] == [
        What.REMOVED,
        What.REFUSED,
        What.DROPPED,
        What.REMOVED,
        What.RESTORED,
    ]
    assert found[-1].message_ids == ids[3:4]


async def test_a_refused_deletion_that_is_tried_again_is_told(side: Side) -> None:
    """Laws 1 and 8: what a retry takes out of sight again is written down, once."""
    ids = side.send(*numbered(1, 6))
    await side.sync()
    side.world.switches = Switches(roaming="disabled-400")
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        await engine.deliver()
        (intent,) = await engine.outbox()
        for _ in range(2):
            await engine.retry_intents([intent.number])
    found = await changes(side)
    assert [change.what for change in found] == [What.REMOVED, What.REFUSED, What.REMOVED]
    assert found[-1].message_ids == ids[:1]
    assert (found[-1].cause, found[-1].intent) == (Cause.DELETED, intent.number)


async def test_a_deletion_up_to_a_time_needs_no_list_of_ids(side: Side) -> None:
    """A million messages are one row."""
    side.send(*numbered(1, 6))
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_before("bob", "chat", side.time.now())
    (change,) = await changes(side)
    assert (change.what, change.message_ids) == (What.REMOVED, [])
    assert change.until is not None


async def test_only_the_newest_rows_are_kept(side: Side) -> None:
    """The file does not grow for ever; what is left has no holes."""
    side.send("m1")
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database:
        database.executemany(
            "INSERT INTO change (conversation, what) VALUES (1, 'settled')",
            [()] * (journal.KEPT + 5),
        )
        database.commit()
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database:
        found = database.execute("SELECT count(*), min(revision), max(revision) FROM change")
        assert found.fetchone() == (journal.KEPT, 6, journal.KEPT + 5)
