"""A file that is replaced, removed, or copied half, while somebody reads."""

import asyncio
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from syncengine import StoreError, StoreReplaced, SyncEngine, Update
from tests.harness import Side, numbered


@pytest.fixture
async def other(side: Side, tmp_path: Path) -> Path:
    """Another state of the account, in a file of its own, closed."""
    side.send(*numbered(1, 30))
    await side.sync()
    path = tmp_path / "elsewhere" / "other.db"
    path.parent.mkdir()
    shutil.copy(side.path, path)
    side.send("newest")
    await side.sync()
    return path


def cut(path: Path, seed: int) -> bytes:
    """Leave the first bytes of a file, as an interrupted copy does; which."""
    content = path.read_bytes()
    path.write_bytes(content[: random.Random(seed).randrange(1, len(content))])
    return path.read_bytes()


PATIENCE = 20.0
"""Seconds, after which a test fails instead of waiting."""


async def until_it_waits(engine: SyncEngine) -> None:
    """Reads wait in one line: once these are over, the listener has looked, and waits."""
    for _ in range(20):
        await engine.reader.revision()


def content(path: Path) -> bytes:
    return path.read_bytes()


async def texts(engine: SyncEngine) -> list[str]:
    found = await engine.reader.messages("bob", "chat", limit=100)
    return [message.text for message in found.messages]


async def test_a_replaced_file_is_read_from_then_on(side: Side, other: Path) -> None:
    """Law 9: reads go on with what stands there; whoever follows is told once to read anew;
    nothing is written into a file that nobody sees."""
    async with side.engine(online=False) as engine:
        assert (await texts(engine))[-1] == "newest"
        updates = engine.changes()
        await engine.upkeep()  # its log is empty then, and goes with the last connection
        log = side.path.with_name(side.path.name + "-wal")
        os.replace(other, side.path)
        log.unlink(missing_ok=True)
        assert await texts(engine) == numbered(1, 30)
        told: Update = await anext(updates)
        assert told.reset
        with pytest.raises(StoreReplaced) as caught:
            await engine.delete_remote_messages_before("bob", "chat", 1_800_000_000_000)
        assert caught.value.hint
        assert await texts(engine) == numbered(1, 30)


async def test_a_file_put_beside_the_log_of_the_old_one_is_refused(side: Side, other: Path) -> None:
    """Law 10: SQLite would mix the two; the error says what to do, and both are as they were."""
    before = content(other)
    async with side.engine(online=False) as engine:
        await engine.delete_remote_conversation("bob", "chat", delete_messages=False)
        os.replace(other, side.path)
        with pytest.raises(StoreReplaced, match="wal") as caught:
            await texts(engine)
        assert "Close all programs" in (caught.value.hint or "")
    assert content(side.path) == before
    async with side.engine(online=False) as engine:
        assert await texts(engine) == numbered(1, 30)


async def test_who_waits_for_changes_is_told_of_a_file_that_cannot_be_read(
    side: Side, other: Path
) -> None:
    """Never silence: the error comes to whoever waits, and the changes when all is well."""
    async with side.engine(online=False) as engine:
        updates = engine.changes()
        waiting = asyncio.ensure_future(anext(updates))
        await engine.delete_remote_conversation("bob", "chat", delete_messages=False)
        assert (await waiting).changes
        waiting = asyncio.ensure_future(anext(updates))
        await until_it_waits(engine)
        os.replace(other, side.path)
        with pytest.raises(StoreReplaced, match="wal"):
            await asyncio.wait_for(waiting, PATIENCE)
        side.path.with_name(side.path.name + "-wal").unlink()
        assert (await asyncio.wait_for(anext(engine.changes(0)), PATIENCE)).revision


async def test_a_removed_file_is_read_on_and_not_written(side: Side, other: Path) -> None:
    """Law 9: what is open can be read; a deletion that would be lost is an error."""
    async with side.engine(online=False) as engine:
        side.path.unlink()
        assert (await texts(engine))[-1] == "newest"
        with pytest.raises(StoreReplaced):
            await engine.delete_remote_messages_before("bob", "chat", 1_800_000_000_000)


async def test_something_else_put_there_is_an_error_until_it_is_a_copy_again(
    side: Side, other: Path
) -> None:
    """Bad input: a clear error, and reads go on when a copy is back."""
    async with side.engine(online=False) as engine:
        await engine.upkeep()
        log = side.path.with_name(side.path.name + "-wal")
        junk = other.with_name("junk")
        junk.write_bytes(b"no database " * 1000)
        os.replace(junk, side.path)
        log.unlink(missing_ok=True)
        with pytest.raises(StoreError) as caught:
            await texts(engine)
        assert caught.value.hint
        os.replace(other, side.path)
        assert await texts(engine) == numbered(1, 30)


@pytest.mark.parametrize("seed", range(12))
async def test_a_file_that_was_copied_half(side: Side, other: Path, seed: int) -> None:
    """Bad input: cut off anywhere it is refused or read, with no error but the store's own,
    and stays as it was."""
    before = cut(other, seed)
    with suppress(StoreError):
        async with SyncEngine.open(other) as engine:
            await texts(engine)
            await engine.reader.search("m1")
            await engine.load_all_conversations()
            await engine.reader.status(plan_known=True)
    assert content(other).startswith(before)
