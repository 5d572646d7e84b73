"""Change rows: what a reader sees differently since, and why; in order, without holes."""

import sqlite3
from contextlib import closing

from syncengine import Cause, Change, Kind, What
from syncengine.emulator import Switches
from syncengine.store import journal, migrate
from tests.harness import USER, Side, numbered

_ADDED = What.CONVERSATION_ADDED
_BESIDE = {_ADDED, What.CONVERSATION_CHANGED, What.ADDED, What.GAP_CLOSED}


async def all_changes(side: Side, since: int = 0) -> list[Change]:
    """What a program that reads the changes sees."""
    async with side.engine(online=False) as engine:
        return await engine.reader.changes(since=since)


async def changes(side: Side) -> list[Change]:
    """Only what went out of sight or came back."""
    return [change for change in await all_changes(side) if change.what not in _BESIDE]


def words(found: list[Change]) -> list[str]:
    """Only what happened."""
    return [change.what.value for change in found]


async def test_a_first_sync_is_told(side: Side) -> None:
    """Law 1: a conversation, its messages, a row for each page; oldest first."""
    ids = side.send(*numbered(1, 5))
    await side.sync(page_size=2)
    found = await all_changes(side)
    first, *pages, last = words(found)
    assert (first, set(pages), last) == ("conversation_added", {"added"}, "gap_closed")
    assert [m for change in reversed(found) for m in change.message_ids] == ids
    assert [change.revision for change in found] == list(range(1, len(found) + 1))


async def test_news_are_told(side: Side) -> None:
    """Law 11: what is new costs the rows that tell of it, and a cycle without news none."""
    (first,) = side.send("m1")
    await side.sync()
    (second,) = side.send("m2")
    side.world.edit(first, "m1!")
    before = (await all_changes(side))[-1].revision
    await side.sync()
    await side.sync(audit_pages=4)
    changed, added, edited, closed = await all_changes(side, before)
    assert words([changed, closed]) == ["conversation_changed", "gap_closed"]
    assert (added.what, added.message_ids) == (What.ADDED, [second])
    assert (edited.what, edited.message_ids) == (What.EDITED, [first])


async def test_what_is_gone_since_is_not_named_as_added(side: Side) -> None:
    """Law 4: who reads the feed later hears of no message that was deleted meanwhile."""
    ids = side.send(*numbered(1, 4))
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:2])
    (added,) = [change for change in await all_changes(side) if change.what is What.ADDED]
    assert added.message_ids == ids[2:]


async def test_a_conversation_that_leaves_the_list_and_comes_back_is_told(side: Side) -> None:
    """Law 8: removed here, by whom; and added when somebody writes."""
    side.send("m1")
    await side.sync()
    before = (await all_changes(side))[-1].revision
    async with side.engine() as engine:
        await engine.delete_remote_conversation("bob", "chat")
        await engine.deliver()
    side.send("m2")
    await side.sync()
    found = [c for c in await all_changes(side, before) if c.what not in _BESIDE - {_ADDED}]
    assert [(c.what.value, c.cause) for c in found] == [
        ("removed", Cause.DELETED),
        ("conversation_removed", Cause.DELETED),
        ("settled", None),
        ("settled", None),
        ("conversation_added", None),
    ]


async def test_a_part_of_the_journal_is_whole_commits(side: Side) -> None:
    """Law 1: whoever reads half of a commit would show what never was."""
    side.send(*numbered(1, 4))
    side.send("x1", peer="carol")
    await side.sync()
    everything = await all_changes(side)
    with closing(sqlite3.connect(side.path)) as database:
        ends = {r for (r,) in database.execute("SELECT revision FROM change WHERE last = 1")}
    async with side.engine(online=False) as engine:
        at, found = 0, list[Change]()
        while part := await engine.reader.changes(since=at, limit=1):
            at = part[-1].revision
            assert at in ends
            found += part
    assert found == everything


async def test_a_word_of_a_newer_version_is_told_as_unknown(side: Side) -> None:
    """A newer version may write the file meanwhile: its readers go on."""
    side.send("m1")
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database:
        database.execute("INSERT INTO change (conversation, what, last) VALUES (1, 'sung', 1)")
        database.commit()
    assert (await all_changes(side))[-1].what is What.UNKNOWN


async def test_an_older_file_tells_nothing_of_before(side: Side) -> None:
    """What was told of removals only is no feed: the numbers go on, their rows do not."""
    with closing(sqlite3.connect(side.path)) as database:
        for version, file in migrate.migrations():
            if version <= 4:
                database.executescript(file.read_text(encoding="utf-8"))
        database.execute("INSERT INTO conversation (conversation_id, kind) VALUES ('bob', 'chat')")
        database.execute("INSERT INTO change (revision, conversation, what) VALUES (7, 1, 'lost')")
        database.execute(f"PRAGMA application_id = {migrate.APPLICATION_ID}")
        database.execute("PRAGMA user_version = 4")
        database.commit()
    async with side.engine(online=False) as engine:
        assert await engine.reader.revision() == 7
        assert await engine.reader.changes() == []
        update = await anext(engine.changes(since=6))
        assert (update.reset, update.revision) == (True, 7)


async def test_every_reason_is_told_in_order(side: Side) -> None:
    """Laws 1 and 4: asked, settled; gone elsewhere; revisions grow by one."""
    ids = side.send(*numbered(1, 6))
    side.time.seconds += 7200
    await side.sync()
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
    assert asked.revision < settled.revision < gone.revision


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


async def test_a_long_pull_does_not_keep_all_rows(side: Side) -> None:
    """Dropped while it runs, many at once: a first pull of a large account writes many."""
    side.send("m1")
    await side.sync()
    rows = journal.KEPT + journal._SLACK
    with closing(sqlite3.connect(side.path)) as database:
        statement = "INSERT INTO change (conversation, what, last) VALUES (1, 'settled', 1)"
        database.executemany(statement, [()] * rows)
        database.commit()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_before("bob", "chat", side.time.now())
    with closing(sqlite3.connect(side.path)) as database:
        assert database.execute("SELECT count(*) FROM change").fetchone() == (journal.KEPT,)


async def test_only_the_newest_rows_are_kept(side: Side) -> None:
    """The file does not grow for ever; what is left has no holes."""
    side.send("m1")
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database:
        (before,) = database.execute("SELECT max(revision) FROM change").fetchone()
        database.executemany(
            "INSERT INTO change (conversation, what, last) VALUES (1, 'settled', 1)",
            [()] * (journal.KEPT + 5),
        )
        database.commit()
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database:
        found = database.execute("SELECT count(*), min(revision), max(revision) FROM change")
        assert found.fetchone() == (journal.KEPT, before + 6, before + journal.KEPT + 5)
