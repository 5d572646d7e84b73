"""Lanes: ways to a server, one connection each, for one request at a time.

    DirectLane     a connection of ours: a fifth of the CPU of httpx's, or less
    TransportLane  any httpx transport: through a proxy, or one that a program brings along

Redirects, cookies and auth flows are not spoken. Whatever breaks is raised as httpx would.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from ipaddress import ip_address
from typing import Any, NamedTuple, Protocol, runtime_checkable

import httpx

from syncengine.remote.easemob.bodies import Body
from syncengine.remote.easemob.connection import Connection
from syncengine.remote.easemob.failures import Reply
from syncengine.remote.easemob.parsers import NewParser, best
from syncengine.remote.easemob.urls import proxy_for


class Question(NamedTuple):
    """A request, whole."""

    method: str
    url: httpx.URL
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    timeout: float
    """Seconds, for each silence."""


@runtime_checkable
class Lane(Protocol):
    """A way to a server, for one request at a time."""

    async def ask(self, question: Question) -> Reply:
        """The whole answer. Raises httpx's errors, and TooLarge before it is read."""
        ...

    async def aclose(self) -> None:
        """End the connection. May be called twice."""
        ...


Transport = Callable[[], "httpx.AsyncBaseTransport | Lane"]
"""Opens a lane."""


def as_lane(opened: httpx.AsyncBaseTransport | Lane) -> Lane:
    """Any httpx transport as a lane."""
    return opened if isinstance(opened, Lane) else TransportLane(opened)


def lanes_to(base: str) -> Transport:
    """Opens lanes to an address, the fastest that go there."""
    proxy = proxy_for(base)
    return direct_lanes(base) if proxy is None else lanes_through(proxy)


def direct_lanes(base: str, new_parser: NewParser | None = None) -> Callable[[], "DirectLane"]:
    """Opens direct lanes, past any proxy; by default with the fastest parser."""
    chosen, tls = new_parser or best(), _tls(needed=base.startswith("https:"))
    tls.set_alpn_protocols(["http/1.1"])
    return lambda: DirectLane(tls, chosen)


def lanes_through(proxy: str) -> Callable[[], httpx.AsyncHTTPTransport]:
    """Opens lanes through a proxy, to which only httpx speaks; they share one TLS context."""
    _load_what_connects()
    tls = _tls(needed=True)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
    return lambda: httpx.AsyncHTTPTransport(verify=tls, limits=limits, proxy=proxy)


def _load_what_connects() -> None:
    """httpx would import it with the first connection, and hold the event loop for 40 ms."""
    with suppress(ImportError):  # then it knows another way
        for name in ("httpcore", "anyio._backends._asyncio"):
            import_module(name)


def _tls(*, needed: bool) -> ssl.SSLContext:
    # Loading the system's certificates takes 20 ms, and plain http has no use for them.
    return httpx.create_ssl_context() if needed else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class TransportLane:
    """A lane over an httpx transport."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def ask(self, question: Question) -> Reply:
        """See `Lane`."""
        response = await self._transport.handle_async_request(_request(question))
        try:
            body = Body(response.headers.get("content-length", ""))
            assert isinstance(response.stream, httpx.AsyncByteStream)
            async for piece in response.stream:
                body.add(piece)
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, body.whole())

    async def aclose(self) -> None:
        """See `Lane`."""
        await self._transport.aclose()


def _request(question: Question) -> httpx.Request:
    return httpx.Request(
        question.method,
        question.url,
        headers=list(question.headers),
        stream=httpx.ByteStream(question.body),
        extensions={"timeout": httpx.Timeout(question.timeout).as_dict()},
    )


def _named(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """An answer's headers by their names in small letters."""
    return {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in headers}


class DirectLane(httpx.AsyncBaseTransport):
    """A lane over a connection of ours; HEAD and CONNECT are not spoken. It is an httpx
    transport, too, for requests of which the length is known."""

    def __init__(self, tls: ssl.SSLContext, new_parser: NewParser) -> None:
        self._tls, self._new_parser = tls, new_parser
        self._connection: Connection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, and give its answer as soon as its head is there."""
        timeout = request.extensions.get("timeout", {})
        head = _head_of(request.method, request.url, request.headers.raw)
        data = head + await request.aread()
        connection = await self._connected(request.url, timeout.get("connect"))
        with _ended_by_faults(connection):
            answer = await connection.ask(data, timeout.get("read"))
        body = _DirectBody(connection)
        return httpx.Response(answer.status, headers=answer.headers, stream=body, request=request)

    async def ask(self, question: Question) -> Reply:
        """See `Lane`: the same without httpx's objects, which cost a third of a request."""
        connection = await self._connected(question.url, question.timeout)
        with _ended_by_faults(connection):
            head = await connection.ask(_data_of(question), question.timeout)
            headers = _named(head.headers)
            body = Body(headers.get("content-length", ""))
            while piece := await connection.piece():
                body.add(piece)
            reply = Reply(head.status, headers, body.whole())
        connection.end()
        return reply

    async def aclose(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connected(self, url: httpx.URL, timeout: float | None) -> Connection:
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

    async def _connect(self, url: httpx.URL) -> Connection:
        loop = asyncio.get_running_loop()
        secure = url.scheme == "https"
        race: dict[str, Any] = {}
        if _may_have_several(url.host) and isinstance(loop, asyncio.BaseEventLoop):
            race["happy_eyeballs_delay"] = 0.25  # other loops, as uvloop, try one by one
        _, connection = await loop.create_connection(
            lambda: Connection(self._new_parser),
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


@contextmanager
def _ended_by_faults(connection: Connection) -> Iterator[None]:
    """Whatever is raised in the block ends the connection; what it raises itself is made
    httpx's."""
    try:
        yield
    except BaseException as error:
        connection.abort()
        if isinstance(error, _BROKEN):
            raise _as_httpx(error) from error
        raise


class _DirectBody(httpx.AsyncByteStream):
    """The body of a direct lane's answer."""

    def __init__(self, connection: Connection) -> None:
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


def _data_of(question: Question) -> bytes:
    return _head_of(question.method, question.url, question.headers) + question.body


def _head_of(method: str, url: httpx.URL, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (method.encode("ascii"), url.raw_path)]
    lines += [b"%b: %b" % header for header in headers]
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
