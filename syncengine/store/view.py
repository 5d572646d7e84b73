"""What a decision may ask of the store, inside the transaction that will write it.

So a decision is never made from facts that are stale. Reads only.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence, Set
from typing import Any

from syncengine.models import ConversationKey, MessageRow
from syncengine.store.answers import (
    AccountState,
    HeldMessage,
    ListedState,
    PlacedMessage,
    Removals,
    Tombstone,
)
from syncengine.store.batch import START, Doubt, Gap

_STATES = """
    SELECT c.conversation, c.unread_count, c.pinned, c.pinned_at, c.marks, c.fetched, c.looks,
           c.doubt_id, c.doubt_at,
           p.message_id, p.sender, p.timestamp, p.type, p.text, p.edited_at, p.raw
    FROM conversation c LEFT JOIN preview p USING (conversation)
    WHERE c.conversation IN ({})
"""
_HELD = """
    SELECT message_id, position, raw, edited_at, hidden, suspect_at, unverified, seen_at
    FROM message WHERE conversation = ? AND message_id
"""
_HELD_NEAR = _HELD + "BETWEEN ? AND ? ORDER BY message_id LIMIT ?"
_HELD_EACH = _HELD + "IN ({}) ORDER BY message_id"
_BETWEEN = """
    SELECT message_id, position, timestamp, edited_at, hidden, suspect_at, unverified
    FROM message WHERE conversation = :row AND position > :low AND position < :high
        AND unverified = 0
"""
_NUMBER = """
    SELECT count(*) FROM
        (SELECT 1 FROM message WHERE conversation = ? AND position > ? AND position < ? LIMIT ?)
"""
_UNDECIDED = """
    SELECT message_id, position, timestamp, edited_at, hidden, suspect_at, unverified
    FROM message INDEXED BY message_unverified
    WHERE conversation = :row AND unverified = 1 AND position > :low AND position < :high
        AND timestamp > :after
"""
_AGED = """
    SELECT position FROM message INDEXED BY message_unverified
    WHERE conversation = :row AND unverified = 1 AND position < :high AND hidden IS NULL
        AND timestamp <= :until
        AND timestamp > (SELECT settled FROM audit WHERE conversation = :row)
    ORDER BY position LIMIT :most
"""
_ALL_UNVERIFIED = """
    SELECT (SELECT count(*) FROM message
            WHERE conversation = :row AND position > :low AND position < :high)
         = (SELECT count(*) FROM message INDEXED BY message_unverified
            WHERE conversation = :row AND unverified = 1 AND position > :low AND position < :high)
"""
_TOMBSTONES = """
    SELECT message_id, served_at, absent_at FROM tombstone
    WHERE conversation = ? AND message_id IN ({})
"""
_REMOVALS = """
    WITH shown (number) AS (
        SELECT (SELECT count(*) FROM message WHERE conversation = :row)
             - (SELECT count(*) FROM message WHERE conversation = :row AND hidden IS NOT NULL))
    SELECT number,
           number - (SELECT count(*) FROM message
                     WHERE conversation = :row AND unverified = 1 AND hidden IS NULL),
           (SELECT count(*) FROM message
            WHERE conversation = :row AND suspect_at IS NOT NULL AND hidden IS NULL),
           coalesce((SELECT removed FROM audit WHERE conversation = :row), 0),
           coalesce((SELECT held_back FROM audit WHERE conversation = :row), 0)
    FROM shown
"""
_GONE = "SELECT count(*) FROM audit WHERE gone = 1 AND conversation <> ?"
_SUSPICIOUS = """
    SELECT DISTINCT m.conversation FROM message m LEFT JOIN audit a USING (conversation)
    WHERE m.suspect_at IS NOT NULL AND m.hidden IS NULL AND m.conversation <> ?
        AND coalesce(a.gone, 0) = 0
"""
_WANTED_GONE = "SELECT message_id FROM intent_message WHERE intent = ? AND message_id IN ({})"
_SURROUNDINGS = """
    SELECT EXISTS (SELECT 1 FROM tombstone WHERE conversation = :row)
        OR EXISTS (SELECT 1 FROM intent WHERE conversation = :row AND state = 'pending'),
        NULL, NULL, NULL, NULL
    UNION ALL
    SELECT low, high, cursor, seam, guessed FROM gap WHERE conversation = :row
"""
_BELOW = """
    SELECT position FROM message WHERE conversation = ? AND position < ?
    ORDER BY position DESC LIMIT 1
"""
_SENT_BELOW = """
    SELECT timestamp FROM message WHERE conversation = ? AND position < ?
    ORDER BY position DESC LIMIT 1
"""
_DOWNWARDS = """
    SELECT position, message_id, timestamp FROM message WHERE conversation = ? AND position < ?
    ORDER BY position DESC LIMIT ?
"""
_LATEST = """
    SELECT max(timestamp) FROM
        (SELECT timestamp FROM message WHERE conversation = ? ORDER BY position DESC LIMIT 50)
"""
_NEWEST_ID = """
    SELECT message_id FROM message WHERE conversation = ? ORDER BY position DESC LIMIT 1
"""
_NEWEST_SERVED = """
    SELECT message_id FROM message
    WHERE conversation = ? AND unverified = 0 AND message_id NOT LIKE 'raw:%'
    ORDER BY position DESC LIMIT 1
"""
_ABOVE = """
    SELECT message_id FROM message
    WHERE conversation = ? AND position >= ? AND message_id NOT LIKE 'raw:%'
        AND hidden IS NULL AND suspect_at IS NULL AND unverified = 0
    ORDER BY position LIMIT ?
"""


class View:
    """The facts of one store, as the transaction sees them."""

    def __init__(
        self, connection: sqlite3.Connection, rows: dict[ConversationKey, int] | None = None
    ) -> None:
        """`rows` are row numbers already known: they never change once committed."""
        self._connection = connection
        self._rows: dict[ConversationKey, int] = {} if rows is None else rows

    def row(self, key: ConversationKey) -> int | None:
        """The conversation's row number; None: it is not here."""
        known = self._rows.get(key)
        if known is None:
            found = self._connection.execute(
                "SELECT conversation FROM conversation WHERE conversation_id = ? AND kind = ?",
                (key.conversation_id, key.kind),
            ).fetchone()
            if found is None:
                return None
            known = self._rows[key] = int(found[0])
        return known

    def listed(self, key: ConversationKey) -> ListedState | None:
        """What the list last said; None: the conversation is not here."""
        return self.all_listed([key]).get(key)

    def all_listed(self, keys: Sequence[ConversationKey]) -> dict[ConversationKey, ListedState]:
        """What the list last said of those that are here, in one statement."""
        rows = {row: key for key in keys if (row := self.row(key)) is not None}
        query = _STATES.format(",".join("?" * len(rows)))
        found = self._connection.execute(query, tuple(rows))
        return {rows[row]: _listed_state(*columns) for row, *columns in found}

    def noted_doubt(self, key: ConversationKey) -> Doubt | None:
        """What an earlier read of the head left open."""
        listed = self.listed(key)
        return listed.doubt if listed is not None else None

    def held(self, key: ConversationKey, ids: Sequence[str]) -> dict[str, HeldMessage]:
        """Those of the messages that are here.

        A page's ids are mostly neighbours: to look through what stands between the lowest and
        the highest takes a fifth of the time of looking for each, unless much else does.
        """
        if not ids:
            return {}
        row, wanted = self.row(key), set(ids)
        bound = (row, min(ids), max(ids), len(ids) + 1)
        found = self._connection.execute(_HELD_NEAR, bound).fetchall()
        if len(found) > len(ids):
            query = _HELD_EACH.format(",".join("?" * len(ids)))
            found = self._connection.execute(query, (row, *ids)).fetchall()
        return {row[0]: HeldMessage._make(row[1:]) for row in found if row[0] in wanted}

    def between(
        self, key: ConversationKey, low: int, high: int, undecided_after: int
    ) -> list[PlacedMessage]:
        """Messages between two positions, both exclusive, hidden ones too; not those that
        are unverified and not sent after that time, ms."""
        bound = {"row": self.row(key), "low": low, "high": high, "after": undecided_after}
        found = self._connection.execute(_UNDECIDED, bound).fetchall()
        # A long tail of what expired would be visited row by row; to count it is cheap.
        if low != START or not self._connection.execute(_ALL_UNVERIFIED, bound).fetchone()[0]:
            found += self._connection.execute(_BETWEEN, bound)
        return [PlacedMessage(*columns) for columns in found]

    def holds_no_more(self, key: ConversationKey, low: int, high: int, number: int) -> bool:
        """Whether between two positions, both exclusive, stand so many messages at most."""
        bound = (self.row(key), low, high, number + 1)
        (found,) = self._connection.execute(_NUMBER, bound).fetchone()
        return int(found) <= number

    def aged(self, key: ConversationKey, high: int, until: int, most: int) -> list[int]:
        """The positions below one, oldest first and not more than so many, of messages that
        are unverified, were sent until that time, ms, and went missing since arrivals are
        counted."""
        bound = {"row": self.row(key), "high": high, "until": until, "most": most}
        return [position for (position,) in self._connection.execute(_AGED, bound)]

    def removals(self, key: ConversationKey) -> Removals:
        """What absence did, and may do, to the conversation since a person last agreed."""
        return self._removals(self.row(key))

    def _removals(self, row: int | None) -> Removals:
        return Removals(*self._connection.execute(_REMOVALS, {"row": row}).fetchone())

    def others_gone(self, key: ConversationKey, most: int) -> int:
        """How many other conversations lost more than half to absence, or would, since a
        person last agreed; counts up to `most`."""
        bound = (self.row(key),)
        (count,) = self._connection.execute(_GONE, bound).fetchone()
        for (row,) in self._connection.execute(_SUSPICIOUS, bound).fetchall():
            if count >= most:
                break
            count += self._removals(row).most_of_it
        return int(count)

    def arrived(self, key: ConversationKey) -> int:
        """How many messages arrived since all of the conversation was last verified."""
        found = self._connection.execute(
            "SELECT arrived FROM audit WHERE conversation = ?", (self.row(key),)
        ).fetchone()
        return 0 if found is None else int(found[0])

    def settled(self, key: ConversationKey) -> int:
        """What was sent until then, ms, may have been missing before arrivals were counted."""
        found = self._connection.execute(
            "SELECT settled FROM audit WHERE conversation = ?", (self.row(key),)
        ).fetchone()
        return 0 if found is None else int(found[0])

    def longest_stay(self) -> int:
        """The longest that an unedited message was seen to stay on the server, ms."""
        found = self._connection.execute("SELECT longest_stay FROM account").fetchone()
        return 0 if found is None else int(found[0])

    def unlisted_changes(
        self, listed: Set[ConversationKey]
    ) -> tuple[list[ConversationKey], list[ConversationKey]]:
        """Given all that the server lists: conversations that are missing in it now, and
        those that were and are back."""
        found = self._connection.execute(
            "SELECT conversation_id, kind, missing FROM audit JOIN conversation"
            " USING (conversation)"
        )
        states = [(ConversationKey(name, kind), bool(missing)) for name, kind, missing in found]
        gone = [key for key, missing in states if not missing and key not in listed]
        back = [key for key, missing in states if missing and key in listed]
        return gone, back

    def tombstones(self, key: ConversationKey, ids: Sequence[str]) -> dict[str, Tombstone]:
        """Those of the messages that were deleted, or removed by absence."""
        query = _TOMBSTONES.format(",".join("?" * len(ids)))
        found = self._connection.execute(query, (self.row(key), *ids))
        return {message_id: Tombstone(*columns) for message_id, *columns in found}

    def pending(self, key: ConversationKey) -> list[tuple[int, int | None]]:
        """The conversation's pending intents that name messages: number, and for a *delete
        up to* its time."""
        found = self._connection.execute(
            "SELECT intent, timestamp FROM intent"
            " WHERE conversation = ? AND state = 'pending' AND kind <> 'listing'",
            (self.row(key),),
        )
        return found.fetchall()

    def wanted_gone(self, intent: int, ids: Sequence[str]) -> set[str]:
        """Those of the messages that an intent names."""
        query = _WANTED_GONE.format(",".join("?" * len(ids)))
        return {m for (m,) in self._connection.execute(query, (intent, *ids))}

    def server_time(self) -> int | None:
        """The latest time that the server was heard to say, ms."""
        found = self._connection.execute("SELECT server_time FROM account").fetchone()
        return None if found is None else found[0]

    def gaps(self, key: ConversationKey) -> list[Gap]:
        """The conversation's gaps and seams, oldest first."""
        return self.surroundings(key)[0]

    def surroundings(self, key: ConversationKey) -> tuple[list[Gap], bool]:
        """The gaps, and whether any message of the conversation was deleted here.

        One statement for both: it runs for every page of a pull.
        """
        found = self._connection.execute(_SURROUNDINGS, {"row": self.row(key)}).fetchall()
        gaps = [
            Gap(low, high, cursor, bool(seam), bool(guessed))
            for low, high, cursor, seam, guessed in found[1:]
        ]
        return sorted(gaps, key=lambda gap: gap.high), bool(found[0][0])

    def below(self, key: ConversationKey, position: int) -> int | None:
        """The highest position held that is lower."""
        found = self._connection.execute(_BELOW, (self.row(key), position)).fetchone()
        return None if found is None else int(found[0])

    def sent_below(self, key: ConversationKey, position: int) -> int | None:
        """The time, ms, of the message of the highest position that is lower."""
        found = self._connection.execute(_SENT_BELOW, (self.row(key), position)).fetchone()
        return None if found is None else int(found[0])

    def downwards(
        self, key: ConversationKey, position: int, limit: int
    ) -> Iterator[tuple[int, str, int]]:
        """Position, id and time, ms, of what is held below, the highest first; read as asked."""
        return self._connection.execute(_DOWNWARDS, (self.row(key), position, limit))

    def latest(self, key: ConversationKey) -> int:
        """The latest time, ms, among the 50 messages of the highest positions."""
        (found,) = self._connection.execute(_LATEST, (self.row(key),)).fetchone()
        return int(found or 0)

    def newest_id(self, key: ConversationKey) -> str | None:
        """The message of the highest position."""
        found = self._connection.execute(_NEWEST_ID, (self.row(key),)).fetchone()
        return None if found is None else str(found[0])

    def newest_served(self, key: ConversationKey) -> str | None:
        """The message of the highest position that a page of the head should show: not one
        that is known to be gone from the server, and nobody can tell why."""
        found = self._connection.execute(_NEWEST_SERVED, (self.row(key),)).fetchone()
        return None if found is None else str(found[0])

    def is_suspect(self, key: ConversationKey, message_id: str) -> bool:
        """Whether a read that should have shown the message did not."""
        held = self.held(key, [message_id]).get(message_id)
        return held is not None and held.suspect_at is not None

    def above(self, key: ConversationKey, position: int, limit: int) -> list[str]:
        """Ids that the server knows, from `position` upwards, nearest first."""
        rows: Iterator[tuple[str]] = self._connection.execute(
            _ABOVE, (self.row(key), position, limit)
        )
        return [message_id for (message_id,) in rows]

    def account(self) -> AccountState:
        """What is noted of the account; nothing, where none claimed the file yet."""
        found = self._connection.execute(
            "SELECT name, listed_at, synced_at, list_open FROM account"
        ).fetchone()
        return AccountState(*(found or (None, None, None, 0)))


def _listed_state(
    unread: int,
    pinned: int,
    pinned_at: int | None,
    marks: str,
    fetched: int,
    looks: int,
    top: str | None,
    at: int | None,
    *preview: Any,
) -> ListedState:
    return ListedState(
        unread,
        bool(pinned),
        pinned_at,
        () if marks == "[]" else tuple(json.loads(marks)),
        bool(fetched),
        looks,
        None if top is None else Doubt(top, at),
        None if preview[0] is None else MessageRow(*preview),
    )
