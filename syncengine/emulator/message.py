"""A message as the server holds it, and the line of messages of one conversation."""

from collections.abc import Sequence

from attrs import define, field, frozen

from syncengine.emulator.content import Body, Ext
from syncengine.models import Kind


@frozen
class Address:
    """Which line of messages: two users (in order) or one group or room."""

    kind: Kind
    first: str
    second: str = ""

    @classmethod
    def of(cls, user: str, conversation_id: str, kind: Kind) -> "Address":
        """The line that `user` sees as this conversation."""
        if kind is not Kind.CHAT:
            return cls(kind, conversation_id)
        first, second = sorted((user, conversation_id))
        return cls(kind, first, second)


@frozen
class Edit:
    """What the server adds to an edited message."""

    count: int
    operator: str
    edited_at: int
    """ms"""


@define(eq=False)
class Message:
    """One message. Who no longer sees it is written here too: deletions are per user."""

    message_id: int
    sender: str
    to: str
    kind: Kind
    timestamp: int
    """What it says of itself, ms; may lie in the past (imports) or be absurd (tests)."""
    arrived_at: int
    """When the server got it, ms."""
    body: Body
    ext: Ext = field(factory=dict)
    in_list: bool = True
    """Whether it counts for the conversation list."""
    edit: Edit | None = None
    raw: bytes | None = None
    """Served as it is, in place of the encoded message: rows that are no messages."""
    recalled_at: int | None = None
    deleted_for: dict[str, int] = field(factory=dict)
    """User → when they deleted it, ms."""
    encoded: bytes | None = None
    """The row of a page, encoded once."""

    def kept_since(self, *, edit_restarts: bool) -> int:
        """When its retention began, ms."""
        if self.edit is not None and edit_restarts:
            return self.edit.edited_at
        return self.timestamp


class Timeline:
    """The messages of one conversation, oldest first, those that are gone included.

    The order is the server's own: a new message goes to the end whatever its clock says,
    an imported one goes where its time belongs. Gone messages keep their place, so that
    a start that names one can still be honoured.
    """

    def __init__(self, messages: Sequence[Message] = ()) -> None:
        self.messages = list(messages)
        self._places = {each.message_id: at for at, each in enumerate(self.messages)}

    def append(self, message: Message) -> None:
        """Add the newest message."""
        self._places[message.message_id] = len(self.messages)
        self.messages.append(message)

    def insert(self, message: Message) -> None:
        """Add a message where its time belongs, after those of the same time."""
        at = len(self.messages)
        while at and self.messages[at - 1].timestamp > message.timestamp:
            at -= 1
        self.messages.insert(at, message)
        for place in range(at, len(self.messages)):
            self._places[self.messages[place].message_id] = place

    def place(self, message_id: int) -> int | None:
        """Where a message stands, counted from the oldest; None when it was never here."""
        return self._places.get(message_id)

    def find(self, message_id: int) -> Message | None:
        """The message with this id, also when it is gone."""
        at = self._places.get(message_id)
        return None if at is None else self.messages[at]
