"""The manifest: what is whole, what is missing, as of when."""

import sqlite3
from contextlib import closing
from pathlib import Path

from syncengine import SyncEngine
from tests.export.reading import assert_sound, exported, lines_of, manifest_of, said_of
from tests.harness import Side, numbered


def change(path: Path, statement: str) -> None:
    """Change the file directly."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


async def test_a_whole_copy_is_called_whole(side: Side, target: Path) -> None:
    """Law 9: with the times that it holds for, and the SHA-256 of each file."""
    side.send(*numbered(1, 3))
    await side.sync()
    result = await exported(side, target, now=lambda: 77)
    said = manifest_of(target)
    assert (said["format"], said["version"], said["layout"]) == ("syncengine-export", 1, "jsonl")
    assert said["whole"] is result.whole is True
    assert said["account"].endswith(":alice")
    assert said["synced_at"] == said["listed_at"] == side.time.now()
    assert said["started_at"] == said["finished_at"] == 77
    assert said["counts"]["messages"] == 3
    bob = said_of(target, "bob")
    assert (bob["whole"], bob["synced"], bob["as_of"]) == (True, True, side.time.now())
    assert_sound(target)


async def test_a_gap_is_said_with_the_messages_beside_it(side: Side, target: Path) -> None:
    """Law 9: what was not fetched is told by its place, and nothing is called whole."""
    ids = side.send(*numbered(1, 30))
    await side.sync()
    later = side.send(*numbered(31, 60))
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=5)
    assert side.picture().count("?") == 1
    result = await exported(side, target)
    bob = said_of(target, "bob")
    assert bob["gaps"] == [{"older_id": ids[-1], "newer_id": later[-5]}]
    assert not bob["whole"]
    assert not result.whole
    assert (result.incomplete, manifest_of(target)["counts"]["gaps"]) == (1, 1)
    assert len(lines_of(target, "bob")) == 35


async def test_many_gaps_over_many_pieces_are_said_once_each(side: Side, target: Path) -> None:
    """Law 9: also a gap that lies where one read of the export ended and the next began."""
    side.send(*numbered(1, 300))
    await side.sync()
    change(
        side.path,
        "INSERT INTO gap (conversation, low, high, cursor, seam)"
        " SELECT conversation, position, position + 1, NULL, row % 2 FROM"
        " (SELECT *, row_number() OVER (ORDER BY position) row FROM message)"
        " WHERE row IN (50, 99, 100, 101, 200, 300)",
    )
    await exported(side, target)
    bob, ids = said_of(target, "bob"), side.held()
    holes = sorted((*bob["gaps"], *bob["seams"]), key=lambda hole: ids.index(hole["older_id"]))
    assert [ids.index(hole["older_id"]) + 1 for hole in holes] == [50, 99, 100, 101, 200, 300]
    assert [len(bob["gaps"]), len(bob["seams"])] == [4, 2]
    assert holes[-1]["newer_id"] is None


async def test_never_synced_and_empty_differ(side: Side, target: Path) -> None:
    """Law 9: a conversation known from the list only is in the export, and says so."""
    side.send("m1")
    async with side.engine() as engine:
        await engine.get_conversations_from_server()
    result = await exported(side, target)
    bob = said_of(target, "bob")
    assert (bob["synced"], bob["whole"], bob["messages"]) == (False, False, 0)
    assert bob["gaps"] == [{"older_id": None, "newer_id": None}]
    assert not result.whole
    assert manifest_of(target)["synced_at"] is None


async def test_nothing_at_all_is_not_called_whole(side: Side, target: Path) -> None:
    """Law 9: a file that never saw the list knows of nothing, and says that there may be more."""
    async with SyncEngine.open(side.path):
        pass
    result = await exported(side, target)
    assert (result.conversations, result.whole) == (0, False)


async def test_unverified_messages_are_marked(side: Side, target: Path) -> None:
    """Law 7: what the server does not show any more is there, and told apart."""
    first, *_ = side.send(*numbered(1, 3))
    await side.sync()
    change(side.path, f"UPDATE message SET unverified = 1 WHERE message_id = '{first}'")
    await exported(side, target)
    assert [each["unverified"] for each in lines_of(target, "bob")] == [True, False, False]
    assert said_of(target, "bob")["unverified"] == 1


async def test_what_is_being_deleted_is_not_exported(side: Side, target: Path) -> None:
    """Law 8: a deletion shows at once, also here, before the server was told."""
    first, *_ = side.send(*numbered(1, 3))
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", [first])
    await exported(side, target)
    assert [each["text"] for each in lines_of(target, "bob")] == ["m2", "m3"]
    assert manifest_of(target)["not_exported"]["deletions_pending"] == 1


async def test_what_left_the_list_and_kept_its_messages_is_exported(
    side: Side, target: Path
) -> None:
    """Nothing that is readable here is left behind; what was deleted whole is."""
    side.send("m1")
    side.send("x1", peer="carol")
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_conversation("bob", "chat", delete_messages=False)
        await engine.delete_remote_conversation("carol", "chat")
        assert await engine.load_all_conversations() == []
    result = await exported(side, target)
    assert result.conversations == 1
    assert [each["text"] for each in lines_of(target, "bob")] == ["m1"]


async def test_one_conversation_alone(side: Side, target: Path) -> None:
    """The manifest says that only it was asked for."""
    side.send("m1")
    side.send("x1", peer="carol")
    await side.sync()
    await exported(side, target, conversation=("carol", "chat"))
    assert manifest_of(target)["only"] == {"conversation_id": "carol", "kind": "chat"}
    assert [each["text"] for each in lines_of(target, "carol")] == ["x1"]
    assert len(manifest_of(target)["conversations"]) == 1


async def test_the_index_counts_as_people_do(side: Side, target: Path) -> None:
    """One is not many."""
    side.send("m1")
    await side.sync()
    await exported(side, target, "html")
    assert " 1 conversation, 1 message ·" in (target / "index.html").read_text()
