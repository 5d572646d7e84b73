"""An event loop in a thread of its own, and calls into it that wait for their end."""

import asyncio
import atexit
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar
from weakref import WeakSet

from syncengine.errors import ConfigError, EngineClosed

T = TypeVar("T")

PATIENCE: Final = 10.0
"""Seconds: the most that closing takes."""
_TICK = 0.5
"""Seconds between two looks for Ctrl-C, where the system does not interrupt a wait."""
_log = logging.getLogger("syncengine.blocking")


class Loop:
    """Runs coroutines for other threads, inside of one context that it holds open."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._lock = threading.Lock()
        self._calls: set[Future[Any]] = set()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._closed = False
        self._process = os.getpid()

    @property
    def closed(self) -> bool:
        """Whether it takes no more calls."""
        return self._closed or self._elsewhere

    @property
    def _elsewhere(self) -> bool:
        """Whether this is a fork of its process: no thread comes along, and none is told."""
        return os.getpid() != self._process

    def enter(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> T:
        """Start the thread, and enter a context in it, to be left by `close`."""
        _refuse_inside_a_loop()
        ready: Future[T] = Future()
        self._thread = threading.Thread(
            target=self._live, args=(make, ready), name="syncengine", daemon=True
        )
        _unclosed.add(self)
        self._thread.start()
        return _waited(ready)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end. Raises EngineClosed where the loop is closed meanwhile.

        An exception in the waiting thread, Ctrl-C above all, cancels the work.
        """
        future = self.begin(work)
        try:
            return self.result(future)
        finally:
            future.cancel()  # does nothing to what has ended

    def begin(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start it; `result` waits for it."""
        try:
            self._refuse_elsewhere()
            _refuse_inside_a_loop()
            with self._lock:
                if self._closed:
                    raise EngineClosed("the engine is closed")
                future = asyncio.run_coroutine_threadsafe(work, self._loop)
                self._calls.add(future)
        except BaseException:
            work.close()
            raise
        future.add_done_callback(self._ended)
        return future

    def _refuse_elsewhere(self) -> None:
        if self._elsewhere:
            raise EngineClosed(
                "the engine was opened in another process",
                hint="Open one here: it does not come through a fork.",
            )

    def result(self, future: "Future[T]") -> T:
        """What it ended with, when it has."""
        try:
            return _waited(future)
        except CancelledError:
            if self._closed:
                raise EngineClosed("the engine was closed meanwhile") from None
            raise

    def iterate(self, source: AsyncIterator[T]) -> "BlockingIterator[T]":
        """The same values, for threads."""
        return BlockingIterator(self, source)

    def close(self, patience: float = PATIENCE) -> None:
        """Cancel what is under way, leave the context, end the thread.

        Calls that wait in other threads end at once. After `patience` seconds the thread is
        left to itself: it does not keep the process alive. In a fork of the process this does
        nothing.
        """
        if self._elsewhere:
            return
        with self._lock:
            first, self._closed = not self._closed, True
            calls = list(self._calls)
        for call in calls:
            call.cancel()
        if self._thread is None:
            self._loop.close()
            return
        with suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not threading.current_thread():
            self._thread.join(patience)
            self._report(first=first)

    def _report(self, *, first: bool) -> None:
        assert self._thread is not None
        if self._thread.is_alive():
            _log.warning("the engine is not closed yet; it is left to itself")
        elif first and self._failure is not None:
            raise self._failure

    def _ended(self, future: Future[Any]) -> None:
        with self._lock:
            self._calls.discard(future)

    def _live(self, make: Callable[[], AbstractAsyncContextManager[T]], ready: "Future[T]") -> None:
        try:
            self._loop.run_until_complete(self._keep(make, ready))
        except BaseException as error:
            if ready.done():
                self._failure = error
            else:
                ready.set_exception(error)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            _unclosed.discard(self)

    async def _keep(
        self, make: Callable[[], AbstractAsyncContextManager[T]], ready: "Future[T]"
    ) -> None:
        async with make() as value:
            ready.set_result(value)
            await self._stop.wait()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            if others:
                await asyncio.wait(others, timeout=PATIENCE / 2)


class BlockingIterator(Iterator[T], Generic[T]):
    """Waits for each value. For one thread at a time; `close` may come from any."""

    def __init__(self, loop: Loop, source: AsyncIterator[T]) -> None:
        self._loop, self._source = loop, source
        self._turn = threading.Lock()
        self._busy = asyncio.Lock()
        self._guard = threading.Lock()  # of the two below; never held while waiting
        self._step: Future[tuple[T] | None] | None = None
        self._closed = False

    def __next__(self) -> T:
        return self.next()

    def next(self, timeout: float | None = None) -> T:
        """The next value. Raises StopIteration after the last or once this is closed,
        EngineClosed where the engine is closed, TimeoutError where none came in `timeout`
        seconds: then it may be asked again, and misses nothing. An error of the source is
        raised once."""
        with self._turn:
            step = self._begun()
            if not _settled(step, timeout):
                raise TimeoutError("nothing came in time")
            self._step = None
            found = self._outcome(step)
        if found is None:
            raise StopIteration
        return found[0]

    def close(self) -> None:
        """No more values are wanted: who waits for one gets StopIteration. Does nothing once
        the engine is closed."""
        with self._guard:
            self._closed = True
            step = self._step
        if step is not None:
            step.cancel()
        with suppress(EngineClosed):
            self._loop.call(self._finish())

    def _begun(self) -> "Future[tuple[T] | None]":
        """The step under way, or a new one."""
        with self._guard:
            if self._closed and not self._loop.closed:
                raise StopIteration
            if self._step is None:
                self._step = self._loop.begin(self._take())
            return self._step

    def _outcome(self, step: "Future[tuple[T] | None]") -> tuple[T] | None:
        try:
            return self._loop.result(step)
        except CancelledError:
            if self._closed:
                return None
            raise

    async def _take(self) -> tuple[T] | None:
        async with self._busy:
            try:
                return (await anext(self._source),)
            except StopAsyncIteration:
                return None

    async def _finish(self) -> None:
        async with self._busy:  # the last step has to be out of it
            if isinstance(self._source, AsyncGenerator):
                await self._source.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _waited(future: "Future[T]") -> T:
    _settled(future)
    return future.result()


def _settled(future: "Future[Any]", timeout: float | None = None) -> bool:
    """Wait until it has ended, or was cancelled; False: not in `timeout` seconds."""
    end = None if timeout is None else time.monotonic() + timeout
    while not future.done():
        left = _TICK if end is None else min(_TICK, end - time.monotonic())
        if left <= 0:
            return False
        wait([future], left)
    return True


def _refuse_inside_a_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ConfigError(
        "a blocking call inside an event loop, which it would hold up",
        hint="Use SyncEngine and await there; a callback of the engine must not call it.",
    )


_unclosed: "WeakSet[Loop]" = WeakSet()


@atexit.register
def _close_all() -> None:
    """Nobody closed them, and the process ends: they may finish a statement, no more."""
    for loop in list(_unclosed):
        with suppress(BaseException):
            loop.close(patience=_TICK)
