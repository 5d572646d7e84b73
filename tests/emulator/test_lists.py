"""The conversation list: its three forms, what is in it and what is not."""

import json

import pytest

from syncengine.emulator import World, with_values
from syncengine.models import Kind
from tests.emulator.caller import NOW, Caller, names

DAY_MS = 86_400_000


def people(world: World, number: int, *, apart_ms: int = 1) -> list[str]:
    """So many people write to Alice, one after the other; their names, newest first."""
    made = [f"p{each}" for each in range(number)]
    for name in made:
        world.advance(apart_ms)
        world.send(name, "alice", Kind.CHAT, f"hi from {name}")
    return made[::-1]


async def test_cursor_form_pages_through_the_list(alice: Caller, world: World) -> None:
    """Most recently active first, 20 a page unless asked, up to 50, to a cursor of the end."""
    everyone = people(world, 45)
    first = await alice.list(cursor="")
    assert names(first) == everyone[:20]
    second = await alice.list(cursor=first["cursor"], limit=25)
    assert names(second) == everyone[20:45]
    third = await alice.list(cursor=second["cursor"])
    assert (names(third), third["cursor"]) == ([], "undefined")


async def test_cursor_form_limits(alice: Caller, world: World) -> None:
    """More than 50 a page, and a cursor that nobody gave, are refused."""
    for query in ("limit=51", "limit=0", "cursor=garbage"):
        world.send("bob", "alice", Kind.CHAT, "x")
        answer = await alice.call("GET", f"sdk/user/alice/user_channels/list?{query}")
        assert (answer.status_code, answer.json()["error"]) == (400, "illegal_argument")


async def test_odd_urls_are_taken(alice: Caller, world: World) -> None:
    """Stray ampersands, a cache-buster and percent-encoding are what real clients send."""
    people(world, 2)
    for path in (
        "sdk/user/alice/user_channels/list?&limit=1&cursor=&need_mark=true&_v=123",
        "sdk/user/%61lice/user_channels/list?limit=1&&cursor=",
    ):
        answer = await alice.call("GET", path)
        assert names(answer.json()["data"]) == ["p1"]


async def test_an_entry_in_full(alice: Caller, world: World) -> None:
    """An entry names the conversation, its state, and the last message as JSON inside JSON."""
    sent = world.send("bob", "g1", Kind.GROUPCHAT, "hello\nthere", ext={"n": 1})
    world.pin("alice", "g1", Kind.GROUPCHAT)
    world.mark("alice", "g1", Kind.GROUPCHAT, 3)
    entry = (await alice.list())["channel_infos"][0]
    payload = entry["meta"].pop("payload")
    assert entry == {
        "channel_id": "org#app_g1@conference.easemob.com",
        "session_to": "g1",
        "session_type": "groupchat",
        "unread_num": 1,
        "is_top": True,
        "update_top_status_time": NOW,
        "marks": ["mark_3"],
        "created_at": NOW,
        "meta": {
            "id": sent,
            "from": "org#app_bob@easemob.com",
            "to": "org#app_g1@conference.easemob.com",
            "timestamp": NOW,
        },
    }
    assert json.loads(payload) == {
        "type": "groupchat",
        "from": "bob",
        "to": "g1",
        "ext": {"n": 1},
        "bodies": [{"type": "txt", "msg": "hello\nthere"}],
    }
    assert "\n" not in payload


async def test_number_form(alice: Caller, world: World) -> None:
    """Pages by number, at most 20 each, end with an empty page."""
    everyone = people(world, 3)
    pages = []
    for number in (1, 2, 3):
        path = f"users/alice/user_channels/page?pageNum={number}&pageSize=2"
        pages.append(names((await alice.call("GET", path)).json()["data"]))
    assert pages == [everyone[:2], everyone[2:], []]
    path = "users/alice/user_channels/page?pageNum=1&pageSize=21"
    assert (await alice.call("GET", path)).status_code == 400


async def test_unpaged_form(alice: Caller, world: World) -> None:
    """The oldest call knows ten conversations of seven days; both numbers are switches."""
    world.send("bob", "alice", Kind.CHAT, "long ago")
    world.advance(7 * DAY_MS)
    recent = people(world, 12)
    answer = await alice.call("GET", "users/alice/user_channels")
    assert names(answer.json()["data"]) == recent[:10]
    world.switches = with_values(world.switches, {"unpaged_count": 50, "unpaged_days": 30})
    answer = await alice.call("GET", "users/alice/user_channels")
    assert len(names(answer.json()["data"])) == 13


async def test_pinned_and_marked(alice: Caller, world: World) -> None:
    """Pins and marks are set, listed and taken away over the wire, in any spelling of kinds."""
    people(world, 3)
    world.send("bob", "g1", Kind.GROUPCHAT, "x")
    top = "sdk/user/alice/user_channel/top"
    answer = await alice.call("POST", top, json={"type": "groupChat", "to": "g1"})
    assert answer.json()["data"]["is_top"] is True
    assert names(await alice.list(is_top="true")) == ["g1"]
    await alice.call("DELETE", f"{top}?type=groupchat&to=g1&resource=web")
    assert names(await alice.list(is_top="true")) == []
    mark = "sdk/user/alice/user_channels/mark"
    targets = [{"to": "p1", "type": "chat"}, {"to": "stranger", "type": "chat"}]
    body = {"mark": "mark_3", "targets": targets}
    answer = await alice.call("POST", mark, json=body)
    assert answer.json()["data"]["ignore"] == targets[1:]
    assert names(await alice.list("mark/search", mark="mark_3")) == ["p1"]
    await alice.call("DELETE", mark, json=body)
    assert names(await alice.list("mark/search", mark="mark_3")) == []
    answer = await alice.call("POST", mark, json={"mark": "mark_20", "targets": []})
    assert answer.status_code == 400


async def test_the_list_is_capped(alice: Caller, world: World) -> None:
    """Of 103 conversations the 100 most recently active stay, and `list_cap` sets how many."""
    everyone = people(world, 103)
    assert [each.entry.key.conversation_id for each in world.conversations("alice")] == everyone[
        :100
    ]
    world.switches = with_values(world.switches, {"list_cap": 0})
    people(world, 150)
    assert len(world.conversations("alice")) == 150


async def test_history_survives_the_cap(alice: Caller, world: World) -> None:
    """A conversation that was pushed out of the list still has its messages."""
    people(world, 101)
    assert "p0" not in names(await alice.list(limit=50))
    assert len((await alice.page("p0"))["msgs"]) == 1


@pytest.mark.parametrize("switched_on", [False, True])
async def test_server_messages_and_the_list(alice: Caller, world: World, switched_on: bool) -> None:
    """`server_messages_in_list`: sent or imported by the server-side API, they are history only."""
    world.switches = with_values(world.switches, {"server_messages_in_list": switched_on})
    world.send("bob", "alice", Kind.CHAT, "by server", by_server=True)
    world.import_message("carol", "alice", Kind.CHAT, "imported", at=NOW - 1)
    assert names(await alice.list()) == (["bob", "carol"] if switched_on else [])
    assert len((await alice.page("bob"))["msgs"]) == 1


async def test_server_messages_leave_an_entry_as_it_was(alice: Caller, world: World) -> None:
    """Nor do they update the last message of an entry that is there."""
    world.send("bob", "alice", Kind.CHAT, "by hand")
    world.send("bob", "alice", Kind.CHAT, "by server", by_server=True)
    payload = (await alice.list())["channel_infos"][0]["meta"]["payload"]
    assert json.loads(payload)["bodies"][0]["msg"] == "by hand"


async def test_an_expired_conversation_is_empty(alice: Caller, world: World) -> None:
    """All its messages expired: left out, unless empty ones are asked for."""
    world.switches = with_values(world.switches, {"retention_days": 3})
    people(world, 1)
    world.advance(3 * DAY_MS)
    assert names(await alice.list(needEmptySession="false")) == []
    page = await alice.list(needEmptySession="true")
    assert (names(page), page["channel_infos"][0]["meta"]) == (["p0"], {})


async def test_a_user_and_a_group_of_one_id(alice: Caller, world: World) -> None:
    """They are two conversations."""
    world.add_group("bob", ["alice", "bob"])
    world.send("bob", "alice", Kind.CHAT, "to you")
    world.send("bob", "bob", Kind.GROUPCHAT, "to all")
    entries = (await alice.list())["channel_infos"]
    assert [(each["session_to"], each["session_type"]) for each in entries] == [
        ("bob", "groupchat"),
        ("bob", "chat"),
    ]


async def test_the_latest_message_decides_the_order(alice: Caller, world: World) -> None:
    """After a deletion an entry falls back to the time of the message that is left."""
    world.send("bob", "alice", Kind.CHAT, "old")
    world.advance(1)
    world.send("carol", "alice", Kind.CHAT, "middle")
    world.advance(1)
    newest = world.send("bob", "alice", Kind.CHAT, "new")
    assert names(await alice.list()) == ["bob", "carol"]
    world.delete_messages("alice", "bob", [newest], Kind.CHAT)
    assert names(await alice.list()) == ["carol", "bob"]


async def test_unread_counts(alice: Caller, world: World) -> None:
    """What others send counts until the conversation is read; one's own never does."""
    world.send("bob", "alice", Kind.CHAT, "1")
    world.send("alice", "bob", Kind.CHAT, "2")
    world.send("bob", "alice", Kind.CHAT, "3")
    assert (await alice.list())["channel_infos"][0]["unread_num"] == 2
    world.read("alice", "bob")
    assert (await alice.list())["channel_infos"][0]["unread_num"] == 0
