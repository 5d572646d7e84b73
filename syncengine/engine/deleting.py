"""Deletions: durable when the call returns, delivered when the server can be reached."""

from collections.abc import Iterable

from syncengine.engine.parts import Parts
from syncengine.errors import ConfigError
from syncengine.models import Intent, Kind
from syncengine.store.batch import Revive, Write
from syncengine.store.outbox import intents
from syncengine.store.writer import Decision
from syncengine.sync.intents import checked_ids, checked_time
from syncengine.sync.outbox import (
    Delivery,
    Outbox,
    ask_before,
    ask_conversation,
    ask_messages,
)


class Deleting(Parts):
    """The part of the engine that deletes (laws 4 and 8)."""

    async def delete_remote_messages_with_ids(
        self, conversation_id: str, kind: Kind | str, message_ids: Iterable[str]
    ) -> None:
        """Delete messages, any number, for this user: gone from every read when this
        returns, and durable; sent by `deliver` and by every `sync`, 50 at a time.

        Ids that are unknown or deleted already do no harm. Raises ConfigError for what can
        be no id, StoreError where the wish cannot be stored.
        """
        key = await self._known(conversation_id, kind)
        ids = checked_ids(message_ids)
        await self._store.apply(ask_messages(key, ids, self._environment.now()))

    async def delete_remote_messages_before(
        self, conversation_id: str, kind: Kind | str, timestamp: int
    ) -> None:
        """Delete everything up to `timestamp`, ms, inclusive, for this user.

        A time that the server has not reached yet, as far as is known here, counts as the
        newest that is known: what is written later stays. Otherwise as for ids.
        """
        key = await self._known(conversation_id, kind)
        now = self._environment.now()
        await self._store.apply(ask_before(key, checked_time(timestamp), now))

    async def delete_remote_conversation(
        self, conversation_id: str, kind: Kind | str, *, delete_messages: bool = True
    ) -> None:
        """Take a conversation from this user's lists, here and there, with its messages or
        without; it comes back when somebody writes. Otherwise as for ids."""
        key = await self._known(conversation_id, kind)
        now = self._environment.now()
        await self._store.apply(ask_conversation(key, now, delete_messages=delete_messages))

    async def deliver(self) -> Delivery:
        """Send what is pending in the outbox, without a sync. Faults are in the result."""
        outbox = Outbox(self._online(), self._store, self._retrier, self._under_way.placed)
        async with self._syncing:
            return await outbox.deliver()

    async def outbox(self) -> list[Intent]:
        """The deletions asked for that are not settled, oldest first."""
        return await self._store.read(intents)

    async def retry_intents(self, numbers: Iterable[int]) -> None:
        """Make intents pending again, refused ones too; sent by `deliver` and every `sync`.

        Raises ConfigError for a number that is not in the outbox: then nothing changes.
        """
        await self._revive(numbers, drop=False)

    async def drop_intents(self, numbers: Iterable[int]) -> None:
        """Give intents up: what they hid is shown again. Otherwise as `retry_intents`."""
        await self._revive(numbers, drop=True)

    async def _revive(self, numbers: Iterable[int], *, drop: bool) -> None:
        held = {intent.number: intent for intent in await self.outbox()}
        wanted = list(dict.fromkeys(numbers))
        unknown = [number for number in wanted if number not in held]
        if unknown:
            raise ConfigError(
                f"no deletion {unknown[0]} is in the outbox",
                hint="It lists what is not settled; what was accepted has left it.",
            )
        await self._store.apply([_always(Revive(held[number], drop)) for number in wanted])


def _always(write: Write) -> Decision:
    return lambda view: write
