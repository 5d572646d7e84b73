"""Reads a conversation from its start to its end, a piece at a time, holes in their places."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from attrs import frozen

from syncengine.errors import ConfigError
from syncengine.models import ConversationKey, Hole, Message, Slice
from syncengine.reader import Reader

PIECE: Final = 100
"""Messages read at once: memory stays flat, and the event loop is held for milliseconds."""


@frozen
class Missing:
    """A place where history is missing, between the items beside it."""

    hole: Hole
    seam: bool
    """It may have expired on the server unseen; False: a gap, which the next syncs close."""


Item = Message | Missing


@frozen
class Piece:
    """Some of a conversation, oldest first. One consistent snapshot of the copy."""

    items: Sequence[Item]
    unverified: frozenset[str]
    """Ids of those messages that the server does not show any more."""
    as_of: int | None
    """When the last sync that looked at everything had ended, ms, local clock."""


class Moved(Exception):
    """What was read last is not held any more: the place to go on from is lost."""


async def pieces(
    reader: Reader, key: ConversationKey, *, limit: int = PIECE
) -> AsyncIterator[Piece]:
    """All of a conversation; at least one piece, perhaps an empty one.

    Pieces are read one after the other: where somebody writes meanwhile, they may show
    different moments. Raises Moved where a deletion took all that the last piece had.
    """
    anchors: Sequence[str] = ()
    while True:
        part = await _after(reader, key, anchors, limit)
        last = len(part.messages) < limit
        yield Piece(tuple(_items(part, last=last)), frozenset(part.unverified), part.as_of)
        if last:
            return
        anchors = [message.message_id for message in part.messages]


async def _after(reader: Reader, key: ConversationKey, anchors: Sequence[str], limit: int) -> Slice:
    """What follows the newest of the messages read last that is still held."""
    if not anchors:
        return await reader.messages(key.conversation_id, key.kind, oldest=True, limit=limit)
    for anchor in reversed(anchors):
        try:
            return await reader.messages(key.conversation_id, key.kind, after=anchor, limit=limit)
        except ConfigError:  # deleted since; the one before it may be there
            continue
    raise Moved


def _items(part: Slice, *, last: bool) -> Iterator[Item]:
    """Messages, each after the holes below it; what is missing above the newest ends it.

    A slice also tells the hole above its last message; that belongs to the next piece.
    """
    for message in part.messages:
        yield from _below(part, message.message_id)
        yield message
    if last:
        yield from _below(part, None)


def _below(part: Slice, message_id: str | None) -> Iterator[Missing]:
    for holes, seam in ((part.gaps, False), (part.seams, True)):
        for hole in holes:
            if hole.newer_id == message_id:
                yield Missing(hole, seam)
