"""Puts a new export into the place of an old one, and can be killed at any instant (law 10).

The new one lies whole in `unfinished-export`. `replaced-export` exists while the two are
swapped, file by file: the old manifest leaves first, the new one comes last. What the next
run finds in between it finishes, or undoes where the new one is not whole any more. Only
files that a manifest lists are touched.

A disk may keep the names that were given last and lose those before them. So all folders are
flushed before a manifest comes or goes, and after it: a power cut finds them in this order too.
"""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from syncengine.durable import flush_folder
from syncengine.errors import ConfigError, StoreError
from syncengine.export.manifest import MANIFEST, NAME

UNFINISHED = "unfinished-export"
REPLACED = "replaced-export"
_TOPS = ("index.html", "conversations", "search")
"""What an export has at its top beside the manifest."""


class Swap:
    """The three places: the folder, and in it the new export and the old one's files."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._new, self._old = target / UNFINISHED, target / REPLACED

    def recover(self) -> bool:
        """Settle what a killed run left. Returns whether its export was finished."""
        finishing = self._old.is_dir() and not (self._target / MANIFEST).exists()
        if finishing:
            finishing = self._lost() is None
            if finishing:
                self._check_room(_listed(self._new))
                self._forward()
            else:
                self._back()
        self._clean()
        return finishing

    def run(self) -> None:
        """Swap: done when the new manifest is there, else as it was before.

        Raises StoreError where a file of the new export is missing, ConfigError where one
        would take the place of a stranger's, OSError where the disk says no.
        """
        self._check_whole(swapping=False)
        self._check_room(_listed(self._new))
        try:
            self._old.mkdir(mode=0o700)
            self._forward()
        except BaseException:
            if (self._new / MANIFEST).exists():
                self._back()
                self._clean()
            raise
        with suppress(OSError):  # it is done; what is left over, the next run takes away
            self._clean()

    def undo(self) -> None:
        """Take away a new export that was not swapped in; one half swapped stays as it is."""
        if not self._old.exists():
            with suppress(OSError):
                shutil.rmtree(self._new)

    def _forward(self) -> None:
        """Every step can be taken again after a kill."""
        new = _listed(self._new)
        self._flush()
        _move(self._target / MANIFEST, self._old / MANIFEST)
        self._flush()
        for name in _listed(self._old):
            if name not in new or (self._new / name).exists():
                _move(self._target / name, self._old / name)
        for name in new:
            _move(self._new / name, self._target / name)
        self._check_whole(swapping=True)
        self._flush()
        _move(self._new / MANIFEST, self._target / MANIFEST)
        self._flush()

    def _flush(self) -> None:
        """Have every name on the disk that was given here so far."""
        for top in (self._new, self._old, self._target):
            for folder in (*(top / name for name in _TOPS), top):
                flush_folder(folder)
        flush_folder(self._target.parent)

    def _check_room(self, new: Mapping[str, Any]) -> None:
        known = _listed(self._target).keys() | _listed(self._old).keys()
        for name in new:
            place = self._target / name
            if name not in known and (self._new / name).exists() and os.path.lexists(place):
                raise ConfigError(
                    f"{place} is in the way, and belongs to no export",
                    hint="Move it away, or name another folder. Nothing was changed.",
                )

    def _check_whole(self, *, swapping: bool) -> None:
        lost = self._lost(swapping=swapping)
        if lost is not None:
            raise StoreError(
                f"{lost} is missing or changed since it was written; nothing was exported",
                hint="Another program removes files there. Export again, or elsewhere.",
            )

    def _lost(self, *, swapping: bool = True) -> Path | None:
        """A file of the new export that is neither in its place nor on the way to it."""
        if not (self._new / MANIFEST).exists():
            return self._new / MANIFEST
        for name, said in _listed(self._new).items():
            place = self._new / name
            if swapping and not place.exists():
                place = self._target / name
            if not place.is_file() or place.stat().st_size != said["size"]:
                return place
        return None

    def _back(self) -> None:
        """The old export again: its files first, its manifest last."""
        if (self._target / MANIFEST).exists():
            return  # it never left
        old = _listed(self._old)
        for name in _listed(self._new):
            moved = name not in old or (self._old / name).exists()
            if moved and not (self._new / name).exists():
                _move(self._target / name, self._new / name)
        for name in old:
            _move(self._old / name, self._target / name)
        self._flush()
        _move(self._old / MANIFEST, self._target / MANIFEST)
        self._flush()

    def _clean(self) -> None:
        """Take away what is of no more use; last the folder that says there is something."""
        for name in _TOPS:
            with suppress(OSError):  # not there, no folder, or not empty
                (self._target / name).rmdir()
        for place in (self._new, self._old):
            if place.exists():
                shutil.rmtree(place)


def _move(origin: Path, place: Path) -> None:
    if os.path.lexists(origin):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.replace(origin, place)


def _listed(directory: Path) -> dict[str, Any]:
    """The files of a manifest, by their names: only such as an export has."""
    try:
        found = json.loads((directory / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    files = found.get("files") if isinstance(found, dict) and found.get("format") == NAME else None
    if not isinstance(files, dict):
        return {}
    return {name: said for name, said in files.items() if _is_inside(name)}


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and parts[0] in _TOPS and ".." not in parts and "\\" not in name
