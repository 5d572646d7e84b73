"""Signing in: tokens by password, by inheritance and for the app itself."""

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncengine.emulator.people import User
from syncengine.emulator.replies import ServiceError, illegal_argument, json_reply
from syncengine.emulator.service import Service, json_object, number
from syncengine.emulator.tokens import CLIENT_ID, CLIENT_SECRET

_NAMES = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
_TEN_YEARS_S = 10 * 365 * 24 * 3600


def routes(service: Service) -> list[Route]:
    """The token calls."""

    async def token(request: Request) -> Response:
        service.check_app(request.path_params["org"], request.path_params["app"])
        body = await json_object(request)
        match body.get("grant_type"):
            case "password":
                user: User | None = _by_password(service, body)
            case "inherit":
                user = _inherit(service, request, body)
            case "client_credentials":
                _check_client(body)
                user = None
            case other:
                raise ServiceError(
                    400, "unsupported_grant_type", f"grant type {other} is not supported"
                )
        return _issue(service, user, body)

    async def expires(request: Request) -> Response:
        service.authorize(request)
        token = service.check_token(request.headers.get("authorization"))
        return json_reply({"expire_timestamp": token.expires_at})

    return [
        Route("/{org}/{app}/token", token, methods=["POST"], name="token"),
        Route(
            "/{org}/{app}/sdk/users/{user}/token/expires",
            expires,
            methods=["GET"],
            name="token_expiry",
        ),
    ]


def user_json(user: User) -> dict[str, Any]:
    """A user as the service describes one."""
    return {
        "uuid": str(uuid.uuid5(_NAMES, user.name)),
        "type": "user",
        "created": user.created_at,
        "modified": user.created_at,
        "username": user.name,
        "activated": True,
    }


def _issue(service: Service, user: User | None, body: dict[str, Any]) -> Response:
    default = service.world.switches.token_ttl_s
    ttl_s = number(body.get("ttl"), "ttl", low=0, high=_TEN_YEARS_S, default=default)
    name = user.name if user else None
    token = service.tokens.issue(name, now=service.world.now(), ttl_s=ttl_s)
    answer: dict[str, Any] = {"access_token": token.text, "expires_in": ttl_s}
    if user:
        answer["user"] = user_json(user)
    return json_reply(answer)


def _by_password(service: Service, body: dict[str, Any]) -> User:
    user = service.world.users.get(str(body.get("username")))
    if user is None:
        raise ServiceError(404, "invalid_grant", "user not found")
    if body.get("password") != user.password:
        raise ServiceError(400, "invalid_grant", "invalid password")
    return user


def _inherit(service: Service, request: Request, body: dict[str, Any]) -> User:
    service.authorize_app(request)
    name = body.get("username")
    if not isinstance(name, str) or not name:
        raise illegal_argument("username is required")
    user = service.world.users.get(name)
    if user is None and body.get("autoCreateUser") is True:
        user = service.world.add_user(name)
    if user is None:
        raise ServiceError(404, "invalid_grant", "user not found")
    return user


def _check_client(body: dict[str, Any]) -> None:
    if (body.get("client_id"), body.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        raise ServiceError(400, "invalid_grant", "client_id or client_secret is wrong")
