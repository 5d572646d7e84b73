"""Worlds of a given size, made as they are looked at.

Nothing of a conversation exists until a page of it is asked for; then its rows are
written by `fastrows`. Once something happens to a conversation, it becomes an ordinary one.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from attrs import frozen

from syncengine.emulator.content import Ext, text
from syncengine.emulator.fastrows import (
    BEATS,
    BODIES,
    LATE,
    PACE,
    REST_MS,
    SPREAD,
    STRIDE,
    TICK_BITS,
    RowWriter,
    addressee,
    choice,
    noise,
)
from syncengine.emulator.message import Address, Message, Timeline
from syncengine.emulator.paging import DAY_MS, Query
from syncengine.emulator.rows import key_value, row
from syncengine.emulator.switches import Switches, with_values
from syncengine.emulator.texts import sentence
from syncengine.emulator.world import Clock, World, wall_clock
from syncengine.errors import ConfigError
from syncengine.models import Kind
from syncengine.remote.easemob import roaming_pb2 as pb

OWNER = "alice"
_LIMIT = 1_000_000
_EVERY_GROUP = 5
_CACHE_BYTES = 96 * 1024 * 1024


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
        self._texts = [sentence(f"{seed} {each}") for each in range(BODIES)]
        self._exts = [_ext(each) for each in range(BODIES)]
        contents = zip(self._texts, self._exts, strict=True)
        self._writer = RowWriter(
            app_key, self._base, seed, [_encode_content(words, ext) for words, ext in contents]
        )
        self._lasts: dict[int, Message] = {}
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
        return self._base + (number << 40 | place << 20 | noise(self._seed, place % BEATS))

    def timestamp(self, number: int, place: int) -> int:
        """When a message was sent, ms. Some share their time with the one before."""
        beat = place % BEATS
        tick = self._first_tick(number) + (place + LATE[beat]) * PACE
        return (tick << TICK_BITS) + REST_MS[beat]

    def _first_tick(self, number: int) -> int:
        newest = (self._ends_at >> TICK_BITS) - 1 - number * 4
        return newest - (self.size.messages - 1) * PACE

    def message(self, number: int, place: int) -> Message:
        """One message as the world holds it."""
        address = self.address(number)
        senders = self.members(number)
        sender = senders[choice(place % BEATS, len(senders))]
        at = self.timestamp(number, place)
        which = (number + place) * STRIDE & BODIES - 1
        return Message(
            message_id=self.message_id(number, place),
            sender=sender,
            to=addressee(address, sender),
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
        """The newest message of a conversation; made once, lists ask for it again and again."""
        number = self._numbers.get(address)
        if number is None:
            return None
        if number not in self._lasts:
            self._lasts[number] = self.message(number, self.size.messages - 1)
        return self._lasts[number]

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
            page = self._written(span.number, ordered)
            self._remember(span, page)
        return page

    def _remember(self, span: Span, page: bytes) -> None:
        self._pages[span] = page
        self._cached_bytes += len(page)
        while self._cached_bytes > _CACHE_BYTES:
            # First in, first out: clients walk through history, they do not come back.
            self._cached_bytes -= len(self._pages.pop(next(iter(self._pages))))

    def _written(self, number: int, places: Sequence[int]) -> bytes:
        first_tick = self._first_tick(number)
        if not RowWriter.can_write(first_tick, first_tick + self.size.messages * PACE):
            rows = [row(self.message(number, each), self._app_key) for each in places]
            return b",".join(rows)
        if not self._writer.knows(number):
            self._writer.learn(number, self.address(number), self.members(number))
        return self._writer.joined(number, first_tick, places)

    def _find(self, message_id: int) -> tuple[int, int] | None:
        number, place = message_id - self._base >> 40, message_id - self._base >> 20 & 0xFFFFF
        if not (0 <= number < self.size.conversations and place < self.size.messages):
            return None
        return (number, place) if self.message_id(number, place) == message_id else None


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


def _ext(which: int) -> Ext:
    return {"trace": f"{which * SPREAD & 0xFFFFFFFFFF:010x}", "priority": which % 3}


def _encode_content(words: str, ext: Ext) -> bytes:
    body = pb.MessageBody(
        contents=[pb.MessageBody.Content(type=0, text=words)],
        ext=[key_value(key, value) for key, value in ext.items()],
    )
    return body.SerializeToString(deterministic=True)
