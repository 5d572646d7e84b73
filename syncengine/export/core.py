"""Goes through the conversations and writes each; the manifest at the end."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from syncengine.errors import ConfigError, StoreLocked
from syncengine.export.folder import Folder, writing
from syncengine.export.html import Browsable
from syncengine.export.jsonl import JsonLines
from syncengine.export.manifest import (
    MANIFEST,
    Export,
    ExportedConversation,
    Facts,
    manifest,
    summary,
)
from syncengine.export.pieces import Item, Missing, Moved, Piece, pieces
from syncengine.export.rendering import ExportFormat, ExportProgress, Pages, Rendering
from syncengine.models import Conversation, ConversationKey, Hole, Kind
from syncengine.reader import Reader, conversation_key
from syncengine.remote.formats import user_of

Listener = Callable[[ExportProgress], None]

_ATTEMPTS = 5
"""How often a conversation is begun anew that is deleted from under its reader."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


async def export_history(
    reader: Reader,
    directory: str | Path,
    format: ExportFormat | str = ExportFormat.JSONL,  # noqa: A002 - the word of the command
    *,
    conversation: tuple[str, Kind | str] | None = None,
    raw: bool = True,
    replace: bool = False,
    progress: Callable[[ExportProgress], None] | None = None,
    now: Callable[[], int] = _wall_ms,
) -> Export:
    """Write everything held here, or one `conversation` (its id and kind), into `directory`.

    The folder must be new or empty; with `replace` it may hold an export, whose files go when
    the new ones are there: those that its manifest lists, no others. What an export that was
    killed left there is finished or taken away first. Files are readable by their owner only.
    Memory does not grow with the history. `raw` keeps the server's own bytes in JSON lines;
    pages never show them. When this returns, ``manifest.json`` says what is whole, what is
    missing and as of when, with the SHA-256 of each file; where it fails, the folder is as it
    was.

    Raises ConfigError for a conversation that is not held, for an unknown format and for a
    folder that holds anything else, or that another export is writing; StoreFull where it
    cannot be written; StoreError where another program took away what was written.
    """
    layout = _layout(format)
    key = None if conversation is None else conversation_key(*conversation)
    if key is not None and await reader.conversation(key.conversation_id, key.kind) is None:
        raise ConfigError(f"no conversation {key} is held here", hint="Check its id and its kind.")
    status = await reader.status(plan_known=True)
    only = None if key is None else (key.conversation_id, key.kind.value)
    facts = Facts(layout, now(), only, raw and layout is ExportFormat.JSONL, status)
    rendering = _rendering(facts)
    keys = await reader.keys() if key is None else [key]
    with writing(Path(directory), replace=replace) as folder:
        exporter = _Exporter(reader, folder, rendering, now, progress)
        found = [each async for each in exporter.all(keys)]
        rendering.end(folder, facts, found)
        result = summary(Path(directory), facts, found, dict(folder.files))
        folder.write(MANIFEST, manifest(result, facts, found, now()))
    return result


def _layout(name: str) -> ExportFormat:
    try:
        return ExportFormat(name)
    except ValueError:
        names = ", ".join(each.value for each in ExportFormat)
        raise ConfigError(f"{name!r} is no format", hint=f"Use one of: {names}.") from None


def _rendering(facts: Facts) -> Rendering:
    if facts.layout == ExportFormat.JSONL:
        return JsonLines(raw=facts.raw)
    return Browsable(own=user_of(facts.status.account))


class _Exporter:
    def __init__(
        self,
        reader: Reader,
        folder: Folder,
        rendering: Rendering,
        now: Callable[[], int],
        progress: Listener | None,
    ) -> None:
        self._reader, self._folder, self._rendering = reader, folder, rendering
        self._now, self._progress = now, progress
        self._done = self._of = self._messages = 0

    async def all(self, keys: list[ConversationKey]) -> AsyncIterator[ExportedConversation]:
        """Write these conversations; what was deleted meanwhile is left out."""
        self._of = len(keys)
        for key in keys:
            found = await self._reader.conversation(key.conversation_id, key.kind)
            if found is not None:
                yield await self._conversation(key, found)
            self._done += 1
            self._tell()

    async def _conversation(self, key: ConversationKey, held: Conversation) -> ExportedConversation:
        before = self._messages
        for _ in range(_ATTEMPTS):
            pages = self._rendering.conversation(self._folder, held)
            try:
                return await self._written(key, held, pages)
            except Moved:
                pages.discard()
                self._messages = before
        raise StoreLocked(
            f"{key} is being deleted faster than it can be read",
            hint="Another program deletes in this copy; export when it has finished.",
        )

    async def _written(
        self, key: ConversationKey, held: Conversation, pages: Pages
    ) -> ExportedConversation:
        start, count = self._now(), _Count()
        async for piece in pieces(self._reader, key):
            pages.add(piece)
            count.add(piece)
            self._messages += sum(not isinstance(item, Missing) for item in piece.items)
            self._tell()
        return count.result(held, (start, self._now()), pages.end())

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(ExportProgress(self._done, self._of, self._messages))


class _Count:
    """What was seen of a conversation while it was written: that is what the manifest says."""

    def __init__(self) -> None:
        self._messages = self._unverified = 0
        self._gaps: list[Hole] = []
        self._seams: list[Hole] = []
        self._as_of: int | None = None

    def add(self, piece: Piece) -> None:
        self._as_of = piece.as_of
        self._unverified += len(piece.unverified)
        for item in piece.items:
            self._one(item)

    def _one(self, item: Item) -> None:
        if isinstance(item, Missing):
            (self._seams if item.seam else self._gaps).append(item.hole)
        else:
            self._messages += 1

    def result(
        self, held: Conversation, read_at: tuple[int, int], files: tuple[str, ...]
    ) -> ExportedConversation:
        return ExportedConversation(
            conversation_id=held.conversation_id,
            kind=held.kind,
            messages=self._messages,
            whole=held.synced and not self._gaps and not self._seams,
            synced=held.synced,
            gaps=tuple(self._gaps),
            seams=tuple(self._seams),
            unverified=self._unverified,
            expired=held.expired,
            verified_since=held.verified_since,
            as_of=self._as_of,
            read_at=read_at,
            files=files,
        )
