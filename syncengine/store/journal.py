"""The statements of the change rows: written with what they tell of, read by revision."""

import json
import sqlite3
from collections.abc import Sequence

from syncengine.changes import Cause, Change, What
from syncengine.models import ConversationKey

KEPT = 10_000
"""Rows; older ones are dropped, and who was away for so long has to read anew."""
_MOST_IDS = 1_000
"""In one row."""

_INSERT = """
    INSERT INTO change (conversation, what, cause, intent, until, message_ids)
    VALUES (?, ?, ?, ?, ?, ?)
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


def drop_old_changes(connection: sqlite3.Connection) -> None:
    """Keep the newest rows only."""
    connection.execute(
        "DELETE FROM change WHERE revision <= (SELECT max(revision) FROM change) - ?", (KEPT,)
    )


def changes(connection: sqlite3.Connection, since: int, limit: int) -> list[Change]:
    """Changes after a revision, oldest first."""
    found = connection.execute(
        "SELECT h.revision, c.conversation_id, c.kind, h.what, h.cause, h.intent, h.until,"
        " h.message_ids FROM change h JOIN conversation c USING (conversation)"
        " WHERE h.revision > ? ORDER BY h.revision LIMIT ?",
        (since, limit),
    )
    return [
        Change(
            revision,
            ConversationKey(name, kind),
            What(what),
            None if cause is None else Cause(cause),
            intent,
            until,
            json.loads(ids),
        )
        for revision, name, kind, what, cause, intent, until, ids in found
    ]
