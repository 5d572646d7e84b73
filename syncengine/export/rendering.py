"""What a format is: it turns pieces of a conversation into files of a folder."""

from enum import StrEnum
from typing import Protocol

from attrs import frozen

from syncengine.export.folder import Folder
from syncengine.export.manifest import ExportedConversation, Facts
from syncengine.export.pieces import Piece
from syncengine.models import Conversation


class ExportFormat(StrEnum):
    """How messages are written."""

    JSONL = "jsonl"
    """One JSON object a line, with everything that a message has: for programs."""
    HTML = "html"
    """Pages for a browser, with no network and no server: for people."""


@frozen
class ExportProgress:
    """How far an export is."""

    conversations_done: int
    conversations: int
    messages: int
    """Written so far."""


class Pages(Protocol):
    """Takes one conversation, and becomes its files."""

    def add(self, piece: Piece) -> None:
        """Write the next piece."""
        ...

    def end(self) -> tuple[str, ...]:
        """Write what comes after the last piece; returns the files, relative to the folder."""
        ...

    def discard(self) -> None:
        """Take away what was written."""
        ...


class Rendering(Protocol):
    """One format, for one export."""

    def conversation(self, folder: Folder, conversation: Conversation) -> Pages:
        """Begin a conversation."""
        ...

    def end(self, folder: Folder, facts: Facts, found: list[ExportedConversation]) -> None:
        """Write what is about all of them."""
        ...
