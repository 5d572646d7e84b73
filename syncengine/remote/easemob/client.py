"""The Easemob adapter: the port, spoken over HTTP.

    EasemobRemote ──Request──▶ Door ──lane──▶ the server
                  ◀──Page──── pages ◀─Reply─┘

What is asked is built in `calls`, goes through `door`, what comes back is read in `pages`
and `lists`, and what is refused is named in `failures`.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from syncengine.errors import ConfigError, Gone, ServerFault
from syncengine.models import ConversationKey, Page, Summary, SummaryPage
from syncengine.remote.easemob import calls
from syncengine.remote.easemob.bodies import TooLarge
from syncengine.remote.easemob.calls import Calls, Request
from syncengine.remote.easemob.door import Address, Door
from syncengine.remote.easemob.failures import Call, Reply, UnknownRoute, date_ms, failure
from syncengine.remote.easemob.lanes import Transport
from syncengine.remote.easemob.lists import Listed, decode_entries, open_list
from syncengine.remote.easemob.pages import check_accepted, decode_page, decode_token
from syncengine.remote.easemob.tokens import Tokens
from syncengine.remote.easemob.urls import app_key_of, base_of
from syncengine.remote.port import Capabilities
from syncengine.remote.turns import Turns

TokenSource = Callable[[], Awaitable[str]]
ListForm = Callable[[str, int], Awaitable[SummaryPage]]

MOST_RENEWALS = 3
"""A fresh token may expire too before it is used; one that never works is refused."""

_CAPABILITIES = Capabilities(
    starts_at_messages=True,
    page_limit=calls.HISTORY_LIMIT,
    summary_limit=calls.LIST_LIMIT,
    delete_batch=calls.DELETION_LIMIT,
)
_AT_ONCE = 16
"""Entries of a list that are decoded in one turn of the event loop, which takes 0.6 ms."""
_NUMBERED = "page:"  # a cursor of ours, for the list's form that has page numbers instead


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
        """One page of the conversation list, by the newest form that the server has. Where
        that is more than can be read, and the form allows it, fewer conversations."""
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
        """One page of history: older than `start`, or newer where `newer` is true. Where that
        is more than can be read, fewer messages."""
        reply = await self._ask_for(
            lambda some: self._calls.history_page(key, start, some, newer), limit, least=2
        )
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
        reply = await self._ask_for(
            lambda some: self._calls.list_page(cursor, some, now=self._now()), limit, least=1
        )
        listed = self._opened(reply)
        return SummaryPage(await self._summaries(listed.entries), listed.cursor)

    async def _list_by_number(self, cursor: str, limit: int) -> SummaryPage:
        digits = cursor.removeprefix(_NUMBERED) or "1"
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
            raise ConfigError(f"{cursor!r} is no cursor of this list", hint="Start without one.")
        return await self._numbered(int(digits), min(limit, calls.NUMBERED_LIST_LIMIT))

    async def _list_all(self, _cursor: str, _limit: int) -> SummaryPage:
        listed = await self._list(self._calls.unpaged_list())
        return SummaryPage(await self._summaries(listed.entries), None)

    async def _numbered(self, number: int, size: int) -> SummaryPage:
        listed = await self._list(self._calls.numbered_list_page(number, size, now=self._now()))
        full = len(listed.entries) >= size
        summaries = await self._summaries(listed.entries)
        return SummaryPage(summaries, f"{_NUMBERED}{number + 1}" if full else None)

    async def _list(self, request: Request) -> Listed:
        return self._opened(await self._ask(request))

    def _opened(self, reply: Reply) -> Listed:
        self._server_time = date_ms(reply.headers.get("date", "")) or self._server_time
        return open_list(reply.body)

    async def _summaries(self, entries: Sequence[Any]) -> list[Summary]:
        """Decode them, a part in each turn of the event loop."""
        summaries: list[Summary] = []
        for start in range(0, len(entries), _AT_ONCE):
            await self._turns.take()
            part = entries[start : start + _AT_ONCE]
            summaries += decode_entries(part, str(self._app_key))
        return summaries

    async def _delete(self, request: Request) -> None:
        try:
            reply = await self._ask(request)
        except Gone:
            return  # what is not there is deleted
        check_accepted(reply.body)

    async def _ask_for(self, make: Callable[[int], Request], limit: int, *, least: int) -> Reply:
        """A successful answer to a request for up to `limit`, or for half as many and so on,
        while it is more than can be read: nobody knows before how large messages are."""
        while limit > least:
            try:
                return await self._answer(make(limit))
            except TooLarge:
                limit = max(least, limit // 2)
        return await self._ask(make(limit))

    async def _ask(self, request: Request) -> Reply:
        """A successful answer."""
        with _as_any_fault():
            return await self._answer(request)

    async def _answer(self, request: Request) -> Reply:
        """A successful answer; an expired token is renewed once, for all who wait (law 12).
        Raises TooLarge, which `_ask` makes a fault of.

        A renewal may supply the refused token again, as where a server forgot it in a restart
        and knows it from the new sign-in on: then it is tried once more."""
        url = self._url(request)
        token, refused = await self._tokens.current(), ""
        for renewals_left in range(MOST_RENEWALS, -1, -1):
            self._requests += 1
            reply = await self._door.send(request, url, token)
            if reply.status != 401 or not renewals_left or token == refused:
                break
            token, refused = await self._tokens.renew(token), token
        return self._successful(request, reply, token)

    def _url(self, request: Request) -> Address:
        if request.call is Call.HISTORY:
            return self._history_url
        return self._door.url(request.target)

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
        with _as_any_fault():
            reply = await self._door.send(request, self._door.url(request.target))
        return decode_token(self._successful(request, reply).body)


@contextmanager
def _as_any_fault() -> Iterator[None]:
    try:
        yield
    except TooLarge as error:
        raise ServerFault(str(error), hint=error.hint) from None
