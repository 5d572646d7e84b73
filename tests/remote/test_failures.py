"""The one table from refusals to errors. Pure."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.errors import (
    ConfigError,
    CursorExpired,
    Gone,
    Rejected,
    ServerFault,
    ServiceNotEnabled,
    SyncEngineError,
    Throttled,
    Unauthorized,
    Unreachable,
)
from syncengine.remote.easemob.failures import Call, Reply, UnknownRoute, date_ms, failure

NOW = 1_700_000_000_000
TOKEN, LIST, HISTORY, DELETION = Call.TOKEN, Call.LIST, Call.HISTORY, Call.DELETION


def fail(
    status: int, call: Call = HISTORY, *, headers: dict[str, str] | None = None, **said: Any
) -> SyncEngineError:
    """The error of a refusal with this body."""
    return failure(Reply(status, headers or {}, json.dumps(said).encode()), call, now=NOW)


OAUTH = "Unable to authenticate (OAuth)"
TABLE: list[tuple[int, Call, dict[str, Any], type[SyncEngineError]]] = [
    (
        400,
        HISTORY,
        {"error_description": "this appKey not open message roaming"},
        ServiceNotEnabled,
    ),
    (
        400,
        DELETION,
        {"error_description": "this appKey not open message roaming"},
        ServiceNotEnabled,
    ),
    (400, TOKEN, {"error": "invalid_grant", "error_description": "invalid password"}, Unauthorized),
    (404, TOKEN, {"error": "invalid_grant", "error_description": "user not found"}, Unauthorized),
    (400, HISTORY, {"error_description": "cursor is invalid"}, CursorExpired),
    (400, LIST, {"error_description": "cursor is invalid"}, Rejected),
    (
        400,
        DELETION,
        {"error_description": "delete msg list limit can not greater than 50"},
        Rejected,
    ),
    (400, HISTORY, {}, Rejected),
    (401, HISTORY, {"error_description": OAUTH}, Unauthorized),
    (401, HISTORY, {"error_code": 40001}, Unauthorized),
    (401, HISTORY, {"error": "auth_bad_access_token"}, Unauthorized),
    (403, HISTORY, {"error_description": "messageroaming function not open"}, ServiceNotEnabled),
    (403, HISTORY, {"error_description": "service not open!"}, ServiceNotEnabled),
    (403, LIST, {"error_code": 40000}, ServiceNotEnabled),
    (403, LIST, {"error_code": "60004"}, ServiceNotEnabled),
    (403, LIST, {"error_code": 91002}, Rejected),
    (403, LIST, {}, Unauthorized),
    (403, HISTORY, {}, Gone),
    (403, DELETION, {}, Rejected),
    (404, TOKEN, {"error": "organization_application_not_found"}, ConfigError),
    (404, HISTORY, {"error": "organization_application_not_found"}, ConfigError),
    (404, HISTORY, {"error_code": 91001}, Gone),
    (404, HISTORY, {"exception": "UserNotFoundException"}, Gone),
    (404, DELETION, {"error_description": "user not found"}, Gone),
    (404, LIST, {"error_description": "user not found"}, Unauthorized),
    (404, LIST, {"error": "service_resource_not_found"}, UnknownRoute),
    (405, LIST, {}, UnknownRoute),
    (404, HISTORY, {"error": "service_resource_not_found"}, Rejected),
    (406, HISTORY, {"error_code": 90004}, Rejected),
    (408, HISTORY, {}, Unreachable),
    (409, TOKEN, {"error": "concurrent_operation_error"}, ServerFault),
    (413, HISTORY, {}, Rejected),
    (415, HISTORY, {}, Rejected),
    (429, HISTORY, {}, Throttled),
    (503, HISTORY, {"error_description": "The request has reached the maximum limit"}, Throttled),
    (503, LIST, {}, Throttled),
    (500, HISTORY, {"error_code": 99999}, ServerFault),
    (502, HISTORY, {}, ServerFault),
    (504, HISTORY, {}, ServerFault),
    (201, DELETION, {}, ServerFault),
    (204, DELETION, {}, ServerFault),
    (301, LIST, {}, ServerFault),
    (302, HISTORY, {}, ServerFault),
]


@pytest.mark.parametrize(("status", "call", "said", "error"), TABLE)
def test_the_table(
    status: int, call: Call, said: dict[str, Any], error: type[SyncEngineError]
) -> None:
    """Each documented refusal has its error, and each error a hint."""
    found = fail(status, call, **said)
    assert type(found) is error
    assert found.hint
    assert str(status) in str(found)


def test_the_switch_is_named() -> None:
    """Service not enabled says which switch to turn on, in both of its forms."""
    for found in (
        fail(400, error_description="this appKey not open message roaming"),
        fail(403, error_description="messageroaming function not open"),
    ):
        assert "message roaming" in found.hint
        assert "console" in found.hint


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("301", 300.0),
        ("9" * 400, 300.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("٣", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(status: int, value: str, seconds: float | None) -> None:
    """Law 12: seconds and dates are honoured, clamped, and nothing else is believed."""
    found = fail(status, headers={"retry-after": value})
    assert isinstance(found, Throttled)
    assert found.retry_after == seconds


def test_retry_after_by_the_servers_clock() -> None:
    """Law 12: a date counts from the reply's own date; a wrong local clock changes nothing."""
    headers = {
        "retry-after": "Sat, 01 Jan 2000 00:00:40 GMT",
        "date": "Sat, 01 Jan 2000 00:00:00 GMT",
    }
    found = fail(429, headers=headers)
    assert isinstance(found, Throttled)
    assert found.retry_after == 40.0


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"", b"\xff", b"[]", b'"x"', b"[" * 99_999])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_bodies_that_are_no_json(status: int, body: bytes) -> None:
    """The status alone decides where the body says nothing."""
    for call in Call:
        assert isinstance(failure(Reply(status, {}, body), call, now=NOW), SyncEngineError)


@pytest.mark.parametrize("call", Call)
@pytest.mark.parametrize(
    "page",
    [
        b"<html><center>The plain HTTP request was sent to HTTPS port</center></html>",
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
    ],
)
def test_a_server_that_wants_https_says_so_in_a_page(call: Call, page: bytes) -> None:
    """The address is wrong, which no further attempt changes: the hint says how."""
    found = failure(Reply(400, {}, page), call, now=NOW)
    assert isinstance(found, ConfigError)
    assert "https://" in found.hint


def test_words_of_the_server_are_tamed() -> None:
    """What is quoted is short and holds nothing that a terminal would obey."""
    found = str(fail(500, error_description="\x1b[2J" + "x" * 1000))
    assert "\x1b" not in found
    assert len(found) < 250


@pytest.mark.parametrize("secret", ["YWMtsecret", "a"])
def test_secrets_are_not_quoted(secret: str) -> None:
    """A server that repeats a token or a password does not make us show it."""
    said = json.dumps({"error_description": f"bad token {secret}!"}).encode()
    found = failure(Reply(401, {}, said), HISTORY, now=NOW, secrets=[secret])
    assert secret not in str(found).removeprefix("the server answered")


@given(st.integers(0, 999), st.sampled_from(Call), st.binary(max_size=60))
def test_every_status_has_an_error(status: int, call: Call, body: bytes) -> None:
    """No answer falls through the table."""
    assert failure(Reply(status, {}, body), call, now=NOW).hint


@given(st.text())
def test_any_date_header(text: str) -> None:
    """A date is read, or it is none; nothing is raised."""
    moment = date_ms(text)
    assert moment is None or isinstance(moment, int)
