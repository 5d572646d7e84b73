"""Calls that wait for their end: the twin of `SyncEngine`, method by method."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from syncengine.blocking.loop import BlockingIterator, Loop
from syncengine.blocking.reader import BlockingReader
from syncengine.changes import Update
from syncengine.config import Config, Environment
from syncengine.engine import SyncEngine
from syncengine.models import Conversation, Fetched, Intent, Kind, Loaded, Message
from syncengine.remote.port import Remote
from syncengine.reports import Backup, Progress, Report, State, Status, Upkeep, Verification
from syncengine.store.lock import WriterLock
from syncengine.store.outbox import Undelivered
from syncengine.sync.outbox import Delivery

T = TypeVar("T")


class BlockingEngine:
    """One account's copy, and the way to its server; `SyncEngine` says what each call means.

    Made by `BlockingEngine.open`.
    """

    def __init__(self, loop: Loop, engine: SyncEngine) -> None:
        self._loop = loop
        self._call = loop.call
        self._engine = engine
        self.reader = BlockingReader(engine.reader, loop)
        """Everything that is read without a network."""

    @classmethod
    def open(
        cls,
        path: str | Path,
        remote: Remote | Callable[[], Remote] | None = None,
        *,
        config: Config | None = None,
        environment: Environment | None = None,
        lock: WriterLock | None = None,
    ) -> Self:
        """Open the copy at `path`. Use the result in a `with` block, or close it.

        `remote` may be a function that makes one, for a remote that has to be made in the
        event loop that uses it; an EasemobRemote can be given as it is. Otherwise as
        `SyncEngine.open`.
        """
        loop = Loop()
        try:
            engine = loop.enter(lambda: _opened(path, remote, config, environment, lock))
        except BaseException:
            loop.close()
            raise
        return cls(loop, engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what is under way, and close the copy. From any thread; may be called twice."""
        self._loop.close()

    def run(self, work: Callable[[SyncEngine], Awaitable[T]]) -> T:
        """Anything else that takes an engine and is awaited, for example
        ``engine.run(lambda e: export_history(e.reader, "folder"))``."""

        async def working() -> T:
            return await work(self._engine)

        return self._call(working())

    def iterate(self, work: Callable[[SyncEngine], AsyncIterator[T]]) -> BlockingIterator[T]:
        """As `run`, for what is iterated."""
        return self._loop.iterate(work(self._engine))

    @property
    def state(self) -> State:
        """What the engine is doing right now."""
        return State.CLOSED if self._loop.closed else self._engine.state

    def changes(self, since: int | None = None) -> BlockingIterator[Update]:
        """What is written from now on, or after revision `since`, and what the engine does."""
        return self._loop.iterate(self._engine.changes(since))

    def sync(self, *, progress: Callable[[Progress], None] | None = None) -> Report:
        """One full cycle: everything new on the server is here afterwards."""
        return self._call(self._engine.sync(progress=progress))

    def verify(
        self,
        conversation_id: str | None = None,
        kind: Kind | str | None = None,
        *,
        accept: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Verification:
        """A cycle, and then all of history read again, or that of one conversation."""
        return self._call(
            self._engine.verify(conversation_id, kind, accept=accept, progress=progress)
        )

    def status(self) -> Status:
        """The copy in figures."""
        return self._call(self._engine.status())

    def load_all_conversations(self) -> list[Conversation]:
        """Every conversation held here: pinned first, then most recent. No network."""
        return self._call(self._engine.load_all_conversations())

    def fetch_conversation_list_from_server(
        self, page_num: int, page_size: int = 20, *, deadline: float | None = None
    ) -> Fetched[Conversation]:
        """One page of the server's list, stored; from the local copy when it is away."""
        return self._call(
            self._engine.fetch_conversation_list_from_server(page_num, page_size, deadline=deadline)
        )

    def get_conversations_from_server(
        self, *, deadline: float | None = None
    ) -> Fetched[Conversation]:
        """The server's unpaged list, stored; all that is held here when it is away."""
        return self._call(self._engine.get_conversations_from_server(deadline=deadline))

    def fetch_history_messages(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        page_size: int = 20,
        start_message_id: str = "",
        deadline: float | None = None,
    ) -> Fetched[Message]:
        """A page of history older than `start_message_id` (empty: the newest), oldest first."""
        return self._call(
            self._engine.fetch_history_messages(
                conversation_id,
                kind,
                page_size=page_size,
                start_message_id=start_message_id,
                deadline=deadline,
            )
        )

    def load_messages(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        before: str | None = None,
        after: str | None = None,
        around: str | None = None,
        at: int | None = None,
        limit: int = 20,
        deadline: float | None = None,
    ) -> Loaded:
        """The messages of `reader.messages`, after the gap there was asked for."""
        return self._call(
            self._engine.load_messages(
                conversation_id,
                kind,
                before=before,
                after=after,
                around=around,
                at=at,
                limit=limit,
                deadline=deadline,
            )
        )

    def index(self, *, progress: Callable[[int, int], None] | None = None) -> int:
        """Index all messages that a search does not find yet; how many they were."""
        return self._call(self._engine.index(progress=progress))

    def upkeep(self, *, progress: Callable[[int, int], None] | None = None) -> Upkeep:
        """Index what is behind, and let go of the bytes of what was deleted and delivered."""
        return self._call(self._engine.upkeep(progress=progress))

    def backup(
        self,
        path: str | Path,
        *,
        force: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Backup:
        """Copy the file as it stands now."""
        return self._call(self._engine.backup(path, force=force, progress=progress))

    def delete_remote_messages_with_ids(
        self,
        conversation_id: str,
        kind: Kind | str,
        message_ids: Iterable[str],
        *,
        undo_seconds: float = 0,
    ) -> None:
        """Delete messages, any number, for this user."""
        self._call(
            self._engine.delete_remote_messages_with_ids(
                conversation_id, kind, message_ids, undo_seconds=undo_seconds
            )
        )

    def delete_remote_messages_before(
        self, conversation_id: str, kind: Kind | str, timestamp: int, *, undo_seconds: float = 0
    ) -> None:
        """Delete everything up to `timestamp`, ms, inclusive, for this user."""
        self._call(
            self._engine.delete_remote_messages_before(
                conversation_id, kind, timestamp, undo_seconds=undo_seconds
            )
        )

    def delete_remote_conversation(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        delete_messages: bool = True,
        undo_seconds: float = 0,
    ) -> None:
        """Take a conversation from this user's lists, with its messages or without."""
        self._call(
            self._engine.delete_remote_conversation(
                conversation_id,
                kind,
                delete_messages=delete_messages,
                undo_seconds=undo_seconds,
            )
        )

    def undelivered(self) -> Undelivered:
        """The deletions that wait to be sent."""
        return self._call(self._engine.undelivered())

    def deliver(self) -> Delivery:
        """Send what is pending in the outbox, without a sync. Faults are in the result."""
        return self._call(self._engine.deliver())

    def outbox(self) -> list[Intent]:
        """The deletions asked for that are not settled, oldest first."""
        return self._call(self._engine.outbox())

    def retry_intents(self, numbers: Iterable[int]) -> None:
        """Make intents pending again, refused ones too."""
        self._call(self._engine.retry_intents(numbers))

    def drop_intents(self, numbers: Iterable[int]) -> None:
        """Give intents up: what they hid is shown again."""
        self._call(self._engine.drop_intents(numbers))


@asynccontextmanager
async def _opened(
    path: str | Path,
    remote: Remote | Callable[[], Remote] | None,
    config: Config | None,
    environment: Environment | None,
    lock: WriterLock | None,
) -> AsyncIterator[SyncEngine]:
    made = remote() if callable(remote) else remote
    async with SyncEngine.open(
        path, made, config=config, environment=environment, lock=lock
    ) as engine:
        yield engine
