"""What commands print: JSON for programs, lines for people.

Text from messages never reaches a terminal with its control characters: a message must
not be able to move the cursor, set colours or answer for the user.
"""

import codecs
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import click
from rich.cells import cell_len, set_cell_size

from syncengine.export.jsonl import fields
from syncengine.json_text import json_text
from syncengine.models import Conversation, Message
from syncengine.plain import count, moment, plain

__all__ = ["count", "moment", "plain"]  # shared with the window, and printed by commands

_PREVIEW_LENGTH = 200
_LEFT_RAW_BY_JSON = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Terminals obey some of them, and other programs end a line at some."""


def print_json(value: Mapping[str, Any]) -> None:
    """One object on one line."""
    click.echo(_json(value, sys.stdout))


def print_error(error: str, message: str, hint: str, *, as_json: bool) -> None:
    """What went wrong and what to do about it, on the error stream."""
    if as_json:
        value = {"error": error, "message": message, "hint": hint}
        click.echo(_json(value, sys.stderr), err=True)
        return
    click.echo(f"error: {plain(message)}", err=True)
    if hint:
        click.echo(f"hint: {plain(hint)}", err=True)


def one_style(message: str) -> str:
    """A message from elsewhere in the style of ours: it starts small and has no full stop."""
    sentence = message.removesuffix(".")
    return sentence[:1].lower() + sentence[1:]


def _json(value: Mapping[str, Any], stream: TextIO) -> str:
    """JSON with its text as it is, where the stream can carry it; never a NaN in it."""
    text = json_text(value, ensure_ascii=not _carries_all(stream))
    return _LEFT_RAW_BY_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _carries_all(stream: TextIO) -> bool:
    try:
        return codecs.lookup(stream.encoding or "ascii").name == "utf-8"
    except (LookupError, AttributeError):
        return False


def message_json(message: Message) -> dict[str, Any]:
    """A message as `--json` shows it."""
    return fields(message)


def conversation_json(conversation: Conversation) -> dict[str, Any]:
    """A conversation as `--json` shows it."""
    last = conversation.last_message
    return {
        "conversation_id": conversation.conversation_id,
        "kind": conversation.kind,
        "unread_count": conversation.unread_count,
        "pinned": conversation.pinned,
        "last_message": None if last is None else message_json(last),
        "marks": conversation.marks,
        "synced": conversation.synced,
        "whole": conversation.whole,
        "gaps": conversation.gaps,
        "seams": conversation.seams,
        "expired": conversation.expired,
        "verified_since": conversation.verified_since,
    }


def fit(text: str, width: int) -> str:
    """The text, cut to so many columns of a terminal; a Chinese character takes two."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table's lines, its columns as wide as they must be on a terminal: a Chinese character
    and an emoji take two."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def span(seconds: float) -> str:
    """How long, in the largest unit that says enough: `45 s`, `12 min`, `5 h`, `3 d`."""
    for unit, length, most in (("s", 1, 100), ("min", 60, 100), ("h", 3600, 48)):
        if seconds < most * length:
            return f"{max(0, int(seconds / length))} {unit}"
    return f"{int(seconds / 86_400):,} d"


def size(number: int) -> str:
    """So many bytes: `999 B`, `12 kB`, `3.4 MB`."""
    for unit, length in (("GB", 1e9), ("MB", 1e6)):
        if number >= length:
            return f"{number / length:,.1f} {unit}"
    return f"{number / 1e3:.0f} kB" if number >= 1e3 else f"{number} B"


def exact(timestamp: int) -> str:
    """A time as `moment` has it, with its seconds and milliseconds where it has some: for what
    hangs on it."""
    seconds, milliseconds = divmod(timestamp % 60_000, 1000)
    if not timestamp % 60_000 or moment(timestamp).endswith(" ms"):
        return moment(timestamp)
    fraction = f".{milliseconds:03}" if milliseconds else ""
    return f"{moment(timestamp)}:{seconds:02}{fraction}"


def content(message: Message) -> str:
    """What a message says, in one line: its text, or what it carries."""
    words = [] if message.edited_at is None else ["(edited)"]
    if message.type != "text":
        words.append(f"[{message.type}]")
    if message.text:
        words.append(plain(message.text))
    return " ".join(words)


def preview(conversation: Conversation) -> str:
    """The last message, or why there is none."""
    last = conversation.last_message
    if last is None:
        return "(empty)" if conversation.synced else "(never synced)"
    mark = "(expired) " if conversation.expired else ""
    return fit(f"{mark}{plain(last.sender)}: {content(last)}", _PREVIEW_LENGTH)


def command_name() -> str:
    """How this program is called in this shell: its name, or the way to it."""
    if shutil.which("syncengine"):
        return "syncengine"
    script = Path(sys.executable).with_name("syncengine")
    if not script.exists():
        return f"{shlex.quote(sys.executable)} -m syncengine"
    near = script.is_relative_to(Path.cwd())
    return shlex.quote(str(script.relative_to(Path.cwd()) if near else script))
