"""A consistent copy of the file, made while it is in use."""

import asyncio
import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from syncengine import ConfigError, EngineClosed, StoreCorrupt, StoreLocked, WriterLock
from syncengine.store import backup
from syncengine.store.files import put_new
from tests.harness import Side, dump, numbered, picture


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Where the copy is to be, in a folder that is not there yet."""
    return tmp_path / "copies" / "copy.db"


def content(path: Path) -> bytes:
    return path.read_bytes()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_a_copy_is_a_store_like_any_other(side: Side, copy: Path) -> None:
    """Law 8 too: all rows, deletions that wait among them; and syncing goes on from there."""
    ids = side.send(*numbered(1, 60))
    await side.sync()
    told: list[tuple[int, int]] = []
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:3])
        made = await engine.backup(copy, progress=lambda done, total: told.append((done, total)))
    assert (made.path, made.bytes) == (copy, len(content(copy)))
    assert told[-1] == (made.bytes, made.bytes)
    assert mode(copy) == 0o600
    assert mode(copy.parent) == 0o700
    assert names(copy.parent) == ["copy.db"]
    assert dump(copy) == dump(side.path)
    side.send("new")
    side.path = copy
    await side.sync()
    assert side.held() == side.served()
    assert len(side.held()) == 58


async def test_copies_made_in_the_middle_of_a_pull(side: Side, copy: Path) -> None:
    """Law 1: each is of one moment: no message in a gap, and a sync from it ends whole."""
    side.send(*numbered(1, 600))
    pictures: list[str] = []
    async with side.engine(page_size=5, commit_pages=1) as engine:
        pull = asyncio.create_task(engine.sync())
        while not pull.done():
            await engine.backup(copy, force=True)
            with suppress(TypeError):  # no conversation yet
                pictures.append(picture(copy, "bob"))
        await pull
    partly = [each for each in pictures if each.startswith("? [m")]
    assert len(partly) > 2, pictures
    async with side.engine() as engine:
        await engine.backup(copy, force=True)
    assert dump(copy) == dump(side.path)


async def test_commits_do_not_make_it_begin_anew(
    side: Side, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that never rests: the copy ends all the same, with what was there before."""
    side.send(*numbered(1, 2000))
    await side.sync()
    monkeypatch.setattr(backup, "_PAGES", 1)
    steps = commits = 0

    def step(done: int, total: int) -> None:
        nonlocal steps
        steps += 1

    async with side.engine(online=False) as engine:
        while commits <= 2:  # on a busy machine it may be made between two of them: again
            steps = commits = 0
            task = asyncio.create_task(engine.backup(copy, force=True, progress=step))
            while not task.done():
                await engine.delete_remote_messages_with_ids("bob", "chat", ["1"])
                commits += 1
            made = await task
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM message").fetchone() == (2000,)
    assert steps == made.bytes // 8192


async def test_a_file_that_is_there_already(side: Side, copy: Path) -> None:
    """Law 10: refused, and kept byte for byte; `force` replaces it when the new one is whole."""
    side.send("m1")
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.backup(copy)
        before = content(copy)
        side.send("m2")
        await side.sync()
        with pytest.raises(ConfigError, match="already") as told:
            await engine.backup(copy)
        assert "--force" in told.value.hint
        assert content(copy) == before
        await engine.backup(copy, force=True)
    assert picture(copy, "bob") == "[m1 m2]"
    assert names(copy.parent) == ["copy.db"]


async def test_what_is_never_replaced(side: Side, copy: Path) -> None:
    """Bad input: the file itself, also by a link; a diary; a folder; what another program
    syncs; and a name beside which another file's log is left, which SQLite would mix in."""
    side.send("m1")
    await side.sync()
    copy.parent.mkdir()
    link = copy.with_name("link.db")
    link.symlink_to(side.path)
    diary = copy.with_name("diary.txt")
    diary.write_text("Dear diary, " * 20)
    async with side.engine(online=False) as engine:
        for target in (side.path, link, diary, copy.parent):
            with pytest.raises(ConfigError) as told:
                await engine.backup(target, force=True)
            assert told.value.hint
        log = copy.with_name("copy.db-wal")
        log.write_bytes(b"x" * 100)
        with pytest.raises(ConfigError, match="spoil"):
            await engine.backup(copy)
        log.unlink()
        with WriterLock(copy).held(), pytest.raises(StoreLocked):
            await engine.backup(copy)
        assert diary.read_text().startswith("Dear")
        assert names(copy.parent) == ["diary.txt", "link.db"]
        await engine.backup(copy)


async def test_one_that_is_given_up_leaves_nothing(
    side: Side, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled in the middle: no copy, no half of one, and the next one begins anew."""
    side.send(*numbered(1, 2000))
    await side.sync()
    monkeypatch.setattr(backup, "_PAGES", 1)
    step = backup._step

    def step_and_wait(connection: Any, stop: threading.Event, *rest: Any) -> None:
        """In the thread that copies: it is in the middle until somebody gives up."""
        step(connection, stop, *rest)
        stop.wait(30)

    async with side.engine(online=False) as engine:

        def give_up(done: int, total: int) -> None:
            monkeypatch.setattr(backup, "_step", step)
            task.cancel()

        monkeypatch.setattr(backup, "_step", step_and_wait)
        task = asyncio.create_task(engine.backup(copy, progress=give_up))
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert names(copy.parent) == []
        await engine.backup(copy)
    with pytest.raises(EngineClosed):
        await engine.backup(copy, force=True)


async def test_what_a_killed_one_left(side: Side, copy: Path) -> None:
    """Half a copy is in nobody's way, and is gone afterwards."""
    side.send("m1")
    await side.sync()
    copy.parent.mkdir()
    for ending in ("", "-wal", "-journal"):
        copy.with_name(f"copy.db-unfinished{ending}").write_bytes(b"half" * 1000)
    async with side.engine(online=False) as engine:
        await engine.backup(copy)
    assert names(copy.parent) == ["copy.db"]
    assert picture(copy, "bob") == "[m1]"


async def test_a_damaged_file_gives_no_copy(side: Side, copy: Path) -> None:
    """A copy that is not sound is worth nothing when it is needed: it says what to do."""
    side.send(*numbered(1, 300))
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database:
        (root,) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'message_order'"
        ).fetchone()
    with side.path.open("r+b") as file:
        file.seek((root - 1) * 8192)
        file.write(os.urandom(8192))
    async with side.engine(online=False) as engine:
        with pytest.raises(StoreCorrupt) as told:
            await engine.backup(copy)
    assert "recover" in told.value.hint
    assert names(copy.parent) == []


def test_two_for_one_name(tmp_path: Path) -> None:
    """The second does not take the first one's place."""
    made, target = tmp_path / "made", tmp_path / "target"
    made.write_text("2")
    target.write_text("1")
    with pytest.raises(FileExistsError):
        put_new(made, target)
    assert (made.read_text(), target.read_text()) == ("2", "1")
    target.unlink()
    put_new(made, target)
    assert (made.exists(), target.read_text()) == (False, "2")
