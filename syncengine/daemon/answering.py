"""Answers a few GET requests on this machine: metrics and health. Nothing else.

`h11` reads the requests: a strict parser that does no I/O of its own, and is here already, as
the HTTP client brings it. What is not needed is refused: one request a connection, a head of
8 kB at most, five seconds, sixteen at once; a name that is none of this machine's is refused
too, so that no web page can read the figures through its visitor's browser.
"""

import asyncio
import errno
import socket
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import h11
from attrs import define, field, frozen

from syncengine.errors import ConfigError
from syncengine.remote.easemob.urls import is_loopback

LARGEST_HEAD = 8192
"""Bytes."""
PATIENCE = 5.0
"""Seconds for a request and its answer."""
AT_ONCE = 16


@frozen
class Answer:
    """What a route says."""

    status: int
    content_type: str
    body: bytes


Routes = Mapping[str, Callable[[], Answer]]
"""By path; called in the event loop, for every request anew."""


@asynccontextmanager
async def answering(place: tuple[str, int] | Path, routes: Routes) -> AsyncIterator[str]:
    """Answer for as long as the block lasts; gives the address.

    `place` is a loopback host and a port (0: any that is free), or the path of a Unix socket,
    which only its owner may use. Raises ConfigError where it is another machine's address, in
    use, or cannot be had.
    """
    listener = _unix(place) if isinstance(place, Path) else _tcp(*place)
    door = _Door(routes, local=isinstance(place, Path))
    try:
        server = await asyncio.start_server(door.serve, sock=listener, limit=LARGEST_HEAD)
        try:
            yield _address(listener)
        finally:
            server.close()
            await door.close()
    finally:
        _close(listener, place)


@define
class _Door:
    _routes: Routes
    _local: bool = field(alias="local")
    """A Unix socket: whoever can open it is its owner."""
    _under_way: set[asyncio.Task[None]] = field(factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one answer; whatever comes in, nothing is raised."""
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._under_way) < AT_ONCE:
                self._under_way.add(task)
                async with asyncio.timeout(PATIENCE):
                    await self._answer(reader, writer)
        except (OSError, TimeoutError, h11.LocalProtocolError):
            pass  # gone, or too slow
        finally:
            self._under_way.discard(task)
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD)
        try:
            request = await _request(talk, reader)
        except h11.RemoteProtocolError as error:
            answer, head = _plain(error.error_status_hint, "no request"), False
        else:
            if request is None:
                return
            answer, head = self._found(request), request.method == b"HEAD"
        writer.write(_bytes(talk, answer, body=not head))
        await writer.drain()

    def _found(self, request: h11.Request) -> Answer:
        if request.method not in (b"GET", b"HEAD"):
            return _plain(405, "only GET")
        if not (self._local or _is_ours(request)):
            return _plain(403, "ask for a loopback address")
        path = request.target.partition(b"?")[0].decode("ascii", "replace")
        route = self._routes.get(path)
        return _plain(404, f"there are {', '.join(self._routes)}") if route is None else route()


async def _request(talk: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """The head of the request; None where the other end has gone."""
    while True:
        event = talk.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        talk.receive_data(await reader.read(LARGEST_HEAD))


def _is_ours(request: h11.Request) -> bool:
    host = next((value for name, value in request.headers if name == b"host"), b"")
    name = host.decode("ascii", "replace")
    bare = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    return is_loopback(bare)


def _bytes(talk: h11.Connection, answer: Answer, *, body: bool) -> bytes:
    headers = [
        ("content-type", answer.content_type),
        ("content-length", str(len(answer.body))),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("connection", "close"),
    ]
    if answer.status == 405:
        headers.append(("allow", "GET, HEAD"))
    parts = [talk.send(h11.Response(status_code=answer.status, headers=headers))]
    if body:
        parts += [talk.send(h11.Data(data=answer.body)), talk.send(h11.EndOfMessage())]
    return b"".join(part for part in parts if part)


def _plain(status: int, words: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{words}\n".encode())


def _tcp(host: str, port: int) -> socket.socket:
    """A socket that listens on this machine only. Raises ConfigError."""
    if not is_loopback(host):
        raise ConfigError(
            f"metrics are not served on {host}: other machines could read them",
            hint="Use 127.0.0.1 or ::1, or a Unix socket.",
        )
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, number)
    except OSError as error:
        raise _unusable(f"{host}:{port}", error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(AT_ONCE)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _unusable(f"{host}:{port}", error) from None
    return listener


def _unix(path: Path) -> socket.socket:
    """A socket for its owner only: nobody can connect before it listens, and then it is 0600.

    One that a killed daemon left is replaced. Raises ConfigError.
    """
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(AT_ONCE)
        listener.setblocking(False)
    except (OSError, ValueError) as error:
        listener.close()
        raise _unusable(str(path), error) from None
    return listener


def _close(listener: socket.socket, place: tuple[str, int] | Path) -> None:
    """Listen no more; a socket's name goes, too."""
    listener.close()
    if isinstance(place, Path):
        with suppress(OSError):
            place.unlink()


def _clear(path: Path) -> None:
    """Take a socket away that nobody listens on. Raises ConfigError for anything else."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(
                f"{path} is a file, no socket", hint="Name another path for the metrics."
            )
    except OSError:
        return  # there is none, or `bind` says what is wrong
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.settimeout(1.0)
        try:
            other.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(str(path), error) from None
        else:
            raise _unusable(str(path), OSError(errno.EADDRINUSE, "in use"))


def _unusable(where: str, error: OSError | ValueError) -> ConfigError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"metrics: another program listens on {where}",
            hint="Name another place in the configuration, [daemon] metrics.",
        )
    words = (isinstance(error, OSError) and error.strerror) or str(error)
    return ConfigError(
        f"metrics cannot be served on {where}: {words}",
        hint="Change [daemon] metrics in the configuration, or remove it.",
    )


def _address(listener: socket.socket) -> str:
    name = listener.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
