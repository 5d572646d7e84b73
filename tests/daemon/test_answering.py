"""The small HTTP server for figures: strict, bounded, and for this machine only."""

import asyncio
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from syncengine.daemon.answering import AT_ONCE, Answer, answering
from syncengine.errors import ConfigError

ROUTES = {"/healthz": lambda: Answer(200, "text/plain", b"ok\n")}
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """A server on some port."""
    async with answering(("127.0.0.1", 0), ROUTES) as url:
        yield int(url.rpartition(":")[2])


async def asked(port: int, request: bytes) -> bytes:
    """The whole answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def status(answer: bytes) -> int:
    """Its status; 0: none came."""
    return int(answer.split(b" ")[1]) if answer else 0


async def test_an_answer() -> None:
    """With its length and type, and the connection ends."""
    async with served() as port:
        answer = await asked(port, GET)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"content-length: 3" in head.lower()
    assert b"connection: close" in head.lower()
    assert body == b"ok\n"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"HEAD /healthz HTTP/1.1\r\nHost: localhost:9464\r\n\r\n", 200),
        (b"GET /healthz?x=1 HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        (b"GET /../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        (b"POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", 405),
        (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 403),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n", 431),
    ],
)
async def test_what_it_answers_to(request_: bytes, expected: int) -> None:
    """Two kinds of request, addressed to this machine; all else is refused in one line."""
    async with served() as port:
        answer = await asked(port, request_)
        assert status(answer) in (expected, 0) if expected == 431 else status(answer) == expected
        assert status(await asked(port, GET)) == 200  # it goes on
    if request_.startswith(b"HEAD"):
        assert answer.endswith(b"\r\n\r\n")


async def test_who_says_nothing_takes_no_place_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many may be silent at once, and for a while; then there is room again."""
    monkeypatch.setattr("syncengine.daemon.answering.PATIENCE", 0.3)
    async with served() as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(AT_ONCE)]
        for reader, _ in silent:
            assert await asyncio.wait_for(reader.read(), 20) == b""
        assert status(await asked(port, GET)) == 200
        for _, writer in silent:
            writer.close()


async def test_it_ends_at_once() -> None:
    """Also with somebody in the middle of a request; the port is free again."""
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /hea")
        await writer.drain()
        assert status(await asked(port, GET)) == 200
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
    async with answering(("127.0.0.1", port), ROUTES):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::", ""])
async def test_only_this_machine(host: str) -> None:
    """An address that others could reach is refused, in words."""
    with pytest.raises(ConfigError, match="other machines"):
        async with answering((host, 0), ROUTES):
            pass


async def test_a_port_in_use() -> None:
    """Says which, and where to change it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"listens on 127.0.0.1:{port}") as caught:
            async with answering(("127.0.0.1", port), ROUTES):
                pass
    assert "[daemon] metrics" in caught.value.hint


async def test_a_unix_socket_is_its_owners(tmp_path: Path) -> None:
    """0600 while it is there, gone afterwards; any Host will do."""
    path = tmp_path / "metrics.sock"
    async with answering(path, ROUTES) as address:
        assert address == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status(await reader.read()) == 200
        writer.close()
        with pytest.raises(ConfigError, match="another program"):
            async with answering(path, ROUTES):
                pass
        assert path.exists()
    assert not path.exists()


async def test_a_socket_that_a_killed_daemon_left(tmp_path: Path) -> None:
    """It is replaced; a file that is none is left alone."""
    path = tmp_path / "metrics.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with answering(path, ROUTES):
        pass
    path.write_text("a file")
    with pytest.raises(ConfigError, match="no socket"):
        async with answering(path, ROUTES):
            pass
    assert path.read_text() == "a file"


@pytest.mark.parametrize("name", ["missing/x.sock", "x" * 200])
async def test_a_path_that_cannot_be_had(tmp_path: Path, name: str) -> None:
    """No such folder, or too long a name for the system."""
    with pytest.raises(ConfigError, match="cannot be served"):
        async with answering(tmp_path / name, ROUTES):
            pass
