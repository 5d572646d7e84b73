"""Messages in the two forms of the wire: protobuf rows of history, JSON of the list."""

import json
from binascii import b2a_base64
from collections.abc import Callable
from typing import Any

from syncengine.emulator.content import Ext, Typed, ValueType, plain, typed
from syncengine.emulator.message import Message
from syncengine.models import Kind
from syncengine.remote.easemob import roaming_pb2 as pb

USER_DOMAIN = "easemob.com"
GROUP_DOMAIN = "conference.easemob.com"
CHAT_NAMESPACE = 1
BODY_TYPES = {Kind.CHAT: 1, Kind.GROUPCHAT: 2, Kind.CHATROOM: 3}
CONTENT_TYPES = {
    "txt": 0,
    "img": 1,
    "video": 2,
    "loc": 3,
    "audio": 4,
    "file": 5,
    "cmd": 6,
    "custom": 7,
    "combine": 8,
}
SUB_TYPES = {"sub_combine": 0, "sub_gif": 1, "sub_stream": 10}
_CHAT_TYPES = {Kind.CHAT: "chat:user", Kind.GROUPCHAT: "chat:group", Kind.CHATROOM: "chat:room"}
# Body key → protobuf field, where the value goes over as it is.
_PLAIN_FIELDS = {
    "msg": "text",
    "filename": "display_name",
    "url": "remote_path",
    "secret": "secret_key",
    "file_length": "file_length",
    "length": "duration",
    "thumb": "thumbnail_remote_path",
    "thumb_secret": "thumbnail_secret_key",
    "action": "action",
    "customEvent": "custom_event",
    "addr": "address",
    "buildingName": "building_name",
    "title": "title",
    "summary": "summary",
    "combineLevel": "combine_level",
}


def domain(kind: Kind) -> str:
    """The domain of a conversation's id on the wire."""
    return USER_DOMAIN if kind is Kind.CHAT else GROUP_DOMAIN


def compact(value: Any) -> str:
    """JSON without spaces or newlines: the official client dies of bytes below 0x10."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def row(message: Message, app_key: str) -> bytes:
    """The message as an element of a page's ``msgs``, encoded once."""
    if message.encoded is None:
        meta = message.raw if message.raw is not None else encode_meta(message, app_key)
        message.encoded = row_of(meta)
    return message.encoded


def row_of(meta: bytes) -> bytes:
    """An element of ``msgs`` from the bytes of a `Meta`."""
    return b'{"msg":"' + b2a_base64(meta, newline=False) + b'"}'


def encode_meta(message: Message, app_key: str) -> bytes:
    """The message as the bytes of a protobuf `Meta`."""
    meta = pb.Meta(
        id=message.message_id,
        to=pb.JID(app_key=app_key, name=message.to, domain=domain(message.kind)),
        timestamp=message.timestamp % 2**64,
        ns=CHAT_NAMESPACE,
        payload=_encode_body(message),
    )
    sender = getattr(meta, "from")  # a keyword of Python, so no attribute by name
    sender.app_key, sender.name, sender.domain = app_key, message.sender, USER_DOMAIN
    return meta.SerializeToString(deterministic=True)


def _encode_body(message: Message) -> bytes:
    body = pb.MessageBody(
        type=BODY_TYPES[message.kind],
        to=pb.JID(name=message.to),
        contents=[_content(message)],
        ext=[key_value(key, value) for key, value in message.ext.items()],
    )
    getattr(body, "from").name = message.sender
    if meta := body_meta(message):
        body.meta = compact(meta)
    return body.SerializeToString(deterministic=True)


def _content(message: Message) -> pb.MessageBody.Content:
    body = message.body
    content = pb.MessageBody.Content(type=CONTENT_TYPES.get(str(body.get("type")), 0))
    for key, name in _PLAIN_FIELDS.items():
        if body.get(key) is not None:
            setattr(content, name, body[key])
    if "lat" in body:
        content.latitude, content.longitude = float(body["lat"]), float(body["lng"])
    if "size" in body:
        content.size.width = float(body["size"]["width"])
        content.size.height = float(body["size"]["height"])
    if body.get("subType") in SUB_TYPES:
        content.sub_type = SUB_TYPES[body["subType"]]
    for key, value in (body.get("v2:customExts") or {}).items():
        content.custom_exts.append(key_value(key, value))
    return content


def key_value(key: str, value: Any) -> pb.KeyValue:
    """An ext value on the wire."""
    item = typed(value)
    result = pb.KeyValue(key=key, type=int(item.type))
    _SETTERS[item.type](result, item)
    return result


def _set_integer(result: pb.KeyValue, item: Typed) -> None:
    result.varint_value = int(item.value)


def _set_float(result: pb.KeyValue, item: Typed) -> None:
    result.float_value = item.value


def _set_double(result: pb.KeyValue, item: Typed) -> None:
    result.double_value = item.value


def _set_string(result: pb.KeyValue, item: Typed) -> None:
    result.string_value = item.value


def _set_json(result: pb.KeyValue, item: Typed) -> None:
    result.string_value = compact(item.value)


_SETTERS: dict[ValueType, Callable[[pb.KeyValue, Typed], None]] = {
    ValueType.BOOL: _set_integer,
    ValueType.INT: _set_integer,
    ValueType.UINT: _set_integer,
    ValueType.LLINT: _set_integer,
    ValueType.FLOAT: _set_float,
    ValueType.DOUBLE: _set_double,
    ValueType.STRING: _set_string,
    ValueType.JSON_STRING: _set_json,
}


def body_meta(message: Message) -> dict[str, Any]:
    """What the server adds to a message: who edited it, how often and when."""
    if message.edit is None:
        return {}
    return {
        "edit_msg": {
            "count": message.edit.count,
            "operator": message.edit.operator,
            "edit_time": message.edit.edited_at,
            "sender": message.sender,
            "send_time": message.timestamp,
            "chat_type": _CHAT_TYPES[message.kind],
        }
    }


def preview(message: Message, app_key: str) -> dict[str, Any]:
    """The message as the list shows it: JSON inside JSON, not protobuf."""
    payload: dict[str, Any] = {
        "type": str(message.kind),
        "from": message.sender,
        "to": message.to,
        # Always an object: the official client reads ext.file_type unguarded.
        "ext": plain(message.ext),
        "bodies": [dict(message.body)],
    }
    if meta := body_meta(message):
        payload["meta"] = meta
    return {
        "id": str(message.message_id),
        "from": jid(app_key, message.sender, Kind.CHAT),
        "to": jid(app_key, message.to, message.kind),
        "timestamp": message.timestamp,
        "payload": compact(payload),
    }


def jid(app_key: str, name: str, kind: Kind) -> str:
    """A full name on the wire, for example ``org#app_bob@easemob.com``."""
    return f"{app_key}_{name}@{domain(kind)}"


def ext_from_json(value: Any) -> Ext:
    """The ext of a request; anything but an object counts as none."""
    return value if isinstance(value, dict) else {}
