"""The server-side calls: they need the app's own token, and fill the world."""

from typing import Any

import pytest

from syncengine.emulator import World
from syncengine.models import Kind
from tests.emulator.caller import NOW, Caller, texts


async def post(caller: Caller, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    answer = await caller.call("POST", path, json=body)
    return answer.status_code, answer.json()


def message(**fields: Any) -> dict[str, Any]:
    return {"from": "bob", "type": "txt", "body": {"msg": "hello"}, **fields}


async def test_register_one_and_several(operator: Caller, world: World) -> None:
    """Users are made one at a time or as a list; a taken name is refused."""
    status, body = await post(operator, "users", {"username": "dora", "password": "x"})
    assert (status, body["entities"][0]["username"]) == (200, "dora")
    pair = [{"username": "eve", "password": "y"}, {"username": "fay", "password": "z"}]
    _, body = await post(operator, "users", pair)
    assert [each["username"] for each in body["entities"]] == ["eve", "fay"]
    assert world.users["fay"].password == "z"
    assert (await post(operator, "users", {"username": "eve"}))[0] == 400


async def test_groups_and_members(operator: Caller, world: World) -> None:
    """A group is made with an owner and members, and gains more."""
    wanted = {"groupname": "G", "description": "", "public": True, "owner": "alice"}
    _, body = await post(operator, "chatgroups", wanted | {"members": ["bob"]})
    group_id = body["data"]["groupid"]
    _, body = await post(operator, f"chatgroups/{group_id}/users", {"usernames": ["carol", "bob"]})
    assert body["data"]["newmembers"] == ["carol"]
    assert world.groups[group_id].members == ["alice", "bob", "carol"]


async def test_send_to_users_groups_and_rooms(operator: Caller, world: World) -> None:
    """Each target gets a message of its own, whose id is answered."""
    world.add_room("r1")
    _, body = await post(operator, "messages/users", message(to=["alice", "carol"]))
    assert set(body["data"]) == {"alice", "carol"}
    assert str(world.history("alice", "bob")[0].message_id) == body["data"]["alice"]
    await post(operator, "messages/chatgroups", message(to=["g1"], ext={"a": 1}))
    assert world.history("alice", "g1", Kind.GROUPCHAT)[0].ext == {"a": 1}
    await post(operator, "messages/chatrooms", message(to=["r1"]))
    assert len(world.history("alice", "r1", Kind.CHATROOM)) == 1


async def test_import_into_the_past(operator: Caller, alice: Caller, world: World) -> None:
    """An imported message, and one sent with a time of its own, go where that time belongs."""
    world.send("bob", "alice", Kind.CHAT, "today")
    past = message(target="alice", msg_timestamp=NOW - 1000)
    status, body = await post(operator, "messages/users/import", past)
    assert status == 200
    assert world.message(body["data"]["msg_id"]).timestamp == NOW - 1000
    await post(operator, "messages/users", message(to=["alice"], msg_timestamp=NOW - 2000))
    assert texts(await alice.page("bob")) == ["today", "hello", "hello"]
    past = message(target="g1", msg_timestamp=NOW - 1000)
    assert (await post(operator, "messages/chatgroups/import", past))[0] == 200


async def test_recall(operator: Caller, world: World) -> None:
    """A recall names the message; an unknown one is a 404."""
    sent = world.send("bob", "alice", Kind.CHAT, "oops")
    body = {"msg_id": sent, "to": "alice", "chat_type": "chat", "force": True}
    _, answer = await post(operator, "messages/msg_recall", body)
    assert answer["data"]["recalled"] == "yes"
    assert world.history("alice", "bob") == []
    assert (await post(operator, "messages/msg_recall", body | {"msg_id": "5"}))[0] == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (message(to=["alice"], **{"from": ""}), 400),
        (message(to=[]), 400),
        (message(to="alice"), 400),
        (message(to=["alice"], type="smell"), 400),
        (message(to=["alice"], body="text"), 400),
        (message(to=["nobody"]), 404),
        (message(to=["alice"], msg_timestamp="yesterday"), 400),
        (message(to=["alice"], body={"msg": "x" * 6000}), 413),
    ],
)
async def test_refused_messages(operator: Caller, body: dict[str, Any], status: int) -> None:
    """No sender, no target, an unknown type, no body, nobody, no time, too large."""
    assert (await post(operator, "messages/users", body))[0] == status


async def test_a_users_token_is_not_enough(alice: Caller) -> None:
    """These calls are the operator's."""
    assert (await post(alice, "users", {"username": "x"}))[0] == 401
    assert (await post(alice, "messages/users", message(to=["bob"])))[0] == 401


@pytest.mark.parametrize(
    "exts", [{"k": "v"}, [{"k": "v"}]], ids=["as an object", "as a list of one-key objects"]
)
async def test_bodies_become_whole(
    operator: Caller, alice: Caller, world: World, exts: Any
) -> None:
    """Custom values in either form, and files without a secret, are served in full."""
    body = {"customEvent": "gift", "customExts": exts}
    await post(operator, "messages/users", message(to=["alice"], type="custom", body=body))
    made = world.history("alice", "bob")[0].body
    assert (made["customExts"], made["v2:customExts"]) == ([{"k": "v"}], {"k": "v"})
    body = {"filename": "a.amr", "url": "https://files.example.com/a", "length": 3}
    await post(operator, "messages/users", message(to=["alice"], type="audio", body=body))
    assert world.history("alice", "bob")[1].body["secret"]
    assert len((await alice.page("bob"))["msgs"]) == 2
