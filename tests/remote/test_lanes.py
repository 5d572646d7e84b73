"""Lanes over real sockets, httpx's own and the fast ones: all keep the same promises."""

import asyncio
import gc
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from syncengine.errors import ServerFault, SyncEngineError, Unreachable
from syncengine.models import ConversationKey, Kind
from syncengine.remote.easemob import EasemobRemote, bodies, connection, parsers
from syncengine.remote.easemob.lanes import (
    DirectLane,
    Question,
    as_lane,
    lanes_to,
)
from syncengine.remote.easemob.parsers import WithH11, WithHttptools
from tests.remote import wire
from tests.remote.ways import Lanes, fast, plain, transports

BOB = ConversationKey("bob", Kind.CHAT)
CERTIFICATE = Path(__file__).parent / "localhost.pem"
PAGE = wire.page([wire.row()])
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(params=[plain, fast, transports])
def lanes(request: pytest.FixtureRequest) -> Lanes:
    """Each kind of lanes in turn."""
    chosen: Lanes = request.param
    return chosen


@asynccontextmanager
async def listening(
    answer: Answer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A bare server on this machine; it is over with the block, whatever it is about."""
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            await answer(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    name = f"[{host}]" if ":" in host else host
    scheme = "http" if tls is None else "https"
    try:
        async with server:
            yield f"{scheme}://{name}:{server.sockets[0].getsockname()[1]}"
    finally:
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy)


async def request_from(reader: asyncio.StreamReader) -> bytes:
    """One whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
    return head + await reader.readexactly(int(length or 0))


def http(body: bytes, *headers: str, length: int | None = None) -> bytes:
    """An answer as bytes."""
    size = len(body) if length is None else length
    head = "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {size}", *headers])
    return f"{head}\r\n\r\n".encode() + body


def always(sent: bytes, seen: list[bytes] | None = None) -> Answer:
    """Answers every request on a connection with the same bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await request_from(reader)
            if seen is not None:
                seen.append(request)
            writer.write(sent)
            await writer.drain()

    return answer


def once(sent: bytes) -> Answer:
    """Answers one request, and ends the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_from(reader)
        writer.write(sent)
        await writer.drain()

    return answer


def alice(base: str, lanes: Lanes, timeout: float = 5.0) -> EasemobRemote:
    """Her adapter."""
    return EasemobRemote(
        base, app_key="org#app", user="alice", token="t", timeout=timeout, transport=lanes(base)
    )


async def pages(base: str, lanes: Lanes, number: int = 1) -> None:
    """Fetch so many, one after the other, each with the one message."""
    remote = alice(base, lanes)
    for _ in range(number):
        assert len((await remote.fetch_page(BOB)).messages) == 1
    await remote.close()


async def socket_error(
    base: str, lanes: Lanes, timeout: float = 5.0, limit: int = 49
) -> SyncEngineError:
    """The error that a page ends with."""
    remote = alice(base, lanes, timeout)
    with pytest.raises(SyncEngineError) as raised:
        await remote.fetch_page(BOB, limit=limit)
    await remote.close()
    return raised.value


# Which lanes


def test_the_fast_ones_are_chosen_where_they_are_installed() -> None:
    """Nobody has to ask for them; this environment has httptools."""
    assert parsers.best() is WithHttptools
    assert isinstance(lanes_to("http://127.0.0.1:9")(), DirectLane)


def test_httptools_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the answers are read by h11, in Python."""
    monkeypatch.setattr(parsers, "httptools", None)
    assert parsers.best() is WithH11


async def test_a_proxy_stands_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only httpx's lanes speak to a proxy, so then they are taken, and it is asked."""
    seen: list[bytes] = []
    async with listening(always(http(PAGE), seen)) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        base = "http://chat.invalid"
        remote = EasemobRemote(
            base, app_key="org#app", user="alice", token="t", allow_insecure_http=True
        )
        assert len((await remote.fetch_page(BOB)).messages) == 1
        await remote.close()
    assert seen[0].startswith(b"POST http://chat.invalid/org/app/")


# What is sent


async def test_all_send_the_same(lanes: Lanes) -> None:
    """Every header of the wire document, once, and the body."""
    seen: list[bytes] = []
    async with listening(always(http(PAGE), seen)) as base:
        await pages(base, lanes)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /org/app/users/alice/messageroaming HTTP/1.1"
    assert sorted(lines[1:]) == [
        b"accept-encoding: identity",
        b"accept: application/json",
        b"authorization: Bearer t",
        b"content-length: %d" % len(body),
        b"content-type: application/json",
        b"host: " + base.removeprefix("http://").encode(),
        b"user-agent: syncengine",
    ]


async def test_no_header_ends_early() -> None:
    """What would begin another header, or another request, is not sent."""
    seen: list[bytes] = []
    async with listening(always(http(PAGE), seen)) as base:
        lane = fast(base)()
        for bad in (b"a\r\nb: c", b"a\nb", b"a\rb"):
            request = httpx.Request("GET", base, headers=[(b"x", bad)])
            with pytest.raises(httpx.LocalProtocolError):
                await lane.handle_async_request(request)
        await lane.aclose()
    assert seen == []


# Connections that break


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200",
        b"no http at all\r\n\r\n",
        http(PAGE, length=9999),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_connections_that_break(lanes: Lanes, sent: bytes) -> None:
    """A connection that ends before, within or after the head of an answer is no answer."""
    async with listening(once(sent)) as base:
        assert isinstance(await socket_error(base, lanes), Unreachable)


async def test_nobody_listens(lanes: Lanes) -> None:
    """A refused connection is a server that cannot be reached."""
    async with listening(once(b"")) as base:
        pass
    error = await socket_error(base, lanes)
    assert isinstance(error, Unreachable)
    assert "no connection to the server" in str(error)


async def test_a_name_that_nobody_has(lanes: Lanes) -> None:
    """So is a host that is not found."""
    remote = alice("https://chat.invalid", lanes)
    with pytest.raises(Unreachable, match="no connection to the server"):
        await remote.fetch_page(BOB)
    await remote.close()


async def test_a_server_that_is_silent(lanes: Lanes) -> None:
    """Silence ends with the timeout."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(answer) as base:
        error = await socket_error(base, lanes, timeout=0.5)
    assert isinstance(error, Unreachable)
    assert "no answer in time" in str(error)


async def test_a_server_that_falls_silent(lanes: Lanes) -> None:
    """So does silence in the middle of a body."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_from(reader)
        writer.write(http(b"half", length=9999))
        await reader.read()

    async with listening(answer) as base:
        error = await socket_error(base, lanes, timeout=0.5)
    assert "no answer in time" in str(error)


async def test_a_server_that_trickles(lanes: Lanes) -> None:
    """An answer that comes byte by byte, never silent for long, ends with the deadline."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_from(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        end = asyncio.ensure_future(reader.read())
        while not end.done():
            writer.write(b" ")
            await asyncio.wait([end], timeout=0.01)

    async with listening(answer) as base:
        error = await socket_error(base, lanes, timeout=0.05)
    assert isinstance(error, Unreachable)


async def test_a_handshake_that_never_ends(lanes: Lanes) -> None:
    """A connection has its timeout too, TLS included."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(answer) as base:
        error = await socket_error(base.replace("http:", "https:"), lanes, timeout=0.05)
    assert "no connection in time" in str(error)


# Answers


@pytest.mark.parametrize(
    "sent",
    [
        http(PAGE),
        http(PAGE, "Connection: close"),
        b"HTTP/1.1 200 OK\r\n\r\n" + PAGE,
        b"HTTP/1.0 200 OK\r\n\r\n" + PAGE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"1\r\n%c\r\n" % byte for byte in PAGE)
        + b"0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + http(PAGE),
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + http(PAGE),
    ],
)
async def test_ways_to_answer(lanes: Lanes, sent: bytes) -> None:
    """However the end of a body is told, and whatever comes before the head of the answer."""
    async with listening(once(sent)) as base:
        await pages(base, lanes, 2)


async def test_an_answer_in_small_pieces(lanes: Lanes) -> None:
    """Head and body may be cut anywhere."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_from(reader)
        for byte in http(PAGE):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async with listening(answer) as base:
        await pages(base, lanes)


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (bodies.LARGEST_ANSWER + 2**20),
    ],
)
async def test_a_page_that_is_too_large(lanes: Lanes, sent: bytes) -> None:
    """It is refused as soon as that is known."""
    async with listening(once(sent)) as base:
        error = await socket_error(base, lanes, limit=2)
    assert isinstance(error, ServerFault)
    assert "too large" in str(error)


@pytest.mark.parametrize(
    "endless", [b"x: " + b"y" * 65536, b"x: y\r\n" * 9999], ids=["header", "headers"]
)
async def test_a_head_without_an_end(lanes: Lanes, endless: bytes) -> None:
    """A head is not read for ever either."""
    sent = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request_from(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while sent < 100 * 2**20:
            writer.write(endless)
            await writer.drain()
            sent += len(endless)

    async with listening(answer) as base:
        assert isinstance(await socket_error(base, lanes), Unreachable)
    assert sent < 20 * 2**20


async def test_a_body_that_nobody_reads_yet() -> None:
    """The server is made to wait: memory does not grow with what it could send."""
    sent = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request_from(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with listening(answer) as base:
        lane = fast(base)()
        response = await lane.handle_async_request(httpx.Request("GET", base))
        before = -1
        while sent != before:  # until the server waits
            before = sent
            await asyncio.sleep(0.05)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        read = 0
        async for piece in response.stream:
            read += len(piece)
            if read > before:
                break
        await response.aclose()
        await lane.aclose()
    assert before < 64 * 2**20
    assert sent > before


# Connections that are used again


async def test_lanes_are_kept_and_counted(lanes: Lanes) -> None:
    """Requests one after the other use one connection; at the same time, one each."""
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await always(http(PAGE))(reader, writer)

    async with listening(answer) as base:
        remote = alice(base, lanes)
        for _ in range(5):
            await remote.fetch_page(BOB)
        assert connections == 1
        await asyncio.gather(*[remote.fetch_page(BOB) for _ in range(4)])
        await asyncio.gather(*[remote.fetch_page(BOB) for _ in range(4)])
        assert connections == 4
        await remote.close()


async def test_a_connection_that_the_server_closed_meanwhile(lanes: Lanes) -> None:
    """A connection that ended while it was idle is replaced, and nobody notices."""
    async with listening(once(http(PAGE))) as base:
        remote = alice(base, lanes)
        for _ in range(3):
            assert len((await remote.fetch_page(BOB)).messages) == 1
            await asyncio.sleep(0.01)
        await remote.close()


@pytest.mark.parametrize("together", [True, False])
async def test_an_answer_that_nobody_asked_for(together: bool) -> None:
    """What a server sends too much is never taken for the answer to the next request: the
    connection ends at once. (httpx would take it, where it comes with the answer before.)"""
    read, ended = asyncio.Event(), asyncio.Event()
    foreign = http(wire.page([]))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_from(reader)
        writer.write(http(PAGE) + foreign if together else http(PAGE))
        await read.wait()
        if not together:
            writer.write(foreign)
        with suppress(ConnectionError):
            assert await reader.read() == b""
        ended.set()

    async with listening(answer) as base:
        remote = alice(base, fast)
        for _ in range(2):
            assert len((await remote.fetch_page(BOB)).messages) == 1
            read.set()
            await ended.wait()
        await remote.close()


async def test_a_connection_that_rested_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be dead without a sign, so it is not used any more."""
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await always(http(PAGE))(reader, writer)

    later = time.monotonic() + 31
    async with listening(answer) as base:
        remote = alice(base, fast)
        await remote.fetch_page(BOB)
        monkeypatch.setattr(connection, "monotonic", lambda: later)
        await remote.fetch_page(BOB)
        await remote.close()
    assert connections == 2


async def test_a_page_that_is_cancelled_half_way(lanes: Lanes) -> None:
    """A request cancelled while its body comes ends its connection and leaves a lane that
    works."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_from(reader)
        if begun.is_set():
            writer.write(http(PAGE))
            return
        writer.write(http(b"half", length=9999))
        begun.set()
        with suppress(ConnectionError):
            await reader.read()
        ended.set()

    async with listening(answer) as base:
        remote = alice(base, lanes)
        fetch = asyncio.ensure_future(remote.fetch_page(BOB))
        await begun.wait()
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        await ended.wait()
        assert len((await remote.fetch_page(BOB)).messages) == 1
        await remote.close()


# Where a server may be, and where we are


def test_another_event_loop(lanes: Lanes) -> None:
    """uvloop's connections are not asyncio's, and do the same."""
    uvloop = pytest.importorskip("uvloop", reason="it is not made for Windows")

    async def work() -> None:
        async with listening(always(http(PAGE))) as base:
            await pages(base, lanes, 3)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


async def test_an_address_of_the_newer_kind(lanes: Lanes) -> None:
    """IPv6, where this machine has it."""
    try:
        async with listening(always(http(PAGE)), "::1") as base:
            await pages(base, lanes)
    except OSError:
        pytest.skip("no IPv6 here")


@pytest.fixture
def tls() -> ssl.SSLContext:
    """A server's side, with a certificate that nobody trusts by itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def test_a_certificate_that_is_trusted(
    lanes: Lanes, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SSL_CERT_FILE` names further certificates, as the hint of an error says."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with listening(always(http(PAGE)), tls=tls) as base:
        await pages(base, lanes, 2)


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_certificate_that_is_not(
    lanes: Lanes, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    """One that nobody signed, and one of another name: nothing is sent, and the hint says so."""
    seen: list[bytes] = []
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with listening(
        always(http(PAGE), seen), "127.0.0.2" if trusted else "127.0.0.1", tls=tls
    ) as base:
        error = await socket_error(base, lanes)
    assert isinstance(error, Unreachable)
    assert "certificate is not trusted" in (error.hint or "")
    assert seen == []


@pytest.mark.parametrize("open_lanes", [plain, fast])
async def test_a_request_that_is_cancelled_at_any_moment_leaves_no_socket(
    open_lanes: Lanes,
) -> None:
    """Law 12: also while its connection opens. What is not closed would warn, and fail here."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as url:
        open_lane = open_lanes(url)
        question = Question("GET", httpx.URL(url), [(b"host", b"x")], b"", 5.0)
        for turns in range(40):
            lane = as_lane(open_lane())
            asked = asyncio.ensure_future(lane.ask(question))
            for _ in range(turns):
                await asyncio.sleep(0)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            await lane.aclose()
    gc.collect()
