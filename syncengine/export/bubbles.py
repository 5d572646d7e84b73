"""The parts of a conversation's page: a message, a hole, a day."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from syncengine.export.pieces import Missing
from syncengine.export.safe import escaped, isolated, link
from syncengine.json_text import json_text
from syncengine.models import Message, MessageType

GAP = "Messages are missing here: they had not been fetched yet when this was exported."
NOTHING = "Nothing of this conversation had been fetched yet when this was exported."
SEAM = "Messages may be missing here: they may have expired on the server, unseen."
UNVERIFIED = "not on the server any more: expired there, or deleted"


def local(timestamp: int) -> datetime | None:
    """A time where this program runs; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(timestamp / 1000).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def day(moment: datetime | None) -> str | None:
    """The heading that a message stands under."""
    return None if moment is None else f"{moment:%A}, {moment.day} {moment:%B %Y}"


def short_time(timestamp: int) -> str:
    """A date and a time, to the minute."""
    moment = local(timestamp)
    return f"{timestamp} ms" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def heading(text: str) -> str:
    """A day."""
    return f'<h2 class="day">{escaped(text)}</h2>\n'


def hole(missing: Missing) -> str:
    """What is missing, in its place."""
    empty = missing.hole.older_id is None and missing.hole.newer_id is None
    words = SEAM if missing.seam else NOTHING if empty else GAP
    kind = "seam" if missing.seam else "gap"
    return f'<div class="hole {kind}" role="note">{words}</div>\n'


def bubble(message: Message, *, own: bool, unverified: bool) -> str:
    """A message."""
    return (
        f'<article id="m{escaped(message.message_id)}"{_class(own)}>'
        f'<div class="head"><span class="who">{isolated(message.sender)}</span>'
        f"{_time(message.timestamp)}{_marks(message, unverified)}</div>"
        f"{_text(message)}{_attachment(message)}{_details(message)}</article>\n"
    )


def _class(own: bool) -> str:
    return ' class="own"' if own else ""


def _time(timestamp: int) -> str:
    moment = local(timestamp)
    if moment is None:
        return f"<span>{timestamp} ms</span>"
    exact = moment.isoformat(timespec="milliseconds")
    return (
        f'<time datetime="{exact}" title="{exact}" data-day="{moment:%Y-%m-%d}">'
        f"{moment:%H:%M}</time>"
    )


def _marks(message: Message, unverified: bool) -> str:
    marks = []
    if message.type is not MessageType.TEXT:
        marks.append(f'<span class="badge">{message.type}</span>')
    if message.edited_at is not None:
        marks.append(f'<span title="{escaped(short_time(message.edited_at))}">edited</span>')
    if unverified:
        marks.append(f'<span class="badge warn" title="{UNVERIFIED}">† unverified</span>')
    return "".join(marks)


def _text(message: Message) -> str:
    return f'<p class="text" dir="auto">{escaped(message.text)}</p>' if message.text else ""


def _attachment(message: Message) -> str:
    address = link(message.body.get("url"))
    if address is None:
        return ""
    outside = 'rel="noreferrer noopener" target="_blank"'
    return f'<p><a href="{address}" {outside}>fetch it from the server</a></p>'


def _details(message: Message) -> str:
    """All else that the sender wrote, folded away."""
    found: Mapping[str, Any] = {
        name: value for name, value in (("body", message.body), ("ext", message.ext)) if value
    }
    if not found:
        return ""
    text = json_text(found, ensure_ascii=False, indent=1)
    return f'<details><summary>details</summary><pre dir="ltr">{escaped(text)}</pre></details>'


def badges(*, synced: bool, gaps: int, seams: int, expired: bool, unverified: int = 0) -> list[str]:
    """That all of a conversation is here, or what is not."""
    if not synced:
        return ['<span class="badge warn">never synced</span>']
    counts = (("gap", gaps), ("seam", seams))
    words = [f"{number:,} {word}{'' if number == 1 else 's'}" for word, number in counts if number]
    marks = [f'<span class="badge warn">{each}</span>' for each in words]
    marks = marks or ['<span class="badge">whole</span>']
    if unverified:
        marks.append(f'<span class="badge" title="{UNVERIFIED}">† {unverified:,}</span>')
    if expired:
        marks.append('<span class="badge" title="The server has none of it">expired there</span>')
    return marks
