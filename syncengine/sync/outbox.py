"""Delivers what a person asked to be deleted, oldest first, until the server accepts (law 8)."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from attrs import frozen

from syncengine.errors import Gone, SyncEngineError
from syncengine.models import ConversationKey, Intent, IntentKind, IntentState
from syncengine.remote.port import Remote
from syncengine.retry import Retrier
from syncengine.store import outbox
from syncengine.store.batch import Ask, Reply
from syncengine.store.store import Store
from syncengine.store.view import View
from syncengine.store.writer import Decision
from syncengine.sync.intents import Answer, answer_to, batches, bounded
from syncengine.sync.listing import look_again


@frozen
class Delivery:
    """What one pass over the outbox did."""

    settled: int = 0
    refused: int = 0
    error: SyncEngineError | None = None
    """What ended the pass early; the rest is sent another time."""
    refusals: tuple[tuple[ConversationKey, SyncEngineError], ...] = ()


def ask_messages(key: ConversationKey, ids: Iterable[str], now: int) -> list[Decision]:
    """Delete these messages, those that are not deleted already."""
    wanted = list(ids)

    def decide(view: View) -> Ask | None:
        deleted: set[str] = set()
        for part in batches(wanted, 500):
            found = view.tombstones(key, part)
            deleted |= {m for m, tombstone in found.items() if tombstone.absent_at is None}
        left = [message_id for message_id in wanted if message_id not in deleted]
        return Ask(key, IntentKind.MESSAGES, now, message_ids=left) if left else None

    return [decide]


def ask_before(key: ConversationKey, timestamp: int, now: int) -> list[Decision]:
    """Delete everything up to a time, bounded by what the server was heard to say (law 4)."""

    def decide(view: View) -> Ask:
        known = (view.server_time(), view.latest(key))
        return Ask(key, IntentKind.BEFORE, now, timestamp=bounded(timestamp, known))

    return [decide]


def ask_conversation(key: ConversationKey, now: int, *, delete_messages: bool) -> list[Decision]:
    """Delete a conversation: everything so far, and then its list entry alone (law 8)."""
    entry: list[Decision] = [lambda view: Ask(key, IntentKind.LISTING, now)]
    return [*ask_before(key, 1 << 62, now), *entry] if delete_messages else entry


_SPOILT = "the deletion of the conversation's messages was refused"


Placed = Callable[[], Awaitable[None]]


class Outbox:
    """Sends the pending intents of one account."""

    def __init__(
        self,
        remote: Remote,
        store: Store,
        retrier: Retrier,
        now: Callable[[], int],
        placed: Placed | None = None,
    ) -> None:
        """`now`: the local clock, ms; `placed` waits for pages that were asked for before a
        deletion was accepted."""
        self._remote = remote
        self._store = store
        self._retrier = retrier
        self._now = now
        self._placed = placed

    async def deliver(self) -> Delivery:
        """Send all that is pending, but for what waits to be taken back. Faults of the server end
        the pass; nothing is lost."""
        settled = refused = 0
        spoilt: set[ConversationKey] = set()
        refusals: list[tuple[ConversationKey, SyncEngineError]] = []
        for intent in await self._store.read(partial(outbox.intents, due=self._now())):
            if intent.state is IntentState.REFUSED:
                spoilt.add(intent.key)
                continue
            if intent.kind is IntentKind.LISTING and intent.key in spoilt:
                await self._note(Reply(intent, refused=True, error=_SPOILT))
                continue
            try:
                await self._send(intent)
                settled += 1
            except SyncEngineError as error:
                if answer_to(error) is not Answer.REFUSED:
                    await self._note(Reply(intent, error=str(error)))
                    return Delivery(settled, refused, error, tuple(refusals))
                await self._note(Reply(intent, refused=True, error=str(error)))
                refusals.append((intent.key, error))
                spoilt.add(intent.key)
                refused += 1
        return Delivery(settled, refused, None, tuple(refusals))

    async def _send(self, intent: Intent) -> None:
        if intent.kind is IntentKind.MESSAGES:
            await self._send_messages(intent)
            return
        await self._accepted(self._request(intent))
        if self._placed is not None:
            await self._placed()
        # Somebody may have written between the two calls: then the conversation is back. The
        # server's list does not say so, so this is noted in the same transaction.
        back = [look_again(intent.key)] if intent.kind is IntentKind.LISTING else []
        await self._note(Reply(intent, done=True), *back)

    def _request(self, intent: Intent) -> Callable[[], Awaitable[None]]:
        if intent.kind is IntentKind.BEFORE:
            timestamp = intent.timestamp or 0
            return lambda: self._remote.send_delete_before(intent.key, timestamp)
        return lambda: self._remote.send_delete_conversation(intent.key, delete_messages=False)

    async def _send_messages(self, intent: Intent) -> None:
        """Batch by batch; what was accepted is settled also where a later batch fails."""
        for part in batches(intent.message_ids, self._remote.capabilities.delete_batch):
            await self._accepted(partial(self._remote.send_delete_messages, intent.key, part))
            await self._note(Reply(intent, settled_ids=part, attempted=False))
        await self._note(Reply(intent, done=True))

    async def _accepted(self, request: Callable[[], Awaitable[None]]) -> None:
        try:
            await self._retrier.call(request)
        except Gone:
            return  # what is not there is deleted

    async def _note(self, reply: Reply, *more: Decision) -> None:
        await self._store.apply([lambda view: reply, *more])
