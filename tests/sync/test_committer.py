"""Waiting pages share a commit, unless a person waits too."""

import asyncio
import threading
from pathlib import Path

from syncengine.store.database import connect_inline
from syncengine.store.store import Store, open_store
from syncengine.sync.committer import Committer


async def commits_of(store: Store, pages: int) -> int:
    """In how many commits so many waiting pages are written."""
    commits = 0

    def count() -> None:
        nonlocal commits
        commits += 1

    store.on_commit = count
    committer = Committer(store, 16)
    waiting = [committer.submit(lambda view: None) for _ in range(pages)]
    async with committer.running():
        await asyncio.gather(*waiting)
    return commits


async def test_pages_share_commits_but_not_while_a_person_reads(tmp_path: Path) -> None:
    """Laws 1 and 9: after a person's read the next commits are of one page, for a while."""
    store = await open_store(tmp_path / "alice.db")
    try:
        assert await commits_of(store, 32) == 2
        await store.serve(lambda connection: None)
        assert await commits_of(store, 32) == 32
        assert await commits_of(store, 32) == 18 + 1
        assert await commits_of(store, 32) == 2
        await store.read(lambda connection: None)  # the engine's own
        assert await commits_of(store, 32) == 2
    finally:
        await store.close()


async def test_pages_that_are_decoded_one_by_one_share_a_commit(tmp_path: Path) -> None:
    """Law 1: answers that arrive together are decoded one in each turn of the event loop, and
    written together all the same; but no more than a commit may hold."""
    store = await open_store(tmp_path / "alice.db", connect=connect_inline)
    commits = 0

    def count() -> None:
        nonlocal commits
        commits += 1

    store.on_commit = count
    committer = Committer(store, 16)
    try:
        async with committer.running():
            for pages, expected in ((10, 1), (16, 2)):
                waiting = []
                for _ in range(pages):
                    waiting.append(committer.submit(lambda view: None))
                    await asyncio.sleep(0)
                await asyncio.gather(*waiting)
                assert commits == expected
    finally:
        await store.close()


async def test_no_commit_begins_while_a_person_is_served(tmp_path: Path) -> None:
    """Law 9: who reads does not wait for the writer's share of the interpreter; who comes later
    waits with the others, so that reading without end stops no pull."""
    store = await open_store(tmp_path / "alice.db")
    seen, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def look(connection: object) -> None:
        seen.set()
        assert go_on.wait(20)
        order.append("read")

    committer = Committer(store, 16)
    try:
        async with committer.running():
            reading = asyncio.create_task(store.serve(look))
            assert await asyncio.to_thread(seen.wait, 20)
            written = committer.submit(lambda view: order.append("written"))
            for _ in range(100):
                await asyncio.sleep(0)
            later = asyncio.create_task(store.serve(lambda connection: None))
            go_on.set()
            await asyncio.gather(reading, written, later)
    finally:
        await store.close()
    assert order == ["read", "written"]


async def test_a_page_that_comes_a_turn_later_joins(tmp_path: Path) -> None:
    """Law 1: answers that arrive together are decoded a turn of the loop apart, and written in
    one transaction: each costs more than another page in it."""
    store = await open_store(tmp_path / "alice.db")
    commits: list[int] = []
    store.on_commit = lambda: commits.append(1)
    committer = Committer(store, 16)

    async def page(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await committer.commit(lambda view: None)

    try:
        async with committer.running():
            await page(3)
            commits.clear()
            await asyncio.gather(page(0), page(1))
    finally:
        await store.close()
    assert len(commits) == 1
