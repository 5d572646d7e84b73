"""Real death: a process that indexes for search is killed at random moments, and goes on."""

import os
import random
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syncengine import SyncEngine
from tests.engine.processes import started
from tests.engine.searching import Said, fill, scanned, texts

KILLS = 15
MESSAGES = 40_000
WORDS = ("tea", "coffee", "天气", "Straße", "火锅")
QUERIES = ("tea", "天", "strasse", "nothing")


def said(number: int) -> Said:
    """Of every word often, and every twentieth with a number of its own."""
    word = WORDS[number % len(WORDS)]
    return Said(
        f"{word} {number if number % 20 == 0 else ''}", timestamp=1_700_000_000_000 + number
    )


def written_at(log: Path) -> int | None:
    """When it was last written, ns; None: it is gone, which may happen at any moment."""
    try:
        return log.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def kill_after(path: Path, lines: int, *, while_writing: bool) -> bool:
    """Index, and kill after so many lines: at once, or as soon as the next set is being
    written. Whether it was still at it."""
    log = path.with_name(path.name + "-wal")
    with started("indexing", path) as process:
        assert process.stdout is not None
        heard = [process.stdout.readline() for _ in range(lines)]
        before = written_at(log)
        while while_writing and process.poll() is None and (now := written_at(log)) is not None:
            if now != before:
                break
        process.kill()
    return process.returncode == -signal.SIGKILL and "done\n" not in heard


def postings(path: Path) -> tuple[int, int]:
    """Tokens of the index, and how many of them differ; FTS5 itself finds it sound."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO search (search) VALUES ('integrity-check')")
        database.execute("CREATE VIRTUAL TABLE temp.seen USING fts5vocab(main, search, instance)")
        found: tuple[int, int] = database.execute(
            "SELECT count(*), count(DISTINCT term || ' ' || doc || ' ' || col || ' ' || offset)"
            " FROM temp.seen"
        ).fetchone()
        return found


@pytest.mark.timeout(300)
async def test_indexing_killed_at_random_moments_finds_all_in_the_end(tmp_path: Path) -> None:
    """Law 1: SIGKILL at any instant costs a set at most; nothing is indexed twice, and what
    is found equals a scan. Replay with KILL_SEED=… ."""
    seed = int(os.environ.get("KILL_SEED") or random.randrange(1 << 32))
    print(f"KILL_SEED={seed}")
    moments = random.Random(seed)
    path = tmp_path / "alice.db"
    async with SyncEngine.open(path):
        everything = [said(number) for number in range(MESSAGES)]
        fill(path, everything)
    deaths = 0
    for _ in range(KILLS):
        writing = moments.random() < 0.7
        deaths += kill_after(path, moments.randint(1, 2), while_writing=writing)
        counted, different = postings(path)
        assert counted == different
    assert deaths > KILLS // 2, "the file is too small: it was indexed before it was killed"
    with started("indexing", path) as last:
        assert last.stdout is not None
        assert last.stdout.read().endswith("done\n")
    async with SyncEngine.open(path) as engine:
        for query in QUERIES:
            wanted = [each.text for each in reversed(everything) if scanned(each.text, query)]
            assert await texts(engine, query, limit=2_000) == wanted
    counted, different = postings(path)
    assert counted == different
