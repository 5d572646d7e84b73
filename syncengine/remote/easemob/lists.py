"""Answers of the three list calls to summaries. Pure.

An entry that cannot be understood is left out, one whose last message cannot be
understood is shown without it: a list never fails for one entry
(schema/wire/README.md, Lists).
"""

import binascii
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from attrs import frozen

from syncengine.models import ConversationKey, Kind, MessageRow, Summary
from syncengine.remote.easemob import codec, forgiving, json_form
from syncengine.remote.easemob.pages import NO_CURSOR, open_envelope

_GROUP_DOMAIN = "@conference."
_REMEMBERED = 1024
"""Last messages of lists that need not be decoded anew: about a megabyte."""
_SHORT = 1024
"""Bytes of JSON; a longer one is not remembered."""


@frozen
class Listed:
    """One answer of a list call, whichever its form."""

    entries: Sequence[Any]
    """As the wire had them, readable or not: a page's length counts these."""
    cursor: str | None


def open_list(body: bytes) -> Listed:
    """The entries of a list answer and, in the cursor form, where it goes on."""
    data = open_envelope(body)["data"]
    cursor = forgiving.as_text(data.get("cursor"))
    return Listed(
        entries=forgiving.as_list(data.get("channel_infos")),
        cursor=None if cursor in NO_CURSOR else cursor,
    )


def decode_entries(entries: Sequence[Any], app_key: str) -> list[Summary]:
    """What they say. One takes about 40 µs: too many at once would hold an event loop."""
    found = (_summary(forgiving.as_object(entry), app_key) for entry in entries)
    return [summary for summary in found if summary is not None]


def _summary(entry: Mapping[str, Any], app_key: str) -> Summary | None:
    key = _key(entry, app_key)
    if key is None:
        return None
    pinned = entry.get("is_top") is True
    return Summary(
        key=key,
        unread_count=max(0, forgiving.as_int(entry.get("unread_num")) or 0),
        pinned=pinned,
        pinned_at=forgiving.as_int(entry.get("update_top_status_time")) if pinned else None,
        marks=tuple(m for m in forgiving.as_list(entry.get("marks")) if isinstance(m, str)),
        newest=_newest(entry.get("meta"), app_key),
    )


def _key(entry: Mapping[str, Any], app_key: str) -> ConversationKey | None:
    channel = forgiving.as_text(entry.get("channel_id"))
    name = forgiving.as_text(entry.get("session_to")) or json_form.bare_id(channel, app_key)
    return ConversationKey(name, _kind(entry, channel)) if name else None


def _kind(entry: Mapping[str, Any], channel: str) -> Kind:
    """Anything but ``chat`` is a group; older answers say it by the channel's domain."""
    said = forgiving.as_text(entry.get("session_type"))
    if not said:
        return Kind.GROUPCHAT if _GROUP_DOMAIN in channel else Kind.CHAT
    return Kind.CHAT if said.lower() == "chat" else Kind.GROUPCHAT


def _newest(meta: Any, app_key: str) -> MessageRow | None:
    """The entry's last message; an empty conversation has ``{}`` or null for it."""
    if isinstance(meta, str):
        return _newest_of_row(meta)
    if not isinstance(meta, dict) or not meta:
        return None
    raw, sender = forgiving.dump(meta), forgiving.as_text(meta.get("from"))
    return (_decode_known if len(raw) <= _SHORT else _decode)(raw, sender, app_key)


def _decode(raw: bytes, sender: str, app_key: str) -> MessageRow | None:
    row = json_form.decode_row(raw)
    return row._replace(sender=json_form.bare_id(sender, app_key)) if row and sender else row


_decode_known = lru_cache(maxsize=_REMEMBERED)(_decode)
"""From one poll to the next, most of a list is the same."""


def _newest_of_row(text: str) -> MessageRow | None:
    try:
        rows = codec.decode_rows([binascii.a2b_base64(text.encode(), strict_mode=True)])
    except ValueError:
        return None
    return rows[0] if rows else None
