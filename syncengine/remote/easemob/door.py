"""The way to a server: lanes, limits, and foreign errors made ours. The only file here that
knows httpx.

**Lanes.** A lane is one connection of its own, since httpx's shared pool walks all its
connections at every request. The one used last is taken first, so a quiet client keeps
few open. A lane is an httpx transport and not a whole client: redirects are refused here,
cookies and auth flows are not spoken, and they cost a quarter of a request's CPU.

**Fast lanes.** Where httptools is installed (the extra ``speed``) and no proxy stands in
between, a lane is a `FastLane`: one of our own connections behind httpx's interface.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import httpx

from syncengine.errors import EngineClosed, ServerFault, Unreachable
from syncengine.remote.easemob.calls import Request
from syncengine.remote.easemob.failures import Reply
from syncengine.remote.easemob.urls import proxy_for

if TYPE_CHECKING:
    from syncengine.remote.easemob.connection import Connection

Address = httpx.URL
Transport = Callable[[], httpx.AsyncBaseTransport]
"""Opens a lane."""

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes; an ordinary page has 15 to 300 kB. Two messages of 5 MB fit."""
DEADLINE = 4
"""A whole answer may take so many timeouts; the timeout itself is for each silence."""

_log = logging.getLogger("syncengine.remote.easemob")


class TooLarge(ServerFault):
    """An answer that is not read; one to a request for less may be smaller. Stays in the
    adapter: outside it is a fault of the server like any other."""


class Door:
    """The way to one server: lanes, limits, and foreign errors made ours."""

    def __init__(self, base: str, *, timeout: float, transport: Transport | None) -> None:
        self._base = base
        self._open_lane = transport or lanes_to(base)
        self._idle: list[httpx.AsyncBaseTransport] = []
        self._closed = False
        self.received = 0
        """Bytes of all answers."""
        self._extensions = {"timeout": httpx.Timeout(timeout).as_dict()}
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
                reply = await _exchange(lane, self._prepare(request, url, token))
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

    def _take_lane(self) -> httpx.AsyncBaseTransport:
        if self._closed:
            raise EngineClosed("the remote was closed")
        return self._idle.pop() if self._idle else self._open_lane()

    async def _give_back(self, lane: httpx.AsyncBaseTransport) -> None:
        if self._closed:
            await lane.aclose()
        else:
            self._idle.append(lane)

    def _prepare(self, request: Request, url: httpx.URL, token: str) -> httpx.Request:
        headers = self._headers_with(token)
        if request.method != "GET":
            headers = [*headers, (b"content-length", b"%d" % len(request.body))]
        return httpx.Request(
            request.method,
            url,
            headers=headers,
            stream=httpx.ByteStream(request.body),
            extensions=self._extensions,
        )

    def _headers_with(self, token: str) -> list[tuple[bytes, bytes]]:
        """Made once a token, not once a request."""
        if token != self._signed[0]:
            bearer = (b"authorization", f"Bearer {token}".encode("ascii"))
            self._signed = (token, [*self._headers, bearer] if token else self._headers)
        return self._signed[1]


async def _exchange(lane: httpx.AsyncBaseTransport, request: httpx.Request) -> Reply:
    response = await lane.handle_async_request(request)
    try:
        body = await _read(response)
    finally:
        await response.aclose()
    return Reply(response.status_code, response.headers, body)


async def _read(response: httpx.Response) -> bytes:
    """The whole body, or an error as soon as it is known to be too large."""
    expected = _declared(response.headers.get("content-length", ""))
    chunks, size = [], 0
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for chunk in response.stream:
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise _too_large()
        chunks.append(chunk)
    if size < expected:
        raise Unreachable("the answer was cut off half-way")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _declared(length: str) -> int:
    """The body's length as the server says it, 0 where it does not."""
    if not length.isdecimal():
        return 0
    if len(length) > 15 or int(length) > LARGEST_ANSWER:
        raise _too_large()
    return int(length)


def _too_large() -> TooLarge:
    return TooLarge(
        "the server's answer is too large",
        hint=f"It has more than {LARGEST_ANSWER >> 20} MiB and was not read; the server is faulty.",
    )


def lanes_to(base: str) -> Transport:
    """Opens lanes to an address, the fastest that go there."""
    if proxy_for(base) is None and find_spec("httptools") is not None:
        return fast_lanes(base)
    return httpx_lanes(base)


def httpx_lanes(base: str) -> Transport:
    """Opens lanes of httpx's own; they share one TLS context and one decision about proxies."""
    _load_what_connects()
    proxy = proxy_for(base)
    tls = _tls(needed=base.startswith("https:") or proxy is not None)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
    return lambda: httpx.AsyncHTTPTransport(verify=tls, limits=limits, proxy=proxy)


def _load_what_connects() -> None:
    """httpx would import it with the first connection, and hold the event loop for 40 ms."""
    with suppress(ImportError):  # then it knows another way
        for name in ("httpcore", "anyio._backends._asyncio"):
            import_module(name)


def fast_lanes(base: str) -> Transport:
    """Opens fast lanes, past any proxy. Raises ImportError where httptools is not installed."""
    from syncengine.remote.easemob.connection import Connection

    tls = _tls(needed=base.startswith("https:"))
    tls.set_alpn_protocols(["http/1.1"])
    return lambda: FastLane(Connection, tls)


def _tls(*, needed: bool) -> ssl.SSLContext:
    # Loading the system's certificates takes 20 ms, and plain http has no use for them.
    return httpx.create_ssl_context() if needed else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class FastLane(httpx.AsyncBaseTransport):
    """An httpx transport of one connection, for one request at a time of which the length is
    known; HEAD and CONNECT are not spoken. It raises what httpx's own would."""

    def __init__(self, connection: "type[Connection]", tls: ssl.SSLContext) -> None:
        """`connection`: what to open, given here since its file needs httptools."""
        self._kind, self._tls = connection, tls
        self._connection: Connection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, and give its answer as soon as its head is there."""
        timeout = request.extensions.get("timeout", {})
        data = _head_of(request) + await request.aread()
        connection = await self._connected(request.url, timeout.get("connect"))
        try:
            head = await connection.ask(data, timeout.get("read"))
        except BaseException as error:
            connection.abort()
            if isinstance(error, _BROKEN):
                raise _as_httpx(error) from error
            raise
        body = _FastBody(connection)
        return httpx.Response(head.status, headers=head.headers, stream=body, request=request)

    async def aclose(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connected(self, url: httpx.URL, timeout: float | None) -> "Connection":
        if self._connection is None or not self._connection.reusable:
            await self.aclose()
            try:
                async with asyncio.timeout(timeout):
                    self._connection = await self._connect(url)
            except TimeoutError as error:
                raise httpx.ConnectTimeout("no connection in time") from error
            except OSError as error:
                raise httpx.ConnectError(str(error)) from error
        return self._connection

    async def _connect(self, url: httpx.URL) -> "Connection":
        loop = asyncio.get_running_loop()
        secure = url.scheme == "https"
        race: dict[str, Any] = {}
        if _may_have_several(url.host) and isinstance(loop, asyncio.BaseEventLoop):
            race["happy_eyeballs_delay"] = 0.25  # other loops, as uvloop, try one by one
        _, connection = await loop.create_connection(
            self._kind,
            url.raw_host.decode("ascii"),
            url.port or (443 if secure else 80),
            ssl=self._tls if secure else None,
            **race,
        )
        return connection


def _may_have_several(host: str) -> bool:
    """Whether a host is a name, and not one address: to race is of use only then, and asyncio
    forgets to close the socket of a race that is cancelled when it is won."""
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


class _FastBody(httpx.AsyncByteStream):
    """The body of a fast lane's answer."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while piece := await self._connection.piece():
                yield piece
        except _BROKEN as error:
            raise _as_httpx(error) from error

    async def aclose(self) -> None:
        """Read or not, it is over."""
        self._connection.end()


def _head_of(request: httpx.Request) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    head = b"\r\n".join(lines)
    if not head.count(b"\n") == head.count(b"\r") == len(lines) - 1:
        raise httpx.LocalProtocolError("a header holds the end of a line")
    return head + b"\r\n\r\n"


_BROKEN = (OSError, EOFError)
"""What a connection raises; TimeoutError is among them."""


def _as_httpx(error: BaseException) -> httpx.TransportError:
    """What httpx's own transport would have raised."""
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout(str(error))
    kind = httpx.ReadError if isinstance(error, OSError) else httpx.RemoteProtocolError
    return kind(str(error))


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
