"""A folder's owner: one export at a time, killed at any instant, and never a stranger's file."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from syncengine import ConfigError
from syncengine.errors import StoreError
from syncengine.export import ExportProgress
from syncengine.export.folder import writing
from tests.export.reading import assert_sound, exported, lines_of, manifest_of, names_in, put
from tests.harness import Side, numbered

KILLED = 9
KILLER = """
import os, shutil, sys
from syncengine.cli import main
from syncengine.export import swap
left = int(sys.argv.pop(1))
def dying(step):
    def run(*arguments):
        global left
        left -= 1
        if not left:
            os._exit(9)
        return step(*arguments)
    return run
swap._move, shutil.rmtree = dying(swap._move), dying(shutil.rmtree)
main()
"""
"""The command, killed just before the so-many-th step of its swap."""


def killed(side: Side, target: Path, step: int, *options: str) -> bool:
    """Export; whether it was killed: it ends of itself where it has fewer steps."""
    line = [sys.executable, "-c", KILLER, str(step), "export", "--db", str(side.path)]
    done = subprocess.run([*line, "--output", target, *options], capture_output=True, check=False)
    assert done.returncode in (0, KILLED), done
    return done.returncode == KILLED


def steps(side: Side, folder: Path, *options: str, before: Callable[[Path], Any]) -> list[Path]:
    """A folder for every step at which an export was killed; `before` says what each held."""
    found: list[Path] = []
    while True:
        target = folder / f"killed-{len(found) + 1}"
        before(target)
        if not killed(side, target, len(found) + 1, *options):
            return found
        found.append(target)


def digests(folder: Path) -> set[str]:
    """What the files there hold, wherever they lie."""
    files = (each for each in folder.rglob("*") if each.is_file())
    return {hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def layout_in(target: Path) -> str:
    """Which export a folder holds."""
    return str(manifest_of(target)["layout"])


async def test_a_second_export_into_one_folder_is_refused(side: Side, target: Path) -> None:
    """Exit 2 with a hint, for another process and for this one; the first ends whole."""
    side.send(*numbered(1, 300))
    await side.sync()
    seen: list[subprocess.CompletedProcess[str]] = []

    def meanwhile(progress: ExportProgress) -> None:
        if not seen:
            line = [sys.executable, "-m", "syncengine", "export", "--force"]
            seen.append(
                subprocess.run(
                    [*line, "--db", side.path, "--output", target],
                    capture_output=True,
                    text=True,
                    check=False,
                )
            )
            with (
                pytest.raises(ConfigError, match="another export is being written"),
                writing(target, replace=True),
            ):
                pytest.fail("two own the folder")

    await exported(side, target, progress=meanwhile)
    (second,) = seen
    assert second.returncode == 2, second
    assert "another export is being written into" in second.stderr
    assert "hint: " in second.stderr
    assert_sound(target)
    assert names_in(target) == ["conversations", "manifest.json"]


async def test_a_dead_owner_is_none(side: Side, target: Path) -> None:
    """The lock's file is no lock: what a killed export left of it is used again."""
    side.send("m1")
    await side.sync()
    put(target / "unfinished-export.lock", "")
    await exported(side, target)
    assert names_in(target) == ["conversations", "manifest.json"]


@pytest.mark.parametrize("layout", ["html", "jsonl"])
async def test_a_replacement_killed_at_any_step_is_settled(
    side: Side, tmp_path: Path, layout: str
) -> None:
    """Law 10: nothing of the old is gone before the new is there; the next run repairs it."""
    side.send("m1")
    await side.sync()
    old = tmp_path / "old"
    await exported(side, old, layout)
    side.send("m2")
    await side.sync()
    before, said = digests(old), manifest_of(old)
    found = steps(side, tmp_path, "--force", before=partial(shutil.copytree, old))
    assert len(found) >= 6
    for target in found:
        if not (target / "manifest.json").exists() or manifest_of(target) == said:
            assert digests(target) >= before
        with pytest.raises(ConfigError, match="holds an export"):
            await exported(side, target)
        assert_sound(target)
        await exported(side, target, replace=True)
        assert_sound(target)
        assert names_in(target) == ["conversations", "manifest.json"]


async def test_a_first_export_killed_at_any_step_is_settled(side: Side, tmp_path: Path) -> None:
    """The next run begins anew, or says that it has finished the one before, which is whole."""
    side.send("m1")
    await side.sync()
    found = steps(side, tmp_path, before=lambda target: None)
    assert len(found) >= 3
    for target in found:
        with suppress(ConfigError):
            await exported(side, target)
        assert_sound(target)
        assert names_in(target) == ["conversations", "manifest.json"]


async def test_half_a_swap_that_cannot_be_finished_is_undone(side: Side, tmp_path: Path) -> None:
    """Law 10: where the new export lost a file meanwhile, the old one comes back whole."""
    side.send("m1")
    await side.sync()
    old = tmp_path / "old"
    await exported(side, old, "html")
    undone = 0
    for target in steps(side, tmp_path, "--force", before=partial(shutil.copytree, old)):
        lines = target / "unfinished-export" / "conversations" / "chat-bob.jsonl"
        if lines.exists() and not (target / "manifest.json").exists():
            lines.unlink()
            with pytest.raises(ConfigError, match="holds an export already"):
                await exported(side, target)
            assert layout_in(target) == "html"
            assert_sound(target)
            undone += 1
    assert undone >= 3


@pytest.mark.parametrize("replacing", [False, True])
async def test_no_manifest_lists_what_is_not_there(
    side: Side, target: Path, replacing: bool
) -> None:
    """Where a file vanishes before the end, there is no export, or the one before, whole."""
    side.send("m1")
    await side.sync()
    text = "{}"
    if replacing:
        await exported(side, target)
        text = (target / "conversations" / "chat-bob.jsonl").read_text()

    def vanish() -> None:
        with writing(target, replace=replacing) as folder:
            folder.write("conversations/chat-bob.jsonl", text)
            files = {"conversations/chat-bob.jsonl": {"size": len(text)}}
            folder.write(
                "manifest.json", json.dumps({"format": "syncengine-export", "files": files})
            )
            (target / "unfinished-export" / "conversations" / "chat-bob.jsonl").unlink()

    with pytest.raises(StoreError, match=r"chat-bob\.jsonl is missing"):
        vanish()
    if replacing:
        assert [each["text"] for each in lines_of(target, "bob")] == ["m1"]
        assert_sound(target)
    else:
        assert names_in(target) == []


def test_a_folder_without_a_manifest_is_no_export(target: Path) -> None:
    """Who ends without one is told; nothing vanishes silently and nothing half stays."""
    with (
        pytest.raises(StoreError, match=r"manifest\.json is missing"),
        writing(target, replace=False) as folder,
    ):
        folder.write("conversations/chat-bob.jsonl", "{}")
    assert names_in(target) == []


async def test_a_strangers_file_among_ours_stays(side: Side, target: Path) -> None:
    """What the old manifest does not list is nobody's to take away, also between our files."""
    side.send("m1")
    await side.sync()
    await exported(side, target, "html")
    put(target / "conversations" / "notes.txt", "mine")
    put(target / "search" / "deep" / "notes.txt", "mine too")
    await exported(side, target, "jsonl", replace=True)
    assert names_in(target / "conversations") == ["chat-bob.jsonl", "notes.txt"]
    assert (target / "search" / "deep" / "notes.txt").read_text() == "mine too"
    assert names_in(target) == ["conversations", "manifest.json", "search"]


async def test_a_strangers_file_in_the_way_is_named(side: Side, target: Path) -> None:
    """Exit 2 before anything is moved: neither it nor the old export is touched."""
    side.send("m1")
    await side.sync()
    await exported(side, target, "html")
    put(target / "conversations" / "chat-bob.jsonl", "mine")
    with pytest.raises(ConfigError, match=r"chat-bob\.jsonl is in the way"):
        await exported(side, target, "jsonl", replace=True)
    assert (target / "conversations" / "chat-bob.jsonl").read_text() == "mine"
    (target / "conversations" / "chat-bob.jsonl").unlink()
    assert layout_in(target) == "html"
    assert_sound(target)


async def test_a_manifest_reaches_nothing_outside(side: Side, target: Path) -> None:
    """One that was tampered with lists files elsewhere: they stay where they are."""
    side.send("m1")
    await side.sync()
    await exported(side, target)
    diary = target.parent / "diary.txt"
    put(diary, "mine")
    put(target / "notes.txt", "mine")
    said = manifest_of(target)
    for name in ("../diary.txt", "conversations/../../diary.txt", str(diary), "notes.txt"):
        said["files"][name] = {"size": 4, "sha256": ""}
    (target / "manifest.json").write_text(json.dumps(said))
    await exported(side, target, replace=True)
    assert diary.read_text() == (target / "notes.txt").read_text() == "mine"
