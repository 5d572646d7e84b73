"""What the service answers with: JSON bodies, and its form of errors."""

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import msgspec
from starlette.responses import Response

_LAST_MS = 253_402_300_799_000  # the end of the year 9999


class ServiceError(Exception):
    """A refusal in the service's own words."""

    def __init__(
        self,
        status: int,
        error: str,
        description: str,
        *,
        exception: str | None = None,
        code: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description
        self.exception = exception
        self.code = code
        self.headers = dict(headers or {})

    def body(self, now: int) -> dict[str, Any]:
        """The body of the answer; `now` in ms."""
        body: dict[str, Any] = {
            "error": self.error,
            "error_description": self.description,
            "timestamp": now,
            "duration": 0,
        }
        if self.exception is not None:
            body["exception"] = self.exception
        if self.code is not None:
            body["error_code"] = self.code
        return body


def json_reply(
    body: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Compact JSON."""
    return Response(
        msgspec.json.encode(body), status, dict(headers or {}), media_type="application/json"
    )


def error_reply(error: ServiceError, now: int) -> Response:
    """A refusal as an answer."""
    return json_reply(error.body(now), status=error.status, headers=error.headers)


def http_date(now: int) -> str:
    """Milliseconds as the ``Date`` header writes them, within the years that it can write."""
    return formatdate(min(max(now, 0), _LAST_MS) // 1000, usegmt=True)


def illegal_argument(description: str) -> ServiceError:
    """A parameter that the service does not take."""
    return ServiceError(400, "illegal_argument", description, exception="IllegalArgumentException")


def bad_body() -> ServiceError:
    """A body that is no JSON, or not the JSON that the call takes."""
    return ServiceError(
        400,
        "invalid_request_body",
        "Request body not readable.Please check content type is correct!",
    )
