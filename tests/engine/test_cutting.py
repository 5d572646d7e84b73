"""The tool that cuts an engine off, and what a cut engine leaves behind."""

import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncengine.store.database import connect_inline
from tests.cutting import Cut, cut_engine
from tests.harness import Side, dump, numbered

Work = Callable[[Side, Cut], Coroutine[Any, Any, None]]


def restore(path: Path, content: bytes) -> None:
    """Put the file back; nothing may be left beside it."""
    for leftover in path.parent.glob(f"{path.name}-*"):
        leftover.unlink()
    path.write_bytes(content)


async def pull(side: Side, cut: Cut) -> None:
    async with cut_engine(side, cut, fetchers=3, page_size=3) as engine:
        await engine.sync()


async def pull_and_delete(side: Side, cut: Cut) -> None:
    async with cut_engine(side, cut, fetchers=3, page_size=3) as engine:
        await engine.sync()
        await engine.delete_remote_messages_before("bob", "chat", side.time.now())
        await engine.deliver()


async def test_a_cut_that_only_counts_changes_nothing(side: Side) -> None:
    """Without a point to die at, the work runs to its end, the same number every time."""
    side.send(*numbered(1, 8))
    first, second = Cut(), Cut()
    assert not await first.survive(pull(side, first))
    side.path.unlink()
    assert not await second.survive(pull(side, second))
    assert first.points == second.points > 50
    side.assert_same()


async def test_an_error_of_the_work_is_raised(side: Side) -> None:
    """What fails without being cut fails as ever."""

    async def broken() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Cut().survive(broken())


async def test_only_a_commit_changes_the_file(side: Side) -> None:
    """Law 1: a cut one point later finds the same file, unless that point is past a commit."""
    side.send(*numbered(1, 8))
    await side.sync()
    side.send("m9")
    kept = side.path.read_bytes()
    seen, at = dump(side.path), 1
    while await (cut := Cut(at)).survive(pull(side, cut)):
        now = dump(side.path)
        assert now == seen or (cut.where or "").startswith("COMMIT, after")
        restore(side.path, kept)
        seen, at = now, at + 1
    side.assert_same()


@pytest.mark.parametrize("work", [pull, pull_and_delete])
async def test_cut_anywhere_the_file_is_sound_and_the_work_goes_on(side: Side, work: Work) -> None:
    """Laws 1 and 8: wherever it is cut, the file is sound, and the end as if never cut."""
    side.connect = connect_inline
    died, at = True, 0
    while died:
        at += 1
        if not side.served():
            side.send(*numbered(1, 5))
        cut = Cut(at)
        died = await cut.survive(work(side, cut))
        await side.sync()
        with closing(sqlite3.connect(side.path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        side.assert_same()
        side.path.unlink()
