"""Which messages of a conversation are in the window, what stands between them, and when to
read others, pure.

    slice   [m1 m2] ? [m5]        entries   day · m1 · m2 · gap · m5
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from attrs import frozen

from syncengine.models import Hole, Message, Slice
from syncengine.tui.looks import day

SIZE = 240
"""Messages that are in the window at most; a conversation may have millions."""
EDGE = 50
"""Messages from either end of the window at which others are read."""
NEAR = 8
"""Entries beside the visible ones in which a gap is filled already."""


class EntryKind(StrEnum):
    """What an entry is."""

    EMPTY = "empty"
    START = "start"
    DAY = "day"
    GAP = "gap"
    SEAM = "seam"
    MESSAGE = "message"


@frozen
class Entry:
    """One thing that is shown."""

    kind: EntryKind
    key: str
    """The same for the same thing in another slice."""
    message: Message | None = None
    hole: Hole | None = None


def entries(part: Slice) -> list[Entry]:
    """What a slice shows, from the top."""
    if not part.messages and part.whole:
        return [Entry(EntryKind.EMPTY, "empty")]
    found = [Entry(EntryKind.START, "start")] if part.reached_start and part.messages else []
    said: str | None = None
    for message in part.messages:
        found += _holes(part, message.message_id)
        if (today := day(message.timestamp)) != said:
            found.append(Entry(EntryKind.DAY, f"day {message.message_id}", message))
            said = today
        found.append(Entry(EntryKind.MESSAGE, message.message_id, message))
    return [*found, *_holes(part, None)]


def _holes(part: Slice, newer_id: str | None) -> Iterator[Entry]:
    """What is missing directly before a message, or at the newest end."""
    for kind, holes in ((EntryKind.SEAM, part.seams), (EntryKind.GAP, part.gaps)):
        for hole in holes:
            if hole.newer_id == newer_id:
                yield Entry(kind, f"{kind} {newer_id or ''}", hole=hole)


def gap_to_fill(
    shown: Sequence[Entry], first: int, last: int, done: frozenset[Hole]
) -> Hole | None:
    """The gap that a person looks at, or is about to: of those near the entries `first` to
    `last` the newest one that was not tried in vain."""
    for entry in reversed(shown[max(0, first - NEAR) : last + 1 + NEAR]):
        if entry.kind is EntryKind.GAP and entry.hole is not None and entry.hole not in done:
            return entry.hole
    return None


@frozen
class View:
    """A slice, and whether it goes on beyond its ends."""

    part: Slice
    at_newest: bool
    """Nothing newer is held."""

    @property
    def at_oldest(self) -> bool:
        """Nothing older is held."""
        holes = (*self.part.gaps, *self.part.seams)
        return self.part.reached_start or any(hole.older_id is None for hole in holes)

    def must_move(self, first: int, last: int) -> bool:
        """Whether the messages `first` to `last`, which are visible, are so near to an end
        of the window that others should be read."""
        older = first < EDGE and not self.at_oldest
        return older or (last >= len(self.part.messages) - EDGE and not self.at_newest)


def around(part: Slice, limit: int) -> View:
    """What a read around a message gave. Fewer than half of the limit from its anchor on
    mean that there are no newer ones."""
    ids = [message.message_id for message in part.messages]
    newer = len(ids) - ids.index(part.anchor) if part.anchor in ids else 0
    return View(part, at_newest=newer < limit - limit // 2)
