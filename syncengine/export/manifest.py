"""What an export says of itself: what is whole, what is missing, as of when, and hashes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import field, frozen

from syncengine.json_text import json_text
from syncengine.models import Hole, Kind
from syncengine.reports import Status

MANIFEST: Final = "manifest.json"
NAME: Final = "syncengine-export"
VERSION: Final = 1
"""Of the manifest and of the lines; a field that is added does not raise it."""


@frozen
class ExportedFile:
    """One file, as it was written."""

    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal."""


@frozen
class ExportedConversation:
    """One conversation, as it is in the export."""

    conversation_id: str
    kind: Kind
    messages: int
    whole: bool
    """All that the server had is here: no gap, no seam, and it was synced."""
    synced: bool
    """False: nothing of its history was ever fetched."""
    gaps: Sequence[Hole]
    """Not fetched when this was written."""
    seams: Sequence[Hole]
    """May have expired on the server unseen."""
    unverified: int
    """Messages that the server does not show any more: expired there, or deleted."""
    expired: bool
    """The server has none of its messages any more."""
    verified_since: int | None
    """All of it was read, or read again, since then, ms, server clock."""
    as_of: int | None
    """When the last sync that looked at everything had ended, ms, local clock."""
    read_at: tuple[int, int]
    """When it was read for this export, from and to, ms, local clock."""
    files: tuple[str, ...]


@frozen
class Facts:
    """What is known of the whole."""

    layout: str
    started_at: int
    """Ms, local clock."""
    only: tuple[str, str] | None
    """The id and kind of the one conversation that was asked for; None: everything held."""
    raw: bool
    """The server's own bytes are in the lines."""
    status: Status


@frozen
class Export:
    """What was exported."""

    directory: Path
    format: str
    whole: bool
    """All that the server had of it is in the export, as far as the copy knows."""
    conversations: int
    messages: int
    incomplete: int
    """Conversations of which something is missing."""
    bytes: int
    """Of all files, the manifest not counted."""
    files: Mapping[str, ExportedFile] = field(repr=False)
    """By their paths inside the directory."""


def summary(
    directory: Path,
    facts: Facts,
    found: Sequence[ExportedConversation],
    files: Mapping[str, ExportedFile],
) -> Export:
    """The export in figures."""
    incomplete = sum(not each.whole for each in found)
    return Export(
        directory,
        facts.layout,
        not incomplete and (facts.only is not None or facts.status.listed_at is not None),
        len(found),
        sum(each.messages for each in found),
        incomplete,
        sum(each.size for each in files.values()),
        files,
    )


def manifest(
    export: Export, facts: Facts, found: Sequence[ExportedConversation], finished_at: int
) -> str:
    """The manifest's text. Times are ms since 1970; ids are text."""
    return json_text(
        {
            "format": NAME,
            "version": VERSION,
            "layout": facts.layout,
            "account": facts.status.account,
            "only": None if facts.only is None else dict(zip(_KEY, facts.only, strict=True)),
            "raw": facts.raw,
            "started_at": facts.started_at,
            "finished_at": finished_at,
            "whole": export.whole,
            **_as_of(facts.status),
            "counts": _counts(export, found),
            "not_exported": _not_exported(facts.status),
            "conversations": [_conversation(each) for each in found],
            "files": {name: attrs.asdict(file) for name, file in sorted(export.files.items())},
        },
        indent=1,
    )


_KEY = ("conversation_id", "kind")


def _as_of(status: Status) -> dict[str, Any]:
    return {
        "listed_at": status.listed_at,
        "synced_at": status.synced_at,
        "verified_since": status.verified_since,
    }


def _counts(export: Export, found: Sequence[ExportedConversation]) -> dict[str, int]:
    return {
        "conversations": export.conversations,
        "incomplete": export.incomplete,
        "never_synced": sum(not each.synced for each in found),
        "messages": export.messages,
        "gaps": sum(len(each.gaps) for each in found),
        "seams": sum(len(each.seams) for each in found),
        "unverified": sum(each.unverified for each in found),
        "bytes": export.bytes,
    }


def _not_exported(status: Status) -> dict[str, int]:
    """What the copy knows of and an export leaves out, over the whole account."""
    return {"deletions_pending": status.pending, "deletions_refused": status.refused}


def _conversation(found: ExportedConversation) -> dict[str, Any]:
    value = attrs.asdict(found)
    value["read_at"] = list(found.read_at)
    return value


def is_ours(directory: Path) -> bool:
    """Whether a folder holds an export."""
    try:
        found = json.loads((directory / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("format") == NAME
