"""The ways to a server that tests take in turn."""

from collections.abc import Callable

import httpx

from syncengine.remote.easemob.lanes import DirectLane, Transport, direct_lanes
from syncengine.remote.easemob.parsers import WithH11, WithHttptools

Lanes = Callable[[str], Transport]
"""Opens lanes to an address."""


def plain(base: str) -> Callable[[], DirectLane]:
    """What an installation without extras has."""
    return direct_lanes(base, WithH11)


def fast(base: str) -> Callable[[], DirectLane]:
    """What the extra `speed` brings."""
    return direct_lanes(base, WithHttptools)


def transports(base: str) -> Callable[[], httpx.AsyncHTTPTransport]:
    """What a program may bring along, or stands before a proxy: httpx's own transport."""
    return httpx.AsyncHTTPTransport
