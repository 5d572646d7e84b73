"""The conversation list in its three forms, pinning and marking."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncengine.emulator.faults import Action
from syncengine.emulator.gate import MISCHIEF
from syncengine.emulator.paging import DAY_MS
from syncengine.emulator.replies import bad_body, illegal_argument
from syncengine.emulator.rows import jid, preview
from syncengine.emulator.service import (
    Service,
    conversation_kind,
    json_object,
    number,
    with_cursor,
)
from syncengine.emulator.world import MARKS, Listed

_PAGE_LIMIT = 20
_CURSOR_LIMIT = 50
_MARK_LIMIT = 10


class ListCalls:
    """The calls on conversation lists."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._previous: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """Their paths. Pinned lists are told from others by ``is_top``, see `route_name`."""
        old, new = "/{org}/{app}/users/{user}/user_channels", "/{org}/{app}/sdk/user/{user}"
        top, mark = new + "/user_channel/top", new + "/user_channels/mark"
        return [
            Route(old, self.unpaged, methods=["GET"], name="list_unpaged"),
            Route(old + "/page", self.numbered, methods=["GET"], name="list_numbered"),
            Route(new + "/user_channels/list", self.by_cursor, methods=["GET"], name="list"),
            Route(mark + "/search", self.marked, methods=["GET"], name="list_marked"),
            Route(top, self.pin, methods=["POST"], name="pin"),
            Route(top, self.unpin, methods=["DELETE"], name="unpin"),
            Route(mark, self.mark, methods=["POST"], name="mark"),
            Route(mark, self.unmark, methods=["DELETE"], name="unmark"),
        ]

    async def unpaged(self, request: Request) -> Response:
        """The oldest call: a few conversations of the last days."""
        user = self._service.authorize(request)
        world = self._service.world
        since = world.now() - world.switches.unpaged_days * DAY_MS
        recent = [each for each in world.conversations(user) if each.entry.active_at >= since]
        return self._channels(request, user, recent[: world.switches.unpaged_count])

    async def numbered(self, request: Request) -> Response:
        """Pages by number; there is no total, the end is a short or empty page."""
        user = self._service.authorize(request)
        query = request.query_params
        page = number(query.get("pageNum"), "pageNum", low=1, high=10**6, default=1)
        size = number(
            query.get("pageSize"), "pageSize", low=1, high=_PAGE_LIMIT, default=_PAGE_LIMIT
        )
        listed = self._service.world.conversations(user)
        return self._channels(request, user, listed[(page - 1) * size : page * size])

    async def by_cursor(self, request: Request) -> Response:
        """Pages by cursor; with ``is_top`` the pinned conversations only."""
        user = self._service.authorize(request)
        query = request.query_params
        empty = query.get("needEmptySession") == "true"
        listed = self._service.world.conversations(user, include_empty=empty)
        if query.get("is_top") == "true":
            listed = [each for each in listed if each.entry.pinned_at is not None]
        return self._page(request, user, listed, default=20)

    async def marked(self, request: Request) -> Response:
        """Conversations that carry a mark."""
        user = self._service.authorize(request)
        mark = _mark(request.query_params.get("mark"))
        listed = self._service.world.conversations(user)
        listed = [each for each in listed if mark in each.entry.marks]
        return self._page(request, user, listed, default=_MARK_LIMIT)

    async def pin(self, request: Request) -> Response:
        """Pin a conversation."""
        user = self._service.authorize(request)
        body = await json_object(request)
        kind = conversation_kind(body.get("type"))
        pinned_at = self._service.world.pin(user, str(body.get("to")), kind)
        data = {"is_top": pinned_at is not None, "update_top_status_time": pinned_at}
        return self._service.reply(request, data=data)

    async def unpin(self, request: Request) -> Response:
        """Unpin a conversation."""
        user = self._service.authorize(request)
        query = request.query_params
        self._service.world.unpin(user, query.get("to", ""), conversation_kind(query.get("type")))
        data = {"is_top": False, "update_top_status_time": self._service.world.now()}
        return self._service.reply(request, data=data)

    async def mark(self, request: Request) -> Response:
        """Mark conversations."""
        return await self._marking(request, on=True)

    async def unmark(self, request: Request) -> Response:
        """Take a mark from conversations."""
        return await self._marking(request, on=False)

    async def _marking(self, request: Request, *, on: bool) -> Response:
        user = self._service.authorize(request)
        body = await json_object(request)
        mark = _mark(body.get("mark"))
        change = self._service.world.mark if on else self._service.world.unmark
        ignored = []
        for target in body.get("targets") or []:
            if not isinstance(target, dict):
                raise bad_body()
            kind = conversation_kind(target.get("type"))
            if not change(user, str(target.get("to")), kind, mark):
                ignored.append(target)
        return self._service.reply(request, data={"ignore": ignored})

    def _page(
        self, request: Request, user: str, listed: Sequence[Listed], *, default: int
    ) -> Response:
        query = request.query_params
        limit = number(query.get("limit"), "limit", low=1, high=_CURSOR_LIMIT, default=default)
        mischief = request.scope.get(MISCHIEF)
        session = request.headers.get("authorization")
        slot = f"{session} {request.url.path} {query.get('is_top')} {query.get('mark')}"
        if mischief is Action.REPEAT and slot in self._previous:
            return self._service.reply(request, data=self._previous[slot])
        cursor = "" if mischief is Action.STUCK else query.get("cursor", "")
        rest = [each for each in listed if _after(cursor, each)]
        page, more = rest[:limit], len(rest) > limit
        data: dict[str, Any] = {"channel_infos": self._items(user, page)}
        switches = self._service.world.switches
        full = len(page) == limit and (more or not switches.full_page_is_last)
        goes_on = bool(page) and (full or mischief is Action.STUCK)
        with_cursor(data, "cursor", _cursor(page[-1]) if goes_on else None, switches.last_cursor)
        self._previous[slot] = data
        return self._service.reply(request, data=data)

    def _channels(self, request: Request, user: str, listed: Sequence[Listed]) -> Response:
        data = {"channel_infos": self._items(user, listed)}
        return self._service.reply(request, data=data, entities=[])

    def _items(self, user: str, listed: Sequence[Listed]) -> list[dict[str, Any]]:
        return [_item(each, self._service.world.app_key) for each in listed]


def _item(listed: Listed, app_key: str) -> dict[str, Any]:
    entry = listed.entry
    item: dict[str, Any] = {
        "channel_id": jid(app_key, entry.key.conversation_id, entry.key.kind),
        "session_to": entry.key.conversation_id,
        "session_type": str(entry.key.kind),
        "unread_num": entry.unread,
        "is_top": entry.pinned_at is not None,
        "created_at": entry.created_at,
        "meta": preview(listed.last, app_key) if listed.last else {},
    }
    if entry.pinned_at is not None:
        item["update_top_status_time"] = entry.pinned_at
    if entry.marks:
        item["marks"] = [f"mark_{each}" for each in sorted(entry.marks)]
    return item


def _cursor(last: Listed) -> str:
    """Names the last conversation's place, so that a page goes on also after changes."""
    return f"{last.entry.active_at}_{last.entry.turn}"


def _after(cursor: str, listed: Listed) -> bool:
    if cursor in ("", "undefined", "null"):
        return True
    active_at, _, turn = cursor.partition("_")
    try:
        return listed.entry.rank < (int(active_at), int(turn))
    except ValueError:
        raise illegal_argument(f"cursor {cursor} is invalid") from None


def _mark(text: Any) -> int:
    name = str(text)
    digits = name.removeprefix("mark_")
    if not name.startswith("mark_") or not digits.isdecimal() or int(digits) >= MARKS:
        raise illegal_argument(f"param mark {text} is invalid")
    return int(digits)
