"""An event loop on virtual time, and a machine with many accounts on it.

Where nothing is left to do but wait, the time jumps to the end of the shortest wait. With
SQLite inline and the server in the same process a run takes no real time, and is a function
of its seed. While a thread is at work the time stands still: a loop that jumped on would make
minutes of each millisecond of it, and stretch every poll.
"""

import asyncio
import re
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
from attrs import define, field

from syncengine import Config, Environment, Kind
from syncengine.daemon import ServiceAccount, Settings, SyncService
from syncengine.daemon.files import Files, Recover
from syncengine.emulator.transport import EmulatorTransport
from syncengine.store.database import Connect, Connection, Job, connect_inline
from tests.harness import Side, VirtualTime

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: lets the loop's time jump instead."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> Any:
        if self.loop.working and timeout != 0:
            return super().select(None)  # the thread wakes it
        found = super().select(0)
        if not found and timeout is None:
            raise RuntimeError("all tasks wait for ever")
        if not found and timeout:
            self.loop.seconds += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time jumps where nothing is left to do but wait."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.working = 0
        """Threads that somebody waits for."""
        selector = _Jumping()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.seconds

    @contextmanager
    def standing(self) -> Iterator[None]:
        """The time does for as long as the block lasts: what it waits for is a thread."""
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1

    async def shutdown_default_executor(self, *timeout: float) -> None:
        """At the end: its threads are waited for."""
        with self.standing():
            await super().shutdown_default_executor(*timeout)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]  # the types of any job
        """In a thread, for which the time stands still."""
        future = super().run_in_executor(executor, func, *args)
        self.working += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _: object) -> None:
        self.working -= 1


@define
class _Standing:
    """A connection that may be a thread."""

    inner: Connection
    loop: VirtualLoop

    async def run(self, job: Job[T]) -> T:
        with self.loop.standing():
            return await self.inner.run(job)

    async def close(self) -> None:
        with self.loop.standing():
            await self.inner.close()


def on_virtual_time(connect: Connect) -> Connect:
    """That way to open a file, also where it makes threads."""

    async def connected(path: Path, read_only: bool) -> Connection:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            return await connect(path, read_only)
        with loop.standing():
            return _Standing(await connect(path, read_only), loop)

    return connected


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test on virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test)


@define
class LoopTime(VirtualTime):
    """The clocks of that loop; `seconds` is the wall clock's lead."""

    def now(self) -> int:
        return int((self.seconds + self.monotonic()) * 1000)

    def monotonic(self) -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


async def gone(request: httpx.Request) -> httpx.Response:
    """Nothing answers."""
    raise httpx.ConnectError("refused", request=request)


async def hung(request: httpx.Request) -> httpx.Response:
    """It takes the request and is never heard again."""
    await asyncio.Event().wait()
    raise AssertionError


def says(status: int, **headers: str) -> Answer:
    """It answers this to everything."""

    async def answer(request: httpx.Request) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = httpx.Response(status, headers=named, content=b"{}")
        return httpx.Response(status, headers=named, stream=body.stream, request=request)

    return answer


@define
class Line(httpx.AsyncBaseTransport):
    """The way to one server: it can be cut, and says who asked when."""

    emulator: EmulatorTransport
    time: LoopTime
    answer: Answer | None = None
    """Instead of the server; None: the server's own."""
    asked: list[tuple[float, str]] = field(factory=list)
    """When, and for whom; signing in not counted."""
    opened: int = 0
    """Connections."""

    def __call__(self) -> httpx.AsyncBaseTransport:
        self.opened += 1
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        found = re.search(r"/users?/(\w+)", request.url.path)
        if found is not None:
            self.asked.append((self.time.monotonic(), found[1]))
        if self.answer is not None:
            return await self.answer(request)
        return await self.emulator.handle_async_request(request)

    def times(self, user: str | None = None, *, since: float = 0) -> list[float]:
        """When it was asked."""
        return [at for at, who in self.asked if user in (None, who) and at >= since]

    def by_user(self, *, since: float = 0) -> Counter[str]:
        """How often it was asked for each."""
        return Counter(user for at, user in self.asked if at >= since)


@define
class Machine:
    """Accounts on this machine, and the servers that they are on."""

    folder: Path
    side: Side = field(init=False)
    time: LoopTime = field(factory=LoopTime)
    line: Line = field(init=False)
    passwords: dict[str, str] = field(factory=dict)
    remotes: Counter[str] = field(factory=Counter)
    """How often each account's remote was made."""
    settings: dict[str, Any] = field(factory=dict)
    hold: Callable[[Path], AbstractContextManager[Any]] | None = None
    recover: Recover | None = None
    connect: Connect = connect_inline

    def __attrs_post_init__(self) -> None:
        self.side = Side(self.folder / "alice.db", time=self.time, connect=connect_inline)
        self.line = Line(self.side.emulator.transport(), self.time)

    def account(
        self, name: str, *, server: str = "main", line: Line | None = None, **config: Any
    ) -> ServiceAccount:
        """One, which somebody has written to."""
        if name not in self.side.world.users:
            self.side.world.add_user(name)
        self.passwords.setdefault(name, name)

        def remote() -> Any:
            self.remotes[name] += 1
            return self.side.remote(
                user=name, password=self.passwords[name], transport=line or self.line
            )

        usual: Mapping[str, Any] = {"audit_pages": 0, "index_search": False}
        path = self.folder / f"{name}.db"
        return ServiceAccount(name, path, remote, Config(**{**usual, **config}), server)

    def other_line(self) -> Line:
        """The way to another server, with the same people on it."""
        return Line(self.side.emulator.transport(), self.time)

    def write(self, name: str, text: str = "hello") -> str:
        """Bob writes to an account; the message's id."""
        if "bob" not in self.side.world.users:
            self.side.world.add_user("bob")
        self.time.seconds += 0.001
        return self.side.world.send("bob", name, Kind.CHAT, text)

    def service(self, *accounts: ServiceAccount) -> SyncService:
        """The service on them, on this machine's time."""
        environment = Environment(
            now=self.time.now,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            random=Random(1),
        )
        return SyncService(
            accounts,
            settings=Settings(**self.settings),
            environment=environment,
            files=Files(
                connect=on_virtual_time(self.connect), hold=self.hold, recover=self.recover
            ),
        )

    async def until(self, true: Callable[[], bool], *, within: float = 3600) -> float:
        """Wait until it is so; how many seconds that took."""
        began = self.time.monotonic()
        while not true():
            assert self.time.monotonic() - began < within, "it never came"
            await asyncio.sleep(0.05)
        return self.time.monotonic() - began
