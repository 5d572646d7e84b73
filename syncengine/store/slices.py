"""Reads a piece of one conversation, with the holes that it borders on."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from syncengine.models import ConversationKey, Hole
from syncengine.store import queries
from syncengine.store.batch import HEAD, START, Gap


@frozen(kw_only=True)
class SliceRequest:
    """Which piece: keys are message ids; none of them: the newest messages."""

    key: ConversationKey
    before: str | None = None
    """Exclusive, as `after`."""
    after: str | None = None
    around: str | None = None
    """Inclusive: about half of the piece is older."""
    at: int | None = None
    """Ms: around the first message that was sent then or later."""
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
    anchor: str | None = None
    """The message of `around` or `at`, where it is among them."""


@frozen
class _Piece:
    """Messages, oldest first, and between which positions, both exclusive, they were sought."""

    placed: Sequence[queries.PlacedRow]
    low: int = START
    high: int = HEAD
    anchor: int | None = None


def read_slice(connection: sqlite3.Connection, request: SliceRequest) -> SliceRows | None:
    """The piece; None where it names a message that is not held."""
    row, as_of, at = queries.frame(connection, request.key)
    if row is None:
        nothing = Hole(None, None)
        return SliceRows((), (nothing,), (), reached_start=False, as_of=as_of, revision=at)
    piece = _piece(connection, row, request)
    if piece is None:
        return None
    floor, ceiling = _window(connection, row, piece)
    gaps = queries.gaps_between(connection, row, floor, ceiling)
    return SliceRows(
        [p.columns for p in piece.placed],
        [_hole(connection, row, gap) for gap in gaps if not gap.seam],
        [_hole(connection, row, gap) for gap in gaps if gap.seam],
        reached_start=floor == START and not any(gap.low == START for gap in gaps),
        as_of=as_of,
        unverified=[p.columns[0] for p in piece.placed if p.unverified],
        revision=at,
        anchor=_id_at(piece.placed, piece.anchor),
    )


def _piece(connection: sqlite3.Connection, row: int, request: SliceRequest) -> _Piece | None:
    if request.at is not None:
        place = place_of_time(connection, row, request.at)
        return _around(connection, row, place, request.limit)
    if request.around is not None:
        middle = queries.position_of(connection, row, request.around)
        return None if middle is None else _around(connection, row, middle, request.limit)
    low = _position(connection, row, request.after, START)
    high = _position(connection, row, request.before, HEAD)
    if low is None or high is None:
        return None
    upwards = request.oldest or request.after is not None
    placed = queries.messages(connection, row, low, high, request.limit, oldest=upwards)
    return _Piece(placed, low, high)


def _around(connection: sqlite3.Connection, row: int, place: int, limit: int) -> _Piece:
    """Half of them older than a position, the one there and newer ones the other half; where
    one side has fewer, the other has more."""
    half = limit // 2
    older = queries.messages(connection, row, START, place, half, oldest=False)
    rest = limit - len(older)
    newer = queries.messages(connection, row, place - 1, HEAD, rest, oldest=True)
    if len(newer) < rest and len(older) == half:
        rest = limit - len(newer)
        older = queries.messages(connection, row, START, place, rest, oldest=False)
    return _Piece([*older, *newer], place - 1, place, anchor=place)


def _id_at(placed: Sequence[queries.PlacedRow], position: int | None) -> str | None:
    found = (row.columns[0] for row in placed if row.position == position)
    return next(found, None)


def place_of_time(connection: sqlite3.Connection, row: int, at: int) -> int:
    """The position of a message that was sent at that time, ms, or later, while the one
    before it was sent earlier; `HEAD` where none was.

    Where times only grow, that is the first such message. Where they step back there may be
    several such places: it is one of them. What is hidden counts too, it has its place and
    its time.

    Found in a few looks where messages came evenly, for a look goes where the time should be
    and sees some messages to both sides of it, however far apart their positions are. Every
    fourth one halves what is left, so the cost grows with the logarithm at most.
    """
    ends = queries.ends(connection, row)
    if ends is None or ends.newest.timestamp < at:
        return HEAD
    (low, before), (high, since) = ends
    look = 0
    while before < at:  # and `since` is not
        look += 1
        share = (high - low) * (at - before) // (since - before)
        middle = low + (share if look % 4 else (high - low) // 2)
        near = queries.sent_near(connection, row, low, middle, high)
        if near[0][1] >= at:
            high, since = near[0]
        else:
            low, before = next((sent for sent in near if sent[1] >= at), near[-1])
    return low


def _position(
    connection: sqlite3.Connection, row: int, message_id: str | None, otherwise: int
) -> int | None:
    if message_id is None:
        return otherwise
    return queries.position_of(connection, row, message_id)


def _window(connection: sqlite3.Connection, row: int, piece: _Piece) -> tuple[int, int]:
    """From the next message below the piece to the next above it: what borders it counts."""
    placed = piece.placed
    first = placed[0].position if placed else piece.high
    last = placed[-1].position if placed else piece.low
    under, over = queries.around(connection, row, first, last)
    return START if under is None else under, HEAD if over is None else over


def _hole(connection: sqlite3.Connection, row: int, gap: Gap) -> Hole:
    under = queries.neighbour(connection, row, gap.low + 1, above=False)
    over = queries.neighbour(connection, row, gap.high - 1, above=True)
    return Hole(under[1] if under else None, over[1] if over else None)
