"""The Easemob adapter: the port, spoken over HTTP. The only file here that knows httpx.

    EasemobRemote ──Request──▶ Door ──lane──▶ the server
                  ◀──Page──── pages ◀─Reply─┘

What is asked is built in `calls`, what comes back is read in `pages` and `lists`, what
is refused is named in `failures`, and what breaks on the way there in `_FOREIGN` below.

**Lanes.** A lane is one connection of its own, since httpx's shared pool walks all its
connections at every request. The one used last is taken first, so a quiet client keeps
few open. A lane is an httpx transport and not a whole client: redirects are refused here,
cookies and auth flows are not spoken, and they cost a quarter of a request's CPU.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence

import httpx

from syncengine.errors import ConfigError, EngineClosed, Gone, ServerFault, Unreachable
from syncengine.models import ConversationKey, Page, SummaryPage
from syncengine.remote.easemob import calls
from syncengine.remote.easemob.calls import Calls, Request
from syncengine.remote.easemob.failures import Reply, UnknownRoute, date_ms, failure
from syncengine.remote.easemob.lists import Listed, decode_list
from syncengine.remote.easemob.pages import check_accepted, decode_page, decode_token
from syncengine.remote.easemob.tokens import Tokens
from syncengine.remote.easemob.urls import app_key_of, base_of, proxy_for
from syncengine.remote.port import Capabilities
from syncengine.remote.turns import Turns

Transport = Callable[[], httpx.AsyncBaseTransport]
"""Opens a lane."""
TokenSource = Callable[[], Awaitable[str]]
ListForm = Callable[[str, int], Awaitable[SummaryPage]]

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes; an ordinary page has 15 to 300 kB."""
MOST_RENEWALS = 3
"""A fresh token may expire too before it is used; one that never works is refused."""
DEADLINE = 4
"""A whole answer may take so many timeouts; the timeout itself is for each silence."""

_CAPABILITIES = Capabilities(
    starts_at_messages=True,
    page_limit=calls.HISTORY_LIMIT,
    summary_limit=calls.LIST_LIMIT,
    delete_batch=calls.DELETION_LIMIT,
)
_NUMBERED = "page:"  # a cursor of ours, for the list's form that has page numbers instead
_log = logging.getLogger("syncengine.remote.easemob")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class EasemobRemote:
    """One user's account on an Easemob IM or Agora Chat server.

    Give a `password`, or a `token`: text, or an async callable that supplies one and is
    asked again when it expires. `timeout` is in seconds, for each silence of the server.
    """

    def __init__(
        self,
        base_url: str,
        *,
        app_key: str,
        user: str,
        password: str | None = None,
        token: str | TokenSource | None = None,
        allow_insecure_http: bool = False,
        timeout: float = 15.0,
        transport: Transport | None = None,
        now: Callable[[], int] = _now_ms,
        resource: str = "syncengine",
    ) -> None:
        base = base_of(base_url, allow_insecure_http=allow_insecure_http)
        self._app_key, self._user = app_key_of(app_key), user
        self._calls = Calls(self._app_key, user, resource)
        self._password, self._now = password, now
        self._tokens = self._tokens_of(password, token)
        self._door = Door(base, timeout=timeout, transport=transport)
        self._history_url = self._door.url(self._calls.history_target)
        self._forms: list[ListForm] = [self._list_by_cursor, self._list_by_number, self._list_all]
        self._account = f"easemob:{self._app_key}:{user}"
        self._requests = 0
        self._server_time: int | None = None
        self._turns = Turns()

    def __repr__(self) -> str:
        return f"<EasemobRemote {self._account}>"

    @property
    def account(self) -> str:
        """Names the app and the user, without secrets; an app may move to another host."""
        return self._account

    @property
    def capabilities(self) -> Capabilities:
        """What this server can do."""
        return _CAPABILITIES

    @property
    def requests(self) -> int:
        """How many requests were sent so far, repetitions included, sign-in not."""
        return self._requests

    @property
    def server_time(self) -> int | None:
        """What the server's clock said with its last list, ms; None: nothing yet."""
        return self._server_time

    @property
    def received(self) -> int:
        """Bytes of all answers so far, their headers not counted."""
        return self._door.received

    async def fetch_summaries(self, cursor: str = "", *, limit: int = 50) -> SummaryPage:
        """One page of the conversation list, by the newest form that the server has."""
        if cursor.startswith(_NUMBERED):
            return await self._list_by_number(cursor, limit)
        while True:
            form = self._forms[0]
            try:
                return await form(cursor, limit)
            except UnknownRoute:
                if cursor or form == self._list_all:
                    raise
                if form == self._forms[0]:  # nobody else found out meanwhile
                    self._forms = self._forms[1:]

    async def fetch_summaries_by_page(self, page_num: int, page_size: int = 20) -> SummaryPage:
        """The older form of the list: pages from 1, of 1 to 20 conversations."""
        return await self._numbered(page_num, page_size)

    async def fetch_summaries_unpaged(self) -> SummaryPage:
        """The oldest form: by default the 10 conversations that were active in 7 days."""
        return await self._list_all("", calls.LIST_LIMIT)

    async def fetch_page(
        self, key: ConversationKey, start: str = "", *, limit: int = 49, newer: bool = False
    ) -> Page:
        """One page of history: older than `start`, or newer where `newer` is true."""
        request = self._calls.history_page(key, start, limit, newer)
        reply = await self._ask(request, self._history_url)
        await self._turns.take()
        return decode_page(reply.body, served_at=date_ms(reply.headers.get("date", "")))

    async def send_delete_messages(self, key: ConversationKey, message_ids: Sequence[str]) -> None:
        """Delete these messages, up to 50, for this user."""
        if message_ids:
            await self._delete(self._calls.delete_messages(key, message_ids))

    async def send_delete_before(self, key: ConversationKey, timestamp: int) -> None:
        """Delete everything up to that moment, ms, inclusive, for this user."""
        await self._delete(self._calls.delete_before(key, timestamp))

    async def send_delete_conversation(
        self, key: ConversationKey, *, delete_messages: bool
    ) -> None:
        """Take the conversation from this user's list, with or without its messages."""
        await self._delete(self._calls.delete_conversation(key, delete_messages=delete_messages))

    async def rest(self) -> None:
        """End the connections that are idle; the token stays, the next request opens one."""
        await self._door.rest()

    async def close(self) -> None:
        """End all connections. May be called twice."""
        await self._tokens.close()
        await self._door.close()

    async def _list_by_cursor(self, cursor: str, limit: int) -> SummaryPage:
        listed = await self._list(self._calls.list_page(cursor, limit, now=self._now()))
        return SummaryPage(listed.summaries, listed.cursor)

    async def _list_by_number(self, cursor: str, limit: int) -> SummaryPage:
        digits = cursor.removeprefix(_NUMBERED) or "1"
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
            raise ConfigError(f"{cursor!r} is no cursor of this list", hint="Start without one.")
        return await self._numbered(int(digits), min(limit, calls.NUMBERED_LIST_LIMIT))

    async def _list_all(self, _cursor: str, _limit: int) -> SummaryPage:
        return SummaryPage((await self._list(self._calls.unpaged_list())).summaries, None)

    async def _numbered(self, number: int, size: int) -> SummaryPage:
        listed = await self._list(self._calls.numbered_list_page(number, size, now=self._now()))
        full = listed.entries >= size
        return SummaryPage(listed.summaries, f"{_NUMBERED}{number + 1}" if full else None)

    async def _list(self, request: Request) -> Listed:
        reply = await self._ask(request, self._door.url(request.target))
        self._server_time = date_ms(reply.headers.get("date", "")) or self._server_time
        return decode_list(reply.body, str(self._app_key))

    async def _delete(self, request: Request) -> None:
        try:
            reply = await self._ask(request, self._door.url(request.target))
        except Gone:
            return  # what is not there is deleted
        check_accepted(reply.body)

    async def _ask(self, request: Request, url: httpx.URL) -> Reply:
        """A successful answer; an expired token is renewed once, for all who wait (law 12).

        A renewal may supply the refused token again, as where a server forgot it in a restart
        and knows it from the new sign-in on: then it is tried once more."""
        token, refused = await self._tokens.current(), ""
        for renewals_left in range(MOST_RENEWALS, -1, -1):
            self._requests += 1
            reply = await self._door.send(request, url, token)
            if reply.status != 401 or not renewals_left or token == refused:
                break
            token, refused = await self._tokens.renew(token), token
        return self._successful(request, reply, token)

    def _successful(self, request: Request, reply: Reply, token: str = "") -> Reply:
        if reply.status == 200:
            return reply
        secrets = [secret for secret in (self._password, token) if secret]
        raise failure(reply, request.call, now=self._now(), secrets=secrets)

    def _tokens_of(self, password: str | None, token: str | TokenSource | None) -> Tokens:
        if (password is None) == (token is None):
            raise ConfigError(
                "an account needs either a password or a token",
                hint="Give one of them: the password, or a token that was issued for this user.",
            )
        if token is None:
            return Tokens(self._sign_in)
        return Tokens(fixed=token) if isinstance(token, str) else Tokens(token)

    async def _sign_in(self) -> str:
        request = self._calls.token(self._user, self._password or "", now=self._now())
        reply = await self._door.send(request, self._door.url(request.target))
        return decode_token(self._successful(request, reply).body)


class Door:
    """The way to one server: lanes, limits, and foreign errors made ours."""

    def __init__(self, base: str, *, timeout: float, transport: Transport | None) -> None:
        self._base = base
        self._open_lane = transport or _lanes_to(base)
        self._idle: list[httpx.AsyncBaseTransport] = []
        self._closed = False
        self.received = 0
        """Bytes of all answers."""
        self._extensions = {"timeout": httpx.Timeout(timeout).as_dict()}
        self._deadline = timeout * DEADLINE
        self._headers = [
            (b"host", httpx.Request("GET", base).headers["host"].encode()),
            (b"accept", b"application/json"),
            (b"accept-encoding", b"identity"),  # nothing that grows while it is read
            (b"content-type", b"application/json"),
            (b"user-agent", b"syncengine"),
        ]
        self._signed: tuple[str, list[tuple[bytes, bytes]]] = ("", self._headers)

    def url(self, target: str) -> httpx.URL:
        """The whole address of a request's target."""
        return httpx.URL(self._base + target)

    async def send(self, request: Request, url: httpx.URL, token: str = "") -> Reply:
        """Ask once, and read the whole answer."""
        lane = self._take_lane()
        try:
            async with asyncio.timeout(self._deadline):
                reply = await _exchange(lane, self._prepare(request, url, token))
        except (httpx.HTTPError, TimeoutError) as error:
            raise _ours(error) from error
        finally:
            await self._give_back(lane)
        size = len(reply.body)
        self.received += size
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s %s: %d, %d bytes", request.method, url.path, reply.status, size)
        return reply

    async def close(self) -> None:
        """End all connections; those in use end when their request does."""
        self._closed = True
        await self.rest()

    async def rest(self) -> None:
        """End the connections that are idle."""
        while self._idle:
            await self._idle.pop().aclose()

    def _take_lane(self) -> httpx.AsyncBaseTransport:
        if self._closed:
            raise EngineClosed("the remote was closed")
        return self._idle.pop() if self._idle else self._open_lane()

    async def _give_back(self, lane: httpx.AsyncBaseTransport) -> None:
        if self._closed:
            await lane.aclose()
        else:
            self._idle.append(lane)

    def _prepare(self, request: Request, url: httpx.URL, token: str) -> httpx.Request:
        headers = self._headers_with(token)
        if request.method != "GET":
            headers = [*headers, (b"content-length", b"%d" % len(request.body))]
        return httpx.Request(
            request.method,
            url,
            headers=headers,
            stream=httpx.ByteStream(request.body),
            extensions=self._extensions,
        )

    def _headers_with(self, token: str) -> list[tuple[bytes, bytes]]:
        """Made once a token, not once a request."""
        if token != self._signed[0]:
            bearer = (b"authorization", f"Bearer {token}".encode("ascii"))
            self._signed = (token, [*self._headers, bearer] if token else self._headers)
        return self._signed[1]


async def _exchange(lane: httpx.AsyncBaseTransport, request: httpx.Request) -> Reply:
    response = await lane.handle_async_request(request)
    try:
        body = await _read(response)
    finally:
        await response.aclose()
    return Reply(response.status_code, response.headers, body)


async def _read(response: httpx.Response) -> bytes:
    """The whole body, or an error as soon as it is known to be too large."""
    expected = _declared(response.headers.get("content-length", ""))
    chunks, size = [], 0
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for chunk in response.stream:
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise _too_large()
        chunks.append(chunk)
    if size < expected:
        raise Unreachable("the answer was cut off half-way")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _declared(length: str) -> int:
    """The body's length as the server says it, 0 where it does not."""
    if not length.isdecimal():
        return 0
    if len(length) > 15 or int(length) > LARGEST_ANSWER:
        raise _too_large()
    return int(length)


def _too_large() -> ServerFault:
    return ServerFault(
        "the server's answer is too large",
        hint=f"It has more than {LARGEST_ANSWER >> 20} MiB and was not read; the server is faulty.",
    )


def _lanes_to(base: str) -> Transport:
    """Opens lanes that share one TLS context and one decision about proxies."""
    proxy = proxy_for(base)
    needs_tls = base.startswith("https:") or proxy is not None
    # Loading the system's certificates takes 20 ms, and plain http has no use for them.
    tls = httpx.create_ssl_context() if needs_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
    return lambda: httpx.AsyncHTTPTransport(verify=tls, limits=limits, proxy=proxy)


_FOREIGN: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.TimeoutException, "no answer in time"),
    (TimeoutError, "the answer took too long"),
    (httpx.ProxyError, "the proxy refuses the connection"),
    (httpx.ConnectError, "no connection to the server"),
    (httpx.NetworkError, "the connection was lost"),
    (httpx.RemoteProtocolError, "the answer was cut off, or is no HTTP"),
    (Exception, "the request could not be made"),
)
"""What breaks on the way. Only these words are shown: foreign ones may quote a header."""

_UNTRUSTED = (
    "The server's certificate is not trusted here. Check the address; SSL_CERT_FILE can name "
    "further certificates."
)


def _ours(error: Exception) -> Unreachable:
    """Whatever breaks on the way leaves us without an answer."""
    words = next(words for kind, words in _FOREIGN if isinstance(error, kind))
    return Unreachable(words, hint=_UNTRUSTED if "CERTIFICATE" in str(error) else None)
