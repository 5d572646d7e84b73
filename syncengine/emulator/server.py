"""Serves the stand-in on a real socket."""

import asyncio
import errno
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from syncengine.emulator.app import Emulator
from syncengine.emulator.demo import demo_world
from syncengine.emulator.faults import Faults
from syncengine.emulator.gate import CONNECTION
from syncengine.emulator.sized import OWNER, sized_world
from syncengine.emulator.switches import Switches, with_values
from syncengine.emulator.world import World
from syncengine.errors import ConfigError


class _Breakable(HttpToolsProtocol):
    """Lets faults reach the socket."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CONNECTION] = self.transport  # type: ignore[literal-required]  # a key of our own


class _Server(uvicorn.Server):
    """Says when it listens, and leaves signals alone unless it owns the process."""

    def __init__(self, config: uvicorn.Config, *, owns_process: bool) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()
        self._owns_process = owns_process

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if not self._owns_process:
            yield
            return
        with super().capture_signals():
            yield


def announce_line(line: str) -> None:
    """Print, and let a reader at the other end of a pipe see it at once."""
    print(line, flush=True)


async def serve(
    emulator: Emulator,
    host: str = "127.0.0.1",
    port: int = 0,
    announce: Callable[[str], None] = announce_line,
) -> None:
    """Serve until cancelled or signalled. Port 0: any free one.

    The first thing announced is one line of JSON: ``url``, ``app_key``, ``user`` and
    ``password``.
    """
    with _bound(host, port) as listening:
        announce(json.dumps(greeting(emulator.world, _url(listening))))
        server = _server(emulator, owns_process=True)
        try:
            await server.serve([listening])
        except asyncio.CancelledError:
            server.force_exit = True
            await server.shutdown([listening])
            raise


@asynccontextmanager
async def running(emulator: Emulator, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serve on a real socket, in this event loop; gives the URL."""
    with _bound(host, 0) as listening:
        server = _server(emulator, owns_process=False)
        task = asyncio.create_task(server.serve([listening]))
        try:
            await server.listens.wait()
            yield _url(listening)
        finally:
            server.should_exit = server.force_exit = True
            await task


def greeting(world: World, url: str) -> dict[str, str]:
    """What a client needs to sign in."""
    user = world.users[OWNER] if OWNER in world.users else next(iter(world.users.values()))
    return {
        "url": url,
        "app_key": world.app_key,
        "user": user.name,
        "password": user.password or "",
    }


def make_world(world: str, *, seed: int = 1, switches: Mapping[str, str] | None = None) -> World:
    """The world that a command line names; ConfigError when it names none."""
    values = dict(switches or {})
    if world == "demo":
        return demo_world(seed, switches=with_values(Switches(), values))
    return sized_world(world, seed, switches=with_values(Switches(), {"list_cap": 0, **values}))


def run_emulator(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    world: str = "demo",
    faults: str = "none",
    seed: int = 1,
    switches: Mapping[str, str] | None = None,
) -> None:
    """Make a world and serve it until interrupted; ConfigError for bad values."""
    made = make_world(world, seed=seed, switches=switches)
    emulator = Emulator(made, faults=Faults(faults, seed=seed))
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(emulator, host, port))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not made for Windows
        return None
    return uvloop.new_event_loop


def _server(emulator: Emulator, *, owns_process: bool) -> _Server:
    config = uvicorn.Config(
        emulator.app,
        http=_Breakable,
        ws="none",
        lifespan="off",
        access_log=False,
        # Faults leave answers unfinished on purpose; that is no news.
        log_level="critical",
        proxy_headers=False,  # nobody stands in front of it
        server_header=False,
        date_header=False,  # the world has its own clock
        timeout_keep_alive=75,
    )
    return _Server(config, owns_process=owns_process)


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listening = socket.create_server((host, port), backlog=512)
    except OSError as error:
        raise _not_bound(host, port, error) from error
    with listening:
        # Inherited by every connection: head and body are written apart, and asyncio's own
        # loop leaves the delay on, which costs 40 ms an answer.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listening


def _not_bound(host: str, port: int, error: OSError) -> ConfigError:
    """Python's own words repeat the address."""
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"Port {port} of {host} is in use",
            hint="Another program listens there, perhaps another emulator: end it, or choose"
            " another --port (0 takes any free one).",
        )
    words = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return ConfigError(
        f"Cannot listen on {host}:{port}: {words}",
        hint="Choose another --port (0 takes any free one) or another --host.",
    )


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{host}:{port}"
