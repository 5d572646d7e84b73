"""History pages: the call that is made most, so it is plain ASGI and makes few objects."""

import json
from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec
from attrs import evolve, frozen
from starlette.types import Receive, Scope, Send

from syncengine.emulator.faults import Action, Faults
from syncengine.emulator.gate import MISCHIEF
from syncengine.emulator.message import Address
from syncengine.emulator.paging import Query
from syncengine.emulator.replies import ServiceError, bad_body, illegal_argument
from syncengine.emulator.rows import GROUP_DOMAIN, USER_DOMAIN, domain, row, row_of
from syncengine.emulator.service import Service, number
from syncengine.emulator.sized import SizedMessages
from syncengine.models import ConversationKey, Kind

PAGE_LIMIT = 50
_NO_CONVERSATION = 91001
_NOT_BASE64 = b'{"msg":"*** this is not base64 ***"}'
_BAD_PROTOBUF = row_of(b"\xff\xff\xff this is no protobuf")
_LAST_CURSORS = {
    "undefined": b',"next_key":"undefined"',
    "absent": b"",
    "empty": b',"next_key":""',
    "null": b',"next_key":null',
}


class Body(msgspec.Struct):
    """The request. Types are loose: clients send numbers as text and the other way round."""

    queue: str
    start: Any = -1
    pull_number: Any = None
    is_positive: bool | None = False
    msgType: str | None = None  # noqa: N815 # the wire's spelling
    startTime: Any = None  # noqa: N815
    endTime: Any = None  # noqa: N815
    userId: str | None = None  # noqa: N815
    userIds: list[str] | str | None = None  # noqa: N815


@frozen
class Rows:
    """A page before it is written: its rows, already encoded and joined."""

    joined: bytes
    next_key: int | None
    """None: say it as a last page does."""
    is_last: bool


_decode = msgspec.json.Decoder(Body).decode


class HistoryCall:
    """``POST …/users/{me}/messageroaming``."""

    def __init__(self, service: Service, faults: Faults) -> None:
        self._service = service
        self.faults = faults
        self._turn = 0
        self._previous: dict[tuple[str, ConversationKey], Rows] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; ServiceError when it is refused."""
        user, session = self._authorize(scope)
        request = _parse(await _body(receive))
        key = self._key(request.queue)
        self._service.check_roaming(key.kind)
        self._check_member(user, key)
        mischief: Action | None = scope.get(MISCHIEF)
        rows = self._rows(user, key, _query(request), mischief, session)
        await self._send(send, user, key, rows, mischief)

    def _authorize(self, scope: Scope) -> tuple[str, str]:
        """The user, and what tells this client from the user's others."""
        _, org, app, _, user, _ = scope["path"].split("/")
        self._service.check_app(org, app)
        session = _authorization(scope)
        token = self._service.check_token(session)
        self._service.check_user(token, user)
        return str(user), str(session)

    def _key(self, queue: str) -> ConversationKey:
        name, _, host = queue.rpartition("@")
        if not name or host not in (USER_DOMAIN, GROUP_DOMAIN):
            raise illegal_argument(f"queue {queue} is invalid")
        if host == USER_DOMAIN:
            return ConversationKey(name, Kind.CHAT)
        room = name in self._service.world.rooms
        return ConversationKey(name, Kind.CHATROOM if room else Kind.GROUPCHAT)

    def _check_member(self, user: str, key: ConversationKey) -> None:
        """What the service says to strangers was not observed; this is its documented 404."""
        if key.kind is not Kind.GROUPCHAT:
            return
        group = self._service.world.groups.get(key.conversation_id)
        if group is None or user not in group.members:
            raise ServiceError(
                404,
                "service_resource_not_found",
                f"group id {key.conversation_id} doesn't exist",
                code=_NO_CONVERSATION,
            )

    def _rows(
        self,
        user: str,
        key: ConversationKey,
        query: Query,
        mischief: Action | None,
        session: str,
    ) -> Rows:
        slot = (session, key)
        if mischief is Action.REPEAT and slot in self._previous:
            return self._previous[slot]
        if mischief is Action.STUCK:
            query = evolve(query, start=None)
        self._service.counters.pages += 1
        rows = self._generated(user, key, query) or self._stored(user, key, query)
        if self.faults.profile != "none":
            self._previous[slot] = rows
        return rows

    def _generated(self, user: str, key: ConversationKey, query: Query) -> Rows | None:
        """The fast way: a generated conversation that nothing has changed."""
        world = self._service.world
        messages = world.generator
        if not isinstance(messages, SizedMessages) or not query.plain:
            return None
        address = Address.of(user, key.conversation_id, key.kind)
        if not (world.untouched(address) and messages.covers_all(address, world)):
            return None
        span = messages.span(address, query)
        if span is None:
            return None
        count = self._service.counters.of(user, key)
        count.add_range(span.low, span.high, span.size)
        more = span.low > 0 if not query.newer else span.high < span.size
        full = self._full(span.high - span.low, query.limit, more)
        return Rows(messages.joined(span), span.next_id if full else None, not full)

    def _stored(self, user: str, key: ConversationKey, query: Query) -> Rows:
        world = self._service.world
        answer = world.page(user, key.conversation_id, key.kind, query, lag_ms=self._replica_lag())
        self._count(user, key, [each.message_id for each in answer.messages])
        joined = b",".join([row(each, world.app_key) for each in answer.messages])
        full = self._full(len(answer.messages), query.limit, answer.more)
        next_key = answer.messages[-1].message_id if full else None
        return Rows(joined, next_key, not full)

    def _full(self, count: int, limit: int, more: bool) -> bool:
        """Whether the page says that there may be more: a full one does, even when it is last."""
        if count < limit or not count:
            return False
        return more or not self._service.world.switches.full_page_is_last

    def _replica_lag(self) -> int:
        switches = self._service.world.switches
        self._turn += 1
        return switches.replica_lag_ms if self._turn % switches.replicas else 0

    def _count(self, user: str, key: ConversationKey, ids: Iterable[int]) -> None:
        count = self._service.counters.of(user, key)
        messages = self._service.world.generator
        if count.places is not None and isinstance(messages, SizedMessages):
            address = Address.of(user, key.conversation_id, key.kind)
            count.to_ids(messages.ids(address))
        count.add_ids(ids)

    async def _send(
        self, send: Send, user: str, key: ConversationKey, rows: Rows, mischief: Action | None
    ) -> None:
        joined = rows.joined
        if mischief in (Action.NOT_BASE64, Action.BAD_PROTOBUF):
            bad = _NOT_BASE64 if mischief is Action.NOT_BASE64 else _BAD_PROTOBUF
            joined = bad + b"," + joined if joined else bad
        if mischief is Action.STUCK and rows.next_key is None and joined:
            rows = evolve(rows, next_key=1, is_last=False)
        head, tail = self._frame(user, key, rows)
        if mischief is Action.HUGE and joined:
            await self._send_huge(send, head, joined, tail)
            return
        body = b"".join((head, joined, tail))
        headers = [_CONTENT_TYPE, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _frame(self, user: str, key: ConversationKey, rows: Rows) -> tuple[bytes, bytes]:
        now = self._service.world.now()
        owner = json.dumps(f"{user}@{USER_DOMAIN}")
        queue = json.dumps(f"{key.conversation_id}@{domain(key.kind)}")
        head = (
            f'{{"action":"get message roaming","timestamp":{now},"data":'
            f'{{"user":{owner},"queue":{queue},"msgs":['
        )
        if rows.next_key is None:
            cursor = _LAST_CURSORS[self._service.world.switches.last_cursor]
        else:
            cursor = b',"next_key":"%d"' % rows.next_key
        is_last = b"true" if rows.is_last else b"false"
        tail = b']%b,"is_last":%b,"timestamp":%d}}' % (cursor, is_last, now)
        return head.encode(), tail

    async def _send_huge(self, send: Send, head: bytes, joined: bytes, tail: bytes) -> None:
        """The same rows again and again, without saying how much will come."""
        await send({"type": "http.response.start", "status": 200, "headers": [_CONTENT_TYPE]})
        times = self.faults.huge_bytes // len(joined) + 1
        pieces = chain([head, joined], (b"," + joined for _ in range(times)), [tail])
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


_CONTENT_TYPE = (b"content-type", b"application/json")


def is_history(scope: Scope) -> bool:
    """Whether the request is for this call."""
    path: str = scope["path"]
    return path.endswith("/messageroaming") and scope["method"] == "POST" and path.count("/") == 5


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value.decode("latin-1"))
    return None


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    return body


def _parse(body: bytes) -> Body:
    try:
        return _decode(body)
    except msgspec.MsgspecError as error:
        raise bad_body() from error


def _query(request: Body) -> Query:
    limit = number(request.pull_number, "pull_number", low=1, high=PAGE_LIMIT, default=PAGE_LIMIT)
    senders = request.userIds or request.userId or ()
    types = [each for each in (request.msgType or "").split(",") if each]
    return Query(
        start=_start(request.start),
        limit=limit,
        newer=bool(request.is_positive),
        # One newer source lists `voice` for what everyone else calls `audio`.
        types=frozenset("audio" if each == "voice" else each for each in types),
        senders=frozenset(senders.split(",") if isinstance(senders, str) else senders),
        start_time=_time(request.startTime, "startTime"),
        end_time=_time(request.endTime, "endTime"),
    )


def _start(value: Any) -> int | None:
    text = str(value).strip() if value is not None else ""
    if text in ("", "-1", "undefined", "null"):
        return None
    # No id that was ever given is negative: whatever this was, it is not there.
    return int(text) if text.isdecimal() else -1


def _time(value: Any, name: str) -> int | None:
    if value in (None, "", -1, "-1"):
        return None
    return number(value, name, low=0, high=2**63, default=0)
