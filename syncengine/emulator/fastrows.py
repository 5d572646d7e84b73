"""Rows of generated conversations, written byte by byte.

A protobuf library takes several times as long. What is written equals, to the byte, what
the library makes of the same message; a test compares the two.

Times are counted in ticks of 2^14 ms (16 s) and a rest, since two bytes of a protobuf
number hold 14 bits. A message comes every 64 ticks (17 minutes). What varies less than
the place does follows a round of 97 beats: the sender, the rest, part of the id.
"""

from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from syncengine.emulator.message import Address
from syncengine.emulator.rows import BODY_TYPES, domain
from syncengine.models import Kind
from syncengine.remote.easemob import roaming_pb2 as pb

BODIES = 512
STRIDE = 167  # odd, so that all bodies come up
SPREAD = 2_654_435_761  # an odd number with well mixed bits: close places look unrelated
TICK_BITS = 14
PACE = 64
BEATS = 97
REST_MS = [each * 7_919 % (1 << TICK_BITS) for each in range(BEATS)]
# The second message of each round has the time of the first: real clocks do that, too.
REST_MS[1] = REST_MS[0]
LATE = [-(each == 1) for each in range(BEATS)]


def choice(number: int, choices: int) -> int:
    """Spread numbers over choices, the same way in every run."""
    return (number * SPREAD >> 7) % choices


def noise(seed: int, beat: int) -> int:
    """The low 20 bits of an id."""
    return (beat * SPREAD + seed * 97) & 0xFFFFF


def addressee(address: Address, sender: str) -> str:
    """To whom somebody's messages in a conversation go."""
    if address.kind is not Kind.CHAT:
        return address.first
    return address.second if sender == address.first else address.first


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


class _Beat(NamedTuple):
    """What a message's bytes owe to its beat alone."""

    start: bytes
    """The first two bytes of the id."""
    id_bits: int
    """What the next two hold besides the place."""
    late: int
    rest: bytes
    """The first two bytes of the time."""


class _Speaker(NamedTuple):
    """What they owe to the conversation and the sender."""

    middle: bytes
    """From the end of the id to the head of the time: who wrote to whom."""
    heads: "_Heads"


class _Heads(dict[int, bytes]):
    """Size of the contents → what comes before them: `ns`, and the start of the payload."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def __missing__(self, size: int) -> bytes:
        made = _NAMESPACE_AND_PAYLOAD + varint(len(self._head) + size) + self._head
        self[size] = made
        return made


class RowWriter:
    """Writes the rows of conversations whose ids begin at `base` + number * 2^40.

    `contents` are encoded `MessageBody.contents` and `ext`, of which each row has one.
    """

    def __init__(self, app_key: str, base: int, seed: int, contents: Sequence[bytes]) -> None:
        self._app_key = app_key
        self._base = base
        self._contents = contents
        self._beats = [_beat(seed, each) for each in range(BEATS)]
        self._speakers: dict[int, list[_Speaker]] = {}

    @staticmethod
    def can_write(first_tick: int, last_tick: int) -> bool:
        """Whether all times between have six bytes: they are of 1971 to 2109."""
        return _EARLY < first_tick <= last_tick < _NEVER

    def knows(self, number: int) -> bool:
        """Whether the conversation was learned."""
        return number in self._speakers

    def learn(self, number: int, address: Address, members: Sequence[str]) -> None:
        """Prepare what the rows of a conversation share: who speaks at each beat."""
        id_tail = varint(self._base + (number << 40) >> 42)
        speakers = [self._speaker(address, each, id_tail) for each in members]
        self._speakers[number] = [speakers[choice(beat, len(members))] for beat in range(BEATS)]

    def joined(self, number: int, first_tick: int, places: Iterable[int]) -> bytes:
        """The rows at these places, joined. This loop limits how fast new pages come."""
        speakers, beats, contents = self._speakers[number], self._beats, self._contents
        first_body = number * STRIDE
        high, pairs, ends = (self._base + (number << 40) & _LOW_42) >> 28, _PAIRS, _ENDS
        rows = []
        for place in places:
            beat = place % BEATS
            start, id_bits, late, rest = beats[beat]
            middle, heads = speakers[beat]
            body = contents[first_body + place * STRIDE & BODIES - 1]
            tick = first_tick + (place + late) * PACE
            meta = (
                start,
                pairs[(place & 0xFF) << 6 | id_bits],
                pairs[place >> 8 | high],
                middle,
                rest,
                pairs[tick & 0x3FFF],
                ends[tick >> 14],
                heads[len(body)],
                body,
            )
            rows.append(b2a_base64(b"".join(meta), newline=False))
        return b'{"msg":"' + b'"},{"msg":"'.join(rows) + b'"}' if rows else b""

    def _speaker(self, address: Address, sender: str, id_tail: bytes) -> _Speaker:
        to = addressee(address, sender)
        meta = pb.Meta(to=pb.JID(app_key=self._app_key, name=to, domain=domain(address.kind)))
        whole = getattr(meta, "from")
        whole.app_key, whole.name, whole.domain = self._app_key, sender, domain(Kind.CHAT)
        body = pb.MessageBody(type=BODY_TYPES[address.kind], to=pb.JID(name=to))
        getattr(body, "from").name = sender
        head = body.SerializeToString(deterministic=True)
        names = meta.SerializeToString(deterministic=True)
        return _Speaker(id_tail + names + _TIMESTAMP, _Heads(head))


def _beat(seed: int, beat: int) -> _Beat:
    bits = noise(seed, beat)
    return _Beat(_ID + _PAIRS[bits & 0x3FFF], bits >> 14, LATE[beat], _PAIRS[REST_MS[beat]])
