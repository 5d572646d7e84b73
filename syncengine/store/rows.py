"""From columns to models. The order of columns is that of `queries`."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from syncengine.errors import StoreCorrupt
from syncengine.models import (
    DEFERRED,
    Conversation,
    ConversationKey,
    Details,
    Kind,
    Message,
    MessageType,
)

Decode = Callable[[bytes], Details]
"""Decodes what the server sent; the adapter's."""

_STATE_COLUMNS = 10
_SEAMS = 32
"""The bit from which on holes that are seams are counted; below it all are."""
_KINDS = {kind.value: kind for kind in Kind}
_TYPES = {each.value: each for each in MessageType}
_NO_MARKS = "[]"


def _thawed(model: type[Any], *, unset: Sequence[str] = ()) -> Any:
    """A class of the same shape as a frozen one, and several times as fast to make: what it
    makes becomes the frozen one by a change of its class. Lists make ten thousands."""
    parts = {f.name: attrs.field(init=f.name not in unset) for f in attrs.fields(model)}
    return attrs.make_class(
        model.__name__,
        parts,
        bases=model.__bases__,
        slots=True,
        weakref_slot=False,
        eq=False,
        repr=False,
    )


_Message = _thawed(Message, unset=DEFERRED)
_Conversation = _thawed(Conversation, unset=("last_message",))


def message(key: ConversationKey, columns: Sequence[Any], decode: Decode) -> Message:
    """A message; its details are decoded when they are looked at."""
    return _message(key.conversation_id, key.kind, columns, decode)


def _message(conversation_id: str, kind: Kind, columns: Sequence[Any], decode: Decode) -> Message:
    message_id, sender, timestamp, type_, text, edited_at, raw = columns
    known = _TYPES.get(type_, MessageType.UNKNOWN)  # a newer version may know it
    made = _Message(
        message_id, conversation_id, kind, sender, timestamp, known, text, edited_at, raw
    )
    made._decode = decode
    made.__class__ = Message
    return made  # type: ignore[no-any-return]  # by its new class


def conversation(columns: Sequence[Any], decode: Decode) -> Conversation:
    """A conversation; its last message is made when it is looked at.

    Raises StoreCorrupt for columns that can be none.
    """
    try:
        return _conversation(columns, decode)
    except (LookupError, TypeError, ValueError) as error:
        raise StoreCorrupt(f"a conversation cannot be read: {error!r}") from error


def _conversation(columns: Sequence[Any], decode: Decode) -> Conversation:
    conversation_id, name, unread, pinned, marks, fetched, holes, expired, since, held = columns[
        :_STATE_COLUMNS
    ]
    seams = holes >> _SEAMS if holes else 0
    gaps = holes % (1 << _SEAMS) - seams if holes else 0
    made = _Conversation(
        conversation_id,
        _KINDS[name],
        unread,
        pinned != 0,
        () if marks == _NO_MARKS else tuple(json.loads(marks)),
        fetched != 0,  # synced
        fetched != 0 and not holes,  # whole
        gaps,
        seams,
        # What is older expired before it: if the newest did, all did.
        expired != 0,
        since if fetched and not gaps else None,  # verified_since
        held,
    )
    made._columns, made._decode, made._make = columns, decode, _last_message
    made.__class__ = Conversation
    return made  # type: ignore[no-any-return]  # by its new class


def _last_message(columns: Sequence[Any], decode: Decode) -> Message | None:
    last = columns[_STATE_COLUMNS:]
    return None if last[0] is None else _message(columns[0], _KINDS[columns[1]], last, decode)
