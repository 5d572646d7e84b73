"""After every commit: *snapshot plus changes is the new snapshot* (the feed).

A mirror holds what a window would show. It is told the changes of the commit, and looks
again only at what they name; then it must be equal to the file.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from attrs import define, field

from syncengine import Change, ConversationKey, What
from syncengine.store import queries
from syncengine.store.journal import commits
from tests.simulation.trace import Violation

_SELDOM = 20
"""Commits from look to look; after each step there is one too."""
_VERIFIED_AT = 8
"""The column of an entry that is bookkeeping, and not told."""
_SHOWN = """
    SELECT c.conversation_id, c.kind, m.position, m.message_id, m.timestamp, m.unverified,
           m.sender, m.type, m.text, m.edited_at, m.raw
    FROM message m JOIN conversation c USING (conversation)
    WHERE m.hidden IS NULL ORDER BY m.conversation, m.position
"""
_GAPS = """
    SELECT c.conversation_id, c.kind, g.low, g.high, g.seam
    FROM gap g JOIN conversation c USING (conversation) ORDER BY g.conversation, g.high
"""
_READ_AGAIN = {What.ADDED, What.EDITED, What.REORDERED, What.RESTORED}
_READ_AGAIN |= {What.UNVERIFIED, What.VERIFIED, What.REFUSED, What.DROPPED}
_BACK = {What.REFUSED, What.DROPPED}


class Shown(NamedTuple):
    """A message as it is shown."""

    message_id: str
    timestamp: int
    unverified: int
    content: tuple[Any, ...]


@define
class Picture:
    """All that can be read, but for what is bookkeeping."""

    messages: dict[ConversationKey, list[Shown]] = field(factory=dict)
    entries: dict[ConversationKey, tuple[Any, ...]] = field(factory=dict)
    """With the holes, by their neighbours."""
    listed: set[ConversationKey] = field(factory=set)


def picture(connection: sqlite3.Connection) -> Picture:
    """What the file shows now."""
    seen = Picture()
    places: dict[ConversationKey, list[int]] = {}
    for name, rows in groupby(connection.execute(_SHOWN), key=lambda row: row[:2]):
        held = list(rows)
        places[_key(*name)] = [row[2] for row in held]
        seen.messages[_key(*name)] = [Shown._make((*row[3:6], row[6:])) for row in held]
    for columns in connection.execute(queries._CONVERSATIONS):
        told = (*columns[:_VERIFIED_AT], *columns[_VERIFIED_AT + 1 :])
        seen.entries[_key(*columns[:2])] = told
    for name, kind, low, high, seam in connection.execute(_GAPS):
        key = _key(name, kind)
        at = places.get(key, [])
        hole = (sum(p <= low for p in at), sum(p < high for p in at), seam)
        seen.entries[key] = (*seen.entries[key], hole)
    listed = connection.execute(queries._CONVERSATIONS + queries._LISTED)
    seen.listed = {_key(*columns[:2]) for columns in listed}
    return seen


@cache
def _key(name: str, kind: str) -> ConversationKey:
    return ConversationKey(name, kind)


@define
class Mirror:
    """Kept up to date by the changes alone."""

    shown: Picture = field(factory=Picture)
    revision: int = 0
    commits: int = 0

    def glance(self, connection: sqlite3.Connection) -> None:
        """After a commit: follow some, for a look at all costs as much as the rest."""
        self.commits += 1
        if self.commits % _SELDOM == 0:
            self.follow(connection)

    def follow(self, connection: sqlite3.Connection) -> None:
        """Apply what is new, and compare. Raises Violation."""
        part = commits(connection, self.revision, 1 << 30)
        if part.lost:
            raise Violation("feed", "changes are lost")
        now = picture(connection)
        changes = [change for commit in part.commits for change in commit.changes]
        revisions = [change.revision for change in changes]
        if revisions != list(range(self.revision + 1, part.newest + 1)):
            raise Violation("feed", f"{revisions} after {self.revision}, up to {part.newest}")
        (ends,) = connection.execute("SELECT coalesce(max(revision), 0) FROM change WHERE last = 1")
        if ends != (part.newest,):
            raise Violation("feed", f"the commit ends at {ends}, the rows at {part.newest}")
        self.apply(changes, now)
        self.revision = part.newest
        _compare(self.shown, now, changes)

    def apply(self, changes: Sequence[Change], now: Picture) -> None:
        """Look at `now` only for what the changes name."""
        named: dict[ConversationKey, list[Change]] = {}
        for change in changes:
            named.setdefault(change.key, []).append(change)
            if change.what is What.CONVERSATION_ADDED:
                self.shown.listed.add(change.key)
            elif change.what is What.CONVERSATION_REMOVED:
                self.shown.listed.discard(change.key)
        for key, told in named.items():
            messages = _applied(self.shown.messages.get(key, []), told, now.messages.get(key, []))
            self.shown.messages[key] = messages
            if key in now.entries:
                self.shown.entries[key] = now.entries[key]


def _applied(held: list[Shown], told: Iterable[Change], now: list[Shown]) -> list[Shown]:
    again: set[str] = set()
    for change in told:
        if change.what is What.REMOVED:
            held = [m for m in held if not _covers(change)(m)]
        elif change.what in _BACK and change.until is not None:
            again |= {m.message_id for m in now if m.timestamp <= change.until}
        elif change.what in _READ_AGAIN:
            again |= set(change.message_ids)
    kept = [m for m in held if m.message_id not in again]
    for index, message in enumerate(now):
        if message.message_id in again:
            kept.insert(_after(kept, now[index - 1] if index else None), message)
    return kept


def _covers(change: Change) -> Callable[[Shown], bool]:
    ids, until = set(change.message_ids), change.until
    return lambda m: m.message_id in ids or (until is not None and m.timestamp <= until)


def _after(kept: list[Shown], neighbour: Shown | None) -> int:
    """Where a message goes whose older neighbour is known."""
    ids = [m.message_id for m in kept]
    return 0 if neighbour is None else ids.index(neighbour.message_id) + 1


def _compare(mirror: Picture, now: Picture, changes: Sequence[Change]) -> None:
    told = [(str(c.key), c.what.value, c.until, list(c.message_ids)) for c in changes]
    for key in now.entries | mirror.entries:
        pairs = (
            ("messages", mirror.messages.get(key, []), now.messages.get(key, [])),
            ("entry", mirror.entries.get(key), now.entries.get(key)),
            ("listed", key in mirror.listed, key in now.listed),
        )
        for what, ours, theirs in pairs:
            if ours != theirs:
                words = f"{key} {what}: the mirror has {_short(ours)}, the file {_short(theirs)}"
                raise Violation("feed", f"{words}; told was {told}")


def _short(value: Any) -> str:
    if isinstance(value, list):
        return str([(m.message_id, m.timestamp, m.unverified, m.content[2:4]) for m in value])
    return str(value)
