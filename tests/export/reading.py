"""Reads an export back, the way any program would."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

from syncengine import Config, SyncEngine
from syncengine.export import Export, export_history
from tests.harness import Side


async def exported(side: Side, target: Path, layout: str = "jsonl", **settings: Any) -> Export:
    """Export alice's copy, with no network."""
    async with SyncEngine.open(side.path, config=Config(index_search=False)) as engine:
        return await export_history(engine.reader, target, layout, **settings)


def manifest_of(target: Path) -> dict[str, Any]:
    """What an export says of itself."""
    found: dict[str, Any] = json.loads((target / "manifest.json").read_text())
    return found


def said_of(target: Path, conversation_id: str, kind: str = "chat") -> dict[str, Any]:
    """What the manifest says of one conversation."""
    (found,) = [
        each
        for each in manifest_of(target)["conversations"]
        if (each["conversation_id"], each["kind"]) == (conversation_id, kind)
    ]
    return dict(found)


def lines_of(target: Path, conversation_id: str, kind: str = "chat") -> list[dict[str, Any]]:
    """The messages of one conversation."""
    (name,) = said_of(target, conversation_id, kind)["files"]
    return [
        json.loads(line) for line in (target / name).read_text(encoding="utf-8").split("\n")[:-1]
    ]


def assert_sound(target: Path) -> None:
    """Every file is in the manifest with its size and hash, and no other file is there."""
    files = manifest_of(target)["files"]
    there = {
        each.relative_to(target).as_posix() for each in target.rglob("*") if each.is_file()
    } - {"manifest.json"}
    assert there == set(files)
    for name, said in files.items():
        data = (target / name).read_bytes()
        assert said == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def names_in(target: Path) -> list[str]:
    """What lies in a folder; nothing where there is none."""
    return sorted(each.name for each in target.iterdir()) if target.exists() else []


def modes_of(target: Path) -> tuple[set[int], set[int]]:
    """The permissions of all files, and of all folders."""
    every = [target, *target.rglob("*")]
    files, folders = (
        {stat.S_IMODE(each.stat().st_mode) for each in every if each.is_dir() is wanted}
        for wanted in (False, True)
    )
    return files, folders


def put(path: Path, text: str) -> None:
    """A file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
