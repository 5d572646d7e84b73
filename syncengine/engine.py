"""The facade: wires the parts of one account together and holds no policy."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self, TypeVar

from syncengine.config import Config, Environment
from syncengine.errors import (
    ConfigError,
    EngineClosed,
    ServerFault,
    Throttled,
    Unreachable,
)
from syncengine.models import (
    Conversation,
    ConversationKey,
    Fetched,
    Intent,
    Kind,
    Message,
    MessageRow,
    Progress,
    Report,
    Source,
    State,
    Status,
    SummaryPage,
    Verification,
)
from syncengine.reader import Reader, conversation_key
from syncengine.remote.formats import decoder_for
from syncengine.remote.port import Remote
from syncengine.retry import Retrier
from syncengine.store import rows
from syncengine.store.batch import Revive, Write
from syncengine.store.database import Connect, connect_threaded
from syncengine.store.outbox import intents
from syncengine.store.store import Store, open_store
from syncengine.store.view import View
from syncengine.store.writer import Decision
from syncengine.sync.asking import Asking, UnderWay, fetch_history, store_summaries
from syncengine.sync.cycle import Cycle
from syncengine.sync.history import rules_of
from syncengine.sync.intents import checked_ids, checked_time
from syncengine.sync.outbox import (
    Delivery,
    Outbox,
    ask_before,
    ask_conversation,
    ask_messages,
)
from syncengine.sync.replays import Replays

T = TypeVar("T")

_AWAY = (Unreachable, Throttled, ServerFault)
"""Faults that a local answer is better than."""


class SyncEngine:
    """One account's copy, and the way to its server. Use `SyncEngine.open`."""

    def __init__(
        self,
        store: Store,
        remote: Remote | None,
        decode: rows.Decode,
        config: Config,
        environment: Environment,
    ) -> None:
        self._store = store
        self._remote = remote
        self._decode = decode
        self._config = config
        self._environment = environment
        self._retrier = _retrier(config, environment)
        self._syncing = asyncio.Lock()
        self._under_way = UnderWay()
        self._replays = Replays()
        self._closed = False
        self.reader = Reader(store, decode)
        """Everything that is read without a network."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: str | Path,
        remote: Remote | None = None,
        *,
        config: Config | None = None,
        environment: Environment | None = None,
        connect: Connect = connect_threaded,
    ) -> AsyncIterator[Self]:
        """Open the copy at `path`, creating it where there is none.

        With no `remote` the engine is offline: everything is readable, nothing is
        fetched. The engine closes the remote when the block ends.

        Raises ConfigError where the file belongs to another account, StoreError where
        it cannot be opened.
        """
        store: Store | None = None
        try:
            store = await open_store(Path(path), connect=connect)
            if remote is not None:
                await store.claim(remote.account)
            account = (await store.read(lambda c: View(c).account())).name
            engine = cls(
                store,
                remote,
                decoder_for(account or (remote.account if remote is not None else None)),
                config or Config(),
                environment or Environment(),
            )
            try:
                yield engine
            finally:
                engine._closed = True
        finally:
            await _close(remote, store)

    @property
    def state(self) -> State:
        """What the engine is doing right now."""
        if self._closed:
            return State.CLOSED
        if self._remote is None:
            return State.OFFLINE
        return State.SYNCING if self._syncing.locked() else State.IDLE

    async def sync(self, *, progress: Callable[[Progress], None] | None = None) -> Report:
        """One full cycle: everything new on the server is here afterwards.

        Faults of the server are in the report, and what was fetched before them is kept.
        A second call waits for the first. Raises StoreError where the copy cannot be
        written, ConfigError where the engine has no remote.
        """
        remote = self._online()
        if self._store.obstacle is not None:
            raise self._store.obstacle
        async with self._syncing:
            return await self._cycle(remote, progress).run()

    async def verify(
        self,
        conversation_id: str | None = None,
        kind: Kind | str | None = None,
        *,
        accept: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Verification:
        """A cycle, and then all of history read again, or that of one conversation: what is
        not on the server any more goes here too, as far as it is certain (law 5).

        Where messages are missing it waits `confirm_absence_after` and reads them a second
        time. Removals that are too many are held back, unless `accept` says that a person
        agrees to them. Otherwise as `sync`; raises ConfigError for a conversation that is
        not held here.
        """
        remote = self._online()
        only = None
        if conversation_id is not None:
            only = await self._known(conversation_id, kind or Kind.CHAT)
        if self._store.obstacle is not None:
            raise self._store.obstacle
        async with self._syncing:
            return await self._cycle(remote, progress, accept=accept).verify(only)

    def _cycle(
        self, remote: Remote, progress: Callable[[Progress], None] | None, *, accept: bool = False
    ) -> Cycle:
        return Cycle(
            remote,
            self._store,
            self._retrier,
            self._config,
            self._environment,
            self._replays,
            progress,
            accept=accept,
            placed=self._under_way.placed,
        )

    async def status(self) -> Status:
        """The copy in figures."""
        return await self.reader.status(plan_known=self._config.retention_days is not None)

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

    async def _known(self, conversation_id: str, kind: Kind | str) -> ConversationKey:
        key = conversation_key(conversation_id, kind)
        if await self.reader.conversation(conversation_id, kind) is None:
            raise ConfigError(
                f"no conversation {conversation_id} of kind {key.kind} is held here",
                hint="Only what was synced is held; check its id and its kind.",
            )
        return key

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

    async def load_all_conversations(self) -> list[Conversation]:
        """Every conversation held here: pinned first, then most recent. No network."""
        return await self.reader.conversations()

    async def fetch_conversation_list_from_server(
        self, page_num: int, page_size: int = 20
    ) -> Fetched[Conversation]:
        """One page of the server's list, stored; from the local copy when it is away.

        `page_num` counts from 1, `page_size` is 1 to 20. `cursor` is the next page's
        number, None after the last.
        """
        _check("page_num", page_num, 1, 1 << 31)
        _check("page_size", page_size, 1, 20)
        first = (page_num - 1) * page_size
        return await self._list(
            lambda remote: remote.fetch_summaries_by_page(page_num, page_size),
            slice(first, first + page_size),
            str(page_num + 1),
        )

    async def get_conversations_from_server(self) -> Fetched[Conversation]:
        """The server's unpaged list (10 conversations of the last 7 days by default),
        stored; all that is held here when the server is away."""
        return await self._list(lambda remote: remote.fetch_summaries_unpaged(), slice(None), None)

    async def fetch_history_messages(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        page_size: int = 20,
        start_message_id: str = "",
    ) -> Fetched[Message]:
        """A page of history older than `start_message_id` (empty: the newest), oldest first.

        `page_size` is 1 to 49. What was fetched is stored, except below a start that is
        not held here. When the server cannot be reached the page comes from the local
        copy, marked so, with the error; where nothing is held, the error is raised.
        """
        _check("page_size", page_size, 1, 49)
        key = conversation_key(conversation_id, kind)
        try:
            with self._under_way.fetch():
                page = await fetch_history(self._asking(), key, start_message_id, page_size)
        except (*_AWAY, _Offline) as error:
            return await self._local_history(key, start_message_id, page_size, error)
        items = [self._message(key, row) for row in reversed(page.messages)]
        return Fetched(items, page.cursor, Source.SERVER)

    def _asking(self) -> Asking:
        return Asking(self._online(), self._store, self._replays, rules_of(self._config))

    async def _local_history(
        self, key: ConversationKey, start: str, size: int, error: Exception
    ) -> Fetched[Message]:
        page = await self.reader.page(key, start, size)
        if page is None:
            raise error
        return Fetched(page.messages, page.cursor, Source.LOCAL, error)

    async def _list(
        self,
        fetch: Callable[[Remote], Awaitable[SummaryPage]],
        part: slice,
        next_page: str | None,
    ) -> Fetched[Conversation]:
        try:
            page = await fetch(self._online())
        except (*_AWAY, _Offline) as error:
            held = await self.load_all_conversations()
            if not held:
                raise
            more = part.stop is not None and len(held) > part.stop
            return Fetched(held[part], next_page if more else None, Source.LOCAL, error)
        await store_summaries(self._store, page)
        items = await self._held(page)
        return Fetched(items, next_page if page.cursor else None, Source.SERVER)

    async def _held(self, page: SummaryPage) -> Sequence[Conversation]:
        found = [
            await self.reader.conversation(s.key.conversation_id, s.key.kind)
            for s in page.summaries
        ]
        return [conversation for conversation in found if conversation is not None]

    def _message(self, key: ConversationKey, row: MessageRow) -> Message:
        return rows.message(key, row, self._decode)

    def _online(self) -> Remote:
        if self._closed:
            raise EngineClosed("the engine is closed")
        if self._remote is None:
            raise _Offline("the engine was opened with no remote")
        return self._remote


class _Offline(ConfigError):
    """There is no server to ask."""

    default_hint = "Open the engine with a remote to fetch from a server."


def _always(write: Write) -> Decision:
    return lambda view: write


def _retrier(config: Config, environment: Environment) -> Retrier:
    return Retrier(
        attempts=config.attempts,
        base=config.backoff_base,
        ceiling=config.backoff_ceiling,
        monotonic=environment.monotonic,
        sleep=environment.sleep,
        random=environment.random,
    )


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}", hint=f"Use a number from {low} to {high}.")


async def _close(remote: Remote | None, store: Store | None) -> None:
    try:
        if remote is not None:
            await remote.close()
    finally:
        if store is not None:
            await store.close()
