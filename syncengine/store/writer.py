"""Writes batches. `Store.apply` is the one verb; these are its statements.

Decisions run inside the write transaction: a function of the facts that gives a batch,
or None for nothing to write. The store itself decides nothing.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from syncengine.changes import What
from syncengine.models import ConversationKey, MessageRow, Summary
from syncengine.store.audits import (
    write_absence,
    write_arrived,
    write_audit_shift,
    write_audits,
    write_first_read,
    write_listing,
    write_restored,
    write_stay,
)
from syncengine.store.batch import (
    Ask,
    Batch,
    Bookkeeping,
    Gap,
    Listing,
    Reply,
    Revive,
    Shift,
    Write,
)
from syncengine.store.database import transaction
from syncengine.store.indexing import settle_stale
from syncengine.store.journal import end_commit, note_listed, write_batch_changes, write_change
from syncengine.store.outbox import write_ask, write_reply, write_revive, write_sightings
from syncengine.store.view import View

Decision = Callable[[View], Write | None]
"""What to write, given what is held."""

_INSERT = """
    INSERT INTO message
        (conversation, seen_at, position,
         message_id, sender, timestamp, type, text, edited_at, raw)
    VALUES
"""
_INSERT_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ROWS_AT_ONCE = 64
_REPLACE = """
    UPDATE message SET sender = ?, timestamp = ?, type = ?, text = ?, edited_at = ?, raw = ?
    WHERE conversation = ? AND message_id = ?
"""
_HIDE = "UPDATE message SET hidden = ? WHERE conversation = ? AND message_id = ?"
_MOVE = "UPDATE message SET position = ? WHERE conversation = ? AND message_id = ?"
_SHRINK = """
    UPDATE gap SET low = ?, high = ?, cursor = ?, seam = ?, guessed = ?
    WHERE conversation = ? AND high = ?
"""
_NEWEST = """
    UPDATE conversation SET
        newest = (SELECT message FROM message
                  WHERE conversation = :row AND hidden IS NULL
                  ORDER BY position DESC LIMIT 1),
        activity = max(activity, :activity)
    WHERE conversation = :row
"""
_RELIST = """
    UPDATE conversation SET unlisted = 0
    WHERE conversation = :row AND unlisted > 0
        AND NOT EXISTS (SELECT 1 FROM preview p
                        WHERE p.conversation = :row AND p.message_id = :newest)
        AND NOT EXISTS (SELECT 1 FROM tombstone t
                        WHERE t.conversation = :row AND t.message_id = :newest)
        AND NOT EXISTS (SELECT 1 FROM message m
                        WHERE m.conversation = :row AND m.message_id = :newest)
"""
_SUMMARY = """
    UPDATE conversation SET unread_count = ?, pinned = ?, pinned_at = ?, marks = ?,
        activity = max(activity, ?)
    WHERE conversation = ?
"""


def apply_all(
    connection: sqlite3.Connection,
    decisions: Iterable[Decision],
    rows: dict[ConversationKey, int],
) -> list[Write | None]:
    """Run the decisions in order, in one transaction, and write what they say.

    `rows` remembers the conversations' row numbers from one transaction to the next.
    """
    view = View(connection, rows)
    try:
        with transaction(connection):
            written = [_decide(connection, view, decision) for decision in decisions]
            settle_stale(connection)
            end_commit(connection)
            return written
    except BaseException:
        rows.clear()  # some may be of rows that were rolled back
        raise


def _decide(connection: sqlite3.Connection, view: View, decision: Decision) -> Write | None:
    batch = decision(view)
    if isinstance(batch, Bookkeeping):
        _write_bookkeeping(connection, batch)
    elif isinstance(batch, Listing):
        write_listing(connection, batch)
    elif isinstance(batch, Ask):
        write_ask(connection, _conversation_row(connection, view, batch.key), batch)
    elif isinstance(batch, Reply):
        key = batch.intent.key
        write_reply(connection, _conversation_row(connection, view, key), batch)
    elif isinstance(batch, Revive):
        key = batch.intent.key
        write_revive(connection, _conversation_row(connection, view, key), batch)
    elif batch is not None and batch.shifts:
        _write(connection, view, batch)
        return _decide(connection, view, decision)  # there is room now; the same question again
    elif batch is not None and batch.writes:
        _write(connection, view, batch)
    return batch


def _write(connection: sqlite3.Connection, view: View, batch: Batch) -> None:
    created = view.row(batch.key) is None
    row = _conversation_row(connection, view, batch.key)
    if batch.summary is not None:
        _write_summary(connection, row, batch.summary)
    for shift in batch.shifts:
        _write_shift(connection, row, shift)
    if batch.moves:
        connection.executemany(_MOVE, [(place, row, m) for m, place in batch.moves])
    last_row = _write_inserts(connection, row, batch.inserts, batch.seen_at)
    if batch.hidden:
        connection.executemany(_HIDE, [(n, row, m) for m, n in batch.hidden.items()])
    if batch.sighted or batch.reopened:
        write_sightings(connection, row, batch.sighted, batch.reopened)
    if batch.restored:
        write_restored(connection, row, batch.restored)
    if batch.replaces:
        connection.executemany(_REPLACE, [(*m[1:], row, m[0]) for m in batch.replaces])
    if batch.absence is not None:
        write_absence(connection, row, batch.absence)
    if batch.arrived:
        write_arrived(connection, row, batch.arrived)
    _write_gaps(connection, row, batch.gaps_closed, batch.gaps_opened)
    _write_state(connection, row, batch)
    write_batch_changes(connection, row, batch, last_row, created=created)


def _conversation_row(connection: sqlite3.Connection, view: View, key: ConversationKey) -> int:
    row = view.row(key)
    if row is None:
        connection.execute(
            "INSERT INTO conversation (conversation_id, kind) VALUES (?, ?)",
            (key.conversation_id, key.kind),
        )
        row = view.row(key)
        assert row is not None
        write_change(connection, row, What.CONVERSATION_ADDED)
    return row


def _write_inserts(
    connection: sqlite3.Connection,
    row: int,
    inserts: Sequence[tuple[int, MessageRow]],
    seen_at: int | None,
) -> int:
    """Many rows in one statement: between two of them the interpreter's lock changes hands,
    which costs more than the row when the event loop is busy. Returns the last row's number;
    those before it are one less each, for rows are appended."""
    last_row = 0
    for start in range(0, len(inserts), _ROWS_AT_ONCE):
        part = inserts[start : start + _ROWS_AT_ONCE]
        values: list[object] = []
        for place, message in part:
            values.extend((row, seen_at, place))
            values.extend(message)
        cursor = connection.execute(_insert_statement(len(part)), values)
        last_row = cursor.lastrowid or 0
    return last_row


@cache
def _insert_statement(count: int) -> str:
    return _INSERT + ", ".join([_INSERT_ROW] * count)


def _write_summary(connection: sqlite3.Connection, row: int, summary: Summary) -> None:
    newest = summary.newest
    activity = newest.timestamp if newest is not None else 0
    marks = json.dumps(summary.marks)
    connection.execute(
        _SUMMARY,
        (summary.unread_count, summary.pinned, summary.pinned_at, marks, activity, row),
    )
    if summary.newest is not None:
        # Somebody wrote: a conversation deleted from the lists here comes back (law 4).
        bound = {"row": row, "newest": summary.newest.message_id}
        note_listed(connection, row, connection.execute(_RELIST, bound))
    connection.execute("DELETE FROM preview WHERE conversation = ?", (row,))
    if newest is not None:
        connection.execute("INSERT INTO preview VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (row, *newest))


def _write_shift(connection: sqlite3.Connection, row: int, shift: Shift) -> None:
    """Messages at or above move up; a gap's ends move with the messages they lie at."""
    bound = {"row": row, "at": shift.at, "by": shift.by, "head": 1 << 62}
    connection.execute(
        "UPDATE message SET position = position + :by"
        " WHERE conversation = :row AND position >= :at",
        bound,
    )
    connection.execute(
        "UPDATE gap SET low = low + :by WHERE conversation = :row AND low >= :at", bound
    )
    write_audit_shift(connection, row, shift)
    # Part of the key, so from the top down: each lands where no other is.
    highs = connection.execute(
        "SELECT high FROM gap WHERE conversation = :row AND high >= :at AND high < :head"
        " ORDER BY high DESC",
        bound,
    ).fetchall()
    for (high,) in highs:
        connection.execute(
            "UPDATE gap SET high = ? WHERE conversation = ? AND high = ?",
            (high + shift.by, row, high),
        )


def _write_gaps(
    connection: sqlite3.Connection, row: int, closed: Sequence[Gap], opened: Sequence[Gap]
) -> None:
    if len(closed) == len(opened) == 1:  # the usual page: its gap is smaller now
        (was,), (gap,) = closed, opened
        connection.execute(
            _SHRINK, (gap.low, gap.high, gap.cursor, gap.seam, gap.guessed, row, was.high)
        )
        return
    for gap in closed:
        connection.execute("DELETE FROM gap WHERE conversation = ? AND high = ?", (row, gap.high))
    for gap in opened:
        connection.execute(
            "INSERT INTO gap (conversation, low, high, cursor, seam, guessed)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (row, gap.low, gap.high, gap.cursor, gap.seam, gap.guessed),
        )


def _write_state(connection: sqlite3.Connection, row: int, batch: Batch) -> None:
    if batch.newest_changed and len(batch.inserts) > len(batch.hidden):
        # Somebody wrote: a conversation that was taken from the lists comes back.
        relisted = connection.execute(
            "UPDATE conversation SET unlisted = 0"
            " WHERE conversation = ? AND unlisted > 0 AND fetched = 1",
            (row,),
        )
        note_listed(connection, row, relisted)
    if batch.fetched:
        connection.execute("UPDATE conversation SET fetched = 1 WHERE conversation = ?", (row,))
        write_first_read(connection, row, batch.fetched_at)
    if batch.looks is not None:
        connection.execute(
            "UPDATE conversation SET looks = ? WHERE conversation = ?", (batch.looks, row)
        )
    if batch.doubt is not None or batch.settled:
        doubt = batch.doubt
        connection.execute(
            "UPDATE conversation SET doubt_id = ?, doubt_at = ? WHERE conversation = ?",
            (doubt.top if doubt else None, doubt.at if doubt else None, row),
        )
    if batch.newest_changed or batch.newest_unsure:
        connection.execute(_NEWEST, {"row": row, "activity": _latest(batch.inserts)})


def _latest(inserts: Sequence[tuple[int, MessageRow]]) -> int:
    return max((message.timestamp for _, message in inserts), default=0)


def _write_bookkeeping(connection: sqlite3.Connection, change: Bookkeeping) -> None:
    write_stay(connection, change)  # first: it needs the time of the last cycle
    connection.execute(
        "UPDATE account SET listed_at = coalesce(?, listed_at),"
        " synced_at = coalesce(?, synced_at), list_open = coalesce(?, list_open),"
        " server_time = coalesce(?, server_time)",
        (change.listed_at, change.synced_at, change.list_open, change.server_time),
    )
    write_audits(connection, change)


def claim(connection: sqlite3.Connection, account: str) -> str:
    """Make the file this account's, unless it holds somebody's chats; return whose it is."""
    with transaction(connection):
        connection.execute(
            "INSERT INTO account (account, name) VALUES (1, :name) ON CONFLICT DO UPDATE"
            " SET name = :name, listed_at = NULL, synced_at = NULL, list_open = 0"
            " WHERE name <> :name AND NOT EXISTS (SELECT 1 FROM conversation)",
            {"name": account},
        )
        return str(connection.execute("SELECT name FROM account").fetchone()[0])
