"""What is written, by whoever, is in the window by itself."""

import shutil
from pathlib import Path

from tests.harness import Side, WatchedRemote, numbered
from tests.tui.driving import BOB, browsing


async def test_what_another_process_syncs_comes_in(side: Side) -> None:
    """Law 9: an engine of its own writes the file; list and messages follow the feed."""
    side.send(*numbered(1, 3))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        side.send("news")
        side.send("hi", peer="carol")
        await side.sync()
        await person.sees("carol", "Conversations 2")
        await person.until(lambda: person.texts == [*numbered(1, 3), "news"])
        await person.until(lambda: person.selected == "news")  # the cursor was on the last one


async def test_whoever_reads_above_is_not_moved(side: Side) -> None:
    """News come in below; the end is followed only by who was there."""
    side.send(*numbered(1, 100))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        await person.press("pageup", "pageup")
        before, selected = person.in_view, person.selected
        side.send("news")
        await side.sync()
        await person.until(lambda: "news" in person.texts)
        assert (person.in_view, person.selected) == (before, selected)
        await person.press("end")
        await person.until(lambda: person.selected == "news")


async def test_what_is_edited_and_deleted_elsewhere_changes_here(side: Side) -> None:
    """Law 4: another device's edit and our own process's deletion are seen at once."""
    ids = side.send(*numbered(1, 5))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        side.world.edit(ids[1], "said better")
        async with side.engine() as other:
            await other.fetch_history_messages("bob", "chat")
            await other.delete_remote_messages_with_ids("bob", "chat", [ids[3]])
        await person.until(lambda: person.texts == ["m1", "said better", "m3", "m5"])
        await person.sees("edited", "1 deletion to send")


async def test_a_listener_that_lost_its_place_reads_all_anew(side: Side) -> None:
    """After a reset the window shows what is there now."""
    side.send("m1")
    await side.sync()
    async with side.engine(online=False) as engine, browsing(side, online=False) as person:
        await person.open()
        person.app._revision = await engine.reader.revision() + 1000
        person.app.workers.cancel_group(person.app, "feed")
        side.send("m2")
        await side.sync()
        person.app.run_worker(person.app._follow(), group="feed")
        await person.until(lambda: person.texts == ["m1", "m2"])


async def test_a_file_that_was_replaced_is_said_until_it_can_be_read(
    side: Side, tmp_path: Path
) -> None:
    """Beside the log of the old file it cannot; then the window shows it, and is calm again."""
    side.send("m1")
    await side.sync()
    other = tmp_path / "other.db"
    shutil.copy(side.path, other)
    side.send("m2")
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        await person.app.engine.delete_remote_conversation("bob", "chat", delete_messages=False)
        await person.sees("Conversations", "m2")
        other.replace(side.path)
        await person.sees("was replaced", "Close all programs")
        side.path.with_name(f"{side.path.name}-wal").unlink()
        await person.until(lambda: person.texts == ["m1"])
        await person.until(lambda: "was replaced" not in person.screen)


async def test_messages_come_in_while_a_sync_is_under_way(side: Side) -> None:
    """The window works on, says how far the sync is, and what came of it."""
    side.send(*numbered(1, 300))
    remote = side.remote()
    async with browsing(side, remote=remote, sync=True) as person:
        assert isinstance(remote, WatchedRemote)
        await person.synced()
        await person.sees("300 new messages", "online")
        await person.open()
        assert person.texts[-1] == "m300"
        assert person.app.messages.key == BOB
