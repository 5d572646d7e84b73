"""What is deleted in the window: at once here, a little later on the server, and back before."""

from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError
from syncengine.models import ConversationKey, IntentState


class Deletions:
    """Those that were asked for in this window, newest last.

    Each waits `undo_seconds`, whoever syncs the file meanwhile, a daemon for example.
    """

    def __init__(self, engine: SyncEngine, undo_seconds: float) -> None:
        self._engine = engine
        self._undo_seconds = undo_seconds
        self._made: list[frozenset[int]] = []
        """The numbers of the intents that one deletion made."""

    async def delete(self, key: ConversationKey, message_id: str | None) -> str:
        """Delete a message, or with None its whole conversation. Returns what to say of it.

        Raises ConfigError where it is not held any more, StoreError.
        """
        before = {intent.number for intent in await self._engine.outbox()}
        if message_id is None:
            await self._engine.delete_remote_conversation(
                key.conversation_id, key.kind, undo_seconds=self._undo_seconds
            )
        else:
            await self._engine.delete_remote_messages_with_ids(
                key.conversation_id, key.kind, [message_id], undo_seconds=self._undo_seconds
            )
        made = {i.number for i in await self._engine.outbox() if i.key == key} - before
        self._made.append(frozenset(made))
        what = "conversation deleted" if message_id is None else "message deleted"
        return f"{what}; u undoes it"

    async def undo(self) -> str:
        """Take the newest one back. Returns what to say of it.

        Raises ConfigError where it was sent meanwhile, StoreError.
        """
        if not self._made:
            return "nothing to undo"
        made = self._made.pop()
        if not made or not made <= await self._waiting():
            raise ConfigError(
                "it was sent to the server already", hint="A deletion is final there."
            )
        await self._engine.drop_intents(sorted(made))
        return "undone"

    async def send_soon(self) -> None:
        """None waits any longer to be taken back. Raises StoreError."""
        mine = {number for made in self._made for number in made} & await self._waiting()
        if mine:
            await self._engine.retry_intents(sorted(mine))

    async def _waiting(self) -> set[int]:
        """The numbers of those that were not sent."""
        found = await self._engine.outbox()
        return {intent.number for intent in found if intent.state is IntentState.PENDING}
