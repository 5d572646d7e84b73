"""Who pulls into a file: one at a time, whatever becomes of its process."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncengine import StoreFull, StoreLocked, WriterLock, holder
from syncengine.store.lock import UNKNOWN, lock_path
from tests.harness import Side


@contextmanager
def holding(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    line = [sys.executable, "-m", "tests.store.holding", str(path)]
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


async def test_a_second_one_is_told_who_pulls(side: Side) -> None:
    """Law 1, one writer: another process's sync is an error that names it; what is here can be
    read, a deletion can be asked for, and it goes on as soon as that process has ended."""
    side.send("m1")
    await side.sync()
    side.send("m2")
    with holding(side.path) as process:
        found = holder(side.path)
        assert found is not None
        assert (found.pid, found.program) == (process.pid, "holding")
        async with side.engine() as engine:
            with pytest.raises(
                StoreLocked, match=f"holding, process {process.pid}, since 2"
            ) as told:
                await engine.sync()
            assert told.value.hint
            with pytest.raises(StoreLocked):
                await engine.verify()
            assert len((await engine.reader.messages("bob", "chat")).messages) == 1
            await engine.delete_remote_messages_with_ids("bob", "chat", side.held())
            assert len(await engine.outbox()) == 1
            process.kill()
            process.wait()
            report = await engine.sync()
    assert not report.errors
    assert side.picture() == "[m2]"
    assert holder(side.path) is None


async def test_two_engines_of_one_process(side: Side) -> None:
    """Law 1: also within a program one engine pulls; the other says so at once."""
    side.send("m1")
    async with side.engine() as one, side.engine() as two:
        with one._store.lock.held(), pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
            await two.sync()
        await two.sync()
    side.assert_same()


async def test_one_that_is_held_for_longer(side: Side) -> None:
    """A daemon holds it around its engines: they pull, and nobody else in between."""
    side.send("m1")
    lock = WriterLock(side.path, program="daemon")
    with lock.held():
        async with side.engine(lock=lock) as engine:
            await engine.sync()
            await engine.verify()
            found = holder(side.path)
            assert found is not None
            assert found.program == "daemon"
        with pytest.raises(StoreLocked, match="daemon"):
            await side.sync()
    await side.sync()


@pytest.mark.parametrize("left", [b"", b"\xff{", b"[]", b'{"pid": 1}', b"null", b"x" * 100_000])
async def test_what_a_lock_file_says_counts_only_while_it_is_owned(side: Side, left: bytes) -> None:
    """Bad input: whatever was left of a killed process is no obstacle, and is never believed."""
    side.send("m1")
    path = lock_path(side.path)
    path.write_bytes(left)
    assert holder(side.path) is None
    assert not (await side.sync()).errors
    assert not path.exists()
    with WriterLock(side.path).held():
        path.write_bytes(left)
        assert holder(side.path) == UNKNOWN
        with pytest.raises(StoreLocked, match="another program"):
            await side.sync()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    """Law 1: SIGKILL frees it at once, and what its file says is not taken for an owner."""
    path = tmp_path / "alice.db"
    with holding(path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert lock_path(path).exists()
        assert holder(path) is None
        with WriterLock(path).held():
            found = holder(path)
            assert found is not None
            assert found.pid == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_nested_and_for_its_owner_only(tmp_path: Path) -> None:
    """The outer block ends it; the file says who, to this user alone, and goes with it."""
    path = tmp_path / "alice.db"
    lock = WriterLock(path)
    with lock.held():
        assert lock.path.stat().st_mode & 0o777 == 0o600
        with lock.held():
            pass
        assert holder(path) is not None
    assert holder(path) is None
    assert not lock.path.exists()


def test_a_link_is_the_file_that_it_leads_to(tmp_path: Path) -> None:
    """One file has one lock, by whatever name it is reached."""
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "alice.db")
    mine, other = WriterLock(tmp_path / "alice.db"), WriterLock(link)
    with mine.held(), pytest.raises(StoreLocked), other.held():
        pass


def test_who_only_looks_is_in_nobodys_way(tmp_path: Path) -> None:
    """While another thread asks without a pause who holds it, it is got every time."""
    path, stop = tmp_path / "alice.db", threading.Event()

    def look() -> None:
        while not stop.is_set():
            holder(path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(300):
            with WriterLock(path).held():
                pass
    finally:
        stop.set()
        looking.join()


async def test_a_lock_file_that_cannot_be_written(side: Side) -> None:
    """Bad input: an error that names the file, with a hint, and nothing was pulled."""
    side.send("m1")
    lock_path(side.path).mkdir()
    with pytest.raises(StoreFull, match=r"alice\.db-lock") as told:
        await side.sync()
    assert told.value.hint
    lock_path(side.path).rmdir()
    await side.sync()
