"""From columns to models. The order of columns is that of `queries`."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from syncengine.models import (
    Conversation,
    ConversationKey,
    Details,
    Kind,
    Message,
    MessageRow,
    MessageType,
)

Decode = Callable[[bytes], Details]
"""Decodes what the server sent; the adapter's."""

_STATE_COLUMNS = 11
_MESSAGE_COLUMNS = len(MessageRow._fields)


def message(key: ConversationKey, columns: Sequence[Any], decode: Decode) -> Message:
    """A message, its details decoded."""
    row = MessageRow(*columns)
    details = decode(row.raw)
    return Message(
        row.message_id,
        key.conversation_id,
        key.kind,
        row.sender,
        row.timestamp,
        _type(row.type),
        row.text,
        row.edited_at,
        details.body,
        details.ext,
        details.meta,
        row.raw,
    )


def _type(name: str) -> MessageType:
    """The type; one that only a newer version knows is shown as unknown."""
    try:
        return MessageType(name)
    except ValueError:
        return MessageType.UNKNOWN


def conversation(columns: Sequence[Any], decode: Decode) -> Conversation:
    """A conversation with its last message."""
    conversation_id, kind, unread, pinned, marks, fetched, gaps, seams, *audit = columns[
        :_STATE_COLUMNS
    ]
    expired, since, held_back = audit
    key = ConversationKey(conversation_id, kind)
    return Conversation(
        conversation_id,
        Kind(kind),
        unread,
        bool(pinned),
        tuple(json.loads(marks)),
        _last_message(key, columns[_STATE_COLUMNS:], decode),
        synced=bool(fetched),
        whole=bool(fetched) and not gaps and not seams,
        gaps=gaps,
        seams=seams,
        # What is older expired before it: if the newest did, all did.
        expired=bool(expired),
        verified_since=since,
        held_back=held_back,
    )


def _last_message(key: ConversationKey, columns: Sequence[Any], decode: Decode) -> Message | None:
    """The newest message held, or the list's preview where that is newer and not held."""
    held, preview = columns[:_MESSAGE_COLUMNS], columns[_MESSAGE_COLUMNS:]
    if preview[0] is not None and (held[0] is None or preview[2] >= held[2]):
        return message(key, preview, decode)
    return None if held[0] is None else message(key, held, decode)
