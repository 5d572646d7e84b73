"""The statements of the change rows: written with what they tell of, read commit by commit."""

import json
import sqlite3
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from attrs import frozen

from syncengine.changes import Cause, Change, What
from syncengine.models import ConversationKey
from syncengine.store.batch import Batch, Gap

KEPT = 10_000
"""Rows; older ones are dropped, and who was away for so long has to read anew."""
_SLACK = 1_000
"""Rows that may stand beyond that until some are dropped, many at once."""
_MOST_IDS = 1_000
"""In one row."""

_INSERT = """
    INSERT INTO change (conversation, what, cause, intent, until, message_ids)
    VALUES (?, ?, ?, ?, ?, ?)
"""
_INSERT_ADDED = """
    INSERT INTO change (conversation, what, first_row, last_row) VALUES (?, 'added', ?, ?)
"""
_NEWEST = """
    SELECT revision, last, (SELECT min(revision) FROM change) FROM change
    ORDER BY revision DESC LIMIT 1
"""
_KEEP = "DELETE FROM change WHERE revision <= (SELECT max(revision) FROM change) - ?"
_COMMIT_END = """
    SELECT revision FROM change WHERE revision >= ? AND last = 1 ORDER BY revision LIMIT 1
"""
_ROWS = """
    SELECT h.revision, h.last, h.conversation, c.conversation_id, c.kind, h.what, h.cause,
           h.intent, h.until, h.message_ids, h.first_row, h.last_row
    FROM change h JOIN conversation c USING (conversation)
    WHERE h.revision > ? AND h.revision <= ? ORDER BY h.revision
"""
_ADDED = """
    SELECT message_id FROM message WHERE message BETWEEN ? AND ? AND conversation = ?
        AND hidden IS NULL ORDER BY position
"""


def write_change(
    connection: sqlite3.Connection,
    row: int,
    what: What,
    message_ids: Sequence[str] = (),
    *,
    cause: Cause | None = None,
    intent: int | None = None,
    until: int | None = None,
) -> None:
    """Say what this transaction does. Many ids take several rows."""
    for start in range(0, max(1, len(message_ids)), _MOST_IDS):
        part = json.dumps(message_ids[start : start + _MOST_IDS])
        connection.execute(_INSERT, (row, what, cause, intent, until, part))


def note_listed(connection: sqlite3.Connection, row: int, update: sqlite3.Cursor) -> None:
    """Say that a conversation is in the list again, if that statement put it there."""
    if update.rowcount > 0:
        write_change(connection, row, What.CONVERSATION_ADDED)


def write_batch_changes(
    connection: sqlite3.Connection, row: int, batch: Batch, last_row: int, *, created: bool
) -> None:
    """Say what a batch does, but for what is not in sight any more: that is said where it is
    written. `last_row`: the number of its last inserted message; `created`: of a conversation
    that is new, and was told.

    A page of a pull costs one row: its messages are a range of row numbers, for their ids
    would cost more than the row.
    """
    if len(batch.inserts) > len(batch.hidden):
        first_row = last_row - len(batch.inserts) + 1
        connection.execute(_INSERT_ADDED, (row, first_row, last_row))
        created = True
    if batch.replaces:
        write_change(connection, row, What.EDITED, [m.message_id for m in batch.replaces])
    if batch.moves:
        write_change(connection, row, What.REORDERED, [message_id for message_id, _ in batch.moves])
    if _open(batch.gaps_opened) < _open(batch.gaps_closed):
        write_change(connection, row, What.GAP_CLOSED)
    elif not created and (batch.summary or batch.gaps_closed or batch.gaps_opened or batch.fetched):
        write_change(connection, row, What.CONVERSATION_CHANGED)


def _open(gaps: Sequence[Gap]) -> int:
    return sum(not gap.seam for gap in gaps)


def end_commit(connection: sqlite3.Connection) -> None:
    """Mark the last row that the transaction wrote, if it wrote one; called at its end. Now
    and then, drop what is too old."""
    newest = connection.execute(_NEWEST).fetchone()
    if newest is None or newest[1]:
        return
    revision, _, oldest = newest
    connection.execute("UPDATE change SET last = 1 WHERE revision = ?", (revision,))
    if revision - oldest >= KEPT + _SLACK:
        drop_old_changes(connection)


def drop_old_changes(connection: sqlite3.Connection) -> None:
    """Keep the newest rows only."""
    connection.execute(_KEEP, (KEPT,))


def oldest(connection: sqlite3.Connection) -> int:
    """The revision after which every change is still known."""
    (first,) = connection.execute("SELECT min(revision) FROM change").fetchone()
    return revision(connection) if first is None else int(first) - 1


def revision(connection: sqlite3.Connection) -> int:
    """That of the newest change; 0: there was none."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'change'").fetchone()
    return 0 if found is None else int(found[0])


@frozen
class Commit:
    """All that one transaction changed."""

    changes: Sequence[Change]

    @property
    def revision(self) -> int:
        """That of its last change."""
        return self.changes[-1].revision


class Part(NamedTuple):
    """A part of the journal."""

    commits: Sequence[Commit]
    newest: int
    """The file's revision."""
    lost: bool
    """The changes asked for are not known any more, or belong to another file."""


def commits(connection: sqlite3.Connection, since: int, limit: int) -> Part:
    """Changes after a revision, oldest first: about `limit` of them, in whole commits."""
    newest = revision(connection)
    if not oldest(connection) <= since <= newest:
        return Part((), newest, lost=True)
    if since == newest:
        return Part((), newest, lost=False)
    (end,) = connection.execute(_COMMIT_END, (since + limit,)).fetchone() or (newest,)
    rows = connection.execute(_ROWS, (since, end)).fetchall()
    return Part(_grouped(connection, rows), newest, lost=False)


def _grouped(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[Commit]:
    """Each commit ends with a row whose `last` is 1."""
    number, numbers = 0, []
    for columns in rows:
        numbers.append(number)
        number += columns[1]
    pairs = groupby(zip(numbers, rows, strict=True), key=lambda pair: pair[0])
    return [Commit([_change(connection, columns) for _, columns in pair]) for _, pair in pairs]


def _change(connection: sqlite3.Connection, columns: tuple[Any, ...]) -> Change:
    at, _, row, name, kind, what, cause, intent, until, ids, first, last = columns
    named = json.loads(ids)
    if first is not None:
        found = connection.execute(_ADDED, (first, last, row))
        named = [message_id for (message_id,) in found]
    key = ConversationKey(name, kind)
    return Change(at, key, _what(what), _cause(cause), intent, until, named)


def _what(name: str) -> What:
    """One that only a newer version knows is told as unknown."""
    try:
        return What(name)
    except ValueError:
        return What.UNKNOWN


def _cause(name: str | None) -> Cause | None:
    try:
        return None if name is None else Cause(name)
    except ValueError:
        return None
