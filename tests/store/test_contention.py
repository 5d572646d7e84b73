"""A short read takes no thread while others keep the machine busy."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from syncengine.errors import EngineClosed
from syncengine.models import ConversationKey, Kind, MessageRow
from syncengine.store.batch import Batch
from syncengine.store.store import Store, open_store


def place(connection: sqlite3.Connection) -> tuple[int, int]:
    """The thread that reads, and how many messages it sees."""
    (held,) = connection.execute("SELECT count(*) FROM message").fetchone()
    return threading.get_ident(), held


async def write(store: Store) -> None:
    """One message."""
    row = MessageRow("m1", "bob", 1, "text", "hello", None, b"")
    batch = Batch(ConversationKey("bob", Kind.CHAT), inserts=[(0, row)], newest_changed=True)
    await store.apply([lambda view: batch])


async def test_a_short_read_beside_a_pull_takes_no_thread(tmp_path: Path) -> None:
    """Law 9: who waits for a page does not wait for threads that share the interpreter; a file
    that is replaced is noticed all the same, and a closed store says so."""
    path, here = tmp_path / "a.db", threading.get_ident()
    store = await open_store(path)
    assert (await store.serve(place, few_rows=True))[0] != here
    await write(store)
    with store.contention.pulling():
        assert await store.serve(place, few_rows=True) == (here, 1)
        assert (await store.serve(place))[0] != here
        other = await open_store(tmp_path / "b.db")
        await other.close()
        for name in ("a.db-wal", "a.db-shm"):
            (tmp_path / name).unlink()
        (tmp_path / "b.db").replace(path)
        assert await store.serve(place, few_rows=True) == (here, 0)
        await store.close()
        with pytest.raises(EngineClosed):
            await store.serve(place, few_rows=True)


async def test_a_short_read_beside_another_program_takes_no_thread(tmp_path: Path) -> None:
    """Law 9: who waits for a page while another program writes the file does not wait for a
    processor twice; soon after its last commit the event loop waits for no disk again."""
    path, here = tmp_path / "a.db", threading.get_ident()
    reading, writing = await open_store(path), await open_store(path)
    try:
        assert (await reading.serve(place, few_rows=True))[0] != here
        await write(writing)
        assert await reading.serve(place, few_rows=True) == (here, 1)
        assert (await reading.serve(place))[0] != here
        async with asyncio.timeout(20):
            while (await reading.serve(place, few_rows=True))[0] == here:  # noqa: ASYNC110 - timed
                await asyncio.sleep(0.05)
    finally:
        await reading.close()
        await writing.close()
