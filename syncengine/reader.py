"""Reads: always from the local copy, never waiting for the network or a writer (law 9)."""

import sqlite3
from collections.abc import Sequence

from syncengine.errors import ConfigError
from syncengine.models import Conversation, ConversationKey, Hole, Kind, Slice
from syncengine.store import queries, rows
from syncengine.store.batch import HEAD, START, Gap
from syncengine.store.queries import PlacedRow, Totals
from syncengine.store.store import Store
from syncengine.store.view import View


class Reader:
    """What a window shows. Every read is one consistent snapshot."""

    def __init__(self, store: Store, decode: rows.Decode) -> None:
        self._store = store
        self._decode = decode

    async def conversations(self, *, limit: int | None = None) -> list[Conversation]:
        """All conversations, or the first `limit`: pinned first, then most recent."""
        found = await self._store.read(lambda c: queries.conversations(c, limit))
        return [rows.conversation(columns, self._decode) for columns in found]

    async def conversation(self, conversation_id: str, kind: Kind | str) -> Conversation | None:
        """One conversation; None: nothing is known of it here."""
        key = _key(conversation_id, kind)
        found = await self._store.read(lambda c: queries.conversation(c, key))
        return None if found is None else rows.conversation(found, self._decode)

    async def kinds(self, conversation_id: str) -> list[Kind]:
        """The kinds under which an id is held: a user and a group may share one."""
        return [
            Kind(kind)
            for kind in await self._store.read(lambda c: queries.kinds(c, conversation_id))
        ]

    async def messages(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        before: str | None = None,
        after: str | None = None,
        limit: int = 20,
    ) -> Slice:
        """Up to `limit` messages, oldest first, and where some are missing among them.

        `before` and `after` are message ids, exclusive: the nearest older or newer
        messages; neither: the newest. Raises ConfigError where such a message is not
        held, or for both at once.
        """
        if before is not None and after is not None:
            raise ConfigError("before and after exclude each other", hint="Give one of the two.")
        if limit < 1:
            raise ConfigError(f"limit is {limit}", hint="Ask for at least one message.")
        key = _key(conversation_id, kind)
        return await self._store.read(lambda c: self._slice(c, key, before, after, limit))

    async def totals(self) -> Totals:
        """The account in figures."""
        return await self._store.read(queries.totals)

    def _slice(
        self,
        connection: sqlite3.Connection,
        key: ConversationKey,
        before: str | None,
        after: str | None,
        limit: int,
    ) -> Slice:
        as_of = View(connection).account()[2]
        row = queries.conversation_row(connection, key)
        if row is None:
            return Slice((), (Hole(None, None),), (), reached_start=False, as_of=as_of)
        low = _position(connection, row, after, START)
        high = _position(connection, row, before, HEAD)
        placed = queries.messages(connection, row, low, high, limit, oldest=after is not None)
        floor, ceiling = _window(connection, row, placed, low, high)
        holes = queries.gaps_between(connection, row, floor, ceiling)
        return Slice(
            [rows.message(key, p.columns, self._decode) for p in placed],
            [_hole(connection, row, gap) for gap in holes if not gap.seam],
            [_hole(connection, row, gap) for gap in holes if gap.seam],
            reached_start=floor == START and not any(gap.low == START for gap in holes),
            as_of=as_of,
        )


def _key(conversation_id: str, kind: Kind | str) -> ConversationKey:
    try:
        return ConversationKey(conversation_id, Kind(kind))
    except ValueError:
        names = ", ".join(kind.value for kind in Kind)
        raise ConfigError(f"{kind!r} is no kind", hint=f"Use one of: {names}.") from None


def _position(
    connection: sqlite3.Connection, row: int, message_id: str | None, otherwise: int
) -> int:
    if message_id is None:
        return otherwise
    position = queries.position_of(connection, row, message_id)
    if position is None:
        raise ConfigError(
            f"no message {message_id} is held in this conversation",
            hint="Use the id of a message that a read returned; it may be deleted since.",
        )
    return position


def _window(
    connection: sqlite3.Connection, row: int, placed: Sequence[PlacedRow], low: int, high: int
) -> tuple[int, int]:
    """From the next message below the slice to the next above it: what borders it counts."""
    first = placed[0].position if placed else high
    last = placed[-1].position if placed else low
    under = queries.neighbour(connection, row, first, above=False)
    over = queries.neighbour(connection, row, last, above=True)
    return (START if under is None else under[0]), (HEAD if over is None else over[0])


def _hole(connection: sqlite3.Connection, row: int, gap: Gap) -> Hole:
    under = queries.neighbour(connection, row, gap.low + 1, above=False)
    over = queries.neighbour(connection, row, gap.high - 1, above=True)
    return Hole(under[1] if under else None, over[1] if over else None)
