"""Reads for people: each is a function of a connection, inside one snapshot."""

import sqlite3
from itertools import takewhile
from typing import Any, NamedTuple

from syncengine.models import ConversationKey
from syncengine.store.batch import HEAD, Gap

_MESSAGE = "m.message_id, m.sender, m.timestamp, m.type, m.text, m.edited_at, m.raw"
_LAST = """
    coalesce(p.message_id, m.message_id), coalesce(p.sender, m.sender),
    coalesce(p.timestamp, m.timestamp), coalesce(p.type, m.type), coalesce(p.text, m.text),
    CASE WHEN p.conversation IS NULL THEN m.edited_at ELSE p.edited_at END,
    coalesce(p.raw, m.raw)
"""
"""The newest message held, or the list's preview where that is newer and not held."""
_CONVERSATIONS = f"""
    SELECT c.conversation_id, c.kind, c.unread_count, c.pinned, c.marks, c.fetched,
           (SELECT count(*) + (sum(g.seam) << 32) FROM gap g
            WHERE g.conversation = c.conversation),
           coalesce(m.unverified, 0), a.verified_at,
           CASE WHEN a.held_back = 1 THEN
               (SELECT count(*) FROM message s WHERE s.conversation = c.conversation
                AND s.suspect_at IS NOT NULL AND s.hidden IS NULL) ELSE 0 END,
           {_LAST}
    FROM conversation c
    LEFT JOIN message m ON m.message = c.newest
    LEFT JOIN audit a ON a.conversation = c.conversation
    LEFT JOIN preview p ON p.conversation = c.conversation
        AND p.message_id IS NOT m.message_id  -- nearly always it is: then nothing is looked up
        AND (m.message IS NULL OR p.timestamp >= m.timestamp)
        AND NOT EXISTS
        (SELECT 1 FROM message held
         WHERE held.conversation = c.conversation AND held.message_id = p.message_id)
        AND NOT EXISTS
        (SELECT 1 FROM tombstone t
         WHERE t.conversation = c.conversation AND t.message_id = p.message_id)
        AND NOT EXISTS
        (SELECT 1 FROM intent i LEFT JOIN intent_message im USING (intent)
         WHERE i.conversation = c.conversation AND i.state = 'pending'
           AND (im.message_id = p.message_id OR p.timestamp <= i.timestamp))
"""  # noqa: S608 - constants only
_LISTED = " WHERE c.unlisted = 0"
_AFTER = " AND (c.pinned, c.activity, c.conversation) < (?, ?, ?)"
_ORDER = " ORDER BY c.pinned DESC, c.activity DESC, c.conversation DESC LIMIT ?"
_FRAME = """
    SELECT (SELECT conversation FROM conversation WHERE conversation_id = ? AND kind = ?),
           (SELECT synced_at FROM account),
           coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change'), 0)
"""
_AROUND = """
    SELECT (SELECT position FROM message
            WHERE conversation = :row AND position < :first AND hidden IS NULL
            ORDER BY position DESC LIMIT 1),
           (SELECT position FROM message
            WHERE conversation = :row AND position > :last AND hidden IS NULL
            ORDER BY position LIMIT 1)
"""
_ENDS = """
    SELECT * FROM (SELECT position, timestamp FROM message WHERE conversation = :row
                   ORDER BY position LIMIT 1)
    UNION ALL
    SELECT * FROM (SELECT position, timestamp FROM message WHERE conversation = :row
                   ORDER BY position DESC LIMIT 1)
"""
_NEAR = """
    SELECT position, timestamp FROM message
    WHERE conversation = :row AND position <= :high AND position >= coalesce(
        (SELECT position FROM message
         WHERE conversation = :row AND position > :low AND position < :middle
         ORDER BY position DESC LIMIT 1 OFFSET 11), :low)
    ORDER BY position LIMIT 24
"""


class PlacedRow(NamedTuple):
    """A message's columns with its position, which stays below the reader."""

    position: int
    unverified: int
    """1: the server does not show it any more."""
    columns: tuple[Any, ...]


class ListPlace(NamedTuple):
    """Where a conversation stands in the list."""

    pinned: int
    activity: int
    conversation: int


def list_place(connection: sqlite3.Connection, key: ConversationKey) -> ListPlace | None:
    """Where it stands; None: it is not here."""
    found = connection.execute(
        "SELECT pinned, activity, conversation FROM conversation"
        " WHERE conversation_id = ? AND kind = ?",
        (key.conversation_id, key.kind),
    ).fetchone()
    return None if found is None else ListPlace(*found)


def conversations(
    connection: sqlite3.Connection, limit: int | None, after: ListPlace | None = None
) -> list[tuple[Any, ...]]:
    """Conversations, pinned first, then most recently active; at most `limit`, and those
    that follow a place in the list."""
    most = -1 if limit is None else limit
    if after is None:
        return connection.execute(_CONVERSATIONS + _LISTED + _ORDER, (most,)).fetchall()
    query = _CONVERSATIONS + _LISTED + _AFTER + _ORDER
    return connection.execute(query, (*after, most)).fetchall()


def conversation(connection: sqlite3.Connection, key: ConversationKey) -> tuple[Any, ...] | None:
    """One conversation's columns."""
    found: tuple[Any, ...] | None = connection.execute(
        _CONVERSATIONS + " WHERE c.conversation_id = ? AND c.kind = ?",
        (key.conversation_id, key.kind),
    ).fetchone()
    return found


def kinds(connection: sqlite3.Connection, conversation_id: str) -> list[str]:
    """The kinds under which an id is here: a user and a group may share one."""
    found = connection.execute(
        "SELECT kind FROM conversation WHERE conversation_id = ? ORDER BY kind", (conversation_id,)
    )
    return [kind for (kind,) in found]


def keys(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Id and kind of all that is listed, or has messages that are shown."""
    return connection.execute(
        "SELECT c.conversation_id, c.kind FROM conversation c"  # noqa: S608 - constants only
        " WHERE c.unlisted = 0 OR EXISTS (SELECT 1 FROM message m"
        f" WHERE m.conversation = c.conversation AND m.hidden IS NULL){_ORDER}",
        (-1,),
    ).fetchall()


class Frame(NamedTuple):
    """What a read of one conversation begins with."""

    row: int | None
    """The conversation's number; None: it is not here."""
    synced_at: int | None
    revision: int


def frame(connection: sqlite3.Connection, key: ConversationKey) -> Frame:
    """All in one statement: while others compute, each waits for the interpreter's lock."""
    found = connection.execute(_FRAME, (key.conversation_id, key.kind)).fetchone()
    return Frame(*found)


def position_of(connection: sqlite3.Connection, row: int, message_id: str) -> int | None:
    """Where a message stands; None: it is not held."""
    found = connection.execute(
        "SELECT position FROM message WHERE conversation = ? AND message_id = ?", (row, message_id)
    ).fetchone()
    return None if found is None else int(found[0])


def messages(
    connection: sqlite3.Connection, row: int, low: int, high: int, limit: int, *, oldest: bool
) -> list[PlacedRow]:
    """At most `limit` messages between two positions, both exclusive, oldest first.

    From the oldest upwards if `oldest`, else the newest ones.
    """
    direction = "ASC" if oldest else "DESC"
    found = connection.execute(
        f"SELECT m.position, m.unverified, {_MESSAGE} FROM message m"  # noqa: S608 - constants only
        " WHERE m.conversation = ? AND m.position > ? AND m.position < ? AND m.hidden IS NULL"
        f" ORDER BY m.position {direction} LIMIT ?",
        (row, low, high, limit),
    ).fetchall()
    rows = [PlacedRow(columns[0], columns[1], columns[2:]) for columns in found]
    return rows if oldest else rows[::-1]


class Sent(NamedTuple):
    """Where a message stands, and when it was sent, ms."""

    position: int
    timestamp: int


class Ends(NamedTuple):
    """The oldest and the newest message of a conversation."""

    oldest: Sent
    newest: Sent


def ends(connection: sqlite3.Connection, row: int) -> Ends | None:
    """Both, hidden or not; None: it has none."""
    found = connection.execute(_ENDS, {"row": row}).fetchall()
    return Ends(Sent(*found[0]), Sent(*found[1])) if found else None


def sent_near(
    connection: sqlite3.Connection, row: int, low: int, middle: int, high: int
) -> list[tuple[int, int]]:
    """Some messages below a position and some from it on, oldest first, hidden or not: of
    those between two others, inclusive, which are messages' own. As `Sent`, but bare: to name
    so many would take as long as to read them."""
    bound = {"row": row, "low": low, "middle": middle, "high": high}
    return connection.execute(_NEAR, bound).fetchall()


def around(
    connection: sqlite3.Connection, row: int, first: int, last: int
) -> tuple[int | None, int | None]:
    """The positions of the nearest messages below and above a piece."""
    bound = {"row": row, "first": first, "last": last}
    below, above = connection.execute(_AROUND, bound).fetchone()
    return below, above


def neighbour(
    connection: sqlite3.Connection, row: int, position: int, *, above: bool
) -> tuple[int, str] | None:
    """The nearest message above or below a position: its position and id."""
    comparison, direction = (">", "ASC") if above else ("<", "DESC")
    found: tuple[int, str] | None = connection.execute(
        "SELECT position, message_id FROM message"  # noqa: S608 - constants only
        f" WHERE conversation = ? AND position {comparison} ? AND hidden IS NULL"
        f" ORDER BY position {direction} LIMIT 1",
        (row, position),
    ).fetchone()
    return found


def gaps_between(connection: sqlite3.Connection, row: int, low: int, high: int) -> list[Gap]:
    """Gaps and seams that touch the open interval between two positions, oldest first."""
    found = connection.execute(
        "SELECT low, high, cursor, seam FROM gap WHERE conversation = ? AND high > ? ORDER BY high",
        (row, low),
    )
    # Gaps do not overlap: the first that lies beyond ends it, however many follow.
    near = takewhile(lambda gap: gap[0] < high, found)
    return [Gap(low, high, cursor, bool(seam)) for low, high, cursor, seam in near]


def count_gaps(connection: sqlite3.Connection) -> int:
    """Gaps of the whole account that can still be fetched."""
    return int(connection.execute("SELECT count(*) FROM gap WHERE NOT seam").fetchone()[0])


def unfinished(connection: sqlite3.Connection) -> list[tuple[ConversationKey, bool]]:
    """Conversations with something to fetch, most recently active first, and whether it
    is their newest page that is missing."""
    found = connection.execute(
        "SELECT c.conversation_id, c.kind, max(g.high) = ? FROM conversation c"
        " JOIN gap g ON g.conversation = c.conversation AND NOT g.seam"
        " GROUP BY c.conversation ORDER BY c.activity DESC, c.conversation",
        (HEAD,),
    )
    return [(ConversationKey(name, kind), bool(at_head)) for name, kind, at_head in found]


def doubtful(connection: sqlite3.Connection) -> list[ConversationKey]:
    """Conversations whose newest page showed less than is held: a second read decides."""
    found = connection.execute(
        "SELECT conversation_id, kind FROM conversation WHERE doubt_id IS NOT NULL"
    )
    return [ConversationKey(name, kind) for name, kind in found]


class Totals(NamedTuple):
    """The account in figures."""

    account: str | None
    conversations: int
    messages: int
    gaps: int
    seams: int
    never_synced: int
    pending: int
    refused: int
    listed_at: int | None
    synced_at: int | None


_TOTALS = """
    SELECT (SELECT name FROM account),
           (SELECT count(*) FROM conversation WHERE unlisted = 0),
           (SELECT count(*) FROM message) - (SELECT count(*) FROM message WHERE hidden IS NOT NULL),
           (SELECT count(*) FROM gap WHERE NOT seam),
           (SELECT count(*) FROM gap WHERE seam),
           (SELECT count(*) FROM conversation WHERE NOT fetched AND unlisted = 0),
           (SELECT count(*) FROM intent WHERE state = 'pending'),
           (SELECT count(*) FROM intent WHERE state = 'refused'),
           (SELECT listed_at FROM account),
           (SELECT synced_at FROM account)
"""


def totals(connection: sqlite3.Connection) -> Totals:
    """Figures for `status`. Counts every message: tens of milliseconds a million."""
    return Totals(*connection.execute(_TOTALS).fetchone())
