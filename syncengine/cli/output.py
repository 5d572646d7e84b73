"""What commands print: JSON for programs, lines for people.

Text from messages never reaches a terminal with its control characters: a message must
not be able to move the cursor, set colours or answer for the user.
"""

import json
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from syncengine.errors import SyncEngineError
from syncengine.models import Conversation, Message

_PREVIEW_LENGTH = 60


def print_json(value: Mapping[str, Any]) -> None:
    """One object on one line."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def print_error(error: SyncEngineError, *, as_json: bool) -> None:
    """The error and what to do about it, on the error stream."""
    if as_json:
        value = {"error": type(error).__name__, "message": str(error), "hint": error.hint}
        click.echo(json.dumps(value, ensure_ascii=False), err=True)
        return
    click.echo(f"error: {plain(str(error))}", err=True)
    if error.hint:
        click.echo(f"hint: {plain(error.hint)}", err=True)


def message_json(message: Message) -> dict[str, Any]:
    """A message as `--json` shows it. Ids are text: they do not fit a double."""
    return {
        "message_id": message.message_id,
        "conversation_id": message.conversation_id,
        "kind": message.kind,
        "sender": message.sender,
        "timestamp": message.timestamp,
        "type": message.type,
        "text": message.text,
        "edited_at": message.edited_at,
        "body": message.body,
        "ext": message.ext,
        "meta": message.meta,
    }


def conversation_json(conversation: Conversation) -> dict[str, Any]:
    """A conversation as `--json` shows it."""
    last = conversation.last_message
    return {
        "conversation_id": conversation.conversation_id,
        "kind": conversation.kind,
        "unread_count": conversation.unread_count,
        "pinned": conversation.pinned,
        "marks": conversation.marks,
        "synced": conversation.synced,
        "whole": conversation.whole,
        "gaps": conversation.gaps,
        "seams": conversation.seams,
        "last_message": None if last is None else message_json(last),
    }


def plain(text: str) -> str:
    """The text with every control character made visible, on one line."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\t":
        return " "
    if unicodedata.category(character) in ("Cc", "Cs"):
        return "\N{REPLACEMENT CHARACTER}"
    return character


def moment(timestamp: int | None) -> str:
    """A time in the reader's time zone; one that no calendar has is shown as a number."""
    if timestamp is None:
        return "never"
    try:
        return datetime.fromtimestamp(timestamp / 1000).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return f"{timestamp} ms"


def content(message: Message) -> str:
    """What a message says, in one line: its text, or what it carries."""
    words = [] if message.type == "text" else [f"[{message.type}]"]
    if message.text:
        words.append(plain(message.text))
    if message.edited_at is not None:
        words.append("(edited)")
    return " ".join(words)


def preview(conversation: Conversation) -> str:
    """The last message, shortened."""
    last = conversation.last_message
    if last is None:
        return "(empty)" if conversation.synced else "(never synced)"
    text = f"{plain(last.sender)}: {content(last)}"
    return text if len(text) <= _PREVIEW_LENGTH else text[: _PREVIEW_LENGTH - 1] + "…"
