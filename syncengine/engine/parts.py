"""What every part of the facade needs: the store, the way to the server, the settings."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from syncengine.config import Config, Environment
from syncengine.errors import ConfigError, EngineClosed, RemoteError, StoreError, Unreachable
from syncengine.feed import Feed
from syncengine.models import ConversationKey, Kind
from syncengine.reader import Reader, conversation_key
from syncengine.remote.port import Remote
from syncengine.reports import State
from syncengine.retry import Retrier
from syncengine.store import rows
from syncengine.store.store import Store
from syncengine.sync.asking import Asking, UnderWay
from syncengine.sync.history import rules_of
from syncengine.sync.replays import Replays
from syncengine.sync.sharing import Shared

T = TypeVar("T")


class Offline(ConfigError):
    """There is no server to ask."""

    default_hint = "Open the engine with a remote to fetch from a server."


AWAY = (RemoteError, StoreError, Offline)
"""Faults that a local answer is better than."""


class Parts:
    """One account's copy, and the way to its server."""

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
        self._scrolls: Shared[bool] = Shared()
        self._closed = False
        self._feed = Feed(store)
        self._away = False
        self.reader = Reader(store, decode)
        """Everything that is read without a network."""

    @property
    def state(self) -> State:
        """What the engine is doing right now."""
        if self._closed:
            return State.CLOSED
        if self._remote is None:
            return State.OFFLINE
        return State.SYNCING if self._syncing.locked() else State.IDLE

    async def _known(self, conversation_id: str, kind: Kind | str) -> ConversationKey:
        key = conversation_key(conversation_id, kind)
        if await self.reader.conversation(conversation_id, kind) is None:
            raise ConfigError(
                f"no conversation {conversation_id} of kind {key.kind} is held here",
                hint="Only what was synced is held; check its id and its kind.",
            )
        return key

    def _online(self) -> Remote:
        if self._closed:
            raise EngineClosed("the engine is closed")
        if self._remote is None:
            raise Offline("the engine was opened with no remote")
        return self._remote

    def _deadline(self, given: float | None) -> float:
        """Seconds. Raises ConfigError for what can be none."""
        return self._config.fetch_deadline if given is None else checked_deadline(given)

    async def _within(self, deadline: float, fetch: Awaitable[T]) -> T:
        """What it gives, or Unreachable after so many seconds: then it is over, too."""
        try:
            async with asyncio.timeout(deadline) as limit:
                return await fetch
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Unreachable(
                f"the server did not answer within {deadline:g} s",
                hint="It may be slow; a longer deadline waits for it.",
            ) from error

    def _asking(self) -> Asking:
        return Asking(self._online(), self._store, self._replays, rules_of(self._config))


def checked_deadline(seconds: float) -> float:
    """The same. Raises ConfigError for a deadline that can be none."""
    return Config(fetch_deadline=seconds).fetch_deadline


def _retrier(config: Config, environment: Environment) -> Retrier:
    return Retrier(
        attempts=config.attempts,
        base=config.backoff_base,
        ceiling=config.backoff_ceiling,
        monotonic=environment.monotonic,
        sleep=environment.sleep,
        random=environment.random,
    )
