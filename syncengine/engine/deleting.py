"""Deletions: durable when the call returns, delivered when the server can be reached."""

import math
from collections.abc import Iterable

from syncengine.engine.parts import Parts
from syncengine.errors import ConfigError
from syncengine.models import Intent, Kind
from syncengine.store.batch import Revive, Write
from syncengine.store.outbox import LONGEST_UNDO, intents
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
        self,
        conversation_id: str,
        kind: Kind | str,
        message_ids: Iterable[str],
        *,
        undo_seconds: float = 0,
    ) -> None:
        """Delete messages, any number, for this user: gone from every read when this
        returns, and durable; sent by `deliver` and by every `sync`, 50 at a time.

        Ids that are unknown or deleted already do no harm. For `undo_seconds`, a minute at most,
        it is not sent, by whichever program, so that `drop_intents` can take it back;
        `retry_intents` ends that sooner. Raises ConfigError for what can be no id, StoreError
        where the wish cannot be stored.
        """
        key = await self._known(conversation_id, kind)
        ids = checked_ids(message_ids)
        await self._store.apply(ask_messages(key, ids, self._asked_at(undo_seconds)))

    async def delete_remote_messages_before(
        self, conversation_id: str, kind: Kind | str, timestamp: int, *, undo_seconds: float = 0
    ) -> None:
        """Delete everything up to `timestamp`, ms, inclusive, for this user.

        A time that the server has not reached yet, as far as is known here, counts as the
        newest that is known: what is written later stays. Otherwise as for ids.
        """
        key = await self._known(conversation_id, kind)
        asked_at = self._asked_at(undo_seconds)
        await self._store.apply(ask_before(key, checked_time(timestamp), asked_at))

    async def delete_remote_conversation(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        delete_messages: bool = True,
        undo_seconds: float = 0,
    ) -> None:
        """Take a conversation from this user's lists, here and there, with its messages or
        without; it comes back when somebody writes. Otherwise as for ids."""
        key = await self._known(conversation_id, kind)
        asked_at = self._asked_at(undo_seconds)
        await self._store.apply(ask_conversation(key, asked_at, delete_messages=delete_messages))

    def _asked_at(self, undo_seconds: float) -> int:
        """When it counts as asked for. Raises ConfigError."""
        wait = round(undo_seconds * 1000) if math.isfinite(undo_seconds) else -1
        if not 0 <= wait <= LONGEST_UNDO:
            raise ConfigError(
                f"undo_seconds {undo_seconds} is not between 0 and {LONGEST_UNDO // 1000}",
                hint="A deletion is not held back for longer.",
            )
        return self._environment.now() + wait

    async def deliver(self) -> Delivery:
        """Send what is pending in the outbox and is due, without a sync. Faults are in the
        result."""
        now, placed = self._environment.now, self._under_way.placed
        outbox = Outbox(self._online(), self._store, self._retrier, now, placed)
        async with self._syncing:
            return await outbox.deliver()

    async def outbox(self) -> list[Intent]:
        """The deletions asked for that are not settled, oldest first."""
        return await self._store.read(intents)

    async def retry_intents(self, numbers: Iterable[int]) -> None:
        """Make intents pending again, refused ones too; sent by `deliver` and every `sync`, also
        those that were to wait.

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
        now = self._environment.now()
        await self._store.apply([_always(Revive(held[each], drop, now)) for each in wanted])


def _always(write: Write) -> Decision:
    return lambda view: write
