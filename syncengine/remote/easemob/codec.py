"""Bytes of a history page to rows. Pure: no network, no clock, and nothing is raised for
one bad row.

    body ──envelope──▶ raw rows ──decode_rows──▶ MessageRow, one a message
                                     └─ no message: left out;  unreadable: kept raw

The wire's facts are in schema/wire/README.md, History and Messages. This is the code
that runs for every message ever pulled, so it is one loop and not a tree of calls.
"""

import hashlib
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from google.protobuf.message import DecodeError

from syncengine.models import MessageRow
from syncengine.remote.easemob import forgiving
from syncengine.remote.easemob.contents import (
    COMBINED,
    SEARCHED,
    SUB_COMBINE,
    TEXT,
    TYPE_OF_NUMBER,
    UNKNOWN,
)
from syncengine.remote.easemob.hot import NO_SUB_TYPE, parse_row
from syncengine.remote.easemob.roaming_pb2 import JID, Meta

_CHAT = 1  # Meta.ns
_LAST_MESSAGE = 3  # MessageBody.type: NORMAL, CHAT, GROUPCHAT, CHATROOM; acks and recalls follow
_LARGEST_ID = 2**64 - 1
_TOO_LARGE = 2**63  # a uint64 from here on does not fit SQLite's integer

_sender = attrgetter("from")  # a keyword in Python, so it cannot be written with a dot
_new_row = tuple.__new__


def decode_rows(raws: Iterable[bytes]) -> list[MessageRow]:
    """The messages among these rows, in their order."""
    rows: list[MessageRow] = []
    append = rows.append
    names: dict[bytes, str] = {}
    for raw in raws:
        try:
            meta = parse_row(raw)
        except DecodeError:
            kept = _keep_unreadable(raw)
            if kept is not None:
                append(kept)
            continue
        if meta.ns != _CHAT:
            continue
        body = meta.payload
        if not 0 <= body.type <= _LAST_MESSAGE:
            continue
        try:
            content = body.contents[0]  # only the first counts
        except IndexError:
            continue
        if content.type == 0 and content.sub_type == NO_SUB_TYPE:
            kind, text = TEXT, content.text
        else:
            kind = content_type(content.type, content.sub_type)
            text = searched_text(kind, content)
        if text.__class__ is not str:
            text = forgiving.whole_text(text)
        jid = _sender(meta)
        sender = names.get(jid)
        if sender is None:
            sender = names[jid] = jid_name(jid)
        timestamp = meta.timestamp
        if timestamp >= _TOO_LARGE:
            timestamp -= 2 * _TOO_LARGE
        number = meta.id
        more = body.meta
        append(
            _new_row(  # half the cost of MessageRow(...)
                MessageRow,
                (
                    str(number) if number else raw_id(raw),
                    sender or jid_name(_sender(body)),
                    timestamp,
                    kind,
                    text,
                    edited_at(more) if more else None,
                    raw,
                ),
            )
        )
    return rows


def content_type(number: int, sub_type: int) -> str:
    """Its name here; a number of the future is unknown, never text."""
    kind = TYPE_OF_NUMBER.get(number, UNKNOWN)
    return COMBINED if kind == TEXT and sub_type == SUB_COMBINE else kind


def searched_text(kind: str, content: Any) -> str:
    """What a person would look for to find this message again."""
    values = (getattr(content, detail.field) for detail in SEARCHED.get(kind, ()))
    return " ".join(forgiving.whole_text(value) for value in values if value)


def jid_name(jid: bytes) -> str:
    """The bare id in a JID's bytes; empty where there is none."""
    try:
        return forgiving.whole_text(JID.FromString(jid).name)
    except DecodeError:
        return ""


def edited_at(meta: str | bytes) -> int | None:
    """When a message was last edited, from its body's meta JSON."""
    try:
        fields = forgiving.as_object(forgiving.parse(meta))
    except forgiving.NotJson:
        return None
    return forgiving.as_int(forgiving.as_object(fields.get("edit_msg")).get("edit_time"))


def is_message_id(text: str) -> bool:
    """An unsigned 64-bit number in decimal digits."""
    return len(text) <= 20 and text.isascii() and text.isdecimal() and int(text) <= _LARGEST_ID


def raw_id(raw: bytes) -> str:
    """A name for a message whose own id cannot be read: the same for the same bytes."""
    return "raw:" + hashlib.sha256(raw).hexdigest()[:32]


def unknown_row(raw: bytes) -> MessageRow:
    """A row of which nothing can be read."""
    return MessageRow(raw_id(raw), "", 0, UNKNOWN, "", None, raw)


def _keep_unreadable(raw: bytes) -> MessageRow | None:
    """What the fast reading refused: no message at all, or one kept as it came."""
    try:
        meta = Meta.FromString(raw)
    except DecodeError:
        return unknown_row(raw)
    if meta.ns != _CHAT:
        return None
    name = str(meta.id) if meta.id else raw_id(raw)
    timestamp = meta.timestamp - (2 * _TOO_LARGE if meta.timestamp >= _TOO_LARGE else 0)
    sender = jid_name(_sender(meta).SerializeToString())
    return MessageRow(name, sender, timestamp, UNKNOWN, "", None, raw)
