"""Reads the bytes of HTTP/1.1 answers. The only door to the two libraries that do: httptools
where it is installed (the extra ``speed``), in C, else h11.

Both tell a `Listener` what comes, in the same words. Nothing is told of a second answer but
that it begins: one request at a time is asked.
"""

from collections.abc import Callable
from typing import Protocol

import h11

try:
    import httptools
except ImportError:
    httptools = None  # type: ignore[assignment]  # looked at before it is used

_LARGEST_HEAD = 64 * 1024
"""Bytes."""


class Broken(EOFError):
    """The answer was cut off, or is no HTTP."""


class Listener(Protocol):
    """Is told what an answer says."""

    def on_message_begin(self) -> None:
        """An answer begins."""
        ...

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or one behind the body."""
        ...

    def on_headers_complete(self) -> None:
        """The head is whole; one of the status 1xx only says that another follows."""
        ...

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        ...

    def on_message_complete(self) -> None:
        """The answer is whole."""
        ...


class Parser(Protocol):
    """Reads one answer."""

    @property
    def status(self) -> int:
        """Of the last head that was told."""
        ...

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection can be used again, once the answer is whole."""
        ...

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises `Broken` where they are no HTTP."""
        ...


NewParser = Callable[[Listener], Parser]


def best() -> NewParser:
    """The fastest that is installed."""
    return WithH11 if httptools is None else WithHttptools


class WithHttptools:
    """A parser in C."""

    def __init__(self, listener: Listener) -> None:
        self._parser = httptools.HttpResponseParser(listener)

    @property
    def status(self) -> int:
        """See `Parser`."""
        return int(self._parser.get_status_code())

    @property
    def keeps_alive(self) -> bool:
        """See `Parser`."""
        return bool(self._parser.should_keep_alive())

    def feed(self, data: bytes) -> None:
        """See `Parser`."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise Broken(f"no HTTP: {error}") from error


class WithH11:
    """A parser in Python, which whoever has httpx has."""

    _QUESTION = h11.Request(method="GET", target="/", headers=[("Host", "any")])
    """h11 wants to know that something was asked: anything that has a body for an answer."""
    _ASKED = h11.EndOfMessage()

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._read = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
        self._read.send(self._QUESTION)
        self._read.send(self._ASKED)
        self.status = 0

    @property
    def keeps_alive(self) -> bool:
        """See `Parser`."""
        return self._read.our_state is h11.DONE and self._read.their_state is h11.DONE

    def feed(self, data: bytes) -> None:
        """See `Parser`."""
        try:
            self._read.receive_data(data)
            self._tell()
        except h11.RemoteProtocolError as error:
            raise Broken(f"no HTTP: {error}") from error

    def _tell(self) -> None:
        while True:
            event = self._read.next_event()
            match event:
                case h11.Response() | h11.InformationalResponse():
                    self._tell_head(event)
                case h11.Data():
                    self._listener.on_body(bytes(event.data))
                case h11.EndOfMessage():
                    self._tell_end()
                    return
                case _:
                    return

    def _tell_end(self) -> None:
        self._listener.on_message_complete()
        more, _ = self._read.trailing_data
        if more:
            self._listener.on_message_begin()

    def _tell_head(self, head: h11.Response | h11.InformationalResponse) -> None:
        if head.status_code == 101:
            raise Broken("no HTTP: another protocol")
        self.status = head.status_code
        self._listener.on_message_begin()
        for name, value in head.headers.raw_items():
            self._listener.on_header(name, value)
        self._listener.on_headers_complete()
