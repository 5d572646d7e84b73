"""Example rows, pages and answers, as a server would send them. One call makes one."""

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from syncengine.remote.easemob import roaming_pb2 as pb

Content = pb.MessageBody.Content


def jid(name: str) -> pb.JID:
    """A user's or a group's full name."""
    return pb.JID(app_key="org#app", name=name, domain="easemob.com")


def text(words: str) -> Content:
    """A plain text."""
    return Content(type=0, text=words)


def body(
    content: Content | None = None, *, sender: str = "", kind: int = 1, **fields: Any
) -> pb.MessageBody:
    """A message's payload."""
    contents = [] if content is None else [content]
    made = pb.MessageBody(type=kind, contents=contents, **fields)
    if sender:
        getattr(made, "from").name = sender
    return made


def row(
    payload: pb.MessageBody | bytes | None = None,
    *,
    number: int = 7,
    sender: str = "bob",
    timestamp: int = 1_700_000_000_000,
    ns: int = 1,
) -> bytes:
    """The bytes of one history row; a text message unless another payload is given."""
    if payload is None:
        payload = body(text("hello"))
    raw = payload if isinstance(payload, bytes) else payload.SerializeToString()
    meta = pb.Meta(id=number, timestamp=timestamp, ns=ns, payload=raw)
    if sender:
        getattr(meta, "from").CopyFrom(jid(sender))
    return meta.SerializeToString()


def page(rows: Sequence[bytes | Any], **data: Any) -> bytes:
    """A history answer; what is not bytes is put in as the item that it is."""
    items = [{"msg": b64encode(r).decode()} if isinstance(r, bytes) else r for r in rows]
    return json.dumps({"data": {"msgs": items, **data}}).encode()


def entry(**fields: Any) -> dict[str, Any]:
    """One conversation of the list."""
    made = {
        "channel_id": "org#app_bob@easemob.com",
        "session_to": "bob",
        "session_type": "chat",
        "unread_num": 0,
        "meta": meta({"type": "txt", "msg": "hello"}),
    }
    return {k: v for k, v in (made | fields).items() if v is not ...}


def meta(content: dict[str, Any], **payload: Any) -> dict[str, Any]:
    """A last message in the list's own form."""
    inner = {"type": "chat", "from": "bob", "to": "alice", "ext": {}, "bodies": [content]}
    return {
        "id": "7",
        "from": "org#app_bob@easemob.com/phone",
        "to": "org#app_alice@easemob.com",
        "timestamp": 1_700_000_000_000,
        "payload": json.dumps(inner | payload),
    }


def listing(*entries: Any, **data: Any) -> bytes:
    """A list answer."""
    return json.dumps({"data": {"channel_infos": list(entries), **data}}).encode()
