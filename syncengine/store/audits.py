"""The statements of the audit: what reads did not show, and what is to be read again."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from syncengine.changes import Cause, What
from syncengine.models import ConversationKey
from syncengine.store.batch import HEAD, Absence, Audited, Bookkeeping, Listing, Shift
from syncengine.store.journal import drop_old_changes, write_change
from syncengine.store.outbox import NEWEST, hide

_SUSPECT = """
    UPDATE message SET suspect_at = ?, unverified = 0 WHERE conversation = ? AND message_id = ?
"""
_UNVERIFIED = """
    UPDATE message SET suspect_at = NULL, unverified = 1 WHERE conversation = ? AND message_id = ?
"""
_CLEARED = """
    UPDATE message SET suspect_at = NULL, unverified = 0 WHERE conversation = ? AND message_id = ?
"""
_REMOVED = """
    INSERT INTO tombstone (conversation, message_id, absent_at) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET absent_at = excluded.absent_at, served_at = NULL
    WHERE absent_at IS NOT NULL
"""
_DELETE = "DELETE FROM message WHERE conversation = ? AND message_id = ?"
_FORGOTTEN = """
    UPDATE tombstone SET served_at = NULL
    WHERE conversation = ? AND message_id = ? AND absent_at IS NOT NULL
"""
_RESTORED = """
    UPDATE message SET hidden = NULL, suspect_at = NULL
    WHERE conversation = ? AND message_id = ? AND hidden = -2
"""
_EMPTIED = """
    UPDATE conversation SET unlisted = 1
    WHERE conversation = :row AND fetched = 1
        AND NOT EXISTS (SELECT 1 FROM message WHERE conversation = :row)
        AND EXISTS (SELECT 1 FROM audit WHERE conversation = :row AND missing = 1)
"""
_AUDITED = """
    UPDATE audit SET
        head_at = CASE WHEN :head THEN :at ELSE head_at END,
        verified_at = CASE WHEN :finished THEN coalesce(:began, sweep_at, :at)
                      ELSE verified_at END,
        turn = CASE WHEN :finished THEN coalesce(:began, sweep_at, :at)
                    WHEN :failed THEN :at ELSE turn END,
        arrived = CASE WHEN :finished AND NOT :doubted THEN
                       CASE WHEN sweep_at IS NULL OR :began IS NOT NULL THEN 0 ELSE arriving END
                  ELSE arrived END,
        arriving = CASE WHEN :finished OR sweep_at IS NULL THEN 0 ELSE arriving END,
        sweep_at = CASE WHEN :finished OR :failed THEN NULL
                        WHEN :down_to IS NOT NULL THEN coalesce(sweep_at, :at) ELSE sweep_at END,
        sweep_down = CASE WHEN :finished OR :failed THEN NULL
                          ELSE min(coalesce(sweep_down, :down_to), coalesce(:down_to, sweep_down))
                     END
    WHERE conversation = :row
"""


def write_absence(connection: sqlite3.Connection, row: int, absence: Absence) -> None:
    """Note what a read did not show, and remove what was missing twice."""
    gone = [*absence.removed, *absence.expired]
    connection.executemany(_REMOVED, [(row, m, absence.at) for m in gone])
    connection.executemany(_DELETE, [(row, m) for m in (*gone, *absence.dropped)])
    connection.executemany(_FORGOTTEN, [(row, m) for m in absence.dropped])
    connection.executemany(_SUSPECT, [(absence.at, row, m) for m in absence.suspected])
    connection.executemany(_UNVERIFIED, [(row, m) for m in absence.unverified])
    connection.executemany(_CLEARED, [(row, m) for m in absence.cleared])
    _count_removed(connection, row, len(absence.removed))
    for cause, ids in ((Cause.ABSENT, absence.removed), (Cause.EXPIRED, absence.expired)):
        if ids:
            write_change(connection, row, What.REMOVED, ids, cause=cause)
    if absence.held_back:
        connection.execute("UPDATE audit SET held_back = 1 WHERE conversation = ?", (row,))
    elif absence.cleared or gone:
        _nothing_held_back(connection, row)
    if gone or absence.dropped:
        connection.execute(NEWEST, {"row": row})
        connection.execute(_EMPTIED, {"row": row})


def _count_removed(connection: sqlite3.Connection, row: int, number: int) -> None:
    if number:
        connection.execute(
            "UPDATE audit SET removed = removed + :number, gone = gone OR NOT EXISTS"
            " (SELECT 1 FROM message WHERE conversation = :row AND hidden IS NULL)"
            " WHERE conversation = :row",
            {"row": row, "number": number},
        )


def _nothing_held_back(connection: sqlite3.Connection, row: int) -> None:
    connection.execute(
        "UPDATE audit SET held_back = 0 WHERE conversation = :row AND held_back = 1"
        " AND NOT EXISTS (SELECT 1 FROM message WHERE conversation = :row"
        " AND suspect_at IS NOT NULL AND hidden IS NULL)",
        {"row": row},
    )


def write_restored(connection: sqlite3.Connection, row: int, restored: Sequence[str]) -> None:
    """Show again what was removed by absence, and forget that it was (law 5)."""
    connection.executemany(
        "DELETE FROM tombstone WHERE conversation = ? AND message_id = ? AND absent_at IS NOT NULL",
        [(row, message_id) for message_id in restored],
    )
    connection.executemany(_RESTORED, [(row, message_id) for message_id in restored])
    connection.execute(
        "UPDATE audit SET removed = max(0, removed - ?), gone = 0 WHERE conversation = ?",
        (len(restored), row),
    )
    write_change(connection, row, What.RESTORED, restored)
    hide(connection, row)  # a deletion asked for meanwhile may cover them


def write_arrived(connection: sqlite3.Connection, row: int, number: int) -> None:
    """Count messages that are new on the server."""
    connection.execute(
        "UPDATE audit SET arrived = arrived + ?, arriving = arriving + ? WHERE conversation = ?",
        (number, number, row),
    )


def write_first_read(connection: sqlite3.Connection, row: int, at: int | None) -> None:
    """From now on the conversation is audited. What is pulled now is verified by that."""
    connection.execute(
        "INSERT OR IGNORE INTO audit (conversation, verified_at, head_at, turn)"
        " VALUES (?, ?, ?, coalesce(?, 0))",
        (row, at, at, at),
    )


def write_audit_shift(connection: sqlite3.Connection, row: int, shift: Shift) -> None:
    """A pass that has come down to a message stays there when positions move."""
    connection.execute(
        "UPDATE audit SET sweep_down = sweep_down + ? WHERE conversation = ? AND sweep_down >= ?",
        (shift.by, row, shift.at),
    )


_RETIRED = """
    DELETE FROM tombstone WHERE served_at IS NULL
        AND absent_at < (SELECT server_time FROM account) - 3600000
"""
"""After an hour, ms, every replica agrees about what was removed by absence: nothing has to
be remembered of it."""


_ACCEPTED = """
    UPDATE audit SET removed = 0, gone = 0, held_back = 0
    WHERE (removed > 0 OR gone = 1 OR held_back = 1)
"""


def write_audits(connection: sqlite3.Connection, change: Bookkeeping) -> None:
    """Note how far the audit has come, and that removals were accepted."""
    for audited in change.audited:
        _write_audited(connection, audited)
    connection.execute(_RETIRED)
    drop_old_changes(connection)
    if change.accepted:
        connection.execute(_ACCEPTED)
    if change.accepted_in is not None:
        row = connection.execute(_ROW, _name(change.accepted_in)).fetchone()
        connection.execute(_ACCEPTED + " AND conversation = ?", row or (None,))


def _write_audited(connection: sqlite3.Connection, audited: Audited) -> None:
    found = connection.execute(_ROW, _name(audited.key)).fetchone()
    if found is None:
        return
    down_to = connection.execute(
        "SELECT position FROM message WHERE conversation = ? AND message_id = ?",
        (found[0], audited.down_to),
    ).fetchone()
    (doubted,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = :row AND unverified = 1)"
        " OR EXISTS (SELECT 1 FROM message WHERE conversation = :row AND suspect_at IS NOT NULL)",
        {"row": found[0]},
    ).fetchone()
    bound = {
        "row": found[0],
        "doubted": doubted,  # what was not served since then counts what came since then
        "at": audited.at,
        "began": audited.began_at,
        "head": audited.head,
        "down_to": None if down_to is None else down_to[0],
        "finished": audited.finished,
        "failed": audited.failed,
    }
    connection.execute(_AUDITED, bound)


_ROW = "SELECT conversation FROM conversation WHERE conversation_id = ? AND kind = ?"


def _name(key: ConversationKey) -> tuple[str, str]:
    return (key.conversation_id, key.kind)


def write_listing(connection: sqlite3.Connection, listing: Listing) -> None:
    """Note what the server's list left out: its history is to be asked soon (law 6)."""
    for key in listing.missing:
        row = connection.execute(_ROW, _name(key)).fetchone()[0]
        connection.execute(
            "UPDATE audit SET missing = 1, head_at = NULL WHERE conversation = ?", (row,)
        )
        connection.execute(_EMPTIED, {"row": row})
    for key in listing.back:
        row = connection.execute(_ROW, _name(key)).fetchone()[0]
        connection.execute("UPDATE audit SET missing = 0 WHERE conversation = ?", (row,))


class Due(NamedTuple):
    """A place to read again, downwards from a position."""

    key: ConversationKey
    position: int
    """`HEAD`: the newest page."""


_NAMED = "SELECT c.conversation_id, c.kind, "
_SUSPECTS = (
    _NAMED + "max(m.position) FROM message m JOIN conversation c USING (conversation)"
    " LEFT JOIN audit a USING (conversation)"
    " WHERE m.suspect_at IS NOT NULL AND (m.suspect_at <= :ripe OR m.suspect_at > :now)"
    " AND (m.hidden IS NULL OR m.hidden < 0)"
    " GROUP BY m.conversation ORDER BY coalesce(a.held_back, 0), coalesce(a.turn, 0),"
    " min(m.suspect_at) LIMIT :limit"
)
_DECIDABLE = (
    _NAMED + "max(m.position) FROM message m JOIN conversation c USING (conversation)"
    " WHERE m.unverified = 1 AND m.timestamp > ? AND m.hidden IS NULL GROUP BY m.conversation"
)
_HEADS = (
    _NAMED + f"{HEAD} FROM audit a JOIN conversation c USING (conversation)"
    " WHERE a.head_at IS NULL OR :since IS NULL OR a.head_at NOT BETWEEN :since AND :now"
    " ORDER BY a.head_at, a.conversation LIMIT :limit"
)
_SWEEPS = (
    _NAMED + f"coalesce(a.sweep_down, {HEAD}) FROM audit a JOIN conversation c"
    " USING (conversation) WHERE :since IS NULL OR a.turn NOT BETWEEN :since AND :now"
    " ORDER BY a.turn, a.conversation LIMIT :limit"
)


def suspects_due(connection: sqlite3.Connection) -> list[Due]:
    """All places where messages are missing: a conversation each, its topmost one."""
    bound = {"ripe": 1 << 62, "now": 1 << 62, "limit": -1}
    return _due(connection.execute(_SUSPECTS, bound))


def decidable_due(connection: sqlite3.Connection, sent_after: int) -> list[Due]:
    """Where unverified messages were sent after that time, ms: a conversation each, its
    topmost one."""
    return _due(connection.execute(_DECIDABLE, (sent_after,)))


class Plan(NamedTuple):
    """What is to be read again, the most urgent first in each."""

    suspects: list[Due]
    """Where messages were missing once, long enough ago."""
    heads: list[Due]
    """The newest pages, those first that are to be read soon, then the longest unread."""
    sweeps: list[Due]
    """Where passes over whole conversations go on, the longest unverified first."""
    server_time: int
    """Ms."""


def plan(
    connection: sqlite3.Connection,
    pages: int,
    *,
    now: int | None,
    since: int | None,
    confirm_after: int,
) -> Plan:
    """What is due, as far as so many pages can reach.

    `now` is the server's time, ms, where it was heard; nothing that was read between
    `since` and then is due.
    """
    (noted,) = connection.execute("SELECT server_time FROM account").fetchone() or (None,)
    time = now or noted or 0
    bound = {"limit": pages, "since": since, "now": time}
    # Where the time is not known they are read too early at worst, and wait once more.
    before = (1 << 62) if now is None else now - confirm_after
    ripe = {"limit": (pages + 1) // 2, "ripe": before, "now": time}
    return Plan(
        _due(connection.execute(_SUSPECTS, ripe)),
        _due(connection.execute(_HEADS, bound)),
        _due(connection.execute(_SWEEPS, bound)),
        time,
    )


def audited_conversations(connection: sqlite3.Connection) -> list[ConversationKey]:
    """All of which some history was fetched."""
    found = connection.execute(
        "SELECT conversation_id, kind FROM conversation WHERE fetched = 1"
        " ORDER BY activity DESC, conversation"
    )
    return [ConversationKey(name, kind) for name, kind in found]


def _due(found: sqlite3.Cursor) -> list[Due]:
    return [Due(ConversationKey(name, kind), position) for name, kind, position in found]


_LONGEST_PLAN = 184 * 86_400_000
"""Ms: six months, the longest documented retention (`schema/wire/README.md`, History)."""


def held_back(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many messages, in how many conversations, are to be removed when a person agrees."""
    found: tuple[int, int] = connection.execute(
        "SELECT count(*), count(DISTINCT conversation) FROM audit JOIN message USING (conversation)"
        " WHERE held_back = 1 AND suspect_at IS NOT NULL AND hidden IS NULL"
    ).fetchone()
    return found


class AuditTotals(NamedTuple):
    """What absence left open, over the account."""

    verified_since: int | None
    suspects: int
    held_back: int
    held_back_conversations: int
    unverified: int
    undecided: int
    """Those of them that are younger than the longest retention a service may have."""


_TOTALS = """
    SELECT (SELECT CASE WHEN count(*) = count(verified_at) THEN min(verified_at) END FROM audit),
           (SELECT count(*) FROM message m LEFT JOIN audit a USING (conversation)
            WHERE m.suspect_at IS NOT NULL AND m.hidden IS NULL
              AND coalesce(a.held_back, 0) = 0),
           (SELECT count(*) FROM message m JOIN audit a USING (conversation)
            WHERE m.suspect_at IS NOT NULL AND m.hidden IS NULL AND a.held_back = 1),
           (SELECT count(*) FROM audit WHERE held_back = 1),
           (SELECT count(*) FROM message WHERE unverified = 1 AND hidden IS NULL),
           (SELECT count(*) FROM message WHERE unverified = 1 AND hidden IS NULL
              AND timestamp > (SELECT coalesce(server_time, 0) FROM account) - :plan)
"""


def audit_totals(connection: sqlite3.Connection) -> AuditTotals:
    """The figures of the audit."""
    return AuditTotals(*connection.execute(_TOTALS, {"plan": _LONGEST_PLAN}).fetchone())
