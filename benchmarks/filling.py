"""Fills a store with an account of any size, past the engine: a pull would take too long.

It leaves behind what a pull would: whole conversations, each with its entry of the server's
list, and raw bytes as a server sends them. One conversation is long, the others are short.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import frozen

from syncengine.emulator.rows import encode_meta
from syncengine.emulator.texts import sentence
from syncengine.emulator.world import World
from syncengine.models import ConversationKey, Kind
from syncengine.remote.easemob.codec import decode_rows
from syncengine.store.store import open_store
from syncengine.sync.gaps import STEP

LONG = ConversationKey("user0000", Kind.CHAT)
"""The long conversation, and the most recently active one."""
FIRST_MS = 1_700_000_000_000
PACE_MS = 1000
"""Between two messages of a conversation, on average."""
SHORT = 10
"""Messages of each other conversation."""

_BURST = 32
"""Messages that are written in one go."""
_HASTE_MS = 50
"""Between those."""
_TEMPLATES = 256
_INSERT = (
    "INSERT INTO message (conversation, position, message_id, sender, timestamp, type, text,"
    " edited_at, raw, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_CONVERSATION = (
    "INSERT INTO conversation (conversation, conversation_id, kind, unread_count, pinned,"
    " activity, newest, fetched) VALUES (?, ?, ?, ?, ?, ?, ?, 1)"
)
_PREVIEWS = (
    "INSERT INTO preview SELECT conversation, message_id, sender, timestamp, type, text,"
    " edited_at, raw FROM conversation JOIN message USING (conversation) WHERE message = newest"
)


@frozen
class Size:
    """How large an account is."""

    conversations: int
    messages: int
    """Of the long conversation."""

    @property
    def total(self) -> int:
        """All messages."""
        return self.messages + SHORT * (self.conversations - 1)


def fill(path: Path, size: Size) -> None:
    """Make the file at `path`, which must not exist."""
    asyncio.run(_make(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        database.executemany(_INSERT, _messages(size))
        database.executemany(_CONVERSATION, _conversations(size))
        database.execute(_PREVIEWS)
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _make(path: Path) -> None:
    store = await open_store(path)
    await store.claim("easemob:benchmark")
    await store.close()


def message_id(number: int) -> str:
    """The id of one of the long conversation's messages, by its place."""
    return str((1 << 60) + number)


def sent_at(number: int) -> int:
    """When a conversation's message was sent, ms, by its place: people write several at once,
    and are silent for a time that is hard to foretell."""
    burst, place = divmod(number, _BURST)
    silence = burst * 2_654_435_761 % (_BURST * (PACE_MS - _HASTE_MS))
    return FIRST_MS + _BURST * PACE_MS * burst + silence + _HASTE_MS * place


def _messages(size: Size) -> Iterator[tuple[Any, ...]]:
    templates = _templates()
    for conversation in range(1, size.conversations + 1):
        base = (1 << 60) + (conversation - 1 << 30)
        for number in range(size.messages if conversation == 1 else SHORT):
            kind, text, raw = templates[number % _TEMPLATES]
            sent = sent_at(number)
            yield (
                conversation, STEP * number, str(base + number), "bob", sent,
                kind, text, None, raw, sent,
            )  # fmt: skip


def _templates() -> list[tuple[str, str, bytes]]:
    """Type, text and raw bytes of messages that differ."""
    world = World()
    for user in ("alice", "bob"):
        world.add_user(user)
    for number in range(_TEMPLATES):
        world.send("bob", "alice", Kind.CHAT, sentence(str(number)), ext={"number": number})
    sent = world.history("alice", "bob", "chat")
    rows = decode_rows(encode_meta(message, world.app_key) for message in sent)
    return [(row.type, row.text, row.raw) for row in rows]


def _conversations(size: Size) -> Iterator[tuple[Any, ...]]:
    newest = 0
    for number in range(size.conversations):
        newest += SHORT if number else size.messages
        activity = FIRST_MS + PACE_MS * (size.messages + size.conversations - number)
        pinned = number % 1000 == 999
        yield number + 1, f"user{number:04d}", "chat", number % 3, pinned, activity, newest
