"""The worlds that are made from a seed: the readable one, and those of a size."""

import base64
import json
from typing import Any

import pytest

from syncengine.emulator import Emulator, World, demo_world, make_world, sized_world
from syncengine.emulator.message import Address, Message
from syncengine.emulator.rows import row
from syncengine.emulator.world import Listed
from syncengine.errors import ConfigError
from syncengine.models import ConversationKey, Kind
from syncengine.remote.easemob import roaming_pb2 as pb
from tests.emulator.caller import NOW, Caller, ids, metas, names, signed_in


def still() -> int:
    """A clock that stands."""
    return NOW


def history(world: World, listed: Listed) -> list[Message]:
    key = listed.entry.key
    return world.history("alice", key.conversation_id, key.kind)


def encoded(world: World) -> list[bytes]:
    """Every row of every conversation of alice's."""
    lists = world.conversations("alice")
    return [row(each, world.app_key) for listed in lists for each in history(world, listed)]


async def everything(caller: Caller, key: ConversationKey, **options: Any) -> list[str]:
    """All ids of a conversation, page by page."""
    found: list[str] = []
    start: str | int = -1
    while True:
        page = await caller.page(key.conversation_id, key.kind, start=start, **options)
        found += ids(page)
        if page["is_last"]:
            return found
        start = page["next_key"]


def test_the_demo_world_is_readable() -> None:
    """A dozen conversations, about 1,500 messages, pins, marks, unread, one id for two."""
    world = demo_world(clock=still)
    lists = world.conversations("alice")
    keys = [each.entry.key for each in lists]
    assert len(keys) == 12
    assert 1_400 < sum(len(history(world, each)) for each in lists) < 1_600
    assert {ConversationKey("support", kind) for kind in (Kind.CHAT, Kind.GROUPCHAT)} < set(keys)
    assert sum(each.entry.pinned_at is not None for each in lists) == 2
    assert sorted(each.entry.unread for each in lists)[-2:] == [2, 17]
    assert world.users["alice"].password == "alice"


def test_the_demo_world_has_one_of_everything() -> None:
    """Every content type, sub-type 0 that is present, ext values of all types, an edit."""
    world = demo_world(clock=still)
    bodies = [
        pb.MessageBody.FromString(pb.Meta.FromString(raw).payload)
        for raw in map(decode, encoded(world))
    ]
    contents = [each.contents[0] for each in bodies]
    assert {each.type for each in contents} == set(range(8))
    subs = {(each.type, each.sub_type) for each in contents if each.HasField("sub_type")}
    assert subs == {(0, 0), (1, 1)}
    assert {each.type for body in bodies for each in body.ext} == set(range(1, 9))
    assert sum(bool(each.meta) for each in bodies) == 1


def decode(encoded_row: bytes) -> bytes:
    return base64.b64decode(json.loads(encoded_row)["msg"])


def test_ids_of_the_demo_world_pass_the_signed_range() -> None:
    """They grow past 2^63, so that clients meet both sides."""
    world = demo_world(clock=still)
    found = [each.message_id for each in world.history("alice", "bob")]
    assert found == sorted(found)
    assert found[0] < 2**63 < found[-1] < 2**64


@pytest.mark.parametrize("name", ["demo", "6x40"])
def test_same_seed_same_bytes(name: str) -> None:
    """The same seed and clock make the same world, another seed another one."""

    def made(seed: int) -> list[bytes]:
        if name == "demo":
            return encoded(demo_world(seed, clock=still))
        return encoded(sized_world(name, seed, clock=still))

    assert made(1) == made(1)
    assert made(1) != made(2)


async def test_a_sized_world_is_paged_in_both_directions() -> None:
    """Nothing is missing or doubled, forward is backward turned round, ids pass 2^63."""
    world = sized_world("6x120", clock=still)
    emulator = Emulator(world)
    caller = await signed_in(emulator)
    keys = [each.entry.key for each in world.conversations("alice")]
    assert [each.kind for each in keys].count(Kind.GROUPCHAT) == 1
    for key in keys:
        back = await everything(caller, key, pull_number=49)
        assert len(set(back)) == 120
        assert await everything(caller, key, pull_number=50, is_positive=True) == back[::-1]
    assert any(int(each) > 2**63 for each in back) != any(
        int(each) > 2**63 for each in await everything(caller, keys[0])
    )
    assert world.untouched(address(keys[0]))
    assert (emulator.counters.rows, emulator.counters.rows_twice) == (6 * 240 + 120, 6 * 120 + 120)
    await caller.http.aclose()


def address(key: ConversationKey) -> Address:
    return Address.of("alice", key.conversation_id, key.kind)


@pytest.mark.parametrize("now", [NOW, 0, 10**10, 5 * 10**14])
async def test_fast_rows_are_what_protobuf_writes(now: int) -> None:
    """The rows written by hand equal the library's, at ordinary and absurd times."""
    world = sized_world("5x60", clock=lambda: now)
    caller = await signed_in(Emulator(world))
    for listed in world.conversations("alice"):
        key = listed.entry.key
        answer = await caller.history(key.conversation_id, key.kind, is_positive=True)
        fast = answer.json()["data"]["msgs"]
        expected = [json.loads(row(each, world.app_key)) for each in history(world, listed)]
        assert fast == expected[:50]
    await caller.http.aclose()


async def test_a_sized_world_can_change() -> None:
    """A new message, a recall and a deletion turn up in pages; counters go on by ids."""
    world = sized_world("3x30", clock=still)
    emulator = Emulator(world)
    caller = await signed_in(emulator)
    before = ids(await caller.page("user0001"))
    world.recall(before[5])
    world.delete_messages("alice", "user0001", [before[7]], Kind.CHAT)
    sent = world.send("user0001", "alice", Kind.CHAT, "new")
    after = ids(await caller.page("user0001"))
    assert after == [sent, *(each for each in before if each not in (before[5], before[7]))]
    assert emulator.counters.rows_twice == 28
    assert int(sent) > max(map(int, before))
    await caller.http.aclose()


async def test_a_sized_world_keeps_to_the_switches() -> None:
    """Retention, starts that are gone and a cap on length hold there too."""
    switches = {"retention_days": "1", "start_gone": "nothing"}
    world = make_world("2x200", switches=switches)
    caller = await signed_in(Emulator(world))
    kept = await everything(caller, ConversationKey("user0000", Kind.CHAT))
    assert 70 < len(kept) < 90
    assert (await caller.page("user0000", start="17"))["msgs"] == []
    await caller.http.aclose()


async def test_a_sized_world_lists_everything() -> None:
    """No cap unless asked for; the last message is there without the others being made."""
    world = sized_world("120x1000000", clock=still)
    caller = await signed_in(Emulator(world))
    page = await caller.list(limit=50)
    assert names(page)[:2] == ["user0000", "user0001"]
    assert page["channel_infos"][0]["meta"]["id"] == ids(await caller.page("user0000"))[0]
    assert len(world.conversations("alice")) == 120
    assert len(make_world("120x1", switches={"list_cap": "100"}).conversations("alice")) == 100
    await caller.http.aclose()


async def test_rows_have_a_realistic_size() -> None:
    """Some 300 bytes a message, as real ones have."""
    caller = await signed_in(Emulator(sized_world("1x100", clock=still)))
    sizes = [each.ByteSize() for each in metas(await caller.page("user0000"))]
    assert 230 < sum(sizes) / len(sizes) < 350
    await caller.http.aclose()


@pytest.mark.parametrize(
    "name", ["", "big", "3", "x", "0x5", "5x0", "-1x5", "9999999x1", "2 x 3", "²x3"]
)
def test_a_bad_size_says_what_is_right(name: str) -> None:
    """What is no world is an error whose hint shows the form."""
    with pytest.raises(ConfigError) as caught:
        make_world(name)
    assert "200x1000" in caught.value.hint
