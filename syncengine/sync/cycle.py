"""One full pass: deliver deletions, read the list, close gaps, read some of it again.

    outbox ──▶ list ──▶ queue ──▶ workers:  1. the newest page of conversations with news
                                            2. then their depth, most recent first
                                            3. an audit: some pages, or in `verify` all

The account is readable in seconds, however long its history is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from attrs import evolve

from syncengine.config import Config, Environment
from syncengine.errors import RemoteError, RemovalHeldBack
from syncengine.models import ConversationKey
from syncengine.remote.port import Remote
from syncengine.reports import Report, Verification
from syncengine.retry import Retrier
from syncengine.store.answers import AccountState
from syncengine.store.audits import audit_totals, held_back
from syncengine.store.batch import Bookkeeping
from syncengine.store.due import audited_conversations, hidden_conversations
from syncengine.store.queries import count_gaps, unfinished
from syncengine.store.queries import doubtful as doubtful_heads
from syncengine.store.store import Store
from syncengine.store.view import View
from syncengine.sync.audit import Audit
from syncengine.sync.committer import Committer
from syncengine.sync.conversations import ConversationList
from syncengine.sync.history import History
from syncengine.sync.listing import note_missing
from syncengine.sync.outbox import Outbox, Placed
from syncengine.sync.replays import Replays
from syncengine.sync.source import PageSource
from syncengine.sync.tally import Listener, Tally
from syncengine.sync.workers import AUDIT_PHASE, DEPTH_PHASE, HEAD_PHASE, Work, Workers

_MOST_ROUNDS = 4
"""Waits of a verification for second reads: replicas, or clocks, may want more than one."""


class Cycle:
    """Runs once."""

    def __init__(
        self,
        remote: Remote,
        store: Store,
        retrier: Retrier,
        config: Config,
        environment: Environment,
        replays: Replays,
        listener: Listener | None = None,
        *,
        accept: bool = False,
        placed: Placed | None = None,
    ) -> None:
        """`accept`: a person agrees to removals that were held back; `placed`: see Outbox."""
        self._remote = remote
        self._store = store
        self._config = config
        self._environment = environment
        self._accept = accept
        self._tally = Tally(listener)
        self._committer = Committer(store, config.commit_pages)
        source = PageSource(
            remote, store.contention, retrier, config.page_size, self._tally, replays
        )
        self._history = History(
            source, store, self._committer, config, self._tally, guarded=not accept
        )
        self._list = ConversationList(remote, store, retrier, config.summary_page_size, self._tally)
        self._outbox = Outbox(remote, store, retrier, environment.now, placed)
        self._workers = Workers(config.fetchers, self._step, self._tally)
        confirm_after = int(config.confirm_absence_after * 1000)
        self._audit = Audit(
            store, self._history, confirm_after, self._workers, environment.random, accept=accept
        )
        self._incomplete: set[ConversationKey] = set()

    async def run(self) -> Report:
        """Pull what is new, and audit a little. Faults of the server come in the report.

        Raises StoreError.
        """
        started, requests = self._environment.monotonic(), self._remote.requests
        await self._guarded(self._pull_and_audit)
        waiting, gaps_open = await self._left()
        return Report(
            requests=self._remote.requests - requests,
            pages=self._tally.pages,
            messages_added=self._tally.messages_added,
            messages_removed=self._tally.messages_removed,
            conversations=len(self._tally.touched),
            gaps_open=gaps_open,
            seconds=self._environment.monotonic() - started,
            errors=tuple(self._tally.problems),
            held_back=waiting,
            deletions_delivered=self._tally.deletions_delivered,
        )

    async def verify(self, only: ConversationKey | None) -> Verification:
        """Pull, and read everything again, or one conversation, second reads included.

        Raises StoreError.
        """
        started, requests = self._environment.monotonic(), self._remote.requests

        async def work() -> None:
            await self._verify(only)

        await self._guarded(work)
        _, gaps_open = await self._left()
        found = await self._store.read(audit_totals)
        hidden = set() if only else await self._store.read(hidden_conversations)
        return Verification(
            conversations=len(self._tally.done - self._incomplete - hidden),
            incomplete=len(self._incomplete - hidden),
            requests=self._remote.requests - requests,
            pages=self._tally.pages,
            messages_added=self._tally.messages_added,
            messages_removed=self._tally.messages_removed,
            suspects=found.suspects,
            held_back=found.held_back,
            unverified=found.unverified,
            gaps_open=gaps_open,
            seconds=self._environment.monotonic() - started,
            errors=tuple(self._tally.problems),
            deletions_delivered=self._tally.deletions_delivered,
        )

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Deliver what a person asked for: then the pages show it done. And then `work`."""
        try:
            delivery = await self._outbox.deliver()
            self._tally.deletions_delivered = delivery.settled
            for key, error in delivery.refusals:
                self._tally.problem(error, key)
            if delivery.error is not None:
                raise delivery.error
            async with self._committer.running():
                await work()
        except RemoteError as error:
            self._tally.problem(error)

    async def _left(self) -> tuple[int, int]:
        """How many messages wait for consent, a problem until a person decides; and how many
        gaps are open."""
        waiting, gaps_open = await self._store.read(lambda c: (held_back(c), count_gaps(c)))
        messages, conversations = waiting
        if messages:
            self._tally.problem(RemovalHeldBack(_too_many(messages, conversations)))
        return messages, gaps_open

    async def _pull_and_audit(self) -> None:
        async def cycle() -> None:
            await self._pull()
            await self._audit.spend(self._config.audit_pages)

        await self._run(cycle())

    async def _verify(self, only: ConversationKey | None) -> None:
        async def cycle() -> None:
            if only is None:
                await self._pull(whole_list=True)
            keys = [only] if only else await self._store.read(audited_conversations)
            self._tally.start_over()
            for key in keys:
                self._workers.put(key, AUDIT_PHASE)
            await self._workers.join()
            await self._read_again(only)

        await self._run(cycle())

    async def _run(self, cycle: Coroutine[None, None, None]) -> None:
        """Run it, and note how far it came, also where a fault of the server ended it."""
        try:
            await self._workers.run(cycle)
        except RemoteError as error:
            self._tally.problem(error)
        if self._list.finished or self._audit.marks:
            await self._keep_books()

    async def _pull(self, *, whole_list: bool = False) -> None:
        """Queue all that is to be fetched, and wait until it is."""
        open_ones, account = await self._store.read(lambda c: (unfinished(c), View(c).account()))
        for key, at_head in open_ones:
            self._workers.put(key, HEAD_PHASE if at_head else DEPTH_PHASE)
        whole = whole_list or self._whole_list_due(account)
        async for news in self._list.read(whole=whole):
            for key in news:
                self._workers.put(key, HEAD_PHASE)
            await asyncio.sleep(0)  # what is new is asked for before the list goes on
        await self._workers.join()
        if self._list.complete:
            await self._store.apply([note_missing(self._list.listed)])

    def _whole_list_due(self, account: AccountState) -> bool:
        if account.listed_at is None or account.list_open:
            return True
        age = self._environment.now() - account.listed_at
        return not 0 <= age < self._config.full_list_every * 1000

    async def _read_again(self, only: ConversationKey | None) -> None:
        """Read a second time what was missing once, until nothing more is decided."""
        await self._audit.settle(lambda: self._audit.decidable(only))
        astray = sorted(filter(self._history.went_astray, self._incomplete), key=str)
        for _ in range(_MOST_ROUNDS):
            doubtful = [k for k in await self._store.read(doubtful_heads) if only in (None, k)]
            if not doubtful and not astray and not await self._audit.suspects(only):
                return
            await self._environment.sleep(self._config.confirm_absence_after)
            for key in doubtful:
                self._workers.put(key, HEAD_PHASE)
            await self._workers.join()
            # Their newest page was not believed before; or what had just been deleted was gone
            # on one replica, and shown by another.
            for key in dict.fromkeys([*doubtful, *astray]):
                if key in self._incomplete:
                    self._workers.put(key, AUDIT_PHASE)
            await self._workers.join()
            astray.clear()  # once is enough: a server may lead astray for ever
            await self._audit.settle(lambda: self._audit.suspects(only))

    async def _step(self, work: Work) -> Work | None:
        if work.phase == HEAD_PHASE:
            link, open_gaps = await self._history.read_head(work.key)
            self._tally.readable.add(work.key)
            return evolve(work, phase=DEPTH_PHASE, link=link) if open_gaps else None
        if work.phase == DEPTH_PHASE:
            await self._history.close_gaps(work.key, work.link)
        else:
            self._incomplete.add(work.key)  # until it is done: it may fail
            if await self._audit.walk(work.key):
                self._incomplete.discard(work.key)
        return None

    async def _keep_books(self) -> None:
        """All that a cycle with nothing new writes, in one transaction (law 11)."""
        now = self._environment.now()
        well = not self._tally.problems
        book = Bookkeeping(
            listed_at=now if self._list.complete else None,
            list_open=False if self._list.finished else None,
            server_time=self._history.source.server_time,
            longest_stay=self._history.longest_stay,
            synced_at=now if well and self._list.finished else None,
            audited=self._audit.marks,
            now=now,
            horizon=self._config.horizon_ms,
        )
        await self._store.apply([lambda view: book])


def _too_many(messages: int, conversations: int) -> str:
    one, where = messages == 1, "conversation" if conversations == 1 else "conversations"
    return (
        f"{messages:,} message{'' if one else 's'} in {conversations:,} {where}"
        f" {'is' if one else 'are'} not on the server any more: too much to be removed"
        " without your consent"
    )
