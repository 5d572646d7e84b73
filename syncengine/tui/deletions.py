"""What is deleted in the window: at once here, a little later on the server, and back before."""

from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError
from syncengine.models import ConversationKey, IntentState


class Deletions:
    """Those that were asked for in this window, newest last."""

    def __init__(self, engine: SyncEngine) -> None:
        self._engine = engine
        self._made: list[frozenset[int]] = []
        """The numbers of the intents that one deletion made."""

    async def delete(self, key: ConversationKey, message_id: str | None) -> str:
        """Delete a message, or with None its whole conversation. Returns what to say of it.

        Raises ConfigError where it is not held any more, StoreError.
        """
        before = {intent.number for intent in await self._engine.outbox()}
        if message_id is None:
            await self._engine.delete_remote_conversation(key.conversation_id, key.kind)
        else:
            await self._engine.delete_remote_messages_with_ids(
                key.conversation_id, key.kind, [message_id]
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
        waiting = {i.number for i in await self._engine.outbox() if i.state is IntentState.PENDING}
        if not made or not made <= waiting:
            raise ConfigError(
                "it was sent to the server already", hint="A deletion is final there."
            )
        await self._engine.drop_intents(sorted(made))
        return "undone"
