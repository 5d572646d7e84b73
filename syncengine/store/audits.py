"""The statements of the audit: what reads did not show, and how far all was read again."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from syncengine.changes import Cause, What
from syncengine.models import ConversationKey
from syncengine.store.batch import Absence, Audited, Bookkeeping, Listing, Shift
from syncengine.store.journal import drop_old_changes, note_listed, write_change
from syncengine.store.outbox import (
    NEWEST,
    drop_preview,
    hide,
    note_emptied,
    nothing_held_back,
)

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
_AUDITED = """
    UPDATE audit SET
        head_at = CASE WHEN :head THEN :at ELSE head_at END,
        tried_at = CASE WHEN :second_look THEN :at ELSE tried_at END,
        verified_at = CASE WHEN :finished THEN coalesce(:began, sweep_at, :at)
                      ELSE verified_at END,
        turn = CASE WHEN :finished THEN coalesce(:began, sweep_at, :at)
                    WHEN :failed OR :restarted THEN :at ELSE turn END,
        arrived = CASE WHEN NOT :finished OR :doubted THEN arrived
                       WHEN :began IS NOT NULL THEN max(0, arrived - :arrived_before)
                       WHEN sweep_at IS NULL THEN 0 ELSE arriving END,
        arriving = CASE WHEN :finished OR :restarted OR sweep_at IS NULL THEN 0 ELSE arriving END,
        settled = CASE WHEN :finished AND NOT :doubted THEN max(settled, :young) ELSE settled END,
        sweep_at = CASE WHEN :finished OR :failed THEN NULL
                        WHEN :restarted THEN :at
                        WHEN :down_to IS NOT NULL THEN coalesce(sweep_at, :at) ELSE sweep_at END,
        sweep_down = CASE WHEN :finished OR :failed THEN NULL
                          WHEN :restarted THEN :down_to
                          ELSE min(coalesce(sweep_down, :down_to), coalesce(:down_to, sweep_down))
                     END,
        removed = CASE WHEN :accepted THEN 0 ELSE removed END,
        gone = CASE WHEN :accepted THEN 0 ELSE gone END,
        held_back = CASE WHEN :accepted THEN 0 ELSE held_back END
    WHERE conversation = :row
"""
_DOUBTED = """
    SELECT EXISTS (SELECT 1 FROM message INDEXED BY message_unverified
                   WHERE conversation = :row AND unverified = 1 AND timestamp > :young)
        OR EXISTS (SELECT 1 FROM message WHERE conversation = :row AND suspect_at IS NOT NULL)
"""
"""What came since these were served may explain their absence. Not the absence of what is
older than the horizon: its age explains it."""


def write_absence(connection: sqlite3.Connection, row: int, absence: Absence) -> None:
    """Note what a read did not show, and remove what was missing twice."""
    gone = [*absence.removed, *absence.expired]
    held_back = _write_marks(connection, row, absence)
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
        nothing_held_back(connection, row)
    if gone or absence.dropped:
        connection.execute(NEWEST, {"row": row})
        drop_preview(connection, row)
        note_emptied(connection, row)
    if held_back or absence.held_back:
        write_change(connection, row, What.CONVERSATION_CHANGED)


_HELD_BACK = "SELECT 1 FROM audit WHERE conversation = ? AND held_back = 1"
_MARKED = """
    SELECT unverified FROM message WHERE conversation = ? AND message_id = ? AND hidden IS NULL
"""


def _write_marks(connection: sqlite3.Connection, row: int, absence: Absence) -> bool:
    """Say which messages get, or lose, the mark that the server does not show them; called
    before that is written. Returns whether removals of the conversation are held back."""

    def those(ids: Sequence[str], mark: int) -> list[str]:
        return [m for m in ids if connection.execute(_MARKED, (row, m)).fetchone() == (mark,)]

    marked = those(absence.unverified, 0)
    if marked:
        write_change(connection, row, What.UNVERIFIED, marked)
    cleared = those([*absence.suspected, *absence.cleared], 1)
    if cleared:
        write_change(connection, row, What.VERIFIED, cleared)
    return connection.execute(_HELD_BACK, (row,)).fetchone() is not None


def _count_removed(connection: sqlite3.Connection, row: int, number: int) -> None:
    if number:
        connection.execute(
            "UPDATE audit SET removed = removed + :number, gone = gone OR"
            " removed + :number > (SELECT count(*) FROM message WHERE conversation = :row"
            "                      AND hidden IS NULL AND unverified = 0)"
            " WHERE conversation = :row",
            {"row": row, "number": number},
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
    relisted = connection.execute(
        "UPDATE conversation SET unlisted = 0 WHERE conversation = ? AND unlisted = 2", (row,)
    )
    note_listed(connection, row, relisted)
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


_UNCOVERED = """
    SELECT t.conversation FROM tombstone t JOIN preview p USING (conversation, message_id)
    WHERE t.served_at IS NULL AND t.absent_at < (SELECT server_time FROM account) - 3600000
"""
"""The list's preview of such a message is shown again."""


def write_audits(connection: sqlite3.Connection, change: Bookkeeping) -> None:
    """Note how far the audit has come, and that removals were accepted."""
    (server_time, stay) = connection.execute(
        "SELECT coalesce(server_time, 0), longest_stay FROM account"
    ).fetchone() or (0, 0)
    young = server_time - (stay if change.horizon is None else change.horizon)
    for audited in change.audited:
        _write_audited(connection, audited, young)
    for (row,) in connection.execute(_UNCOVERED).fetchall():
        write_change(connection, row, What.CONVERSATION_CHANGED)
    connection.execute(_RETIRED)
    drop_old_changes(connection)


def write_stay(connection: sqlite3.Connection, change: Bookkeeping) -> None:
    """Note the longest stay: by the server's clock, and not longer than this file is old by
    the local one, for either may be wrong."""
    connection.execute(
        "UPDATE account SET since = coalesce(since, :now), longest_stay ="
        " max(longest_stay, min(:stay, coalesce(:now - since, 0)))",
        {"now": change.now, "stay": change.longest_stay},
    )


def _write_audited(connection: sqlite3.Connection, audited: Audited, young: int) -> None:
    """`young`: what was sent after that, ms, cannot have expired."""
    found = connection.execute(_ROW, _name(audited.key)).fetchone()
    if found is None:
        return
    bound = {"row": found[0], "young": young, "down_to": audited.down_to}
    down_to = connection.execute(
        "SELECT position FROM message WHERE conversation = :row AND message_id = :down_to", bound
    ).fetchone()
    (doubted,) = connection.execute(_DOUBTED, bound).fetchone()
    if audited.accepted and connection.execute(_HELD_BACK, (found[0],)).fetchone():
        write_change(connection, found[0], What.CONVERSATION_CHANGED)
    bound |= {
        "doubted": doubted,
        "down_to": None if down_to is None else down_to[0],
        "at": audited.at,
        "began": audited.began_at,
        "arrived_before": audited.arrived_before,
    }
    flags = ("head", "finished", "failed", "restarted", "second_look", "accepted")
    connection.execute(_AUDITED, bound | {flag: getattr(audited, flag) for flag in flags})


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
        note_emptied(connection, row)
    for key in listing.back:
        row = connection.execute(_ROW, _name(key)).fetchone()[0]
        connection.execute("UPDATE audit SET missing = 0 WHERE conversation = ?", (row,))


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
    SELECT (SELECT CASE WHEN count(*) = count(verified_at) THEN min(verified_at) END
            FROM audit JOIN conversation USING (conversation) WHERE unlisted = 0
             AND EXISTS (SELECT 1 FROM account WHERE listed_at IS NOT NULL)
             AND NOT EXISTS (SELECT 1 FROM conversation WHERE NOT fetched AND unlisted = 0)
             AND NOT EXISTS (SELECT 1 FROM gap JOIN conversation USING (conversation)
                             WHERE NOT seam AND unlisted = 0)),
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
