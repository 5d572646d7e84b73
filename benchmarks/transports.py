"""The HTTP transports that a pull can be measured over, by name: the floor's and the engine's."""

import ssl
from collections.abc import Callable, Mapping

import httpx
from attrs import frozen

_TIMEOUT = 30.0
_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)


@frozen
class Transport:
    """One way to a server."""

    client: Callable[[], httpx.AsyncClient]
    """The one client that all fetchers of a floor share."""
    lane: Callable[[], httpx.AsyncBaseTransport]
    """A connection of the engine's."""


def _stock_lane() -> httpx.AsyncBaseTransport:
    # The emulator speaks no TLS, and loading the system's certificates takes 20 ms.
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncHTTPTransport(verify=tls, limits=_ONE)


TRANSPORTS: Mapping[str, Transport] = {
    "httpx": Transport(lambda: httpx.AsyncClient(timeout=_TIMEOUT), _stock_lane),
}
"""`httpx` is what an installation without extras has."""
