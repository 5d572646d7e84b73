"""Exports while somebody writes, and of histories that are long."""

import sqlite3
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncengine import Slice, StoreLocked, SyncEngine
from syncengine.export import export_history
from syncengine.reader import Reader
from tests.export.reading import assert_sound, exported, lines_of, names_in
from tests.harness import Side, numbered


class WatchedReader(Reader):
    """The real reader; a test can do something before each read of messages."""

    before: Callable[[str | None], Awaitable[None]]
    """Given the message that the read goes on from."""

    async def messages(self, *arguments: Any, **settings: Any) -> Slice:
        """The slice, after what the test wants."""
        await self.before(settings.get("after"))
        return await super().messages(*arguments, **settings)


async def delete_for_good(engine: SyncEngine, ids: Sequence[str]) -> None:
    """Delete, and let the server accept it: until then they are only hidden."""
    await engine.delete_remote_messages_with_ids("bob", "chat", ids)
    await engine.deliver()


@pytest.mark.parametrize("gone", [1, 3, 99])
async def test_a_message_deleted_under_the_reader_loses_no_other(
    side: Side, target: Path, gone: int
) -> None:
    """Law 4: the export goes on from the newest message that is still there."""
    ids = side.send(*numbered(1, 250))
    await side.sync()
    async with side.engine() as engine:

        async def delete(after: str | None) -> None:
            if after == ids[99]:
                doomed = ids[100 - gone : 100]
                await delete_for_good(engine, doomed)

        reader = WatchedReader(engine._store, engine._decode)
        reader.before = delete
        await export_history(reader, target)
    assert [each["text"] for each in lines_of(target, "bob")] == numbered(1, 250)
    assert_sound(target)


@pytest.mark.parametrize("layout", ["jsonl", "html"])
async def test_a_conversation_is_begun_anew_where_the_place_is_lost(
    side: Side, target: Path, layout: str
) -> None:
    """Law 4: nothing of what was deleted under the reader is left in the files."""
    ids = side.send(*numbered(1, 250))
    await side.sync()
    async with side.engine() as engine:

        async def delete(after: str | None) -> None:
            if after == ids[99]:
                await delete_for_good(engine, ids[:100])

        reader = WatchedReader(engine._store, engine._decode)
        reader.before = delete
        result = await export_history(reader, target, layout)
    assert result.messages == 150
    assert_sound(target)


async def test_a_conversation_that_never_holds_still_is_an_error(side: Side, target: Path) -> None:
    """Rather than going on for ever."""
    ids = side.send(*numbered(1, 1000))
    await side.sync()
    async with side.engine() as engine:

        async def delete(after: str | None) -> None:
            if after in ids[99::100]:
                last = ids.index(after)
                await delete_for_good(engine, ids[last - 99 : last + 1])

        reader = WatchedReader(engine._store, engine._decode)
        reader.before = delete
        with pytest.raises(StoreLocked, match="faster"):
            await export_history(reader, target)
    assert names_in(target) == []


async def test_memory_does_not_grow_with_the_history(side: Side, tmp_path: Path) -> None:
    """Eight times the messages take the same memory, in both formats."""
    side.send("m1")
    await side.sync()
    for layout in ("jsonl", "html"):
        await exported(side, tmp_path / layout, layout)  # what is imported and cached once
        small = await peak(side, tmp_path / f"{layout}-1", layout, messages=1_000)
        large = await peak(side, tmp_path / f"{layout}-8", layout, messages=8_000)
        assert large < small + 1_000_000


async def peak(side: Side, target: Path, layout: str, *, messages: int) -> int:
    """Bytes."""
    with closing(sqlite3.connect(side.path)) as database, database:
        database.execute("DELETE FROM message WHERE position > (SELECT min(position) FROM message)")
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO message (conversation, position, message_id, sender, timestamp, type,"
            " text, raw) SELECT conversation, 2000000000000 + i, 'x' || i, 'bob', i, 'text',"
            " 'a message of some length ' || i, x'' FROM n, conversation",
            (messages,),
        )
    tracemalloc.start()
    try:
        await exported(side, target, layout)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
