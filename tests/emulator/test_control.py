"""The control endpoint: everything can be changed and read while clients are at work."""

from typing import Any

import httpx
import pytest

from syncengine.emulator import Emulator, World
from syncengine.models import Kind
from tests.emulator.caller import NOW, Caller, texts


async def control(caller: Caller, verb: str, **arguments: Any) -> dict[str, Any]:
    answer = await caller.http.post(f"/_emulator/{verb}", json=arguments)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def test_switches(alice: Caller, world: World) -> None:
    """Switches change by name, as JSON values or as text."""
    after = await control(alice, "switches", list_cap=5, start_gone="head")
    assert (after["list_cap"], world.switches.start_gone) == (5, "head")
    await control(alice, "switches", full_page_is_last="true", retention_days="1.5")
    assert world.switches.full_page_is_last is True
    assert world.switches.retention_days == 1.5


@pytest.mark.parametrize(
    ("verb", "arguments", "words"),
    [
        ("switches", {"list_kap": 1}, "list_cap"),
        ("switches", {"list_cap": "many"}, "number"),
        ("switches", {"list_cap": -1}, "out of range"),
        ("switches", {"start_gone": "tail"}, "honour"),
        ("switches", {"full_page_is_last": "maybe"}, "true, false"),
        ("faults", {"profile": "gremlins"}, "flaky"),
        ("faults", {"colour": "red"}, "colour"),
        ("recall", {"message_id": "5"}, "no message 5"),
        ("send", {}, "from"),
        ("dance", {}, "advance"),
    ],
)
async def test_mistakes_say_what_is_right(
    alice: Caller, verb: str, arguments: dict[str, Any], words: str
) -> None:
    """An unknown name or value is a 400 that lists the right ones."""
    answer = await alice.http.post(f"/_emulator/{verb}", json=arguments)
    assert answer.status_code == 400
    assert words in answer.json()["error_description"]


async def test_faults_come_and_go(alice: Caller, emulator: Emulator) -> None:
    """A profile is set with a seed and a budget; no arguments clear it."""
    after = await control(alice, "faults", profile="unavailable", seed=3, probability=1, budget=1)
    assert (after["profile"], after["seed"]) == ("unavailable", 3)
    assert (await alice.history("bob")).status_code == 503
    await control(alice, "faults", profile="unavailable", probability=1, latency_ms=[1, 2])
    await control(alice, "faults")
    assert (await alice.history("bob")).status_code == 200


async def test_the_clock_moves(alice: Caller, world: World) -> None:
    """Answers carry the moved time, in the body and in the ``Date`` header."""
    assert (await control(alice, "advance", ms=500, days=1))["now"] == NOW + 86_400_500
    answer = await alice.history("bob")
    assert answer.json()["timestamp"] == NOW + 86_400_500
    assert answer.headers["date"] == "Tue, 22 Sep 2026 14:13:20 GMT"


async def test_acting_for_others(alice: Caller, world: World) -> None:
    """Messages are sent, imported, edited, recalled and deleted on behalf of anyone."""
    await control(alice, "add-user", name="zoe")
    await control(alice, "add-group", id="g9", members=["alice", "zoe"])
    sent = await control(alice, "send", **{"from": "zoe"}, to="alice", content="hi", count=3)
    ids = sent["message_ids"]
    await control(alice, "import", **{"from": "zoe"}, to="alice", content="old", at=NOW - 5)
    await control(alice, "edit", message_id=ids[2], content={"type": "txt", "msg": "new"})
    await control(alice, "recall", message_id=ids[0])
    await control(
        alice, "delete-messages", user="alice", conversation_id="zoe", message_ids=[ids[1]]
    )
    assert texts(await alice.page("zoe")) == ["new", "old"]
    truth = await control(alice, "history", user="alice", conversation_id="zoe")
    assert truth["message_ids"][1] == ids[2]
    await control(alice, "delete-before", user="alice", conversation_id="zoe", timestamp=NOW - 1)
    assert texts(await alice.page("zoe")) == ["new"]
    await control(alice, "read", user="alice", conversation_id="zoe")
    await control(alice, "delete-conversation", user="alice", conversation_id="zoe")
    assert (await alice.page("zoe"))["msgs"] == []
    await control(alice, "send", **{"from": "zoe"}, to="g9", kind="groupchat", content="all")
    await control(alice, "delete-all", user="alice")
    assert world.conversations("alice") == []


async def test_tokens_can_be_ended(alice: Caller) -> None:
    """All tokens at once, as when a password changes."""
    await control(alice, "expire-tokens")
    assert (await alice.history("bob")).status_code == 401


async def test_state_and_counters(alice: Caller, world: World) -> None:
    """The state shows switches, faults and counters; counters start again when told to."""
    world.send("bob", "alice", Kind.CHAT, "hi")
    await alice.page("bob")
    await alice.page("bob")
    state = (await alice.http.get("/_emulator/state")).json()
    assert state["switches"]["list_cap"] == 100
    assert state["faults"]["profile"] == "none"
    counted = state["counters"]
    assert counted["conversations"] == {"alice": {"chat:bob": {"rows": 2, "repeated": 1}}}
    assert (counted["requests"]["history"], counted["rows_twice"]) == (2, 1)
    await control(alice, "reset-counters")
    assert (await alice.http.get("/_emulator/counters")).json()["total"] == 0


async def test_loopback_only(emulator: Emulator) -> None:
    """A caller from elsewhere is refused, since the control endpoint asks for no token."""
    transport = httpx.ASGITransport(app=emulator.app, client=("192.0.2.1", 5))
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as http:
        assert (await http.get("/_emulator/state")).status_code == 403
        assert (await http.post("/_emulator/advance", json={"ms": 1})).status_code == 403
