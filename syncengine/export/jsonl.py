"""Lines: one JSON object a message, with everything that is known of it.

The fields, in this order: ``message_id`` (text: an unsigned 64-bit number), ``conversation_id``,
``kind``, ``sender``, ``timestamp`` (ms since 1970, server clock), ``type``, ``text``,
``edited_at`` (ms or null), ``body``, ``ext``, ``meta`` (objects), ``unverified`` (the server does
not show it any more) and ``raw`` (base64 of what the server sent), unless that was left out.
The order of the lines is the order of the conversation; a time may step backwards in it.
A number that JSON does not have is text: ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.
Where messages are missing, the manifest says: `gaps` and `seams`, by the ids beside them.
"""

import base64
import re
from typing import Any

from syncengine.export.folder import Folder
from syncengine.export.manifest import ExportedConversation, Facts
from syncengine.export.names import stem
from syncengine.export.pieces import Missing, Piece
from syncengine.json_text import json_text
from syncengine.models import Conversation, ConversationKey, Message

_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Left raw by `json`. Other programs end a line at some; UTF-8 cannot carry the last."""


def fields(message: Message) -> dict[str, Any]:
    """A message as JSON shows it, also a command's. Ids are text: they do not fit a double."""
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


def line(message: Message, *, unverified: bool, raw: bool = True) -> str:
    """One message."""
    value = fields(message) | {"unverified": unverified}
    if raw:
        value["raw"] = base64.b64encode(message.raw).decode("ascii")
    text = json_text(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


class Lines:
    """A conversation as one file."""

    def __init__(self, folder: Folder, conversation: Conversation, *, raw: bool) -> None:
        key = ConversationKey(conversation.conversation_id, conversation.kind)
        self._folder, self._raw = folder, raw
        self._file = folder.create(f"conversations/{stem(key)}.jsonl")

    def add(self, piece: Piece) -> None:
        """Write the messages; what is missing is in the manifest."""
        for item in piece.items:
            if not isinstance(item, Missing):
                unverified = item.message_id in piece.unverified
                self._file.write(line(item, unverified=unverified, raw=self._raw))

    def end(self) -> tuple[str, ...]:
        """Close the file."""
        self._file.close()
        return (self._file.name,)

    def discard(self) -> None:
        """Take the file away."""
        self._folder.discard(self._file.name)


class JsonLines:
    """The format: a file a conversation, and nothing about all of them but the manifest."""

    def __init__(self, *, raw: bool) -> None:
        self._raw = raw

    def conversation(self, folder: Folder, conversation: Conversation) -> Lines:
        """Begin a file."""
        return Lines(folder, conversation, raw=self._raw)

    def end(self, folder: Folder, facts: Facts, found: list[ExportedConversation]) -> None:
        """Nothing is left to write."""
