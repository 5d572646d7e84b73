"""History pages: order, starts, filters, ends, and what each switch changes."""

import json

import pytest

from syncengine.emulator import Emulator, World, with_values
from syncengine.models import Kind
from syncengine.remote.easemob import roaming_pb2 as pb
from tests.emulator.caller import NOW, Caller, ids, metas, texts

DAY_MS = 86_400_000


def talk(world: World, number: int) -> list[str]:
    """So many messages from Bob to Alice, named m0, m1, …"""
    return [world.send("bob", "alice", Kind.CHAT, f"m{each}") for each in range(number)]


async def test_pages_go_back_from_the_newest(alice: Caller, world: World) -> None:
    """Without a start a page begins at the newest message; `next_key` continues it."""
    sent = talk(world, 5)
    page = await alice.page("bob", pull_number=2)
    assert (ids(page), page["next_key"], page["is_last"]) == (sent[:2:-1], sent[3], False)
    page = await alice.page("bob", pull_number=2, start=page["next_key"])
    assert ids(page) == [sent[2], sent[1]]
    page = await alice.page("bob", pull_number=2, start=page["next_key"])
    assert (ids(page), page["next_key"], page["is_last"]) == ([sent[0]], "undefined", True)


async def test_pages_go_forward_from_the_oldest(alice: Caller, world: World) -> None:
    """In the other direction the oldest comes first, and an empty start means the oldest."""
    sent = talk(world, 3)
    page = await alice.page("bob", pull_number=2, start="", is_positive=True)
    assert ids(page) == sent[:2]
    page = await alice.page("bob", pull_number=2, start=page["next_key"], is_positive=True)
    assert (ids(page), page["is_last"]) == ([sent[2]], True)


async def test_ids_above_the_signed_range(alice: Caller, world: World) -> None:
    """Ids are unsigned: the largest one comes and goes as text without a loss."""
    largest = 2**64 - 1
    world.send("bob", "alice", Kind.CHAT, "old")
    world.send("bob", "alice", Kind.CHAT, "new", message_id=largest)
    page = await alice.page("bob", pull_number=1)
    assert (ids(page), page["next_key"]) == ([str(largest)], str(largest))
    assert texts(await alice.page("bob", start=str(largest))) == ["old"]


async def test_a_full_last_page_does_not_say_so(alice: Caller, world: World) -> None:
    """Exactly full: `is_last` is false and an empty page follows; `full_page_is_last` differs."""
    talk(world, 2)
    page = await alice.page("bob", pull_number=2)
    assert page["is_last"] is False
    page = await alice.page("bob", pull_number=2, start=page["next_key"])
    assert (page["msgs"], page["is_last"], page["next_key"]) == ([], True, "undefined")
    world.switches = with_values(world.switches, {"full_page_is_last": True})
    page = await alice.page("bob", pull_number=2)
    assert (page["is_last"], page["next_key"]) == (True, "undefined")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("undefined", "undefined"), ("empty", ""), ("null", None), ("absent", "missing")],
)
async def test_forms_of_the_last_cursor(
    alice: Caller, world: World, value: str, shown: str | None
) -> None:
    """`last_cursor`: how history and the list write that there is no more."""
    world.switches = with_values(world.switches, {"last_cursor": value})
    talk(world, 1)
    assert (await alice.page("bob")).get("next_key", "missing") == shown
    assert (await alice.list()).get("cursor", "missing") == shown


@pytest.mark.parametrize("gone", ["deleted", "recalled"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [("nothing", []), ("head", ["m4", "m3"]), ("honour", ["m1", "m0"])],
)
async def test_a_start_that_is_gone(
    alice: Caller, world: World, gone: str, value: str, expected: list[str]
) -> None:
    """`start_gone`: nothing, the head, or what follows the start's old place."""
    world.switches = with_values(world.switches, {"start_gone": value})
    sent = talk(world, 5)
    if gone == "deleted":
        world.delete_messages("alice", "bob", [sent[2]], Kind.CHAT)
    else:
        world.recall(sent[2])
    assert texts(await alice.page("bob", start=sent[2], pull_number=2)) == expected


async def test_a_start_that_never_was(alice: Caller, world: World) -> None:
    """An id that nobody ever gave has no old place: honouring it serves nothing."""
    talk(world, 2)
    assert (await alice.page("bob", start="12345"))["msgs"] == []


async def test_filters(alice: Caller, world: World) -> None:
    """Types, senders and times, both ends included, narrow a page."""
    for at, sender, content in ((1, "alice", "a"), (2, "bob", "b"), (3, "bob", "c")):
        world.send(sender, "g1", Kind.GROUPCHAT, content, at=NOW + at)
    world.send("bob", "g1", Kind.GROUPCHAT, {"type": "cmd", "action": "x"})
    page = await alice.page("g1", Kind.GROUPCHAT, msgType="txt", userId="bob")
    assert texts(page) == ["c", "b"]
    page = await alice.page("g1", Kind.GROUPCHAT, userIds=["alice"])
    assert texts(page) == ["a"]
    page = await alice.page("g1", Kind.GROUPCHAT, startTime=NOW + 1, endTime=NOW + 2)
    assert texts(page) == ["b", "a"]
    page = await alice.page("g1", Kind.GROUPCHAT, msgType="cmd,custom", startTime=None)
    assert len(page["msgs"]) == 1


@pytest.mark.parametrize("number", [0, 51, "many"])
async def test_page_size_is_limited(alice: Caller, number: int | str) -> None:
    """More than 50 a page is refused, as is what is no number."""
    answer = await alice.history("bob", pull_number=number)
    assert (answer.status_code, answer.json()["error"]) == (400, "illegal_argument")


async def test_page_size_is_50_when_absent(alice: Caller, world: World) -> None:
    """No page size means 50."""
    talk(world, 60)
    assert len((await alice.page("bob", pull_number=None))["msgs"]) == 50


async def test_broken_bodies_are_refused(alice: Caller) -> None:
    """A body that is no JSON, and a queue of no known host, are a 400."""
    for body in (b"{", b'{"queue": 3}', b'{"queue": "bob@elsewhere.com"}'):
        answer = await alice.call("POST", "users/alice/messageroaming", content=body)
        assert answer.status_code == 400


async def test_a_strangers_group_is_not_found(alice: Caller, world: World) -> None:
    """A group that Alice is not in is a 404 with the documented code."""
    world.add_group("g2", ["bob"])
    answer = await alice.history("g2", Kind.GROUPCHAT)
    assert (answer.status_code, answer.json()["error_code"]) == (404, 91001)


async def test_order_is_of_arrival_except_for_imports(alice: Caller, world: World) -> None:
    """A message with a wrong clock stays where it arrived; an imported one goes to its time."""
    world.send("bob", "alice", Kind.CHAT, "first", at=NOW + 10)
    world.send("bob", "alice", Kind.CHAT, "clock behind", at=NOW + 5)
    world.send("bob", "alice", Kind.CHAT, "last", at=NOW + 20)
    world.import_message("bob", "alice", Kind.CHAT, "imported", at=NOW + 15)
    expected = ["first", "clock behind", "imported", "last"]
    assert texts(await alice.page("bob", is_positive=True)) == expected


async def test_an_edited_message_comes_back_edited(alice: Caller, world: World) -> None:
    """An edit changes the content in place and says who, when and how often."""
    sent = talk(world, 2)
    world.advance(1000)
    world.edit(sent[0], "better")
    world.edit(sent[0], "best", operator="carol")
    page = await alice.page("bob")
    assert texts(page) == ["m1", "best"]
    body = pb.MessageBody.FromString(metas(page)[1].payload)
    assert json.loads(body.meta) == {
        "edit_msg": {
            "count": 2,
            "operator": "carol",
            "edit_time": NOW + 1000,
            "sender": "bob",
            "send_time": NOW,
            "chat_type": "chat:user",
        }
    }
    assert " " not in body.meta


async def test_recalled_messages_vanish_for_everyone(alice: Caller, world: World) -> None:
    """A recall takes the message from both sides' history."""
    sent = talk(world, 2)
    world.recall(sent[1])
    assert texts(await alice.page("bob")) == ["m0"]
    assert len(world.history("bob", "alice")) == 1


async def test_retention(alice: Caller, world: World) -> None:
    """`retention_days`: older messages are gone, and the clock can be moved."""
    world.switches = with_values(world.switches, {"retention_days": 3})
    talk(world, 1)
    world.advance(2 * DAY_MS)
    talk(world, 1)
    assert len((await alice.page("bob"))["msgs"]) == 2
    world.advance(DAY_MS)
    assert len((await alice.page("bob"))["msgs"]) == 1


@pytest.mark.parametrize(("restarts", "left"), [(True, 1), (False, 0)])
async def test_an_edit_restarts_retention(
    alice: Caller, world: World, restarts: bool, left: int
) -> None:
    """`edit_restarts_retention`: whether an edited message lives from its edit on."""
    world.switches = with_values(
        world.switches, {"retention_days": 3, "edit_restarts_retention": restarts}
    )
    sent = talk(world, 1)
    world.advance(2 * DAY_MS)
    world.edit(sent[0], "edited")
    world.advance(2 * DAY_MS)
    assert len((await alice.page("bob"))["msgs"]) == left


async def test_a_cap_on_length(alice: Caller, world: World) -> None:
    """`message_cap`: newer messages push out the oldest."""
    world.switches = with_values(world.switches, {"message_cap": 2})
    talk(world, 3)
    assert texts(await alice.page("bob")) == ["m2", "m1"]


async def test_replicas_lag(alice: Caller, world: World) -> None:
    """`replicas`: every other request omits fresh messages and serves fresh deletions."""
    world.switches = with_values(world.switches, {"replicas": 2, "replica_lag_ms": 500})
    sent = talk(world, 2)
    world.advance(600)
    world.send("bob", "alice", Kind.CHAT, "fresh")
    world.delete_messages("alice", "bob", [sent[0]], Kind.CHAT)
    seen = [texts(await alice.page("bob")) for _ in range(4)]
    lagging, current = ["m1", "m0"], ["fresh", "m1"]
    assert seen == [lagging, current, lagging, current]
    world.advance(500)
    assert [texts(await alice.page("bob")) for _ in range(2)] == [current, current]


@pytest.mark.parametrize(
    ("value", "status", "words"),
    [
        ("disabled-400", 400, "this appKey not open message roaming"),
        ("disabled-403", 403, "messageroaming function not open"),
    ],
)
async def test_roaming_can_be_off(
    alice: Caller, world: World, value: str, status: int, words: str
) -> None:
    """`roaming`: off, history and deletions are refused in the service's words."""
    world.switches = with_values(world.switches, {"roaming": value})
    path = "sdk/message/roaming/chat/user/alice/time?userId=bob&delTime=1"
    for answer in (await alice.history("bob"), await alice.call("DELETE", path)):
        assert (answer.status_code, answer.json()["error_description"]) == (status, words)


async def test_rooms_have_their_own_switch(alice: Caller, world: World) -> None:
    """`room_history`: rooms are no list's business, and can be off while the rest is on."""
    world.add_room("r1")
    world.send("bob", "r1", Kind.CHATROOM, "hello room")
    assert texts(await alice.page("r1", Kind.CHATROOM)) == ["hello room"]
    assert (await alice.list())["channel_infos"] == []
    world.switches = with_values(world.switches, {"room_history": False})
    assert (await alice.history("r1", Kind.CHATROOM)).status_code == 403


async def test_rows_that_are_no_messages(alice: Caller, world: World) -> None:
    """Any bytes can be put into history, to be served as they are."""
    world.add_row("bob", "alice", Kind.CHAT, pb.Meta(id=7, ns=5).SerializeToString())
    assert [each.ns for each in metas(await alice.page("bob"))] == [5]


async def test_absurd_times_are_served(alice: Caller, world: World) -> None:
    """A negative time goes over the wire as the unsigned number that a server would make."""
    world.send("bob", "alice", Kind.CHAT, "before time", at=-5)
    assert metas(await alice.page("bob"))[0].timestamp == 2**64 - 5


async def test_rows_are_counted(alice: Caller, world: World, emulator: Emulator) -> None:
    """The counters tell how many rows were served, and how many for the second time."""
    talk(world, 3)
    await alice.page("bob", pull_number=2)
    await alice.page("bob")
    counters = emulator.counters
    assert (counters.pages, counters.rows, counters.rows_twice) == (2, 5, 2)
    assert counters.requests == {"token": 1, "history": 2}
