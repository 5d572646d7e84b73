"""A window onto a copy: read once, and then kept up to date by the changes alone."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import asdict, define, field, frozen

from syncengine import Change, ConversationKey, Hole, Message, SyncEngine, Update, What
from syncengine.reader import Reader

_ALL = 1 << 30
_READ_AGAIN = {What.ADDED, What.EDITED, What.REORDERED, What.RESTORED}
_READ_AGAIN |= {What.UNVERIFIED, What.VERIFIED, What.REFUSED, What.DROPPED}


@frozen
class Shown:
    """A message, and whether it is marked."""

    message: Message
    unverified: bool


@frozen
class Frame:
    """What is around the messages: the entry, and where something is missing."""

    entry: dict[str, Any]
    gaps: Sequence[Hole]
    seams: Sequence[Hole]


@define
class Window:
    """All conversations. What is verified since when is bookkeeping, and left out."""

    revision: int = 0
    messages: dict[ConversationKey, list[Shown]] = field(factory=dict)
    frames: dict[ConversationKey, Frame] = field(factory=dict)
    listed: set[ConversationKey] = field(factory=set)
    resets: int = 0

    @classmethod
    async def open(cls, engine: SyncEngine, keys: Iterable[ConversationKey]) -> "Window":
        """Read all of it."""
        window = cls(await engine.reader.revision())
        for key in keys:
            await window._read_all(engine.reader, key)
        window.listed = {
            ConversationKey(c.conversation_id, c.kind) for c in await engine.reader.conversations()
        }
        return window

    async def _read_all(self, reader: Reader, key: ConversationKey) -> None:
        found = await reader.messages(key.conversation_id, key.kind, limit=_ALL)
        marked = set(found.unverified)
        shown = [Shown(m, m.message_id in marked) for m in found.messages]
        self._keep(key, shown)
        await self._read_frame(reader, key)

    async def _read_frame(self, reader: Reader, key: ConversationKey) -> None:
        entry = await reader.conversation(key.conversation_id, key.kind)
        if entry is not None:
            # Of a slice of everything only what it says about holes is looked at.
            found = await reader.messages(key.conversation_id, key.kind, limit=_ALL)
            told = asdict(entry) | {"verified_since": None}
            self.frames[key] = Frame(told, found.gaps, found.seams)

    async def apply(self, engine: SyncEngine, updates: Iterable[Update]) -> None:
        """Look again at what the updates name, and at nothing else."""
        named: dict[ConversationKey, list[Change]] = {}
        for update in updates:
            assert update.revision >= self.revision
            self.revision = update.revision
            self.resets += update.reset
            for change in update.changes:
                named.setdefault(change.key, []).append(change)
        for key, changes in named.items():
            again = {m for change in changes for m in self._apply(key, change)}
            if any(c.what in _READ_AGAIN and c.until is not None for c in changes):
                await self._read_all(engine.reader, key)
            await self._place(engine.reader, key, again)
            await self._read_frame(engine.reader, key)

    def _apply(self, key: ConversationKey, change: Change) -> Sequence[str]:
        """What needs no look, now; returns the messages that do."""
        if change.what is What.CONVERSATION_ADDED:
            self.listed.add(key)
        elif change.what is What.CONVERSATION_REMOVED:
            self.listed.discard(key)
        elif change.what is What.REMOVED:
            ids, until = set(change.message_ids), change.until
            held = self.messages.get(key, [])
            self._keep(key, [s for s in held if not _covered(s.message, ids, until)])
        return change.message_ids if change.what in _READ_AGAIN else ()

    async def _place(self, reader: Reader, key: ConversationKey, ids: set[str]) -> None:
        """Read these messages, and put each above its older neighbour."""
        kept = [s for s in self.messages.get(key, []) if s.message.message_id not in ids]
        below = {m: await _older(reader, key, m) for m in ids}
        found = {m: s for m, (s, _) in below.items() if s is not None}
        while found:
            here: list[str | None] = [None, *(s.message.message_id for s in kept)]
            at = next(m for m in found if below[m][1] in here)
            kept.insert(here.index(below[at][1]), found.pop(at))
        self._keep(key, kept)

    def _keep(self, key: ConversationKey, shown: list[Shown]) -> None:
        self.messages[key] = shown
        if not shown:
            del self.messages[key]  # as in a window that was opened now


def _covered(message: Message, ids: set[str], until: int | None) -> bool:
    return message.message_id in ids or (until is not None and message.timestamp <= until)


async def _older(
    reader: Reader, key: ConversationKey, message_id: str
) -> tuple[Shown | None, str | None]:
    """One message, if it is shown, and the one below it."""
    found = await reader.messages(key.conversation_id, key.kind, limit=_ALL)
    ids = [message.message_id for message in found.messages]
    if message_id not in ids:
        return None, None
    at = ids.index(message_id)
    shown = Shown(found.messages[at], message_id in found.unverified)
    return shown, ids[at - 1] if at else None
