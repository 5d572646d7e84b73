"""Deletions: by ids, up to a time, of everything, of a conversation."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncengine.emulator.replies import ServiceError, json_reply
from syncengine.emulator.service import Service, conversation_kind, json_object, number
from syncengine.models import Kind

_ID_LIMIT = 50
_ABSURDLY_LATE = 2**63


class DeletionCalls:
    """The calls that delete for one user. The server-side twins share their bodies."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Their paths; ``/rest/…`` and ``/users/…`` are the server-side twins."""
        paths = []
        for prefix, name in (("sdk", ""), ("rest", "server_")):
            roaming = "/{org}/{app}/" + prefix + "/message/roaming"
            one = roaming + "/{kind}/user/{user}"
            paths += [
                Route(one + "/time", self.before, methods=["DELETE"], name=name + "delete_before"),
                Route(one, self.by_ids, methods=["DELETE"], name=name + "delete_messages"),
                Route(
                    roaming + "/user/{user}/delete/all",
                    self.everything,
                    methods=["POST"],
                    name=name + "delete_all",
                ),
            ]
        for prefix, name in (("user", ""), ("users", "server_")):
            paths.append(
                Route(
                    "/{org}/{app}/" + prefix + "/{user}/user_channel",
                    self.conversation,
                    methods=["DELETE"],
                    name=name + "delete_conversation",
                )
            )
        return paths

    async def by_ids(self, request: Request) -> Response:
        """Delete up to 50 messages; unknown ids are no error."""
        user, conversation_id, kind = self._target(request)
        ids = [each for each in request.query_params.get("msgIdList", "").split(",") if each]
        if not ids:
            raise ServiceError(400, "param exception", "delete msg list can not be empty")
        if len(ids) > _ID_LIMIT:
            raise ServiceError(
                400, "param exception", "delete msg list limit can not greater than 50"
            )
        self._service.world.delete_messages(user, conversation_id, ids, kind)
        return self._done()

    async def before(self, request: Request) -> Response:
        """Delete up to a time, inclusive."""
        user, conversation_id, kind = self._target(request)
        text = request.query_params.get("delTime")
        until = number(text, "delTime", low=0, high=_ABSURDLY_LATE, default=-1)
        if until < 0:
            raise ServiceError(400, "param exception", "delTime can not be empty")
        self._service.world.delete_before(user, conversation_id, until, kind)
        return self._done()

    async def everything(self, request: Request) -> Response:
        """Delete all history of a user."""
        user = self._service.authorize(request)
        self._service.check_roaming()
        self._service.world.delete_all(user)
        return self._done()

    async def conversation(self, request: Request) -> Response:
        """Take a conversation from the list, with its messages when asked."""
        user = self._service.authorize(request)
        body = await json_object(request)
        channel = body.get("channel")
        if not isinstance(channel, str) or not channel:
            raise ServiceError(400, "illegal_argument", "channel can not be empty")
        kind = conversation_kind(body.get("type"))
        gone_too = body.get("delete_roam") is True
        self._service.world.delete_conversation(user, channel, kind, delete_messages=gone_too)
        return self._service.reply(request, entities=[], data={"result": "ok"})

    def _target(self, request: Request) -> tuple[str, str, Kind]:
        user = self._service.authorize(request)
        name = request.path_params["kind"]
        if name not in ("chat", "group"):
            raise ServiceError(400, "Bad Request", f"unknown type {name}")
        conversation_id = request.query_params.get("userId" if name == "chat" else "groupId")
        if not conversation_id:
            raise ServiceError(400, "Bad Request", "the conversation's id is missing")
        kind = self._kind(name, conversation_id)
        self._service.check_roaming(kind)
        return user, conversation_id, kind

    def _kind(self, name: str, conversation_id: str) -> Kind:
        """``group`` covers rooms."""
        if name == "chat":
            return Kind.CHAT
        return Kind.CHATROOM if conversation_id in self._service.world.rooms else Kind.GROUPCHAT

    def _done(self) -> Response:
        return json_reply({"requestStatusCode": "ok", "timestamp": self._service.world.now()})
