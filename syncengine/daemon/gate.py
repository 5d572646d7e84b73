"""The one door to a server, for all of its accounts: their budget, and their circuit breaker.

    engine ──▶ Gated ──▶ Server: admitted? budget? ──▶ the adapter ──▶ the server
                            └── what came back: answered, or failed

Each request passes here, so a server that fails is left alone by all accounts at once, also
by the cycles that are under way: these end by `Held`, which nobody tries again.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from syncengine.config import Environment
from syncengine.daemon import breaker
from syncengine.daemon.breaker import CircuitState
from syncengine.daemon.pace import Pace
from syncengine.daemon.states import Fault, fault_of
from syncengine.errors import RemoteError, SyncEngineError, Throttled
from syncengine.models import ConversationKey, Page, SummaryPage
from syncengine.remote.port import Capabilities, Remote

T = TypeVar("T")

_PATIENT = 5.0
"""Seconds: a wait that a server asks for is sat out inside of a cycle up to here."""


class Held(RemoteError):
    """The server is left alone just now: no request was sent."""

    default_hint = "It is tried again by itself."


class Server:
    """One server, as the accounts of this process share it."""

    def __init__(
        self,
        name: str,
        pace: Pace,
        environment: Environment,
        changed: Callable[["Server"], None],
        noticed: Callable[["Server"], None],
    ) -> None:
        """`changed` is called where it is left alone from now on, and where it is back;
        `noticed` at the first failure after an answer, and at the first answer after one."""
        self.name = name
        self.circuit = breaker.CLOSED
        self.fault: Fault | None = None
        """Its last failure; None: it answered since."""
        self._pace = pace
        self._environment = environment
        self._changed, self._noticed = changed, noticed
        self._budget = breaker.full_budget(pace, environment.monotonic())
        self._not_before = 0.0

    def admits(self) -> bool:
        """Whether it may be asked now."""
        return breaker.admits(self.circuit, self._environment.monotonic())

    @property
    def is_left_alone(self) -> bool:
        """Nothing answered there, or it failed so often that it is not asked for a while."""
        return self.circuit.away or self.circuit.state is not CircuitState.CLOSED

    def rest_is_over(self) -> None:
        """It may be asked again: the machine slept, the network may be another one."""
        self.circuit = breaker.rested(self.circuit, self._environment.monotonic())

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Send a request when there is room for it. Raises Held, and what the request does."""
        await self._take_room()
        if not self.admits():
            raise self._held()
        self.circuit = breaker.probing(self.circuit)
        try:
            result = await request()
        except SyncEngineError as error:
            self._note(error)
            if self.circuit.state is CircuitState.OPEN and breaker.counts(type(error)):
                raise self._held() from error
            raise
        except BaseException:
            self.circuit = breaker.abandoned(self.circuit, self._environment.monotonic())
            raise
        self._note(None)
        return result

    async def _take_room(self) -> None:
        now = self._environment.monotonic()
        self._budget, wait = breaker.spent(self._pace, self._budget, now)
        wait = max(wait, self._not_before - now)
        if wait > 0 and self.admits():
            await self._environment.sleep(wait)

    def _note(self, error: SyncEngineError | None) -> None:
        before, failed = self.circuit.state, self.fault is not None
        if error is not None and breaker.counts(type(error)):
            self._failed(error)
        else:
            self.circuit = breaker.answered(self.circuit)
            if self.circuit.state is CircuitState.CLOSED:
                self.fault = None
        if (before is CircuitState.CLOSED) != (self.circuit.state is CircuitState.CLOSED):
            self._changed(self)
        if failed != (self.fault is not None):
            self._noticed(self)

    def _failed(self, error: SyncEngineError) -> None:
        now = self._environment.monotonic()
        asked = error.retry_after if isinstance(error, Throttled) else None
        if asked is not None and asked <= _PATIENT:
            self._not_before, asked = max(self._not_before, now + asked), None
        self.fault = fault_of(error, self._environment.now(), self.fault)
        self.circuit = breaker.refused(
            self._pace,
            self.circuit,
            type(error),
            now,
            self._environment.random.random(),
            retry_after=asked,
        )

    def _held(self) -> Held:
        if self.fault is None:
            return Held("the server is left alone for a while")
        return Held(self.fault.message, hint=self.fault.hint)


@runtime_checkable
class Resting(Protocol):
    """A remote that can go without its connections."""

    async def rest(self) -> None:
        """End those that are idle; the next request opens one."""
        ...


class Gated:
    """An account's remote, behind its server's door.

    It outlives the engines that use it, and with it the account's token: their `close` does
    nothing, `shut` does.
    """

    def __init__(self, inner: Remote, server: Server) -> None:
        self._inner = inner
        self._server = server
        self._requests = self._received = 0

    @property
    def account(self) -> str:
        """As the port says."""
        return self._inner.account

    @property
    def capabilities(self) -> Capabilities:
        """As the port says."""
        return self._inner.capabilities

    @property
    def requests(self) -> int:
        """As the port says, over all remotes that were behind this door."""
        return self._requests + self._inner.requests

    @property
    def received(self) -> int:
        """Bytes of all answers, as far as the remotes count them."""
        return self._received + _received(self._inner)

    async def replace(self, inner: Remote) -> None:
        """Another remote from now on: new connections, new credentials."""
        old, self._inner = self._inner, inner
        self._requests += old.requests
        self._received += _received(old)
        await old.close()

    async def rest(self) -> None:
        """End connections that would be stale when they are wanted again."""
        if isinstance(self._inner, Resting):
            await self._inner.rest()

    async def shut(self) -> None:
        """End all connections."""
        await self._inner.close()

    async def close(self) -> None:
        """Nothing: see `shut`."""

    async def fetch_summaries(self, cursor: str = "", *, limit: int = 50) -> SummaryPage:
        """As the port says."""
        return await self._server.ask(lambda: self._inner.fetch_summaries(cursor, limit=limit))

    async def fetch_summaries_by_page(self, page_num: int, page_size: int) -> SummaryPage:
        """As the port says."""
        return await self._server.ask(
            lambda: self._inner.fetch_summaries_by_page(page_num, page_size)
        )

    async def fetch_summaries_unpaged(self) -> SummaryPage:
        """As the port says."""
        return await self._server.ask(lambda: self._inner.fetch_summaries_unpaged())

    async def fetch_page(
        self, key: ConversationKey, start: str = "", *, limit: int = 49, newer: bool = False
    ) -> Page:
        """As the port says."""
        return await self._server.ask(
            lambda: self._inner.fetch_page(key, start, limit=limit, newer=newer)
        )

    async def send_delete_messages(self, key: ConversationKey, message_ids: Sequence[str]) -> None:
        """As the port says."""
        await self._server.ask(lambda: self._inner.send_delete_messages(key, message_ids))

    async def send_delete_before(self, key: ConversationKey, timestamp: int) -> None:
        """As the port says."""
        await self._server.ask(lambda: self._inner.send_delete_before(key, timestamp))

    async def send_delete_conversation(
        self, key: ConversationKey, *, delete_messages: bool
    ) -> None:
        """As the port says."""
        await self._server.ask(
            lambda: self._inner.send_delete_conversation(key, delete_messages=delete_messages)
        )


def _received(remote: Remote) -> int:
    return int(getattr(remote, "received", 0))
