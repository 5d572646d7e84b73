"""One full pass: read the list, then close gaps, newest pages of all conversations first.

    list ──▶ queue ──▶ fetchers:  1. the newest page of every conversation with news
                                  2. then its depth, most recent conversations first

The account is readable in seconds, however long its history is. One conversation that
fails does not stop the cycle; a fault of the account does.
"""

import asyncio

from attrs import field, frozen

from syncengine.config import Config, Environment
from syncengine.errors import Patience, RemoteError, Scope, StoreError, SyncEngineError
from syncengine.models import ConversationKey, Report
from syncengine.remote.port import Remote
from syncengine.retry import Retrier
from syncengine.store.batch import Bookkeeping
from syncengine.store.queries import count_gaps, unfinished
from syncengine.store.store import Store
from syncengine.store.view import View
from syncengine.sync.committer import Committer
from syncengine.sync.conversations import ConversationList
from syncengine.sync.history import History, Link
from syncengine.sync.outbox import Outbox
from syncengine.sync.tally import Listener, Tally

_HEAD_PHASE, _DEPTH_PHASE = 0, 1
_MOST_FAULTS_IN_A_ROW = 3
"""Conversations that fail with a fault of the server, before the whole cycle stops."""


@frozen(order=True)
class _Work:
    """A conversation to fetch from; sorts by phase, then by recency."""

    phase: int
    order: int
    key: ConversationKey = field(order=False)
    link: Link | None = field(default=None, order=False)


class Cycle:
    """Runs once."""

    def __init__(
        self,
        remote: Remote,
        store: Store,
        retrier: Retrier,
        config: Config,
        environment: Environment,
        listener: Listener | None = None,
    ) -> None:
        self._remote = remote
        self._store = store
        self._config = config
        self._environment = environment
        self._tally = Tally(listener)
        self._committer = Committer(store, config.commit_pages)
        self._history = History(remote, store, self._committer, retrier, config, self._tally)
        self._list = ConversationList(remote, store, retrier, config.summary_page_size, self._tally)
        self._outbox = Outbox(remote, store, retrier)
        self._queue: asyncio.PriorityQueue[_Work] = asyncio.PriorityQueue()
        self._queued: dict[ConversationKey, int] = {}
        self._again: set[ConversationKey] = set()
        self._faults_in_a_row = 0

    async def run(self) -> Report:
        """Do it. Faults of the server come in the report; raises StoreError."""
        started = self._environment.monotonic()
        requests = self._remote.requests
        try:
            await self._deliver()
            async with self._committer.running():
                await self._pull()
        except RemoteError as error:
            self._tally.problem(error)
        gaps = await self._store.read(count_gaps)
        return Report(
            requests=self._remote.requests - requests,
            pages=self._tally.pages,
            messages_added=self._tally.messages_added,
            messages_removed=self._tally.messages_removed,
            conversations=len(self._tally.touched),
            gaps_open=gaps,
            seconds=self._environment.monotonic() - started,
            errors=tuple(self._tally.problems),
        )

    async def _deliver(self) -> None:
        """First what a person asked for: then the pages show it done."""
        delivery = await self._outbox.deliver()
        for key, error in delivery.refusals:
            self._tally.problem(error, key)
        if delivery.error is not None:
            raise delivery.error

    async def _pull(self) -> None:
        fetchers = [asyncio.create_task(self._fetch()) for _ in range(self._config.fetchers)]
        tasks = [asyncio.create_task(self._fill_queue()), *fetchers]
        try:
            # Fetchers end only by failing, so whatever is done first decides.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()
        await self._keep_books()

    async def _fill_queue(self) -> None:
        """Queue all that is to be fetched, and wait until it is."""
        await self._resume()
        await self._read_list()
        await self._queue.join()

    async def _resume(self) -> None:
        """Queue what an earlier cycle left open."""
        for key, at_head in await self._store.read(unfinished):
            self._put(key, _HEAD_PHASE if at_head else _DEPTH_PHASE)

    async def _read_list(self) -> None:
        async for news in self._list.read(whole=await self._whole_list_due()):
            for key in news:
                self._put(key, _HEAD_PHASE)

    async def _whole_list_due(self) -> bool:
        account = await self._store.read(lambda c: View(c).account())
        if account.listed_at is None or account.list_open:
            return True
        age = self._environment.now() - account.listed_at
        return not 0 <= age < self._config.full_list_every * 1000

    async def _keep_books(self) -> None:
        """The one row that a cycle with nothing new writes (law 11)."""
        now = self._environment.now()
        book = Bookkeeping(
            listed_at=now if self._list.complete else None,
            list_open=False if self._list.finished else None,
            server_time=self._history.server_time,
            synced_at=None if self._tally.problems else now,
        )
        await self._store.apply([lambda view: book])

    def _put(self, key: ConversationKey, phase: int) -> None:
        if key in self._queued:
            self._again.add(key)  # under way already: looked at once more afterwards
            return
        self._queued[key] = len(self._queued)
        self._tally.known.add(key)
        self._queue.put_nowait(_Work(phase, self._queued[key], key))

    async def _fetch(self) -> None:
        while True:
            work = await self._queue.get()
            try:
                await self._work(work)
            finally:
                self._queue.task_done()

    async def _work(self, work: _Work) -> None:
        try:
            if work.phase == _HEAD_PHASE:
                link, open_gaps = await self._history.read_head(work.key)
                self._tally.readable.add(work.key)
                if open_gaps:
                    self._queue.put_nowait(_Work(_DEPTH_PHASE, work.order, work.key, link))
                    return
            else:
                await self._history.close_gaps(work.key, work.link)
            self._faults_in_a_row = 0
        except SyncEngineError as error:
            self._failed(error, work.key)
        self._finish(work)

    def _finish(self, work: _Work) -> None:
        if work.key in self._again:
            self._again.discard(work.key)
            self._queue.put_nowait(_Work(_DEPTH_PHASE, work.order, work.key))
            return
        self._queued.pop(work.key, None)
        self._tally.done.add(work.key)
        self._tally.tell()

    def _failed(self, error: SyncEngineError, key: ConversationKey) -> None:
        """Note it for the conversation, or give up where the fault is the account's."""
        if error.scope is Scope.ACCOUNT:
            self._faults_in_a_row += 1
            may_be_local = error.patience is Patience.LATER and not isinstance(error, StoreError)
            if not may_be_local or self._faults_in_a_row >= _MOST_FAULTS_IN_A_ROW:
                raise error
        self._tally.problem(error, key)
