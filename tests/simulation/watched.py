"""The emulator's world, which writes down what it deletes for a device."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from syncengine import ConversationKey, Kind
from syncengine.emulator import World
from syncengine.emulator.message import Address, Message, Timeline
from tests.harness import USER
from tests.simulation.books import ACTOR, Call


class WatchedWorld(World):
    """`note` gets each call. A function, so that a backup shares it."""

    note: Callable[[Call], None]

    def delete_messages(
        self, user: str, conversation_id: str, message_ids: Iterable[str], kind: Kind | str
    ) -> None:
        """Some messages, by id."""
        ids = list(message_ids)
        key = ConversationKey(conversation_id, Kind(kind))
        with self._noted("messages", key, frozenset(ids)):
            super().delete_messages(user, conversation_id, ids, kind)

    def delete_before(
        self, user: str, conversation_id: str, timestamp: int, kind: Kind | str
    ) -> None:
        """Everything up to a time."""
        with self._noted("before", ConversationKey(conversation_id, Kind(kind)), at=timestamp):
            super().delete_before(user, conversation_id, timestamp, kind)

    def delete_conversation(
        self, user: str, conversation_id: str, kind: Kind | str, *, delete_messages: bool
    ) -> None:
        """A list entry; with its messages it is a call of its own kind."""
        what = "conversation" if delete_messages else "listing"
        with self._noted(what, ConversationKey(conversation_id, Kind(kind))):
            super().delete_conversation(
                user, conversation_id, kind, delete_messages=delete_messages
            )

    @contextmanager
    def _noted(
        self,
        what: str,
        key: ConversationKey,
        ids: frozenset[str] = frozenset(),
        at: int | None = None,
    ) -> Iterator[None]:
        device = ACTOR.get()
        before = _there(self.line(key)) if device else []
        yield
        if device:
            gone = [m for m in before if USER in m.deleted_for]
            deleted = [(str(m.message_id), m.timestamp) for m in gone]
            self.note(Call(device, what, key, ids, at, deleted))

    def line(self, key: ConversationKey) -> Timeline:
        """All messages of a conversation, those that are gone too."""
        address = Address.of(USER, key.conversation_id, key.kind)
        return self._timelines.get(address) or Timeline()

    def find(self, message_id: str) -> tuple[Timeline, int] | None:
        """Where a message is; None: nobody ever heard of it."""
        address = self._addresses.get(int(message_id))
        if address is None:
            return None
        timeline = self._timelines[address]
        place = timeline.place(int(message_id))
        return None if place is None else (timeline, place)


def _there(timeline: Timeline) -> list[Message]:
    return [message for message in timeline.messages if USER not in message.deleted_for]


def watched(note: Callable[[Call], None], **settings: Any) -> WatchedWorld:
    """A new world."""
    world = WatchedWorld(**settings)
    world.note = note
    return world
