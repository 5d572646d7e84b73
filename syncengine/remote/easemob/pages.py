"""The envelope of a history page: rows, where it goes on, and whether it claims the end.

Pure. The fast reading is a typed one, which decodes base64 in C; where a single field is
not as typed, the page is read again field by field (schema/wire/README.md, History).
"""

import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

from syncengine.errors import ServerFault
from syncengine.models import MessageRow, Page
from syncengine.remote.easemob import forgiving
from syncengine.remote.easemob.codec import decode_rows, is_message_id, unknown_row
from syncengine.remote.easemob.tokens import usable

NO_CURSOR = frozenset({"", "undefined", "null"})
"""What the wire says instead of a cursor where there is none; the words are meant."""

_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Row(msgspec.Struct):
    msg: bytes


class _Data(msgspec.Struct):
    msgs: list[_Row] | None = None
    next_key: str | None = None
    is_last: bool = False
    timestamp: int = 0


class _Envelope(msgspec.Struct):
    data: _Data
    timestamp: int = 0


_read_envelope = msgspec.json.Decoder(_Envelope).decode


def decode_page(body: bytes, *, served_at: int | None = None) -> Page:
    """A page of history; `served_at` is used where the page itself names no time."""
    try:
        envelope = _read_envelope(body)
    except _BROKEN:
        return _decode_patiently(body, served_at)
    data = envelope.data
    rows = decode_rows([row.msg for row in data.msgs]) if data.msgs else []
    at_end = data.is_last or not data.msgs
    return _page(
        rows, data.next_key, at_end, _clock(envelope.timestamp or data.timestamp) or served_at
    )


def _page(rows: Sequence[MessageRow], key: Any, at_end: bool, served_at: int | None) -> Page:
    cursor = None if at_end else _cursor(key)
    return Page(messages=rows, cursor=cursor, end=cursor is None, served_at=served_at)


def _cursor(key: Any) -> str | None:
    """A cursor is a message id. Anything else would be sent back to no use."""
    text = forgiving.as_text(key)
    if key is None or text in NO_CURSOR:
        return None
    if not is_message_id(text):
        raise ServerFault(
            "the server's next_key is no message id",
            hint="The history page cannot be continued; it will be tried again later.",
        )
    return text


def _clock(value: Any) -> int | None:
    milliseconds = forgiving.as_int(value)
    return milliseconds if milliseconds and milliseconds > 0 else None


def _decode_patiently(body: bytes, served_at: int | None) -> Page:
    envelope = open_envelope(body)
    data = envelope["data"]
    items = forgiving.as_list(data.get("msgs"))
    at_end = data.get("is_last") is True or not items
    at = _clock(envelope.get("timestamp")) or _clock(data.get("timestamp")) or served_at
    return _page(_decode_items(items), data.get("next_key"), at_end, at)


def _decode_items(items: Sequence[Any]) -> list[MessageRow]:
    rows: list[MessageRow] = []
    for item in items:
        rows += _decode_item(item)
    return rows


def _decode_item(item: Any) -> Sequence[MessageRow]:
    """One row; what is no base64 is kept as the JSON that came."""
    text = item.get("msg") if isinstance(item, dict) else None
    try:
        return decode_rows([binascii.a2b_base64(text.encode(), strict_mode=True)])  # type: ignore[union-attr]  # None is caught below
    except (AttributeError, ValueError):
        return [unknown_row(forgiving.dump(item))]


def open_envelope(body: bytes) -> dict[str, Any]:
    """An answer with its ``data`` object; whatever has none is the server's fault."""
    envelope = _whole_answer(body)
    if not isinstance(envelope.get("data"), dict):
        raise ServerFault(
            "the server's answer holds no data",
            hint="The server answered 200 without an answer; it will be tried again later.",
        )
    return envelope


def no_answer(body: bytes) -> ServerFault:
    """What to say of a success that is no JSON; HTML means that somebody else answered."""
    if body.lstrip()[:1] == b"<":
        return ServerFault(
            "the server answered with a web page instead of JSON",
            hint="Check the server's address; a proxy or a sign-in page of the network may answer.",
        )
    return ServerFault(
        "the server's answer is no JSON",
        hint="The answer is damaged or cut; it will be tried again later.",
    )


def decode_token(body: bytes) -> str:
    """The token in the answer to a sign-in."""
    return usable(_whole_answer(body).get("access_token"))


def check_accepted(body: bytes) -> None:
    """A deletion's answer says yes in one of two forms; silence is not taken for a yes."""
    said = _whole_answer(body)
    result = said.get("requestStatusCode") or forgiving.as_object(said.get("data")).get("result")
    if forgiving.as_text(result).lower() != "ok":
        raise ServerFault(
            "the server did not confirm the deletion",
            hint="The deletion is kept and will be sent again later.",
        )


def _whole_answer(body: bytes) -> dict[str, Any]:
    try:
        return forgiving.as_object(forgiving.parse(body))
    except forgiving.NotJson:
        raise no_answer(body) from None
