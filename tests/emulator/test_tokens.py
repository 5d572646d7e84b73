"""Signing in."""

import base64
import json
from typing import Any

import pytest

from syncengine.emulator import World, with_values
from syncengine.emulator.tokens import signature
from tests.emulator.caller import NOW, Caller


async def ask(caller: Caller, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await caller.call("POST", "token", json=body)
    return answer.status_code, answer.json()


async def test_password_gives_a_token_with_its_lifetime_in_seconds(alice: Caller) -> None:
    """The right password opens the account for 60 days unless another time is asked for."""
    status, body = await ask(alice, grant_type="password", username="bob", password="bob")
    assert (status, body["expires_in"], body["user"]["username"]) == (200, 5_184_000, "bob")
    _, body = await ask(alice, grant_type="password", username="bob", password="bob", ttl=60)
    assert body["expires_in"] == 60


@pytest.mark.parametrize(
    ("username", "password", "status", "description"),
    [("bob", "wrong", 400, "invalid password"), ("nobody", "x", 404, "user not found")],
)
async def test_refusals_of_a_password(
    alice: Caller, username: str, password: str, status: int, description: str
) -> None:
    """A wrong password and an unknown user are told apart, in the service's words."""
    got, body = await ask(alice, grant_type="password", username=username, password=password)
    assert (got, body["error"], body["error_description"]) == (
        status,
        "invalid_grant",
        description,
    )
    assert body["timestamp"] == NOW


async def test_app_token_inherits_a_user(operator: Caller) -> None:
    """The app's own token gives tokens of users, and makes the user when asked to."""
    status, _ = await ask(operator, grant_type="inherit", username="zoe")
    assert status == 404
    status, body = await ask(operator, grant_type="inherit", username="zoe", autoCreateUser=True)
    assert (status, body["user"]["username"]) == (200, "zoe")


async def test_expiry_can_be_asked_for(alice: Caller) -> None:
    """The expiry call answers with the moment, in ms, at top level."""
    answer = await alice.call("GET", "sdk/users/alice/token/expires")
    assert answer.json() == {"expire_timestamp": NOW + 5_184_000_000}


async def test_tokens_expire_by_the_worlds_clock(alice: Caller, world: World) -> None:
    """An expired token, a corrupt one and none at all are three different 401s."""
    world.advance(5_184_000_000)
    expired = await alice.history("bob")
    assert (expired.status_code, expired.json()["error"]) == (401, "unauthorized")
    assert "expired access token" in expired.json()["error_description"]
    alice.token = "nonsense"
    assert (await alice.history("bob")).json()["error"] == "auth_bad_access_token"
    alice.token = ""
    missing = (await alice.history("bob")).json()
    assert missing["error_description"] == "Unable to authenticate (OAuth)"


async def test_lifetime_is_a_switch(alice: Caller, world: World) -> None:
    """`token_ttl_s` is the lifetime where the request names none."""
    world.switches = with_values(world.switches, {"token_ttl_s": 5})
    _, body = await ask(alice, grant_type="password", username="bob", password="bob")
    assert body["expires_in"] == 5


async def test_a_users_token_opens_nobody_elses_history(alice: Caller) -> None:
    """Alice's token does not read Bob's history."""
    alice.user = "bob"
    assert (await alice.history("alice")).status_code == 401


async def test_unknown_app_is_not_found(alice: Caller) -> None:
    """Another app key is a 404 with its own error."""
    answer = await alice.http.post("/org/other/token", json={"grant_type": "password"})
    assert answer.status_code == 404
    assert answer.json()["error"] == "organization_application_not_found"


async def test_dynamic_tokens_need_no_call(alice: Caller) -> None:
    """A token that the app's server signed opens the account; a forged one does not."""
    claims = {"appkey": "org#app", "userId": "alice", "curTime": NOW, "ttl": 60}
    claims["signature"] = signature("org#app", "alice", NOW, 60)
    alice.token = base64.urlsafe_b64encode(b"dt-" + json.dumps(claims).encode()).decode()
    assert (await alice.history("bob")).status_code == 200
    claims["userId"] = "bob"
    alice.token = base64.urlsafe_b64encode(b"dt-" + json.dumps(claims).encode()).decode()
    assert (await alice.history("bob")).status_code == 401
