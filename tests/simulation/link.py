"""The way from a device to the server: offline at times, and full of surprises."""

import httpx
from attrs import define

from tests.harness import VirtualTime
from tests.simulation.server import Server
from tests.simulation.trace import Violation

MOST_REQUESTS = 3_000
"""In one step."""
MOST_SECONDS = 3 * 86_400.0
"""Of virtual time, in one step."""
_REFUSED = b'{"error":"illegal_argument","error_description":"cursor is expired: cursor"}'


@define
class Link:
    """What a device's requests go through."""

    server: Server
    time: VirtualTime
    online: bool = True
    cursors_refused: float = 0.0
    """Share of continued pages whose cursor is refused."""
    surprises: float = 0.0
    """How often something happens on the server between two requests."""
    requests: int = 0
    started: float = 0.0

    def begin(self) -> None:
        """A step begins: from here on requests and time are counted."""
        self.requests, self.started = 0, self.time.seconds

    def check(self) -> None:
        """Law 12: a step ends, whatever the server does."""
        if self.requests > MOST_REQUESTS:
            raise Violation("liveness", f"{self.requests} requests in one step")
        if self.time.seconds - self.started > MOST_SECONDS:
            raise Violation("liveness", f"{self.time.seconds - self.started} s in one step")

    def lane(self) -> httpx.AsyncBaseTransport:
        """One connection."""
        return _Lane(self)

    async def ask(self, request: httpx.Request) -> httpx.Response:
        """One request, with whatever happens to it."""
        self.requests += 1
        if not self.online or self.requests > MOST_REQUESTS:
            raise httpx.ConnectError("no network", request=request)
        random = self.server.random
        if self.surprises and random.random() < self.surprises:
            self.server.something()
        body = await request.aread()
        refusable = self.cursors_refused and _continues(request, body)
        if refusable and random.random() < self.cursors_refused:
            return httpx.Response(400, content=_REFUSED, request=request)
        return await self._exchange(request, body)

    async def _exchange(self, request: httpx.Request, body: bytes) -> httpx.Response:
        name = f"{request.method} {request.url.raw_path.decode().split('&_v=')[0]}"
        trace = self.server.trace
        try:
            transport = self.server.emulator.transport()
            response = await transport.handle_async_request(request)
        except httpx.TransportError:
            trace.exchange(name, body, 0, b"")
            raise
        stream = response.stream
        chunks = getattr(stream, "_chunks", [])
        trace.exchange(name, body, response.status_code, b"".join(chunks[:4]))
        return response


def _continues(request: httpx.Request, body: bytes) -> bool:
    return request.url.path.endswith("/messageroaming") and b'"start":-1' not in body


class _Lane(httpx.AsyncBaseTransport):
    def __init__(self, link: Link) -> None:
        self._link = link

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._link.ask(request)
