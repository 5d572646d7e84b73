"""What all calls share: the world, the tokens, the counters, and who may do what."""

from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from syncengine.emulator.counters import Counters
from syncengine.emulator.replies import ServiceError, bad_body, illegal_argument, json_reply
from syncengine.emulator.tokens import Token, Tokens
from syncengine.emulator.world import World
from syncengine.models import Kind

_ROAMING_OFF = {
    "disabled-400": (400, "service open exception", "this appKey not open message roaming"),
    "disabled-403": (403, "forbidden_op", "messageroaming function not open"),
}


class Service:
    """One app on the stand-in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens = Tokens(world.app_key, world.seed)
        self.counters = Counters()

    def check_app(self, org: str, app: str) -> None:
        """ServiceError 404 unless this is our app."""
        if f"{org}#{app}" != self.world.app_key:
            raise ServiceError(
                404,
                "organization_application_not_found",
                f"Could not find application for {org}/{app} from URI: {org}/{app}",
                exception="OrganizationApplicationNotFoundException",
            )

    def check_token(self, authorization: str | None) -> Token:
        """Whose token this is."""
        return self.tokens.check(authorization, now=self.world.now())

    def authorize(self, request: Request) -> str:
        """The user of the path, once the token is found to be theirs or the app's."""
        self.check_app(request.path_params["org"], request.path_params["app"])
        token = self.check_token(request.headers.get("authorization"))
        user: str = request.path_params["user"]
        self.check_user(token, user)
        return user

    def check_user(self, token: Token, user: str) -> None:
        """ServiceError unless the token may act for the user, who exists."""
        if token.user not in (None, user):
            raise ServiceError(401, "unauthorized", "Unable to authenticate (OAuth)")
        if user not in self.world.users:
            raise user_not_found(user)

    def authorize_app(self, request: Request) -> None:
        """ServiceError 401 unless the token is the app's own."""
        self.check_app(request.path_params["org"], request.path_params["app"])
        if self.check_token(request.headers.get("authorization")).user is not None:
            raise ServiceError(401, "unauthorized", "Unable to authenticate (OAuth)")

    def check_roaming(self, kind: Kind | None = None) -> None:
        """ServiceError while history is switched off."""
        switches = self.world.switches
        if switches.roaming != "enabled":
            raise ServiceError(*_ROAMING_OFF[switches.roaming])
        if kind is Kind.CHATROOM and not switches.room_history:
            raise ServiceError(*_ROAMING_OFF["disabled-403"])

    def reply(self, request: Request, **fields: Any) -> Response:
        """A success in the service's usual envelope."""
        org, _, app = self.world.app_key.partition("#")
        path = "/" + request.url.path.strip("/").split("/", 2)[-1]
        return json_reply(
            {
                "action": request.method.lower(),
                "application": "00000000-0000-0000-0000-000000000001",
                "path": path,
                "uri": f"{request.url.scheme}://{request.url.netloc}{request.url.path}",
                **fields,
                "timestamp": self.world.now(),
                "duration": 0,
                "organization": org,
                "applicationName": app,
            }
        )


def user_not_found(user: str) -> ServiceError:
    """The service's words for a user that does not exist."""
    return ServiceError(
        404,
        "service_resource_not_found",
        f"Service resource not found: {user}",
        exception="UserNotFoundException",
    )


async def json_object(request: Request) -> dict[str, Any]:
    """The body as an object; ServiceError 400 when it is none."""
    body = await json_value(request)
    if not isinstance(body, dict):
        raise bad_body()
    return body


async def json_value(request: Request) -> Any:
    """The body as JSON; ServiceError 400 when it is none."""
    try:
        return msgspec.json.decode(await request.body())
    except msgspec.MsgspecError as error:
        raise bad_body() from error


def number(text: Any, name: str, *, low: int, high: int, default: int) -> int:
    """A parameter that is a number within bounds; ServiceError 400 otherwise."""
    if text in (None, ""):
        return default
    try:
        value = int(text)
    except (TypeError, ValueError):
        raise illegal_argument(f"{name} must be a number") from None
    if not low <= value <= high:
        raise illegal_argument(f"{name} must be between {low} and {high}")
    return value


def conversation_kind(text: Any) -> Kind:
    """A conversation's type in any case: clients disagree about ``groupChat``."""
    try:
        return Kind(str(text).lower())
    except ValueError:
        raise illegal_argument(f"unknown type {text}") from None


CursorField = Literal["cursor", "next_key"]


def with_cursor(body: dict[str, Any], name: CursorField, cursor: str | None, last: str) -> None:
    """Write a cursor into an answer; None in the way that a last page says it."""
    if cursor is not None:
        body[name] = cursor
    elif last != "absent":
        body[name] = {"undefined": "undefined", "empty": "", "null": None}[last]
