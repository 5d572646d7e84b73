"""Waiting pages share a commit, unless a person waits too."""

import asyncio
from pathlib import Path

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
