"""Small cases, each cut off before and after every await and every statement that writes,
and taken up again: the end is always the same."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncengine import Kind, SyncEngine
from syncengine.emulator import Switches, World
from syncengine.store.database import connect_inline
from tests.engine.interrupting import BATCH, Stage, Step, interrupt, interrupt_for_good
from tests.harness import USER, numbered

MEMORY = Path("/dev/shm")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Alice's machine, its file in memory where that is possible, and an empty server."""
    where = MEMORY if MEMORY.is_dir() else tmp_path
    with tempfile.TemporaryDirectory(dir=where) as folder:
        yield Stage(Path(folder) / "alice.db", connect=connect_inline, page_size=3)


async def sync(engine: SyncEngine) -> None:
    """A cycle."""
    await engine.sync()


async def deliver(engine: SyncEngine) -> None:
    """What is in the outbox."""
    await engine.deliver()


def delete(ids: list[str]) -> Step:
    """These messages of bob's."""
    return lambda engine: engine.delete_remote_messages_with_ids("bob", "chat", ids)


def use(stage: Stage, **switches: object) -> None:
    """A server with these switches, alice registered."""
    world = World(clock=stage.time.now, switches=Switches(**switches))  # type: ignore[arg-type]  # by their names
    world.add_user(USER)
    stage.serve(world)


async def test_a_first_pull(stage: Stage) -> None:
    """Law 1: two conversations of several pages."""
    stage.send(*numbered(1, 7))
    stage.send(*numbered(1, 4), peer="carol")
    await interrupt(stage, sync)
    stage.assert_same()


async def test_catching_up(stage: Stage) -> None:
    """Laws 1 and 2: a gap at the head is followed down until it meets what is held."""
    stage.send(*numbered(1, 4))
    await stage.sync()
    stage.send(*numbered(5, 13))
    await interrupt(stage, sync)
    stage.assert_same()


async def test_a_pull_taken_up_with_a_cursor_that_is_refused(stage: Stage) -> None:
    """Laws 1 and 2: half of it is here, and the way on has to be found anew."""
    stage.send(*numbered(1, 14))
    await stage.sync_until(lambda progress: progress.pages >= 2, fetchers=1)
    assert stage.picture().startswith("? [")
    stage.refused = {stage.held()[1]}
    await interrupt(stage, sync)
    stage.assert_same()


async def test_deletions_made_offline(stage: Stage) -> None:
    """Laws 4 and 8: more than one batch; what was accepted stays gone."""
    ids = stage.send(*numbered(1, 9))
    await stage.sync()
    gone = ids[1 : 3 + 2 * BATCH]
    end = await interrupt(stage, delete(gone), sync)
    assert {message_id for _, _, message_id in end.tombstones} == set(gone)
    assert end.outbox == []
    stage.assert_same()


async def test_a_deletion_up_to_a_time(stage: Stage) -> None:
    """Laws 4 and 8: what is later stays, here and there."""
    stage.send(*numbered(1, 5))
    stage.time.seconds += 60
    until = stage.time.now()
    stage.time.seconds += 60
    later = stage.send(*numbered(6, 8))
    await stage.sync()
    await interrupt(
        stage, lambda engine: engine.delete_remote_messages_before("bob", "chat", until), deliver
    )
    assert stage.held() == later == stage.served()


async def test_a_deletion_up_to_a_time_of_what_was_not_pulled_yet(stage: Stage) -> None:
    """Laws 1, 4 and 8: it goes first, and the rest of the pull does not bring it back."""
    stage.send(*numbered(1, 9))
    await stage.sync_until(lambda progress: progress.pages >= 1, fetchers=1)
    assert stage.picture() == "? [m5 m6 m7 m8 m9]"
    until = stage.time.now()
    stage.time.seconds += 1
    later = stage.send("m10", "m11")
    await interrupt(
        stage, lambda engine: engine.delete_remote_messages_before("bob", "chat", until), sync
    )
    assert stage.held() == later == stage.served()


async def test_a_conversation_deleted_with_its_messages(stage: Stage) -> None:
    """Law 8: two intents, asked for in one call; a stranger's message in between stays."""
    stage.send(*numbered(1, 5))
    await stage.sync()
    later: list[str] = []

    async def delete_it(engine: SyncEngine) -> None:
        await engine.delete_remote_conversation("bob", "chat")

    async def write(engine: SyncEngine) -> None:
        stage.time.seconds += 60
        later[:] = stage.send("still there?")

    end = await interrupt(stage, delete_it, write, deliver)
    assert [message_id for _, _, message_id, *_ in end.shown] == later
    assert end.served[0] == ("alice",)
    stage.assert_same()


async def test_a_conversation_whose_deletion_nobody_asks_for_again(stage: Stage) -> None:
    """Laws 1 and 8: a call that was cut off has done all or nothing."""
    stage.send(*numbered(1, 3))
    await stage.sync()
    await interrupt_for_good(
        stage, lambda engine: engine.delete_remote_conversation("bob", "chat"), sync
    )


async def test_a_conversation_deleted_without_its_messages(stage: Stage) -> None:
    """Law 8: gone from both lists, and still readable."""
    ids = stage.send(*numbered(1, 4))
    await stage.sync()
    end = await interrupt(
        stage,
        lambda engine: engine.delete_remote_conversation("bob", "chat", delete_messages=False),
        sync,
    )
    assert stage.world.conversations(USER) == []
    assert [message_id for _, _, message_id, *_ in end.shown] == ids
    assert [unlisted for _, _, _, unlisted, *_ in end.listed] == [1]


async def test_a_deletion_that_is_refused(stage: Stage) -> None:
    """Law 8: it puts its messages back, all of them, and stays in the outbox, refused."""
    ids = stage.send(*numbered(1, 6))
    await stage.sync()
    stage.world.switches = Switches(roaming="disabled-400")

    async def enable(engine: SyncEngine) -> None:
        stage.world.switches = Switches()

    end = await interrupt(stage, delete(ids[1:5]), deliver, enable)
    assert [message_id for _, _, message_id, *_ in end.shown] == ids == stage.served()
    assert {state for _, _, _, _, state, *_ in end.outbox} == {"refused"}


async def test_a_conversation_whose_deletion_is_refused(stage: Stage) -> None:
    """Law 8: it is not half done: its list entry stays too."""
    ids = stage.send(*numbered(1, 3))
    await stage.sync()
    stage.world.switches = Switches(roaming="disabled-400")

    async def enable(engine: SyncEngine) -> None:
        stage.world.switches = Switches()

    end = await interrupt(
        stage, lambda engine: engine.delete_remote_conversation("bob", "chat"), deliver, enable
    )
    assert [message_id for _, _, message_id, *_ in end.shown] == ids == stage.served()
    assert [unlisted for _, _, _, unlisted, *_ in end.listed] == [0]
    assert len(stage.world.conversations(USER)) == 1


async def test_a_lost_acknowledgement(stage: Stage) -> None:
    """Law 8: the deletion is sent once more, and nothing else goes with it."""
    ids = stage.send(*numbered(1, 6))
    await stage.sync()
    stage.faults = {
        "profile": "drop-after",
        "probability": 1.0,
        "budget": 2,
        "routes": {"delete_messages"},
    }
    end = await interrupt(stage, delete(ids[:4]), deliver)
    assert end.outbox == []
    assert stage.held() == ids[4:] == stage.served()


async def test_a_message_imported_where_there_is_no_room(stage: Stage) -> None:
    """Laws 1 and 3: the renumbering is of the same transaction as the message."""
    start = stage.time.now()
    for n, text in enumerate(numbered(1, 3)):
        stage.send(text, at=start + n * 1000)
    stage.page_size = 49
    await stage.sync()
    for n in range(HALVINGS):
        await imported(stage, at=start + 1 + n)
    before = positions(stage)
    stage.world.import_message("bob", USER, Kind.CHAT, "no room", at=start + 1 + HALVINGS)
    stage.send("m4")
    await interrupt(stage, sync)
    assert {m: p for m, p in positions(stage).items() if m in before} != before
    stage.assert_same()


HALVINGS = 15
"""So often is there room between two messages."""


async def imported(stage: Stage, at: int) -> None:
    """A message into the past, read at once: it takes half of the room above it."""
    stage.world.import_message("bob", USER, Kind.CHAT, "old", at=at)
    async with stage.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=49)


def positions(stage: Stage) -> dict[str, int]:
    """Where each message stands."""
    with closing(sqlite3.connect(stage.path)) as database:
        return dict(database.execute("SELECT message_id, position FROM message").fetchall())


async def test_a_page_with_edited_and_recalled_messages(stage: Stage) -> None:
    """Laws 1 and 5: read again, what was edited is replaced in its place."""
    ids = stage.send(*numbered(1, 6))
    await stage.sync()
    stage.world.edit(ids[4], "m5-edited")
    stage.world.recall(ids[5])
    stage.send("m7")
    end = await interrupt(stage, sync)
    texts = [text for _, _, _, text, _ in end.shown]
    assert "m5-edited" in texts
    assert "m5" not in texts


async def test_history_that_expired_unseen(stage: Stage) -> None:
    """Law 2: the seam is made once, wherever the pull was cut off."""
    use(stage, retention_days=7)
    stage.send(*numbered(1, 3))
    await stage.sync()
    stage.time.seconds += 5 * 86_400
    stage.send("unseen")
    stage.time.seconds += 10 * 86_400
    stage.send(*numbered(4, 9))
    end = await interrupt(stage, sync)
    assert stage.picture() == "[m1 m2 m3] ~ [m4 m5 m6 m7 m8 m9]"
    assert [seam for _, _, seam, *_ in end.holes] == [1]


async def test_a_deleted_message_that_the_server_restored(stage: Stage) -> None:
    """Law 4: seen twice, it is deleted once more, and never shown."""
    ids = stage.send("m1", "m2")
    await stage.sync()

    async def restore(engine: SyncEngine) -> None:
        stage.world.message(ids[0]).deleted_for.clear()

    async def look(engine: SyncEngine) -> None:
        stage.time.seconds += 11
        await engine.fetch_history_messages("bob", "chat")

    end = await interrupt(stage, delete(ids[:1]), deliver, restore, look, look, look, deliver)
    assert [message_id for _, _, message_id, *_ in end.shown] == ids[1:] == stage.served()
    assert end.outbox == []


async def test_deleting_while_a_pull_goes_on(stage: Stage) -> None:
    """Laws 1, 4 and 8: at the same time, on the same conversation."""
    ids = stage.send(*numbered(1, 9))
    await stage.sync_until(lambda progress: progress.pages >= 1, fetchers=1)

    async def both(engine: SyncEngine) -> None:
        gone = engine.delete_remote_messages_with_ids("bob", "chat", [ids[1], *ids[5:8]])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.sync())
            tasks.create_task(gone)

    await interrupt(stage, both, deliver)
    assert stage.held() == [ids[0], *ids[2:5], ids[8]]
    stage.assert_same()


def later_cycle(stage: Stage) -> Step:
    """A cycle, 11 seconds later by every clock."""

    async def step(engine: SyncEngine) -> None:
        stage.time.seconds += 11
        await engine.sync()

    return step


async def test_a_removal_by_absence(stage: Stage) -> None:
    """Law 5: one read makes a suspect, a second one removes, whatever happens in between."""
    stage.settings["audit_pages"] = 4
    ids = stage.send(*numbered(1, 7))
    stage.time.seconds += 7200
    await stage.sync()
    stage.world.delete_messages(USER, "bob", ids[2:4], Kind.CHAT)
    end = await interrupt(stage, later_cycle(stage), later_cycle(stage))
    assert [message_id for *_, message_id in end.changes] == ids[2:4]
    stage.assert_same()


async def test_a_mass_removal_that_a_person_accepts(stage: Stage) -> None:
    """Law 5: all of it goes, or is held back still; the guard does not count anew."""
    stage.settings["audit_pages"] = 4
    stage.page_size = 49
    ids = stage.send(*numbered(1, 56))
    stage.time.seconds += 7200
    await stage.sync()
    stage.world.delete_messages(USER, "bob", ids[10:40], Kind.CHAT)
    for _ in range(3):
        stage.time.seconds += 11
        report = await stage.sync(**stage.settings)
    assert report.held_back == 30
    assert stage.held() == ids
    await interrupt(stage, lambda engine: engine.verify(accept=True))
    stage.assert_same()


async def test_a_conversation_deleted_on_another_device(stage: Stage) -> None:
    """Laws 5 and 6: missing in the list is a question, and its history answers."""
    stage.settings = {"audit_pages": 4, "retention_days": 365.0}
    stage.send(*numbered(1, 4))
    stage.send("hi", peer="carol")
    stage.time.seconds += 7200
    await stage.sync()
    stage.world.delete_conversation(USER, "bob", Kind.CHAT, delete_messages=True)
    stage.time.seconds += 3600
    end = await interrupt(stage, later_cycle(stage), later_cycle(stage))
    assert stage.held() == []
    assert [name for name, _, _, unlisted, *_ in end.listed if not unlisted] == ["carol"]
    stage.assert_same()
