"""A connection that speaks HTTP/1.1 over asyncio, for one request at a time.

    ask ──bytes──▶ socket ──data_received──▶ parser ──▶ Head, then pieces of the body

It costs a fifth of the CPU of httpx's own, or less (see `parsers`). It is the inside of the
direct lanes, and knows no httpx. Requests are sent whole; an answer to HEAD or CONNECT it would
not understand.
"""

import asyncio
import select
from collections import deque
from collections.abc import Callable, Sized
from time import monotonic
from typing import NamedTuple, cast

from syncengine.remote.easemob.parsers import Broken, NewParser

_LONGEST_REST = 30.0
"""Seconds that a connection may be idle and still be used: a server may end it any moment."""
_MOST_UNREAD = 256 * 1024
"""Bytes of a body that wait to be read before the server is made to wait."""
_MOST_HEAD = 64 * 1024
"""Bytes of a head, beside the framing of the body."""
_MOST_FRAMING = 8
"""Bytes of framing for each byte of the body: a chunk of one byte has five."""


class Head(NamedTuple):
    """How an answer begins."""

    status: int
    headers: list[tuple[bytes, bytes]]


class Connection(asyncio.Protocol):
    """One connection. Made by an event loop's `create_connection`.

    Whatever is raised while an answer is awaited leaves the rest of it on its way: then
    `abort` is the only thing left to do.
    """

    def __init__(self, new_parser: NewParser) -> None:
        self._new_parser = new_parser
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._over = asyncio.Event()
        self._idle_since = monotonic()
        self._poll: Callable[[int], Sized] | None = None
        self._begin()
        self._complete = True

    def _begin(self) -> None:
        self._parser = self._new_parser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: deque[bytes] = deque()
        self._fed = self._size = self._unread = 0
        self._begun = self._complete = self._paused = False
        self._keep = True

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent here."""
        rested = monotonic() - self._idle_since
        return self._kept and rested < _LONGEST_REST and not self._has_news()

    @property
    def _kept(self) -> bool:
        """Whether the answer was read, and neither side wants to end the connection."""
        return self._complete and self._keep and not self._transport.is_closing()

    def _has_news(self) -> bool:
        """Whether something came, perhaps the end, that the event loop did not look at yet."""
        if self._poll is None:
            self._poll = _poll_of(self._transport)
        return bool(self._poll(0))

    async def ask(self, request: bytes, timeout: float | None) -> Head:
        """Send a whole request, and wait for the head of its answer; `timeout` is in seconds,
        for each silence, also while the body comes.

        Raises TimeoutError, OSError and `Broken`.
        """
        self._begin()
        self._timeout = timeout
        self._transport.write(request)
        while not self._begun:
            await self._news()
        return Head(self._status, self._headers)

    async def piece(self) -> bytes:
        """The next piece of the answer's body; empty: it is over. Raises as `ask` does."""
        while not self._pieces and not self._complete:
            await self._news()
        return self._take() if self._pieces else b""

    def end(self) -> None:
        """The answer is not wanted any more: keep the connection if all of it was read."""
        if not self._kept:
            self.abort()

    def abort(self) -> None:
        """End the connection at once. May be called twice."""
        self._transport.abort()

    async def close(self) -> None:
        """End it, and wait until its socket is closed."""
        self.abort()
        await self._over.wait()

    def _take(self) -> bytes:
        piece = self._pieces.popleft()
        self._unread -= len(piece)
        if self._paused and self._unread < _MOST_UNREAD:
            self._paused = False
            self._transport.resume_reading()
        return piece

    async def _news(self) -> None:
        """Wait until more of the answer is here."""
        if self._error is not None:
            raise self._error
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None if self._timeout is None else loop.call_later(self._timeout, _fail, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if self._complete:  # nobody asked: what comes next could be taken for an answer
            self._keep = False
            self.abort()
            return
        self._fed += len(data)
        try:
            self._parser.feed(data)
        except Broken as error:
            self._fail(error)
        if self._fed - self._size > _MOST_HEAD + _MOST_FRAMING * self._size:
            self._fail(Broken("too much beside the body"))
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by whoever."""
        self._over.set()
        if exc is None and self._begun and not self._has_length():
            self._complete = True
        self._fail(exc or Broken("the connection was closed"))
        self._wake()

    def _has_length(self) -> bool:
        """Whether the body's end is told; else the end of the connection is the body's."""
        told = (b"content-length", b"transfer-encoding")
        return any(name.lower() in told for name, _ in self._headers)

    def _fail(self, error: Exception) -> None:
        if self._complete:
            self._keep = False
        elif self._error is None:
            self._error = error
            self._transport.abort()

    # What the parser calls

    def on_message_begin(self) -> None:
        """An answer begins; a second one was not asked for."""
        self._keep = self._keep and not self._complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or one behind the body, which nobody wants."""
        if not self._begun:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole; one of the status 1xx only says that another follows."""
        if self._begun:
            return
        self._status = self._parser.status
        self._begun = self._status >= 200
        if not self._begun:
            self._headers = []

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self._complete:
            return
        self._pieces.append(body)
        self._size += len(body)
        self._unread += len(body)
        if self._unread > _MOST_UNREAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if not self._begun or self._complete:
            return
        self._complete = True
        self._keep = self._parser.keeps_alive
        self._idle_since = monotonic()


def _poll_of(transport: asyncio.Transport) -> Callable[[int], Sized]:
    """Tells whether the socket can be read, without a wait; Windows cannot say."""
    if not hasattr(select, "poll"):
        return lambda _: ()
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return poll.poll


def _fail(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError("silence"))
