"""Plays faults that concern a whole request: delays, refusals, lost connections.

ASGI has no way to break a connection. Whoever runs the app puts an object with `abort`
and `close` under `CONNECTION` into the scope: the socket's transport when it is a server,
a stand-in when it is `EmulatorTransport`.
"""

from asyncio import gather
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from attrs import define, field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncengine.emulator.faults import Action, Faults
from syncengine.emulator.replies import ServiceError, error_reply, http_date
from syncengine.emulator.tokens import Tokens

CONNECTION = "syncengine.connection"
MISCHIEF = "syncengine.mischief"
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>\n<h1>502</h1>\n</body></html>\n"
_EXPIRED = "Unable to authenticate due to expired access token"


class Connection(Protocol):
    """What a fault does to a connection."""

    def abort(self) -> None:
        """Break it; what is unsent is lost."""
        ...

    def close(self) -> None:
        """End it after what was sent so far."""
        ...


@define
class Recorded:
    """An answer that was made and not sent."""

    start: Message = field(factory=dict)
    body: bytearray = field(factory=bytearray)

    async def send(self, message: Message) -> None:
        """Keep a part of the answer."""
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")


@define
class Gate:
    """Stands before the service. `sleep` takes seconds."""

    faults: Faults
    tokens: Tokens
    now: Callable[[], int]
    sleep: Callable[[float], Awaitable[Any]]

    async def play(
        self, action: Action, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one request while this goes wrong with it."""
        if action is Action.LATENCY:
            await self.sleep(self.faults.delay())
            await app(scope, receive, send)
        elif action is Action.DISTANCE:
            await self._from_afar(app, scope, receive, send)
        elif action is Action.DROP_BEFORE:
            await _abort(scope, receive)
        elif action is Action.DROP_AFTER:
            await app(scope, receive, Recorded().send)
            await _abort(scope, receive)
        elif action is Action.TRUNCATE:
            await self._truncate(app, scope, receive, send)
        elif refusal := self._refusal(action, scope):
            await error_reply(refusal, self.now())(scope, receive, send)
        elif action is Action.HTML:
            await _html(send)
        else:
            scope[MISCHIEF] = action
            await app(scope, receive, send)

    def _refusal(self, action: Action, scope: Scope) -> ServiceError | None:
        if action is Action.EXPIRE:
            self.tokens.expire(_bearer(scope), now=self.now())
            return ServiceError(401, "unauthorized", _EXPIRED)
        if action is Action.UNAVAILABLE:
            return ServiceError(503, "service_unavailable", "Service Unavailable")
        if action in (Action.THROTTLE, Action.THROTTLE_AFTER):
            after = {} if action is Action.THROTTLE else {"Retry-After": self._retry_after()}
            return ServiceError(
                429,
                "resource_limited",
                "You have exceeded the limit of the rate. Please wait a while before trying again.",
                headers=after,
            )
        return None

    def _retry_after(self) -> str:
        """Seconds or a date: clients must take both."""
        seconds = self.faults.retry_after_s
        return str(seconds) if self.faults.coin() else http_date(self.now() + seconds * 1000)

    async def _from_afar(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        whole = Recorded()
        await gather(self.sleep(self.faults.delay()), app(scope, receive, whole.send))
        await send(whole.start)
        await send({"type": "http.response.body", "body": bytes(whole.body)})

    async def _truncate(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        whole = Recorded()
        await app(scope, receive, whole.send)
        await send(whole.start)
        half = bytes(whole.body[: len(whole.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        _connection(scope).close()
        await _gone(receive)


async def _html(send: Send) -> None:
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(_HTML)).encode()),
    ]
    await send({"type": "http.response.start", "status": 502, "headers": headers})
    await send({"type": "http.response.body", "body": _HTML})


async def _abort(scope: Scope, receive: Receive) -> None:
    _connection(scope).abort()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Return once the server has noticed that the connection ended."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _connection(scope: Scope) -> Connection:
    connection: Connection | None = scope.get(CONNECTION)
    if connection is None:
        raise ConnectionResetError("a fault broke the connection")
    return connection


def _bearer(scope: Scope) -> str:
    value = dict(scope["headers"]).get(b"authorization", b"")
    return str(value.decode("latin-1")).partition(" ")[2]
