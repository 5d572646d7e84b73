"""An httpx transport that runs the stand-in in the same process, broken connections included."""

import asyncio
from collections.abc import AsyncIterator

import httpx
from attrs import define, field
from starlette.types import ASGIApp, Message, Scope

from syncengine.emulator.gate import CONNECTION


@define
class _Connection:
    """Stands for the socket: a fault breaks it, nothing is sent after that."""

    broken: bool = False
    closed: bool = False

    def abort(self) -> None:
        """Break it."""
        self.broken = True

    def close(self) -> None:
        """End it after what was sent."""
        self.closed = True


@define
class _Exchange:
    """One request and what came back so far."""

    body: bytes
    connection: _Connection = field(factory=_Connection)
    read: bool = False
    done: asyncio.Event = field(factory=asyncio.Event)
    start: Message | None = None
    chunks: list[bytes] = field(factory=list)

    async def receive(self) -> Message:
        """The request's body, then the end of the connection."""
        over = self.connection.broken or self.connection.closed
        if not (self.read or over):
            self.read = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        if not over:
            await self.done.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """A part of the answer."""
        if message["type"] == "http.response.start":
            self.start = message
            return
        self.chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            self.done.set()


class _Stream(httpx.AsyncByteStream):
    """An answer's body; when the connection was closed early, reading it fails at the end."""

    def __init__(self, chunks: list[bytes], *, cut: bool) -> None:
        self._chunks = chunks
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._cut:
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body"
            )


class EmulatorTransport(httpx.AsyncBaseTransport):
    """Hands requests to an ASGI app; its dropped connections raise what httpx would raise.

    Before the work was done a drop is an `httpx.ReadError`, after it an
    `httpx.RemoteProtocolError`; half a body fails while it is read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        exchange = _Exchange(await request.aread())
        await self._app(_scope(request, exchange.connection), exchange.receive, exchange.send)
        if exchange.connection.broken or exchange.start is None:
            raise _broken(exchange, request)
        return httpx.Response(
            exchange.start["status"],
            headers=exchange.start["headers"],
            stream=_Stream(exchange.chunks, cut=exchange.connection.closed),
            request=request,
        )


def _broken(exchange: _Exchange, request: httpx.Request) -> httpx.TransportError:
    if exchange.read:
        message = "Server disconnected without sending a response."
        return httpx.RemoteProtocolError(message, request=request)
    return httpx.ReadError("Connection reset by peer", request=request)


def _scope(request: httpx.Request, connection: _Connection) -> Scope:
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        CONNECTION: connection,
    }
