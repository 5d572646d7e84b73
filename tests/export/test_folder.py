"""The folder: private, whole or not there, and never in the way of what was there before."""

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine import ConfigError, ConversationKey, Kind, StoreFull, SyncEngine
from syncengine.export import ExportProgress, export_history
from syncengine.export.names import stem
from tests.cli.command import opened
from tests.export.reading import (
    assert_sound,
    exported,
    lines_of,
    manifest_of,
    modes_of,
    names_in,
    put,
)
from tests.harness import Side, numbered

IDS = st.text(min_size=1, max_size=300) | st.from_regex(r"[a-zA-Z0-9._/\\~-]{1,90}", fullmatch=True)
NAMES = (
    "../../etc/passwd",
    "..",
    "a/b\\c:d",
    "con",
    "😀🎉",
    "x" * 300,
    "Bob",
    "bob",
    "bob ",
    "小明",
    "\0",
)


@given(IDS, IDS)
def test_names_are_safe_and_never_the_same(first: str, second: str) -> None:
    """No id leads out of the folder, is too long, or meets another, capitals aside."""
    names = [stem(ConversationKey(each, Kind.CHAT)) for each in (first, second)]
    for name in names:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._~-")
        assert name.startswith("chat-")
        assert len(name) <= 100
    assert (names[0] == names[1]) == (first == second)


async def test_every_id_gets_a_file_inside_the_folder(side: Side, target: Path) -> None:
    """Slashes, dots, emoji, 300 characters, capitals: each is exported under its own name."""
    side.send("m1")
    await side.sync()
    with opened(side.path) as database:
        for name in NAMES:
            database.execute(
                "INSERT INTO conversation (conversation_id, kind, fetched) VALUES (?, 'chat', 1)"
                " ON CONFLICT DO NOTHING",
                (name,),
            )
    for layout in ("jsonl", "html"):
        result = await exported(side, target / layout, layout)
        assert result.conversations == len(NAMES)
        assert_sound(target / layout)
    assert names_in(target.parent) == ["alice.db", target.name]


async def test_files_are_private(side: Side, target: Path) -> None:
    """What somebody wrote is readable for its owner only, whatever the umask says."""
    side.send("m1")
    await side.sync()
    before = os.umask(0)
    try:
        await exported(side, target, "html")
    finally:
        os.umask(before)
    assert modes_of(target) == ({0o600}, {0o700})


async def test_a_folder_that_holds_something_is_left_alone(side: Side, target: Path) -> None:
    """Neither a stranger's files nor an earlier export is touched without being asked."""
    side.send("m1")
    await side.sync()
    put(target / "diary.txt", "mine")
    for replace in (False, True):
        with pytest.raises(ConfigError, match="not empty"):
            await exported(side, target, replace=replace)
    assert names_in(target) == ["diary.txt"]
    (target / "diary.txt").unlink()
    await exported(side, target)
    with pytest.raises(ConfigError, match="holds an export already"):
        await exported(side, target)
    with pytest.raises(ConfigError, match="is no folder"):
        await exported(side, side.path)


async def test_an_export_is_replaced_when_the_new_one_is_there(side: Side, target: Path) -> None:
    """Law 10: with `replace`, of another format too; a stranger's file beside it stays."""
    side.send("m1")
    await side.sync()
    await exported(side, target, "html")
    put(target / "notes.txt", "mine")
    side.send("m2")
    await side.sync()
    await exported(side, target, "jsonl", replace=True)
    assert [each["text"] for each in lines_of(target, "bob")] == ["m1", "m2"]
    assert names_in(target) == ["conversations", "manifest.json", "notes.txt"]
    (target / "notes.txt").unlink()
    assert_sound(target)


@pytest.mark.parametrize("replacing", [False, True])
async def test_an_interrupted_export_leaves_what_was_there(
    side: Side, target: Path, replacing: bool
) -> None:
    """Law 10: cancelled half-way there is no manifest, or the earlier export, whole."""
    side.send(*numbered(1, 500))
    await side.sync()
    if replacing:
        await exported(side, target, "html")

    def stop(progress: ExportProgress) -> None:
        if progress.messages >= 200 and task is not None:
            task.cancel()

    task: asyncio.Task[object] | None = None
    task = asyncio.create_task(exported(side, target, replace=replacing, progress=stop))
    with pytest.raises(asyncio.CancelledError):
        await task
    if not replacing:
        assert names_in(target) == []
        return
    assert manifest_of(target)["layout"] == "html"
    assert_sound(target)


async def test_what_a_killed_export_left_is_in_nobodys_way(side: Side, target: Path) -> None:
    """Its name says what it is; the next export begins anew and takes it away."""
    side.send("m1")
    await side.sync()
    put(target / "unfinished-export" / "conversations" / "chat-bob.jsonl", "half a li")
    await exported(side, target)
    assert_sound(target)
    assert names_in(target) == ["conversations", "manifest.json"]


def test_a_full_disk_is_a_clear_error(side: Side, target: Path) -> None:
    """Exit 5 with a hint, and nothing half is left; the system itself refuses to write more."""
    side.send(*numbered(1, 2000))
    asyncio.run(side.sync())

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    done = subprocess.run(
        [sys.executable, "-m", "syncengine", "export", "--db", side.path, "--output", target],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=False,
    )
    assert done.returncode == 5, done
    assert "nothing was exported" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert names_in(target) == []


async def test_a_place_that_cannot_be_made_is_a_clear_error(side: Side) -> None:
    """A folder inside of a file."""
    side.send("m1")
    await side.sync()
    with pytest.raises(StoreFull, match="nothing was exported"):
        await exported(side, side.path / "inside")


async def test_a_copy_that_cannot_be_written_is_exported(side: Side, target: Path) -> None:
    """Law 9: an archive on a read-only disk is as readable as any."""
    side.send(*numbered(1, 3))
    await side.sync()
    archive = side.path.parent / "archive"
    archive.mkdir()
    copy = archive / "alice.db"
    copy.write_bytes(side.path.read_bytes())
    copy.chmod(0o400)
    archive.chmod(0o500)
    try:
        async with SyncEngine.open(copy) as engine:
            result = await export_history(engine.reader, target)
    finally:
        archive.chmod(0o700)
    assert result.messages == 3
    assert_sound(target)


async def test_unknown_things_are_refused_before_anything_is_written(
    side: Side, target: Path
) -> None:
    """A format, a conversation, a kind that there is not."""
    side.send("m1")
    await side.sync()
    with pytest.raises(ConfigError, match="is no format"):
        await exported(side, target, "pdf")
    with pytest.raises(ConfigError, match="is held here"):
        await exported(side, target, conversation=("zoe", "chat"))
    with pytest.raises(ConfigError, match="is no kind"):
        await exported(side, target, conversation=("bob", "room"))
    assert names_in(target) == []
