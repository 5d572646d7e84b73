"""The readable world: one person, a dozen conversations, everything a message can be."""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from syncengine.emulator import content
from syncengine.emulator.content import Body, Ext, Typed, ValueType
from syncengine.emulator.switches import Switches
from syncengine.emulator.texts import sentence
from syncengine.emulator.world import Clock, World, wall_clock
from syncengine.models import Kind

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
# Ids pass 2^63 on the way, as real ones may: signed 64-bit integers do not hold them all.
_FIRST_ID = 2**63 - 700 * 2**19

FRIENDS = "249108103495681"
FAMILY = "249108103495682"
BUILD = "249108103495683"
SHARED_ID = "support"
"""A user and a group have this id."""

_USERS = {
    "alice": "Alice",
    "bob": "Bob 🎸",
    "carol": "Carol",
    "dave": "Dave",
    "xiaoming": "小明",
    "liwei": "李伟",
    "noor": "نور الهدى",
    "mama": "妈妈",
    "erin": "Erin",
    SHARED_ID: "Support desk",
    "admin": "Administrator",
}
_GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    FRIENDS: ("周末爬山 Hiking", ("alice", "bob", "xiaoming", "carol")),
    FAMILY: ("一家人 🏠", ("mama", "alice", "liwei")),
    BUILD: ("Build & release", ("dave", "alice", "erin", "bob")),
    SHARED_ID: ("Support group", (SHARED_ID, "alice", "erin")),
}
# Conversation, kind, messages, minutes between two, hours since the last.
_LENGTHS: tuple[tuple[str, Kind, int, int, int], ...] = (
    ("bob", Kind.CHAT, 420, 45, 1),
    (FRIENDS, Kind.GROUPCHAT, 310, 60, 2),
    ("xiaoming", Kind.CHAT, 205, 90, 3),
    (FAMILY, Kind.GROUPCHAT, 180, 120, 5),
    (BUILD, Kind.GROUPCHAT, 147, 100, 8),
    ("carol", Kind.CHAT, 98, 150, 20),
    ("mama", Kind.CHAT, 60, 240, 26),
    ("noor", Kind.CHAT, 24, 300, 30),
    (SHARED_ID, Kind.CHAT, 12, 30, 50),
    (SHARED_ID, Kind.GROUPCHAT, 15, 30, 60),
    ("liwei", Kind.CHAT, 9, 60, 12 * 24),
    ("erin", Kind.CHAT, 1, 60, 20 * 24),
)
_ARABIC = (
    "مرحبا، كيف حالك؟",
    "أراك غدا إن شاء الله",
    "شكرا جزيلا 🌷",
    "الاجتماع في الساعة العاشرة",
)


@frozen
class _Line:
    """A message before it is sent."""

    at: int
    sender: str
    to: str
    kind: Kind
    body: Body
    ext: Ext


def demo_world(
    seed: int = 1, *, clock: Clock = wall_clock, switches: Switches | None = None
) -> World:
    """About 1,500 messages in a dozen conversations of alice (password ``alice``).

    The times count back from the clock's now; the same seed and clock make the same bytes.
    """
    world = World(seed=seed, clock=clock, switches=switches, first_id=_FIRST_ID)
    for name, nickname in _USERS.items():
        world.add_user(name, nickname=nickname)
    for group_id, (title, members) in _GROUPS.items():
        world.add_group(group_id, members, name=title)
    for line in sorted(_lines(world), key=lambda each: each.at):
        world.send(line.sender, line.to, line.kind, line.body, ext=line.ext, at=line.at)
    _after(world)
    return world


def _after(world: World) -> None:
    """What happened to messages since: an edit, a recall, a deletion, reading, pins, marks."""
    bob = [str(each.message_id) for each in world.history("alice", "bob")]
    world.edit(bob[-3], "On second thought: half past seven at the north gate, 不见不散 👋")
    world.recall(bob[-7])
    world.delete_messages("alice", "bob", [bob[-11]], Kind.CHAT)
    for conversation_id, kind, *_ in _LENGTHS:
        world.read("alice", conversation_id, kind)
    for conversation_id, kind, unread in (("bob", Kind.CHAT, 2), (FRIENDS, Kind.GROUPCHAT, 17)):
        _unread(world, conversation_id, kind, unread)
    world.pin("alice", "mama", Kind.CHAT)
    world.pin("alice", BUILD, Kind.GROUPCHAT)
    world.mark("alice", "bob", Kind.CHAT, 1)
    world.mark("alice", BUILD, Kind.GROUPCHAT, 3)


def _unread(world: World, conversation_id: str, kind: Kind, number: int) -> None:
    for each in world.conversations("alice"):
        key = each.entry.key
        if (key.conversation_id, key.kind) == (conversation_id, kind):
            each.entry.unread = number


def _lines(world: World) -> Iterator[_Line]:
    now = world.now()
    showcase = _showcase()
    for conversation_id, kind, number, minutes, hours in _LENGTHS:
        last = now - hours * _HOUR
        speakers = _speakers(conversation_id, kind)
        for place in range(number):
            at = last - (number - 1 - place) * minutes * _MINUTE
            sender = speakers[place * 7 // 3 % len(speakers)]
            to = conversation_id if sender == "alice" or kind is not Kind.CHAT else "alice"
            body, ext = _said(world.seed, conversation_id, kind, place)
            special = number - 20 - place
            if conversation_id in ("bob", FRIENDS) and 0 <= special < len(showcase):
                body, ext = showcase[special]
            yield _Line(at, sender, to, kind, body, ext)


def _speakers(conversation_id: str, kind: Kind) -> tuple[str, ...]:
    if kind is Kind.GROUPCHAT:
        return _GROUPS[conversation_id][1]
    return (conversation_id, "alice")


def _said(seed: int, conversation_id: str, kind: Kind, place: int) -> tuple[Body, Ext]:
    if conversation_id == "noor":
        return content.text(_ARABIC[place % len(_ARABIC)]), {}
    words = sentence(f"demo {seed} {conversation_id} {kind} {place}")
    ext: dict[str, Any] = {"mentions": ["alice"]} if place % 25 == 9 else {}
    return content.text(words), ext


def _showcase() -> list[tuple[Body, Ext]]:
    """One of everything, with ext values of every type."""
    bodies: list[Body] = [
        content.image("北京 skyline.jpg", width=1280, height=720),
        content.gif("dancing cat.gif", width=240, height=240),
        content.video("birthday.mp4", seconds=17, width=720, height=1280),
        content.voice("voice note.amr", seconds=6),
        content.file("旅行计划 plan.pdf", size_bytes=734_003),
        content.location(39.9087, 116.3975, "东长安街, Beijing", building="天安门"),
        content.command("typing-stopped"),
        content.custom("gift", {"name": "🌹 rose", "count": "99"}),
        content.combined(
            "[Chat history]", title="Bob and Carol", summary="Bob: 你好\nCarol: hello"
        ),
    ]
    ext = _every_ext()
    return [(body, ext if place % 3 == 0 else {}) for place, body in enumerate(bodies)]


def _every_ext() -> Ext:
    return {
        "urgent": True,
        "attempt": 3,
        "views": Typed(ValueType.UINT, 4_000_000_000),
        "offset": Typed(ValueType.LLINT, -(2**53) - 1),
        "ratio": Typed(ValueType.FLOAT, 0.5),
        "score": 3.141592653589793,
        "nickname": "爱丽丝",
        "profile": {"theme": "dark", "tags": ["a", "b"], "none": None},
        "nothing": None,
    }
