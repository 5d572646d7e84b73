"""The server-side calls that fill the stand-in, as an operator fills the real service."""

import uuid
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncengine.emulator.content import Body
from syncengine.emulator.people import User
from syncengine.emulator.replies import ServiceError, bad_body, illegal_argument
from syncengine.emulator.routes_tokens import user_json
from syncengine.emulator.rows import CONTENT_TYPES, ext_from_json
from syncengine.emulator.service import (
    Service,
    conversation_kind,
    json_object,
    json_value,
    user_not_found,
)
from syncengine.models import Kind

_REQUEST_BYTES = 5 * 1024
_MEMBERS_AT_ONCE = 100
_TARGETS = {Kind.CHAT: 600, Kind.GROUPCHAT: 3, Kind.CHATROOM: 3}
_PATHS = {Kind.CHAT: "users", Kind.GROUPCHAT: "chatgroups", Kind.CHATROOM: "chatrooms"}


class ServerCalls:
    """The calls that need the app's own token."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Their paths."""
        base = "/{org}/{app}"
        routes = [
            Route(base + "/users", self.register, methods=["POST"], name="server_register"),
            Route(base + "/chatgroups", self.group, methods=["POST"], name="server_group"),
            Route(
                base + "/chatgroups/{group}/users",
                self.members,
                methods=["POST"],
                name="server_members",
            ),
            Route(
                base + "/messages/msg_recall", self.recall, methods=["POST"], name="server_recall"
            ),
        ]
        for kind, path in _PATHS.items():
            routes.append(self._send_route(f"{base}/messages/{path}", kind))
            if kind is not Kind.CHATROOM:
                routes.append(self._import_route(f"{base}/messages/{path}/import", kind))
        return routes

    def _send_route(self, path: str, kind: Kind) -> Route:
        async def send(request: Request) -> Response:
            return await self.send(request, kind)

        return Route(path, send, methods=["POST"], name="server_send")

    def _import_route(self, path: str, kind: Kind) -> Route:
        async def into_the_past(request: Request) -> Response:
            return await self.import_message(request, kind)

        return Route(path, into_the_past, methods=["POST"], name="server_import")

    async def register(self, request: Request) -> Response:
        """Make one user or several."""
        self._service.authorize_app(request)
        body = await json_value(request)
        users = [self._new_user(each) for each in (body if isinstance(body, list) else [body])]
        entities = [{**user_json(each), "nickname": each.nickname} for each in users]
        return self._service.reply(request, entities=entities)

    def _new_user(self, wanted: Any) -> User:
        if not isinstance(wanted, dict) or not wanted.get("username"):
            raise illegal_argument("username is required")
        name = str(wanted["username"]).lower()
        if name in self._service.world.users:
            raise ServiceError(
                400,
                "duplicate_unique_property_exists",
                f"Entity user requires that property named username be unique, value of {name}"
                " exists",
                exception="DuplicateUniquePropertyExistsException",
            )
        return self._service.world.add_user(
            name, wanted.get("password"), nickname=str(wanted.get("nickname") or "")
        )

    async def group(self, request: Request) -> Response:
        """Make a group."""
        self._service.authorize_app(request)
        body = await json_object(request)
        owner = self._user(body.get("owner"))
        members = [self._user(each) for each in body.get("members") or []]
        if len(members) > _MEMBERS_AT_ONCE:
            raise illegal_argument(f"members: at most {_MEMBERS_AT_ONCE}")
        group_id = str(248_000_000_000_001 + len(self._service.world.groups))
        self._service.world.add_group(
            group_id, [owner, *members], owner=owner, name=str(body.get("groupname") or "")
        )
        return self._service.reply(request, data={"groupid": group_id})

    async def members(self, request: Request) -> Response:
        """Put users into a group."""
        self._service.authorize_app(request)
        group = self._service.world.groups.get(request.path_params["group"])
        if group is None:
            raise _no_group(request.path_params["group"])
        names = [self._user(each) for each in (await json_object(request)).get("usernames") or []]
        new = [each for each in names if each not in group.members]
        group.members.extend(new)
        data = {"newmembers": new, "groupid": group.group_id, "action": "add_member"}
        return self._service.reply(request, data=data)

    async def send(self, request: Request, kind: Kind) -> Response:
        """Send to users, groups or rooms."""
        body = await self._message_request(request)
        sender = body.get("from", "admin")
        if not sender:
            raise illegal_argument("from can't be empty")
        targets = body.get("to")
        if not isinstance(targets, list) or not 0 < len(targets) <= _TARGETS[kind]:
            raise illegal_argument(f"to: 1 to {_TARGETS[kind]} targets")
        data = {str(to): self._send(str(sender), str(to), kind, body) for to in targets}
        return self._service.reply(request, data=data)

    def _send(self, sender: str, to: str, kind: Kind, body: dict[str, Any]) -> str:
        """With a time of its own the message goes where that time belongs."""
        self._check_target(to, kind)
        world, content, ext = self._service.world, _content(body), ext_from_json(body.get("ext"))
        if body.get("msg_timestamp") is not None:
            at = _timestamp(body["msg_timestamp"])
            return world.import_message(sender, to, kind, content, at=at, ext=ext)
        return world.send(sender, to, kind, content, ext=ext, by_server=True)

    async def import_message(self, request: Request, kind: Kind) -> Response:
        """Put a message into the past."""
        body = await self._message_request(request)
        if not body.get("from") or not body.get("target"):
            raise illegal_argument("from and target are required")
        sender, to = str(body["from"]), str(body["target"])
        return self._service.reply(request, data={"msg_id": self._send(sender, to, kind, body)})

    async def _message_request(self, request: Request) -> dict[str, Any]:
        self._service.authorize_app(request)
        if len(await request.body()) > _REQUEST_BYTES:
            raise ServiceError(413, "request_entity_too_large", "Request Entity Too Large")
        return await json_object(request)

    async def recall(self, request: Request) -> Response:
        """Withdraw a message for everyone."""
        self._service.authorize_app(request)
        body = await json_object(request)
        message_id, kind = str(body.get("msg_id")), conversation_kind(body.get("chat_type"))
        try:
            message = self._service.world.message(message_id)
            self._service.world.recall(message_id)
        except (KeyError, ValueError):
            raise ServiceError(
                404, "message_not_found", "can't find this message", code=404
            ) from None
        data = {"msg_id": message_id, "recalled": "yes", "from": message.sender}
        data |= {"to": message.to, "chattype": str(kind)}
        return self._service.reply(request, data=data)

    def _user(self, name: Any) -> str:
        if str(name) not in self._service.world.users:
            raise user_not_found(str(name))
        return str(name)

    def _check_target(self, to: str, kind: Kind) -> None:
        world = self._service.world
        known: dict[Kind, Iterable[str]] = {
            Kind.CHAT: world.users,
            Kind.GROUPCHAT: world.groups,
            Kind.CHATROOM: world.rooms,
        }
        if to in known[kind]:
            return
        raise user_not_found(to) if kind is Kind.CHAT else _no_group(to)


def _no_group(group_id: str) -> ServiceError:
    return ServiceError(
        404, "service_resource_not_found", f"group id {group_id} doesn't exist", code=91001
    )


def _timestamp(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise illegal_argument("msg_timestamp must be a number")


def _content(request: dict[str, Any]) -> Body:
    """The body as the world holds it; the server-side API leaves out the type inside."""
    body, name = request.get("body"), request.get("type")
    if not isinstance(body, dict) or name not in CONTENT_TYPES:
        raise bad_body()
    content = {**body, "type": name}
    if "url" in content:
        content = {"secret": "", "file_length": 0, **content}
        content["secret"] = (
            content["secret"] or f"secret-{uuid.uuid5(uuid.NAMESPACE_URL, content['url']).hex[:12]}"
        )
    values = content.get("customExts")
    if isinstance(values, dict):
        content |= {"customExts": [{k: v} for k, v in values.items()], "v2:customExts": values}
    elif isinstance(values, list):
        content["v2:customExts"] = {k: v for each in values for k, v in dict(each).items()}
    return content
