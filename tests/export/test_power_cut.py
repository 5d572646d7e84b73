"""After a power cut the disk has what it was told to keep, and of the rest anything or nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from tests.export.reading import assert_sound, exported
from tests.harness import Side, numbered

MANIFEST = "manifest.json"
LOCK = "unfinished-export.lock"


@define
class Disk:
    """What was written under a folder, and is not on the disk yet."""

    root: Path
    names: set[Path] = field(factory=set)
    """Folders in which a name came or went since they were flushed."""
    contents: set[Path] = field(factory=set)
    """Files that were not flushed since they were made."""
    moves: list[tuple[str, set[Path]]] = field(factory=list)
    """Every name that moved: where to, and what was not on the disk just before it."""

    @property
    def unsafe(self) -> set[Path]:
        """All of it."""
        return self.names | self.contents

    def made(self, path: Path, *, is_file: bool) -> None:
        """A new file or folder."""
        if path.is_relative_to(self.root) and path.name != LOCK:
            self.names.add(path.parent)
            self.contents |= {path} if is_file else set()

    def flushed(self, path: Path) -> None:
        """It is on the disk: a file's content, or a folder's names."""
        self.names.discard(path)
        self.contents.discard(path)

    def move(self, origin: Path, place: Path) -> None:
        """A name leaves, another comes; contents go with it."""
        self.moves.append((place.relative_to(self.root).as_posix(), self.unsafe))
        if origin in self.contents:
            self.contents.remove(origin)
            self.contents.add(place)
        self.names |= {origin.parent, place.parent}


@contextmanager
def watched(root: Path) -> Iterator[Disk]:
    """The system's own calls, with somebody who takes notes of them."""
    disk = Disk(root)
    real_open, real_mkdir = os.open, os.mkdir
    real_replace, real_fsync = os.replace, os.fsync

    def open_(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        opened = real_open(path, flags, *rest, **more)
        if flags & os.O_CREAT:
            disk.made(Path(path), is_file=True)
        return opened

    def mkdir(path: Any, *rest: Any, **more: Any) -> None:
        real_mkdir(path, *rest, **more)
        disk.made(Path(path), is_file=False)

    def replace(origin: Any, place: Any) -> None:
        disk.move(Path(origin), Path(place))
        real_replace(origin, place)

    def fsync(descriptor: int) -> None:
        real_fsync(descriptor)
        disk.flushed(Path(f"/proc/self/fd/{descriptor}").readlink())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", open_)
        patch.setattr(os, "mkdir", mkdir)
        patch.setattr(os, "replace", replace)
        patch.setattr(os, "fsync", fsync)
        yield disk


@pytest.mark.parametrize("layout", ["jsonl", "html"])
async def test_what_a_manifest_names_is_on_the_disk_before_it(
    side: Side, tmp_path: Path, layout: str
) -> None:
    """Files and names are flushed before the manifest comes, and the manifest before it is
    called done: a power cut later takes nothing back that was said."""
    side.send(*numbered(1, 100))
    side.send("hi", peer="carol")
    await side.sync()
    target = tmp_path / "exports" / "new"
    target.parent.mkdir()
    with watched(target.parent) as disk:
        await exported(side, target, layout)
    assert disk.moves[-1] == (f"new/{MANIFEST}", set())
    assert disk.unsafe <= {target / "unfinished-export"}  # it is gone by now
    assert_sound(target)


async def test_a_replacement_goes_to_the_disk_in_its_order(side: Side, tmp_path: Path) -> None:
    """Law 10: what tells the next run where a swap stopped is on the disk before any file
    leaves, and every file before the new manifest comes."""
    side.send(*numbered(1, 100))
    await side.sync()
    target = tmp_path / "exports"
    await exported(side, target, "html")
    with watched(target) as disk:
        await exported(side, target, replace=True)
    (leaves, before), (_, first), *_, (comes, last) = disk.moves
    assert leaves == f"replaced-export/{MANIFEST}"
    assert comes == MANIFEST
    assert before == last == set()
    assert target not in first | disk.unsafe
    assert_sound(target)
