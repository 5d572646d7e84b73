"""A second process writes; a listener in this one hears of it, and it ends cleanly."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncengine import What
from tests.feed.following import following
from tests.harness import Side, numbered


@contextmanager
def writing(path: Path, conversation: str) -> Iterator[subprocess.Popen[str]]:
    """Another process with the file open."""
    command = [sys.executable, "-m", "benchmarks.deleter", str(path), conversation]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()


def delete(process: subprocess.Popen[str], message_id: str) -> int:
    """Let it delete a message; when that was committed, ns."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{message_id}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


async def test_another_processs_commits_are_told(side: Side) -> None:
    """Law 9: a window in one process shows what another wrote, in order, each in one update;
    a listener that has ended and begun again goes on where it was."""
    ids = side.send(*numbered(1, 20))
    await side.sync()
    waits = []
    with writing(side.path, "bob") as process:
        async with side.engine(online=False) as engine:
            since = await engine.reader.revision()
            for half in (ids[:10], ids[10:]):
                async with following(engine, since) as follower:
                    for number, message_id in enumerate(half, 1):
                        committed = await asyncio.to_thread(delete, process, message_id)
                        await follower.until(lambda f, n=number: len(f.changes) == n)  # type: ignore[misc]  # mypy infers no default
                        waits.append((time.monotonic_ns() - committed) / 1e6)
                assert [c.message_ids for c in follower.changes] == [[m] for m in half]
                assert {c.what for c in follower.changes} == {What.REMOVED}
                since = follower.updates[-1].revision
    waits.sort()
    print(f"another process is heard after {waits[10]:.0f} ms, at most {waits[-1]:.0f} ms")


async def test_what_another_process_pulls_is_told(side: Side) -> None:
    """An engine with no server follows one that has it."""
    side.send(*numbered(1, 9))
    async with side.engine(online=False) as offline, following(offline, 0) as follower:
        await side.sync(page_size=3)
        await follower.until(lambda f: "gap_closed" in f.words)
        assert "added" in follower.words
        assert follower.activities == []
