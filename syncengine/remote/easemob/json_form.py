"""The list's own form of a message: JSON with a JSON string inside. Pure.

    {"id", "from", "to", "timestamp", "payload": "{\\"bodies\\": [{…}], \\"ext\\": {…}, …}"}

The conversation list shows each conversation's newest message like this, while history
speaks protobuf (schema/wire/README.md, Lists). A payload that is base64 of a history row
is accepted too: one description of the wire says so.
"""

import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from syncengine.models import Details, MessageRow, MessageType
from syncengine.remote.easemob import codec, forgiving
from syncengine.remote.easemob.contents import (
    COMBINED,
    COORDINATES,
    DETAILS,
    SEARCHED,
    TEXT,
    TYPE_OF_NAME,
    UNKNOWN,
    WHOLE_NUMBERS,
)


def decode_row(raw: bytes) -> MessageRow | None:
    """The message in these bytes of JSON; None where they hold none."""
    meta = forgiving.as_object(forgiving.parse(raw))
    if not meta:
        return None
    inner = _inner_row(meta)
    if inner is not None:
        rows = codec.decode_rows([inner])
        return rows[0]._replace(raw=raw) if rows else None
    return _row(meta, _payload(meta), raw)


def _row(meta: Mapping[str, Any], payload: Mapping[str, Any], raw: bytes) -> MessageRow:
    content = _content(payload)
    kind = _kind(content)
    number = forgiving.as_text(meta.get("id"))
    return MessageRow(
        message_id=number if codec.is_message_id(number) else codec.raw_id(raw),
        sender=_sender(meta, payload),
        timestamp=forgiving.as_int(meta.get("timestamp")) or 0,
        type=kind,
        text=_searched_text(kind, content),
        edited_at=_edited_at(payload),
        raw=raw,
    )


def details(raw: bytes) -> Details:
    """Body, ext and meta of a message in this form. Raises `ValueError` if it is no JSON."""
    payload = _payload(forgiving.as_object(forgiving.parse(raw)))
    content = _content(payload)
    return Details(
        body=_body(_kind(content), content),
        ext=forgiving.as_object(payload.get("ext")),
        meta=forgiving.as_object(payload.get("meta")),
    )


def inner_row(raw: bytes) -> bytes | None:
    """The history row that this JSON wraps in base64, where it does."""
    return _inner_row(forgiving.as_object(forgiving.parse(raw)))


def _inner_row(meta: Mapping[str, Any]) -> bytes | None:
    payload = meta.get("payload")
    if not isinstance(payload, str) or payload.lstrip()[:1] == "{":
        return None
    try:
        return binascii.a2b_base64(payload.encode(), strict_mode=True) or None
    except (binascii.Error, UnicodeEncodeError):
        return None


def _payload(meta: Mapping[str, Any]) -> dict[str, Any]:
    payload = meta.get("payload")
    try:
        return forgiving.as_object(
            forgiving.parse(payload) if isinstance(payload, str) else payload
        )
    except forgiving.NotJson:
        return {}


def _content(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Only the first body counts."""
    bodies = forgiving.as_list(payload.get("bodies"))
    return forgiving.as_object(bodies[0]) if bodies else {}


def _kind(content: Mapping[str, Any]) -> str:
    kind = TYPE_OF_NAME.get(forgiving.as_text(content.get("type")), UNKNOWN)
    return COMBINED if kind == TEXT and content.get("subType") == "sub_combine" else kind


def _sender(meta: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    whole = forgiving.as_text(meta.get("from")) or forgiving.as_text(payload.get("from"))
    return bare_id(whole)


def bare_id(jid: str, app_key: str = "") -> str:
    """``org#app_alice@easemob.com/phone`` to ``alice``; a bare id is left as it is.

    Ids and app names may hold underscores: without the app key, the first one after ``#``
    is the best guess.
    """
    name = jid.partition("@")[0]
    if app_key and name.lower().startswith(f"{app_key.lower()}_"):
        return name[len(app_key) + 1 :]
    return name.partition("#")[2].partition("_")[2] if "#" in name else name


def _edited_at(payload: Mapping[str, Any]) -> int | None:
    meta = forgiving.as_object(payload.get("meta"))
    return forgiving.as_int(forgiving.as_object(meta.get("edit_msg")).get("edit_time"))


def _searched_text(kind: str, content: Mapping[str, Any]) -> str:
    values = [forgiving.as_text(content.get(detail.name)) for detail in SEARCHED.get(kind, ())]
    return " ".join(value for value in values if value)


def _body(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    found = {d.key: _value(d.key, content.get(d.name)) for d in DETAILS.get(kind, ())}
    if kind in (MessageType.IMAGE, MessageType.VIDEO):
        found |= _size(content)
    if kind == MessageType.CUSTOM:
        found["exts"] = _custom_exts(content) or None
    return {key: value for key, value in found.items() if value is not None}


def _value(key: str, value: Any) -> Any:
    if key in WHOLE_NUMBERS:
        return forgiving.as_int(value)
    if key in COORDINATES:
        number = forgiving.as_number(value)
        return None if number is None else float(number)
    return value if isinstance(value, str) else None


def _size(content: Mapping[str, Any]) -> dict[str, Any]:
    size = forgiving.as_object(content.get("size"))
    return {
        "width": forgiving.as_number(size.get("width")),
        "height": forgiving.as_number(size.get("height")),
        "gif": True if content.get("subType") == "sub_gif" else None,
    }


def _custom_exts(content: Mapping[str, Any]) -> dict[str, Any]:
    """An object in the newer form, a list of objects with one key each in the older."""
    newer = content.get("v2:customExts")
    older = content.get("customExts")
    objects: Sequence[Any] = [newer] if isinstance(newer, dict) else _objects(older)
    return {key: value for one in objects for key, value in forgiving.as_object(one).items()}


def _objects(value: Any) -> Sequence[Any]:
    return [value] if isinstance(value, dict) else forgiving.as_list(value)
