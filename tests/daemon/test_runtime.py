"""The daemon's state file: whole, private, and honest about whether anybody is there."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from syncengine.daemon.runtime import FILE, LOCK, keep_written, look, owned, write
from syncengine.daemon.standing import Snapshot, Standing
from syncengine.errors import StoreFull, StoreLocked

ALICE = Standing(
    name="alice", path="/alice.db", state="away", error="Unreachable", errors={"Unreachable": 2}
)
SNAPSHOT = Snapshot(pid=os.getpid(), since=1, written=2, day="2026-01-31", accounts=[ALICE])

HOLDER = """
import sys, pathlib
from syncengine.daemon.runtime import owned, write
from syncengine.daemon.standing import Snapshot
folder = pathlib.Path(sys.argv[1])
with owned(folder):
    import os
    write(folder, Snapshot(pid=os.getpid(), since=1, written=1))
    print("owned", flush=True)
    sys.stdin.read()
"""


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """All of it, by its owner only, and no piece of a file lies about."""
    folder = tmp_path / "state"
    with owned(folder):
        assert write(folder, SNAPSHOT)
        found = look(folder)
        assert (found.alive, found.snapshot) == (True, SNAPSHOT)
        assert {each.name for each in folder.iterdir()} == {FILE, LOCK}
        assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    found = look(folder)
    assert (found.alive, found.snapshot) == (False, SNAPSHOT)


def test_where_no_daemon_ever_was(tmp_path: Path) -> None:
    """Nobody there, nothing known; looking makes nothing."""
    found = look(tmp_path / "state")
    assert (found.alive, found.snapshot) == (False, None)
    assert not (tmp_path / "state").exists()


def test_a_killed_daemon_is_known_to_be_dead(tmp_path: Path) -> None:
    """SIGKILL lets it write nothing; its lock dies with it, its last words stay."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "owned\n"
        assert look(tmp_path).alive
        with pytest.raises(StoreLocked, match=f"process {holder.pid}"), owned(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    found = look(tmp_path)
    assert not found.alive
    assert found.snapshot is not None
    assert found.snapshot.pid == holder.pid
    with owned(tmp_path):
        assert look(tmp_path).alive


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"pid": "x"}',
        b'{"pid":1,"since":1,"written":1,"accounts":[{}]}',
        b"\xff",
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    """Half a file, another program's, another version's: as if there were none."""
    (tmp_path / FILE).write_bytes(content)
    assert look(tmp_path).snapshot is None


def test_what_a_newer_version_adds_is_passed_over(tmp_path: Path) -> None:
    """A status command that is older than the daemon still shows what it knows."""
    (tmp_path / FILE).write_bytes(b'{"pid":1,"since":1,"written":1,"mood":"good"}')
    found = look(tmp_path).snapshot
    assert found is not None
    assert found.pid == 1


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A clear error; and a snapshot that cannot be written disturbs nothing."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFull, match="file"), owned(tmp_path / "file" / "state"):
        pass
    assert not write(tmp_path / "missing", SNAPSHOT)


async def test_it_is_written_once_a_second_at_most(tmp_path: Path) -> None:
    """Many changes are one write; the first comes at once, the last is not lost."""
    changed, slept = asyncio.Event(), asyncio.Semaphore(0)
    taken: list[float] = []
    steps: list[float] = []

    def snapshot() -> Snapshot:
        taken.append(len(taken))
        return Snapshot(pid=1, since=1, written=len(taken))

    async def sleep(seconds: float) -> None:
        steps.append(seconds)
        await slept.acquire()

    task = asyncio.create_task(keep_written(tmp_path, changed, snapshot, sleep=sleep))
    for _ in range(20):
        changed.set()
        await asyncio.sleep(0)
    assert (len(taken), steps) == (1, [1.0])
    slept.release()
    for _ in range(10):
        await asyncio.sleep(0)
    slept.release()
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(taken) == 2
    found = look(tmp_path).snapshot
    assert found is not None
    assert found.written == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
