"""The way to a server: lanes, a deadline, and foreign errors made ours.

A lane is one connection of its own, since httpx's shared pool walks all its connections at
every request; see `lanes`. The one used last is taken first, so a quiet client keeps few open.
"""

import asyncio
import logging

import httpx

from syncengine.errors import EngineClosed, Unreachable
from syncengine.remote.easemob.calls import Request
from syncengine.remote.easemob.failures import Reply
from syncengine.remote.easemob.lanes import Lane, Question, Transport, as_lane, lanes_to

Address = httpx.URL
DEADLINE = 4
"""A whole answer may take so many timeouts; the timeout itself is for each silence."""

_log = logging.getLogger("syncengine.remote.easemob")


class Door:
    """The way to one server: lanes, limits, and foreign errors made ours."""

    def __init__(self, base: str, *, timeout: float, transport: Transport | None) -> None:
        self._base = base
        self._open_lane = transport or lanes_to(base)
        self._idle: list[Lane] = []
        self._closed = False
        self.received = 0
        """Bytes of all answers."""
        self._timeout = timeout
        self._deadline = timeout * DEADLINE
        self._headers = [
            (b"host", httpx.Request("GET", base).headers["host"].encode()),
            (b"accept", b"application/json"),
            (b"accept-encoding", b"identity"),  # nothing that grows while it is read
            (b"content-type", b"application/json"),
            (b"user-agent", b"syncengine"),
        ]
        self._signed: tuple[str, list[tuple[bytes, bytes]]] = ("", self._headers)

    def url(self, target: str) -> httpx.URL:
        """The whole address of a request's target."""
        return httpx.URL(self._base + target)

    async def send(self, request: Request, url: httpx.URL, token: str = "") -> Reply:
        """Ask once, and read the whole answer."""
        lane = self._take_lane()
        try:
            async with asyncio.timeout(self._deadline):
                reply = await lane.ask(self._question(request, url, token))
        except (httpx.HTTPError, TimeoutError) as error:
            raise _ours(error, self._base) from error
        finally:
            await self._give_back(lane)
        size = len(reply.body)
        self.received += size
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s %s: %d, %d bytes", request.method, url.path, reply.status, size)
        return reply

    async def close(self) -> None:
        """End all connections; those in use end when their request does."""
        self._closed = True
        await self.rest()

    async def rest(self) -> None:
        """End the connections that are idle."""
        while self._idle:
            await self._idle.pop().aclose()

    def _take_lane(self) -> Lane:
        if self._closed:
            raise EngineClosed("the remote was closed")
        return self._idle.pop() if self._idle else as_lane(self._open_lane())

    async def _give_back(self, lane: Lane) -> None:
        if self._closed:
            await lane.aclose()
        else:
            self._idle.append(lane)

    def _question(self, request: Request, url: httpx.URL, token: str) -> Question:
        headers = self._headers_with(token)
        if request.method != "GET":
            headers = [*headers, (b"content-length", b"%d" % len(request.body))]
        return Question(request.method, url, headers, request.body, self._timeout)

    def _headers_with(self, token: str) -> list[tuple[bytes, bytes]]:
        """Made once a token, not once a request."""
        if token != self._signed[0]:
            bearer = (b"authorization", f"Bearer {token}".encode("ascii"))
            self._signed = (token, [*self._headers, bearer] if token else self._headers)
        return self._signed[1]


_FOREIGN: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.TimeoutException, "no answer in time"),
    (TimeoutError, "the answer took too long"),
    (httpx.ProxyError, "the proxy refuses the connection"),
    (httpx.ConnectError, "no connection to the server"),
    (httpx.NetworkError, "the connection was lost"),
    (httpx.RemoteProtocolError, "the answer was cut off, or is no HTTP"),
    (Exception, "the request could not be made"),
)
"""What breaks on the way. Only these words are shown: foreign ones may quote a header."""

_UNTRUSTED = (
    "The server's certificate is not trusted here. Check the address; SSL_CERT_FILE can name "
    "further certificates."
)


_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "RECORD LAYER FAILURE")
"""What TLS says of an answer that is none of its own; OpenSSL's versions differ."""
_WANTS_HTTP = (
    "Check the port, and the server's address: where the network between is trusted, one that "
    "begins with http:// reaches it."
)
_WANTS_HTTPS = (
    "Check the network and the server's address, which begins with http://: it may want "
    "https://. What is stored can be read offline."
)


def _ours(error: Exception, base: str) -> Unreachable:
    """Whatever breaks on the way to `base` leaves us without an answer."""
    words = next(words for kind, words in _FOREIGN if isinstance(error, kind))
    said = str(error).upper()
    if "CERTIFICATE" in said:
        return Unreachable(words, hint=_UNTRUSTED)
    if base.startswith("https:") and any(each in said for each in _NO_TLS):
        return Unreachable("what answers there does not speak https", hint=_WANTS_HTTP)
    silent = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError)
    plain = base.startswith("http:") and silent
    return Unreachable(words, hint=_WANTS_HTTPS if plain else None)
