"""The HTTP transports that a pull can be measured over, by name: the floor's and the engine's.

httpx   without extras: a floor has httpx, the engine its direct lanes, read by h11
speed   with httptools, which the engine takes by itself where it is installed, and a floor gets
        behind httpx's client: its direct lanes
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

import httpx
from attrs import frozen

from benchmarks.results import CannotRun
from syncengine.remote.easemob import lanes
from syncengine.remote.easemob.parsers import WithH11, WithHttptools

Open = Callable[[], httpx.AsyncBaseTransport]
"""Opens a connection."""
_TIMEOUT = 30.0


@frozen
class Transport:
    """One way to a server."""

    client: Callable[[str], httpx.AsyncClient]
    """The one client of a server that all fetchers of a floor share."""
    lanes: Callable[[str], lanes.Transport]
    """What the engine opens to a server."""
    needs: str = ""
    """A module of an extra."""

    @property
    def here(self) -> bool:
        """Whether it can be had."""
        return not self.needs or find_spec(self.needs) is not None


class Shared(httpx.AsyncBaseTransport):
    """Lanes as one transport. An answer is read whole, and then its lane is free for the next
    request: the one used last first."""

    def __init__(self, open_lane: Open) -> None:
        self._open_lane = open_lane
        self._idle: list[httpx.AsyncBaseTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask over a lane that is idle, or one more."""
        lane = self._idle.pop() if self._idle else self._open_lane()
        try:
            response = await lane.handle_async_request(request)
            await response.aread()
        finally:
            self._idle.append(lane)
        return response

    async def aclose(self) -> None:
        """End the connections, none of which may be in use."""
        while self._idle:
            await self._idle.pop().aclose()


def plain(url: str) -> Open:
    """The engine's lanes without extras."""
    return lanes.direct_lanes(url, WithH11)


def fast(url: str) -> Open:
    """The engine's lanes with httptools."""
    return lanes.direct_lanes(url, WithHttptools)


def _fast_client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=Shared(fast(url)), timeout=_TIMEOUT)


SLOWEST = "httpx"
TRANSPORTS: Mapping[str, Transport] = {
    SLOWEST: Transport(lambda _: httpx.AsyncClient(timeout=_TIMEOUT), plain),
    "speed": Transport(_fast_client, fast, needs="httptools"),
}
"""The engine takes the last that it can have."""
USUAL = [name for name, each in TRANSPORTS.items() if each.here][-1]
"""What the engine takes here."""


def chosen(name: str | None) -> Sequence[str]:
    """That one, or all that can be had here. Raises CannotRun where it cannot be."""
    if name is None:
        return [each for each in TRANSPORTS if TRANSPORTS[each].here]
    if not TRANSPORTS[name].here:
        raise CannotRun(f"the transport {name} needs {TRANSPORTS[name].needs}: the extra `speed`")
    return [name]


def over(program: str, transport: str) -> str:
    """What a table calls it."""
    return program if transport == SLOWEST else f"{program} over {transport}"
