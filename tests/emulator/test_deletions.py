"""Deletions: by ids, up to a time, everything, a conversation; for one side or both."""

import pytest

from syncengine.emulator import World, with_values
from syncengine.models import Kind
from tests.emulator.caller import NOW, Caller, names, texts

ROAMING = "sdk/message/roaming"


def talk(world: World, number: int) -> list[str]:
    """So many messages from Bob to Alice, a millisecond apart."""
    sent = []
    for each in range(number):
        sent.append(world.send("bob", "alice", Kind.CHAT, f"m{each}"))
        world.advance(1)
    return sent


async def test_by_ids_for_one_side(alice: Caller, world: World) -> None:
    """The ids are gone for Alice and still there for Bob; unknown ones are no error."""
    sent = talk(world, 3)
    path = f"{ROAMING}/chat/user/alice?userId=bob&msgIdList={sent[0]},{sent[1]},99&resource=x"
    answer = await alice.call("DELETE", path)
    assert (answer.status_code, answer.json()["requestStatusCode"]) == (200, "ok")
    assert texts(await alice.page("bob")) == ["m2"]
    assert len(world.history("bob", "alice")) == 3


async def test_at_most_fifty_ids(alice: Caller) -> None:
    """The 51st id is one too many, in the service's words."""
    many = ",".join(str(each) for each in range(51))
    answer = await alice.call("DELETE", f"{ROAMING}/chat/user/alice?userId=bob&msgIdList={many}")
    assert answer.status_code == 400
    assert answer.json()["error_description"].endswith("can not greater than 50")


@pytest.mark.parametrize(
    "path",
    [
        f"{ROAMING}/chat/user/alice?userId=bob&msgIdList=",
        f"{ROAMING}/chat/user/alice?msgIdList=1",
        f"{ROAMING}/sofa/user/alice?userId=bob&msgIdList=1",
        f"{ROAMING}/chat/user/alice/time?userId=bob",
        f"{ROAMING}/chat/user/alice/time?userId=bob&delTime=soon",
    ],
)
async def test_incomplete_deletions_are_refused(alice: Caller, path: str) -> None:
    """No ids, no conversation, an unknown kind, no time: a 400 each."""
    assert (await alice.call("DELETE", path)).status_code == 400


async def test_up_to_a_time_inclusive(alice: Caller, world: World) -> None:
    """That moment and before go; a message imported there later is seen."""
    talk(world, 3)
    path = f"{ROAMING}/chat/user/alice/time?userId=bob&delTime={NOW + 1}&&resource=x"
    assert (await alice.call("DELETE", path)).status_code == 200
    assert texts(await alice.page("bob")) == ["m2"]
    world.import_message("bob", "alice", Kind.CHAT, "late", at=NOW)
    assert texts(await alice.page("bob")) == ["m2", "late"]


async def test_in_groups_and_rooms(alice: Caller, world: World) -> None:
    """`group` covers both."""
    world.add_room("r1")
    world.send("bob", "g1", Kind.GROUPCHAT, "group")
    world.send("bob", "r1", Kind.CHATROOM, "room")
    for group_id, kind in (("g1", Kind.GROUPCHAT), ("r1", Kind.CHATROOM)):
        path = f"{ROAMING}/group/user/alice/time?groupId={group_id}&delTime={NOW}"
        assert (await alice.call("DELETE", path)).status_code == 200
        assert texts(await alice.page(group_id, kind)) == []


async def test_everything(alice: Caller, world: World) -> None:
    """All history of Alice's goes, with her list; Bob keeps his."""
    talk(world, 2)
    world.send("alice", "g1", Kind.GROUPCHAT, "hi")
    answer = await alice.call("POST", f"{ROAMING}/user/alice/delete/all?resource=x")
    assert answer.status_code == 200
    assert names(await alice.list()) == []
    assert texts(await alice.page("g1", Kind.GROUPCHAT)) == []
    assert len(world.conversations("bob")) == 2


async def test_the_last_message_takes_the_conversation_along(alice: Caller, world: World) -> None:
    """A conversation leaves the list with its last message, by deletion or recall."""
    sent = talk(world, 2)
    world.delete_messages("alice", "bob", [sent[0]], Kind.CHAT)
    assert names(await alice.list()) == ["bob"]
    world.recall(sent[1])
    assert names(await alice.list(needEmptySession="true")) == []
    assert len(world.conversations("bob")) == 1


@pytest.mark.parametrize("with_messages", [False, True])
@pytest.mark.parametrize("everyone", [False, True])
async def test_a_conversation(
    alice: Caller, world: World, with_messages: bool, everyone: bool
) -> None:
    """Off the list, with or without its messages; `conversation_deletion` says for whom."""
    mode = "everyone" if everyone else "one-way"
    world.switches = with_values(world.switches, {"conversation_deletion": mode})
    talk(world, 2)
    body = {"channel": "bob", "type": "chat", "delete_roam": with_messages}
    answer = await alice.call("DELETE", "user/alice/user_channel?resource=x", json=body)
    assert answer.json()["data"] == {"result": "ok"}
    assert names(await alice.list()) == []
    assert len((await alice.page("bob"))["msgs"]) == (0 if with_messages else 2)
    assert len(world.conversations("bob")) == (0 if everyone else 1)
    assert len(world.history("bob", "alice")) == (0 if everyone and with_messages else 2)


@pytest.mark.parametrize("spelling", ["groupChat", "groupchat", "GROUPCHAT"])
async def test_kinds_in_any_spelling(alice: Caller, world: World, spelling: str) -> None:
    """Clients disagree about capitals."""
    world.send("bob", "g1", Kind.GROUPCHAT, "hi")
    body = {"channel": "g1", "type": spelling, "delete_roam": True}
    await alice.call("DELETE", "user/alice/user_channel", json=body)
    assert names(await alice.list()) == []


@pytest.mark.parametrize(
    "body", [{}, {"channel": "", "type": "chat"}, {"channel": "bob", "type": "sofa"}, [1]]
)
async def test_broken_conversation_deletions(alice: Caller, body: object) -> None:
    """No channel, no kind, no object: a 400 each."""
    answer = await alice.call("DELETE", "user/alice/user_channel", json=body)
    assert answer.status_code == 400


async def test_a_new_message_brings_it_back(alice: Caller, world: World) -> None:
    """What was deleted stays deleted when the conversation comes back."""
    talk(world, 2)
    world.delete_conversation("alice", "bob", Kind.CHAT, delete_messages=True)
    world.send("bob", "alice", Kind.CHAT, "again")
    assert names(await alice.list()) == ["bob"]
    assert texts(await alice.page("bob")) == ["again"]


async def test_server_side_twins(operator: Caller, world: World) -> None:
    """The app's own token deletes for a user, under other paths."""
    sent = talk(world, 3)
    path = f"rest/message/roaming/chat/user/alice?userId=bob&msgIdList={sent[0]}&isNotify=true"
    assert (await operator.call("DELETE", path)).status_code == 200
    assert len(world.history("alice", "bob")) == 2
    body = {"channel": "bob", "type": "chat", "delete_roam": True}
    answer = await operator.call("DELETE", "users/alice/user_channel", json=body)
    assert answer.json()["data"] == {"result": "ok"}
    assert world.history("alice", "bob") == []
