"""Worlds of a given size, made as they are looked at.

Nothing of a conversation exists until a page of it is asked for. Then every row is
written byte by byte, since a protobuf library takes ten times as long; tests compare the
bytes with what the library makes of the same message.
"""

from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from attrs import frozen

from syncengine.emulator.content import Ext, text
from syncengine.emulator.message import Address, Message, Timeline
from syncengine.emulator.paging import DAY_MS, Query
from syncengine.emulator.rows import BODY_TYPES, domain, key_value, row
from syncengine.emulator.switches import Switches, with_values
from syncengine.emulator.texts import sentence
from syncengine.emulator.world import Clock, World, wall_clock
from syncengine.errors import ConfigError
from syncengine.models import Kind
from syncengine.remote.easemob import roaming_pb2 as pb

OWNER = "alice"
_LIMIT = 1_000_000
_EVERY_GROUP = 5
_BODIES = 512
_STRIDE = 167  # odd, so that all bodies come up
# Times are counted in ticks of 2^14 ms (16 s) and a rest, since two bytes of a protobuf
# number hold 14 bits. A message comes every 64 ticks (17 minutes). What varies less than
# the place does follows a round of 97 beats: the sender, the rest, part of the id.
_TICK_BITS = 14
_PACE = 64
_BEATS = 97
_REST_MS = [each * 7_919 % (1 << _TICK_BITS) for each in range(_BEATS)]
# The second message of each round has the time of the first: real clocks do that, too.
_REST_MS[1] = _REST_MS[0]
_LATE = [-(each == 1) for each in range(_BEATS)]
_CACHE_BYTES = 128 * 1024 * 1024
_SPREAD = 2_654_435_761  # an odd number with well mixed bits: close places look unrelated


@frozen
class Size:
    """How large a world is."""

    conversations: int
    messages: int
    """Per conversation."""

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Read ``200x1000``; ConfigError for anything else."""
        left, cross, right = text.partition("x")
        if not (cross and left.isdecimal() and right.isdecimal()):
            raise _bad_size(text)
        size = cls(int(left), int(right))
        if not (0 < size.conversations <= _LIMIT and 0 < size.messages <= _LIMIT):
            raise _bad_size(text)
        return size


def _bad_size(text: str) -> ConfigError:
    return ConfigError(
        f"{text!r} is no world.",
        hint="A world is demo, or CONVERSATIONSxMESSAGES such as 200x1000, each 1 to 1000000.",
    )


class Span(NamedTuple):
    """A page of a generated conversation: places from `low` up to `high`, of `size`."""

    number: int
    low: int
    high: int
    size: int
    newer: bool
    next_id: int | None


class _Beat(NamedTuple):
    """The parts of a message's bytes that its conversation and beat decide."""

    start: bytes
    """The first two bytes of the id."""
    id_bits: int
    """What the next two hold besides the place."""
    middle: bytes
    """From the end of the id to the first two bytes of the time: who wrote to whom."""
    late: int
    heads: "_Heads"


class _Heads(dict[int, bytes]):
    """Size of the contents → what comes before them: `ns`, and the start of the payload."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def __missing__(self, size: int) -> bytes:
        made = _NAMESPACE_AND_PAYLOAD + varint(len(self._head) + size) + self._head
        self[size] = made
        return made


class SizedMessages:
    """The messages of a sized world. Ids tell the conversation and the place."""

    def __init__(self, size: Size, *, seed: int, app_key: str, ends_at: int) -> None:
        self.size = size
        self._seed = seed
        self._app_key = app_key
        self._ends_at = ends_at
        # Half of the conversations have ids that a signed 64-bit integer cannot hold.
        self._base = 2**63 - (size.conversations // 2 << 40)
        self._numbers = {self.address(each): each for each in range(size.conversations)}
        self._texts = [sentence(f"{seed} {each}") for each in range(_BODIES)]
        self._exts = [_ext(each) for each in range(_BODIES)]
        self._bodies = [
            _encode_content(words, ext) for words, ext in zip(self._texts, self._exts, strict=True)
        ]
        self._prepared: dict[int, list[_Beat]] = {}
        self._pages: dict[Span, bytes] = {}
        self._cached_bytes = 0

    # Who talks

    def address(self, number: int) -> Address:
        """The conversation with this number; smaller numbers are more recently active."""
        if number % _EVERY_GROUP == _EVERY_GROUP - 1:
            return Address(Kind.GROUPCHAT, f"{249_000_000_000_000 + number}")
        return Address.of(OWNER, f"user{number:04d}", Kind.CHAT)

    def members(self, number: int) -> list[str]:
        """Who writes in a conversation."""
        if number % _EVERY_GROUP == _EVERY_GROUP - 1:
            return [OWNER, *(f"user{(number + each) % 1000:04d}" for each in range(4))]
        return [OWNER, f"user{number:04d}"]

    @property
    def last_id(self) -> int:
        """No generated id is larger."""
        return self._base + (self.size.conversations + 1 << 40)

    # One message

    def message_id(self, number: int, place: int) -> int:
        """The id of a message; they grow within a conversation."""
        return self._base + (number << 40 | place << 20 | self._noise(number, place % _BEATS))

    def _noise(self, number: int, beat: int) -> int:
        return (number * _SPREAD + beat * 40_503 + self._seed * 97) & 0xFFFFF

    def timestamp(self, number: int, place: int) -> int:
        """When a message was sent, ms. Some share their time with the one before."""
        beat = place % _BEATS
        tick = self._first_tick(number) + (place + _LATE[beat]) * _PACE
        return (tick << _TICK_BITS) + _REST_MS[beat]

    def _first_tick(self, number: int) -> int:
        newest = (self._ends_at >> _TICK_BITS) - 1 - number * 4
        return newest - (self.size.messages - 1) * _PACE

    def message(self, number: int, place: int) -> Message:
        """One message as the world holds it."""
        address = self.address(number)
        senders = self.members(number)
        sender = senders[_choice(place % _BEATS, len(senders))]
        at = self.timestamp(number, place)
        which = (number + place) * _STRIDE & _BODIES - 1
        return Message(
            message_id=self.message_id(number, place),
            sender=sender,
            to=_to(address, sender),
            kind=address.kind,
            timestamp=at,
            arrived_at=at,
            body=text(self._texts[which]),
            ext=self._exts[which],
        )

    # What the world asks

    def timeline(self, address: Address) -> Timeline | None:
        """All messages of a conversation, for good: from now on it can change."""
        number = self._numbers.get(address)
        if number is None:
            return None
        return Timeline([self.message(number, each) for each in range(self.size.messages)])

    def last(self, address: Address) -> Message | None:
        """The newest message of a conversation."""
        number = self._numbers.get(address)
        return None if number is None else self.message(number, self.size.messages - 1)

    def locate(self, message_id: int) -> Address | None:
        """The conversation of a message."""
        found = self._find(message_id)
        return self.address(found[0]) if found else None

    def ids(self, address: Address) -> Iterator[int]:
        """The ids of a conversation, oldest first."""
        number = self._numbers[address]
        return (self.message_id(number, each) for each in range(self.size.messages))

    # Pages

    def covers_all(self, address: Address, world: World) -> bool:
        """Whether nothing but the messages themselves decides what is seen."""
        switches = world.switches
        if switches.replicas > 1 or switches.message_cap:
            return False
        number = self._numbers.get(address)
        if number is None or not switches.retention_days:
            return number is not None
        return self.timestamp(number, 0) + switches.retention_days * DAY_MS > world.now()

    def span(self, address: Address, query: Query) -> Span | None:
        """The page that a request means; None when its start is no message of here."""
        number, size = self._numbers[address], self.size.messages
        low, high = 0, size
        if query.start is not None:
            found = self._find(query.start)
            if found is None or found[0] != number:
                return None
            low, high = (found[1] + 1, size) if query.newer else (0, found[1])
        if query.newer:
            high = min(high, low + query.limit)
            last = high - 1
        else:
            low = max(low, high - query.limit)
            last = low
        next_id = self.message_id(number, last) if high > low else None
        return Span(number, low, high, size, query.newer, next_id)

    def joined(self, span: Span) -> bytes:
        """The rows of a page, encoded and joined; made once while there is room."""
        page = self._pages.get(span)
        if page is None:
            places = range(span.low, span.high)
            ordered = places if span.newer else places[::-1]
            page = self._joined(span.number, ordered)
            self._remember(span, page)
        return page

    def _remember(self, span: Span, page: bytes) -> None:
        self._pages[span] = page
        self._cached_bytes += len(page)
        while self._cached_bytes > _CACHE_BYTES:
            # First in, first out: clients walk through history, they do not come back.
            self._cached_bytes -= len(self._pages.pop(next(iter(self._pages))))

    def _find(self, message_id: int) -> tuple[int, int] | None:
        number, place = message_id - self._base >> 40, message_id - self._base >> 20 & 0xFFFFF
        if not (0 <= number < self.size.conversations and place < self.size.messages):
            return None
        return (number, place) if self.message_id(number, place) == message_id else None

    def _joined(self, number: int, places: Iterable[int]) -> bytes:
        """Rows of history, joined.

        Written out, with the arithmetic of `message_id` and `timestamp` repeated, since
        this is what limits how fast new pages come; a test compares the two.
        """
        first_tick, first_body = self._first_tick(number), number * _STRIDE
        if not _EARLY < first_tick < first_tick + self.size.messages * _PACE < _NEVER:
            return b",".join([row(self.message(number, at), self._app_key) for at in places])
        beats, bodies = self._prepared.get(number) or self._prepare(number), self._bodies
        high, pairs, ends = (self._base + (number << 40) & _LOW_42) >> 28, _PAIRS, _ENDS
        rows = []
        for place in places:
            start, id_bits, middle, late, heads = beats[place % _BEATS]
            body = bodies[first_body + place * _STRIDE & _BODIES - 1]
            tick = first_tick + (place + late) * _PACE
            meta = (
                start,
                pairs[(place & 0xFF) << 6 | id_bits],
                pairs[place >> 8 | high],
                middle,
                pairs[tick & 0x3FFF],
                ends[tick >> 14],
                heads[len(body)],
                body,
            )
            rows.append(b2a_base64(b"".join(meta), newline=False))
        return b'{"msg":"' + b'"},{"msg":"'.join(rows) + b'"}' if rows else b""

    def _prepare(self, number: int) -> list[_Beat]:
        address = self.address(number)
        parts = [self._parts(address, sender) for sender in self.members(number)]
        id_tail = varint(self._base + (number << 40) >> 42)
        beats = []
        for beat in range(_BEATS):
            jids, heads = parts[_choice(beat, len(parts))]
            noise = self._noise(number, beat)
            start = _ID + _PAIRS[noise & 0x3FFF]
            middle = id_tail + jids + _TIMESTAMP + _PAIRS[_REST_MS[beat]]
            beats.append(_Beat(start, noise >> 14, middle, _LATE[beat], heads))
        self._prepared[number] = beats
        return beats

    def _parts(self, address: Address, sender: str) -> tuple[bytes, _Heads]:
        """The two names of `Meta`, and what comes before the contents."""
        to = _to(address, sender)
        meta = pb.Meta(to=pb.JID(app_key=self._app_key, name=to, domain=domain(address.kind)))
        whole = getattr(meta, "from")
        whole.app_key, whole.name, whole.domain = self._app_key, sender, domain(Kind.CHAT)
        body = pb.MessageBody(type=BODY_TYPES[address.kind], to=pb.JID(name=to))
        getattr(body, "from").name = sender
        head = body.SerializeToString(deterministic=True)
        return meta.SerializeToString(deterministic=True), _Heads(head)


def sized_world(
    size: str, seed: int = 1, *, clock: Clock = wall_clock, switches: Switches | None = None
) -> World:
    """A world of, say, ``200x1000``: conversations times messages, all of them alice's.

    No cap on the list unless `switches` has one. The newest message is as old as the
    clock says now; the same seed and clock make the same bytes.
    """
    switches = switches or with_values(Switches(), {"list_cap": 0})
    shape = Size.parse(size)
    world = World(seed=seed, clock=clock, switches=switches)
    messages = SizedMessages(shape, seed=seed, app_key=world.app_key, ends_at=world.now())
    world.generator = messages
    world.skip_ids(messages.last_id)
    world.add_user(OWNER)
    for number in reversed(range(shape.conversations)):
        _enter(world, messages, number)
    return world


def _enter(world: World, messages: SizedMessages, number: int) -> None:
    """Make the people of a conversation and its place in the list; no messages."""
    address, members = messages.address(number), messages.members(number)
    for name in members:
        if name not in world.users:
            world.add_user(name)
    if address.kind is Kind.GROUPCHAT:
        world.add_group(address.first, members, name=f"Group {number}")
    at = messages.timestamp(number, messages.size.messages - 1)
    for user in members:
        key = world.key(user, address)
        entry = world.lists.touch(user, key, at, unread=False)
        entry.unread = number % 4 if user == OWNER else 0


def _to(address: Address, sender: str) -> str:
    if address.kind is not Kind.CHAT:
        return address.first
    return address.second if sender == address.first else address.first


def _choice(number: int, choices: int) -> int:
    """Spread numbers over choices, the same way in every run."""
    return (number * _SPREAD >> 7) % choices


def _ext(which: int) -> Ext:
    return {"trace": f"{which * _SPREAD & 0xFFFFFFFFFF:010x}", "priority": which % 3}


def _encode_content(words: str, ext: Ext) -> bytes:
    body = pb.MessageBody(
        contents=[pb.MessageBody.Content(type=0, text=words)],
        ext=[key_value(key, value) for key, value in ext.items()],
    )
    return body.SerializeToString(deterministic=True)


def varint(value: int) -> bytes:
    """A number as protobuf writes it; negative ones in two's complement."""
    value %= 2**64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


# 14 bits as two bytes of a number that goes on, or that ends.
_PAIRS = [bytes((each & 0x7F | 0x80, each >> 7 | 0x80)) for each in range(1 << 14)]
_ENDS = [varint(each) for each in range(1 << 14)]
# Ticks between (1971 and 2109) make times of the six bytes that three lookups write.
_EARLY, _NEVER = 1 << 21, 1 << 28
_LOW_42 = (1 << 42) - 1
_ID = b"\x08"  # field 1
_TIMESTAMP = b"\x20"  # field 4
_NAMESPACE_AND_PAYLOAD = b"\x28\x01\x32"  # field 5 = CHAT, field 6
