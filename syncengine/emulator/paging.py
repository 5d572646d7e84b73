"""Which messages a user sees at a moment, and which of them make a page. Pure."""

from collections.abc import Iterator

from attrs import frozen

from syncengine.emulator.message import Message, Timeline
from syncengine.emulator.switches import StartGone, Switches

DAY_MS = 24 * 3600 * 1000


@frozen
class View:
    """What one user sees at one moment, through one replica."""

    user: str
    now: int
    """ms"""
    switches: Switches
    lag_ms: int = 0
    """How far this replica is behind."""

    def sees(self, message: Message) -> bool:
        """Whether the message is there for this user."""
        known_until = self.now - self.lag_ms
        if self.lag_ms and message.arrived_at > known_until:
            return False
        for gone_at in (message.recalled_at, message.deleted_for.get(self.user)):
            if gone_at is not None and (not self.lag_ms or gone_at <= known_until):
                return False
        return not self._expired(message)

    def _expired(self, message: Message) -> bool:
        days = self.switches.retention_days
        if not days:
            return False
        kept_since = message.kept_since(edit_restarts=self.switches.edit_restarts_retention)
        return kept_since + days * DAY_MS <= self.now

    def floor(self, timeline: Timeline) -> int:
        """The place of the oldest message that the cap on length leaves."""
        cap = self.switches.message_cap
        return max(0, len(timeline.messages) - cap) if cap else 0

    def newest_first(self, timeline: Timeline) -> Iterator[Message]:
        """All that this user sees."""
        for at in range(len(timeline.messages) - 1, self.floor(timeline) - 1, -1):
            if self.sees(timeline.messages[at]):
                yield timeline.messages[at]


@frozen
class Query:
    """One history request. `start` is exclusive; None is the end of the chosen direction."""

    start: int | None = None
    limit: int = 50
    newer: bool = False
    """Oldest to newest, instead of newest to oldest."""
    types: frozenset[str] = frozenset()
    """Wire names, for example ``txt``; empty: all."""
    senders: frozenset[str] = frozenset()
    start_time: int | None = None
    """ms, inclusive"""
    end_time: int | None = None
    """ms, inclusive"""

    @property
    def plain(self) -> bool:
        """Whether nothing is filtered."""
        bounded = self.start_time is not None or self.end_time is not None
        return not (self.types or self.senders or bounded)

    def wants(self, message: Message) -> bool:
        """Whether the filters let the message through."""
        if self.types and wire_type(message) not in self.types:
            return False
        if self.senders and message.sender not in self.senders:
            return False
        if self.start_time is not None and message.timestamp < self.start_time:
            return False
        return self.end_time is None or message.timestamp <= self.end_time


@frozen
class Answer:
    """The messages of a page, in the order asked for."""

    messages: tuple[Message, ...] = ()
    more: bool = False
    """Whether anything lies beyond in the same direction."""


def wire_type(message: Message) -> str:
    """The name by which ``msgType`` asks for the message."""
    if message.body.get("subType") == "sub_combine":
        return "combine"
    return str(message.body.get("type", ""))


def read_page(timeline: Timeline, view: View, query: Query) -> Answer:
    """One page of a conversation."""
    found: list[Message] = []
    for at in _places(timeline, view, query):
        message = timeline.messages[at]
        if not (view.sees(message) and query.wants(message)):
            continue
        if len(found) == query.limit:
            return Answer(tuple(found), more=True)
        found.append(message)
    return Answer(tuple(found))


def _places(timeline: Timeline, view: View, query: Query) -> range:
    low, high = view.floor(timeline), len(timeline.messages)
    place = None
    if query.start is not None:
        place = timeline.place(query.start)
        if place is None or place < low or not view.sees(timeline.messages[place]):
            mode: StartGone = view.switches.start_gone
            if mode == "nothing" or (mode == "honour" and place is None):
                return range(0)
            place = None if mode == "head" else place
    if query.newer:
        return range(low if place is None else max(low, place + 1), high)
    return range((high if place is None else place) - 1, low - 1, -1)
