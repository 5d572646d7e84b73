"""What does a request cost the client, by the way it is sent? CPU a request, and the time.

A server in another process answers every request with the same bytes, a page of 49 messages.
Beside the two kinds of lanes stands `httpx-aiohttp`, where it is installed, behind the same
door. Run it by ``python -m benchmarks.lanes``.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import time
from base64 import b64encode
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.facts import machine
from benchmarks.transports import fast, plain
from syncengine.remote.easemob.calls import Request
from syncengine.remote.easemob.door import Door
from syncengine.remote.easemob.failures import Call

_ROW = {"msg": b64encode(bytes(220)).decode()}
_PAGE = json.dumps({"data": {"msgs": [_ROW] * 49, "next_key": "1", "is_last": False}}).encode()
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_PAGE), _PAGE)
_REQUEST = Request(Call.HISTORY, "POST", "/org/app/users/alice/messageroaming", b"x" * 160)


def _aiohttp_lanes(_: str) -> Callable[[], httpx.AsyncBaseTransport]:
    module: Any = import_module("httpx_aiohttp")
    return lambda: module.AiohttpTransport()


WAYS: dict[str, tuple[str, Callable[[str], Callable[[], Any]]]] = {
    "httpx": ("httpx", lambda _: httpx.AsyncHTTPTransport),
    "httpx-aiohttp": ("httpx_aiohttp", _aiohttp_lanes),
    "direct lanes, h11": ("h11", plain),
    "direct lanes, httptools (extra speed)": ("httptools", fast),
}
"""The module that each needs, and how its lanes are opened."""


class _Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._came = transport, b""

    def data_received(self, data: bytes) -> None:
        self._came += data
        if self._came.endswith(_REQUEST.body):  # one request at a time on each connection
            self._came = b""
            self._transport.write(_ANSWER)


def _serve(told: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


async def measure(base: str, lanes: Any, number: int, fetchers: int) -> tuple[float, float]:
    """CPU and time of a request, µs, once the connections are open."""
    door = Door(base, timeout=15, transport=lanes)
    url = door.url(_REQUEST.target)
    left = fetchers

    async def fetch() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert len((await door.send(_REQUEST, url, "token")).body) == len(_PAGE)

    await asyncio.gather(*(fetch() for _ in range(fetchers)))
    left = number
    cpu, started = time.process_time(), time.perf_counter()
    await asyncio.gather(*(fetch() for _ in range(fetchers)))
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - started
    await door.close()
    return cpu / number * 1e6, seconds / number * 1e6


def main() -> None:
    """Measure each way in turn, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lanes", description=__doc__)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--fetchers", type=int, default=16)
    options = parser.parse_args()
    ways = {name: opens for name, (needs, opens) in WAYS.items() if find_spec(needs)}
    told, tell = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.Process(target=_serve, args=(tell,), daemon=True)
    server.start()
    base = f"http://127.0.0.1:{told.recv()}"
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(options.runs):
        for name, opens in ways.items():
            run = measure(base, opens(base), options.requests, options.fetchers)
            seen[name].append(asyncio.run(run))
    server.terminate()
    _print(seen, [name for name in WAYS if name not in ways])


def _print(seen: dict[str, list[tuple[float, float]]], missing: list[str]) -> None:
    console = Console()
    console.print(machine())
    table = Table("way", "CPU µs a request", "time µs a request")
    for name, runs in seen.items():
        cpu, times = ([run[i] for run in runs] for i in (0, 1))
        spread = f"{statistics.median(cpu):.0f} ({min(cpu):.0f}–{max(cpu):.0f})"
        table.add_row(name, spread, f"{statistics.median(times):.0f}")
    console.print(table)
    if missing:
        console.print(f"not installed: {', '.join(missing)}")


if __name__ == "__main__":
    main()
