"""Reads a piece of one conversation, with the holes that it borders on."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from syncengine.models import ConversationKey, Hole
from syncengine.store import queries
from syncengine.store.batch import HEAD, START, Gap
from syncengine.store.journal import revision
from syncengine.store.view import View


@frozen(kw_only=True)
class SliceRequest:
    """Which piece: keys are message ids, exclusive; none of them: the newest messages."""

    key: ConversationKey
    before: str | None = None
    after: str | None = None
    oldest: bool = False
    """The first messages held, instead of the newest."""
    limit: int = 20


@frozen
class SliceRows:
    """The piece, oldest first, before its messages are decoded."""

    messages: Sequence[tuple[Any, ...]]
    gaps: Sequence[Hole]
    seams: Sequence[Hole]
    reached_start: bool
    as_of: int | None
    unverified: Sequence[str] = ()
    revision: int = 0


def read_slice(connection: sqlite3.Connection, request: SliceRequest) -> SliceRows | None:
    """The piece; None where `before` or `after` names a message that is not held."""
    as_of = View(connection).account().synced_at
    row = queries.conversation_row(connection, request.key)
    at = revision(connection)
    if row is None:
        nothing = Hole(None, None)
        return SliceRows((), (nothing,), (), reached_start=False, as_of=as_of, revision=at)
    low = _position(connection, row, request.after, START)
    high = _position(connection, row, request.before, HEAD)
    if low is None or high is None:
        return None
    upwards = request.oldest or request.after is not None
    placed = queries.messages(connection, row, low, high, request.limit, oldest=upwards)
    floor, ceiling = _window(connection, row, placed, low, high)
    gaps = queries.gaps_between(connection, row, floor, ceiling)
    return SliceRows(
        [p.columns for p in placed],
        [_hole(connection, row, gap) for gap in gaps if not gap.seam],
        [_hole(connection, row, gap) for gap in gaps if gap.seam],
        reached_start=floor == START and not any(gap.low == START for gap in gaps),
        as_of=as_of,
        unverified=(
            queries.unverified(connection, row, placed[0].position, placed[-1].position)
            if placed
            else ()
        ),
        revision=at,
    )


def _position(
    connection: sqlite3.Connection, row: int, message_id: str | None, otherwise: int
) -> int | None:
    if message_id is None:
        return otherwise
    return queries.position_of(connection, row, message_id)


def _window(
    connection: sqlite3.Connection,
    row: int,
    placed: Sequence[queries.PlacedRow],
    low: int,
    high: int,
) -> tuple[int, int]:
    """From the next message below the piece to the next above it: what borders it counts."""
    first = placed[0].position if placed else high
    last = placed[-1].position if placed else low
    under = queries.neighbour(connection, row, first, above=False)
    over = queries.neighbour(connection, row, last, above=True)
    return (START if under is None else under[0]), (HEAD if over is None else over[0])


def _hole(connection: sqlite3.Connection, row: int, gap: Gap) -> Hole:
    under = queries.neighbour(connection, row, gap.low + 1, above=False)
    over = queries.neighbour(connection, row, gap.high - 1, above=True)
    return Hole(under[1] if under else None, over[1] if over else None)
