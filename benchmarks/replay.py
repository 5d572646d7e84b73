"""The requests of a cycle, written down and sent once more with no engine: its floor."""

import asyncio
import time
from collections.abc import Callable, Sequence

import httpx
from attrs import define, field

_LIST = "/user_channels"
_ONCE = ("host", "content-length", "accept-encoding")
"""Headers that the client of the floor writes itself."""


@define
class Recorder:
    """Opens the engine's connections, and remembers what is asked over them."""

    _lane: Callable[[], httpx.AsyncBaseTransport]
    asked: list[httpx.Request] = field(factory=list)

    def lane(self) -> httpx.AsyncBaseTransport:
        """One more."""
        return _Lane(self._lane(), self.asked)

    def taken(self) -> Sequence[httpx.Request]:
        """What was asked since the last time."""
        found = list(self.asked)
        self.asked.clear()
        return found


class _Lane(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport, asked: list[httpx.Request]) -> None:
        self._inner, self._asked = inner, asked

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass it on."""
        self._asked.append(request)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """End the connection."""
        await self._inner.aclose()


async def replayed(
    client: httpx.AsyncClient, asked: Sequence[httpx.Request], fetchers: int
) -> float:
    """Seconds for the same requests over a client that all share: the list's pages one after
    the other, since each names the next, then all others, so many at once."""
    started = time.perf_counter()
    pages = [each for each in asked if _LIST in each.url.path]
    others = [each for each in asked if _LIST not in each.url.path]
    for request in pages:
        await _again(client, request)

    async def some() -> None:
        while others:
            await _again(client, others.pop())

    await asyncio.gather(*(some() for _ in range(fetchers)))
    return time.perf_counter() - started


async def _again(client: httpx.AsyncClient, request: httpx.Request) -> None:
    assert isinstance(request.stream, httpx.ByteStream)
    headers = [(name, value) for name, value in request.headers.items() if name not in _ONCE]
    reply = await client.request(
        request.method, request.url, headers=headers, content=b"".join(request.stream)
    )
    assert reply.status_code == 200, reply.text
