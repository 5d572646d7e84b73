"""What a stored message holds beyond its columns, decoded from its raw bytes.

Pure, and it never raises: what cannot be decoded has no details. Raw bytes are protobuf
when they come from history and JSON when they come from the conversation list; the
first byte tells them apart.

A file's ``url`` is as the sender's client wrote it. To download, keep its path, replace
its origin by the server's address, and add ``em-redirect=true`` and ``share-secret=`` and
the body's ``secret`` (schema/wire/README.md, Messages).
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError

from syncengine.models import Details, MessageType
from syncengine.remote.easemob import forgiving, json_form
from syncengine.remote.easemob.codec import content_type
from syncengine.remote.easemob.contents import DETAILS, SUB_GIF
from syncengine.remote.easemob.hot import NO_SUB_TYPE
from syncengine.remote.easemob.roaming_pb2 import KeyValue, MessageBody, Meta

_BOOL, _UINT, _JSON_STRING = 1, 3, 8


def details(raw: bytes) -> Details:
    """Body, ext and meta of one message, whichever form it was stored in."""
    try:
        return _details_of_json(raw) if raw[:1] == b"{" else _details_of_row(raw)
    except (DecodeError, ValueError, RecursionError):
        return Details()


def _details_of_json(raw: bytes) -> Details:
    row = json_form.inner_row(raw)
    return json_form.details(raw) if row is None else _details_of_row(row)


def _details_of_row(raw: bytes) -> Details:
    body = MessageBody.FromString(Meta.FromString(raw).payload)
    return Details(
        body=_body(body.contents[0]) if body.contents else {},
        ext=_pairs(body.ext),
        meta=_object(body.meta),
    )


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        return forgiving.as_object(forgiving.parse(text))
    except forgiving.NotJson:
        return {}


def _body(content: MessageBody.Content) -> dict[str, Any]:
    kind = _kind(content)
    body = {
        detail.key: _value(getattr(content, detail.field))
        for detail in DETAILS.get(kind, ())
        if content.HasField(detail.field)
    }
    _SPECIAL.get(kind, _nothing_more)(content, body)
    return body


def _kind(content: MessageBody.Content) -> str:
    return content_type(content.type, _sub_type(content))


def _sub_type(content: MessageBody.Content) -> int:
    return content.sub_type if content.HasField("sub_type") else NO_SUB_TYPE


def _value(value: Any) -> Any:
    return forgiving.whole_text(value) if isinstance(value, str | bytes) else value


def _nothing_more(content: MessageBody.Content, body: dict[str, Any]) -> None:
    """Most types are told whole by their table."""


def _add_size(content: MessageBody.Content, body: dict[str, Any]) -> None:
    if content.HasField("size"):
        body["width"] = forgiving.as_number(content.size.width)
        body["height"] = forgiving.as_number(content.size.height)
    if _sub_type(content) == SUB_GIF:
        body["gif"] = True


def _add_params(content: MessageBody.Content, body: dict[str, Any]) -> None:
    if content.params:
        body["params"] = _pairs(content.params)


def _add_exts(content: MessageBody.Content, body: dict[str, Any]) -> None:
    pairs = content.custom_exts or content.params
    if pairs:
        body["exts"] = _pairs(pairs)


_SPECIAL = {
    MessageType.IMAGE.value: _add_size,
    MessageType.VIDEO.value: _add_size,
    MessageType.COMMAND.value: _add_params,
    MessageType.CUSTOM.value: _add_exts,
}


def _pairs(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {forgiving.whole_text(pair.key): _pair_value(pair) for pair in pairs}


def _pair_value(pair: KeyValue) -> Any:
    """The value in the field that is set; its declared type only refines it."""
    field = pair.WhichOneof("value")
    if field is None:
        return None
    value = getattr(pair, field)
    if field == "varint_value":
        return _integer(pair.type, value)
    return _text(pair.type, value) if field == "string_value" else value


def _integer(declared: int, value: int) -> int | bool:
    if declared == _BOOL:
        return value != 0
    return value + 2**64 if declared == _UINT and value < 0 else value


def _text(declared: int, value: str | bytes) -> Any:
    text = forgiving.whole_text(value)
    if declared != _JSON_STRING:
        return text
    try:
        return forgiving.parse(text)
    except forgiving.NotJson:
        return text
