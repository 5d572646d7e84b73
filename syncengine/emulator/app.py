"""The stand-in as an ASGI app."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncengine.emulator.counters import Counters
from syncengine.emulator.faults import Faults
from syncengine.emulator.gate import Gate
from syncengine.emulator.history import HistoryCall, is_history
from syncengine.emulator.replies import ServiceError, error_reply, http_date
from syncengine.emulator.routes_control import ControlCalls
from syncengine.emulator.routes_deletions import DeletionCalls
from syncengine.emulator.routes_lists import ListCalls
from syncengine.emulator.routes_server import ServerCalls
from syncengine.emulator.routes_tokens import routes as token_routes
from syncengine.emulator.service import Service
from syncengine.emulator.transport import EmulatorTransport
from syncengine.emulator.world import World

CONTROL = "/_emulator/"


class Emulator:
    """A world behind the service's calls, with faults.

    `sleep` (seconds) is what slow answers wait with: give a virtual one to tests.
    """

    def __init__(
        self,
        world: World,
        *,
        faults: Faults | None = None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.world = world
        self._service = Service(world)
        self._sleep = sleep
        self._history = HistoryCall(self._service, faults or Faults())
        self._routes = _routes(self._service)
        self._control = _application(self._service, ControlCalls(self, self._service).routes())
        self._calls = _application(self._service, self._routes)
        self.set_faults(self._history.faults)

    @property
    def app(self) -> ASGIApp:
        """The ASGI app, for a server or a test client."""
        return self

    @property
    def counters(self) -> Counters:
        """What was asked and served."""
        return self._service.counters

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self._faults

    def transport(self) -> EmulatorTransport:
        """For `httpx.AsyncClient(transport=…)`: no sockets, the same faults."""
        return EmulatorTransport(self)

    def set_faults(self, faults: Faults) -> None:
        """From the next request on, these things go wrong."""
        self._faults = self._history.faults = faults
        self._gate = Gate(faults, self._service.tokens, self.world.now, self._sleep)

    def expire_tokens(self) -> None:
        """End every token that was given."""
        self._service.tokens.expire_all(now=self.world.now())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        dated = self._dated(send)
        if scope["path"].startswith(CONTROL):
            await self._control(scope, receive, dated)
            return
        name = route_name(self._routes, scope)
        app = self._answer_history if name == "history" else self._calls
        self.counters.requests[name] += 1
        action = self._faults.draw(name)
        if action is None:
            await app(scope, receive, dated)
            return
        self.counters.faults[str(action)] += 1
        await self._gate.play(action, app, scope, receive, dated)

    async def _answer_history(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._history(scope, receive, send)
        except ServiceError as error:
            await error_reply(error, self.world.now())(scope, receive, send)

    def _dated(self, send: Send) -> Send:
        """Every answer carries the world's time, as if a server of that time had made it."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"date", self._date()))
            await send(message)

        return dated

    def _date(self) -> bytes:
        second = self.world.now() // 1000
        if second != self._second:
            self._second, self._date_text = second, http_date(second * 1000).encode()
        return self._date_text

    _second = -1
    _date_text = b""


def route_name(routes: list[Route], scope: Scope) -> str:
    """The call's name in counters and faults; ``unknown`` when there is none."""
    if is_history(scope):
        return "history"
    for route in routes:
        if route.matches(scope)[0] is Match.FULL:
            pinned = route.name == "list" and b"is_top=true" in scope["query_string"]
            return "list_pinned" if pinned else str(route.name)
    return "unknown"


def _routes(service: Service) -> list[Route]:
    return [
        *token_routes(service),
        *ListCalls(service).routes(),
        *DeletionCalls(service).routes(),
        *ServerCalls(service).routes(),
    ]


def _application(service: Service, routes: list[Route]) -> Starlette:
    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, ServiceError)
        return error_reply(error, service.world.now())

    async def not_found(request: Request, _: Exception) -> Response:
        error = ServiceError(
            404, "service_resource_not_found", f"Service resource not found: {request.url.path}"
        )
        return error_reply(error, service.world.now())

    handlers: dict[Any, Any] = {ServiceError: refused, 404: not_found, 405: not_found}
    return Starlette(routes=routes, exception_handlers=handlers)
