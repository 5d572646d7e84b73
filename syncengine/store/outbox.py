"""The statements of the outbox: what a person asked to be deleted, and what came of it.

While an intent is pending its messages are hidden, not dropped, so that a lasting refusal
can put them all back (law 8).
"""

import sqlite3
from collections.abc import Sequence

from attrs import field, frozen

from syncengine.changes import Cause, What
from syncengine.models import ConversationKey, Intent, IntentKind, IntentState
from syncengine.store.batch import Ask, Reply, Revive
from syncengine.store.journal import note_listed, write_change

_HIDE = {
    IntentKind.MESSAGES: """
        UPDATE message SET hidden = :intent
        WHERE conversation = :row AND (hidden IS NULL OR hidden = -2) AND message_id IN
            (SELECT message_id FROM intent_message WHERE intent = :intent)
    """,
    IntentKind.BEFORE: """
        UPDATE message SET hidden = :intent
        WHERE conversation = :row AND (hidden IS NULL OR hidden = -2) AND timestamp <= :timestamp
    """,
    IntentKind.LISTING: """
        UPDATE conversation SET unlisted = 1 WHERE conversation = :row AND unlisted <> 1
    """,
}
_LISTED = "SELECT 1 FROM conversation WHERE conversation = ? AND unlisted = 0"
_INTENTS = """
    SELECT i.intent, c.conversation_id, c.kind, i.kind, i.timestamp, i.asked_at, i.state,
           i.attempts, i.error
    FROM intent i JOIN conversation c USING (conversation)
"""
NEWEST = """
    UPDATE conversation SET newest =
        (SELECT message FROM message WHERE conversation = :row AND hidden IS NULL
         ORDER BY position DESC LIMIT 1)
    WHERE conversation = :row
"""
"""Finds a conversation's newest message that is shown."""


_STILL_HERE = """
    SELECT (SELECT count(*) FROM message WHERE hidden IS NOT NULL) +
        (SELECT count(*) FROM preview p WHERE NOT EXISTS (
            SELECT 1 FROM message m
            WHERE m.conversation = p.conversation AND m.message_id = p.message_id
        ) AND EXISTS (
            SELECT 1 FROM intent i LEFT JOIN intent_message n USING (intent)
            WHERE i.conversation = p.conversation AND i.state = 'pending'
            AND (n.message_id = p.message_id OR p.timestamp <= i.timestamp)
        ))
"""
"""Also a list's preview of what is not held itself."""
_ENTOMB = "INSERT INTO tombstone (conversation, message_id)"
_LASTING = " ON CONFLICT DO UPDATE SET absent_at = NULL"


def note_emptied(connection: sqlite3.Connection, row: int) -> None:
    """A conversation that the server does not list, and of which nothing is left here, leaves
    the lists (2: not by a person). What was a seam above nothing is none."""
    bound = {"row": row}
    left = connection.execute(
        "SELECT 1 FROM message WHERE conversation = :row LIMIT 1", bound
    ).fetchone()
    if left is not None:
        return
    hollow = connection.execute("DELETE FROM gap WHERE conversation = :row AND seam = 1", bound)
    if hollow.rowcount > 0:
        write_change(connection, row, What.CONVERSATION_CHANGED)
    unlisted = connection.execute(
        "UPDATE conversation SET unlisted = 2"
        " WHERE conversation = :row AND fetched = 1 AND unlisted = 0 AND EXISTS"
        " (SELECT 1 FROM audit WHERE conversation = :row AND missing = 1)",
        bound,
    )
    if unlisted.rowcount > 0:
        write_change(connection, row, What.CONVERSATION_REMOVED, cause=Cause.ABSENT)


def nothing_held_back(connection: sqlite3.Connection, row: int) -> None:
    """Where nothing is missing any more, no removal waits for a person."""
    connection.execute(
        "UPDATE audit SET held_back = 0 WHERE conversation = :row AND held_back = 1"
        " AND NOT EXISTS (SELECT 1 FROM message WHERE conversation = :row"
        " AND suspect_at IS NOT NULL AND hidden IS NULL)",
        {"row": row},
    )


def write_ask(connection: sqlite3.Connection, row: int, ask: Ask) -> None:
    """Note an intent, and hide what it covers."""
    number = connection.execute(
        "INSERT INTO intent (conversation, kind, timestamp, asked_at) VALUES (?, ?, ?, ?)",
        (row, ask.kind, ask.timestamp, ask.asked_at),
    ).lastrowid
    connection.executemany(
        "INSERT INTO intent_message VALUES (?, ?)", [(number, m) for m in ask.message_ids]
    )
    hide(connection, row)
    assert number is not None
    _write_removed(connection, row, number, ask)


def _write_removed(
    connection: sqlite3.Connection, row: int, number: int, wish: Ask | Intent
) -> None:
    if wish.kind is not IntentKind.LISTING:
        write_change(
            connection,
            row,
            What.REMOVED,
            wish.message_ids,
            cause=Cause.DELETED,
            intent=number,
            until=wish.timestamp,
        )


def hide(connection: sqlite3.Connection, row: int) -> None:
    """Hide what the conversation's pending intents cover."""
    pending = connection.execute(
        "SELECT intent, kind, timestamp FROM intent"
        " WHERE conversation = ? AND state = 'pending' ORDER BY intent",
        (row,),
    ).fetchall()
    for number, kind, timestamp in pending:
        bound = {"intent": number, "row": row, "timestamp": timestamp}
        if kind == IntentKind.LISTING and connection.execute(_LISTED, (row,)).fetchone():
            gone = What.CONVERSATION_REMOVED
            write_change(connection, row, gone, cause=Cause.DELETED, intent=number)
        connection.execute(_HIDE[IntentKind(kind)], bound)
    connection.execute(NEWEST, {"row": row})
    nothing_held_back(connection, row)


def write_reply(connection: sqlite3.Connection, row: int, reply: Reply) -> None:
    """Settle what was accepted, put back what was refused, note what failed."""
    number = reply.intent.number
    _write_overtaken(connection, row, reply)
    for message_id in reply.settled_ids:
        _bury(connection, row, "message_id = :value", message_id)
        # Its deletion may be known before the message itself (law 4).
        connection.execute(_ENTOMB + " VALUES (?, ?)" + _LASTING, (row, message_id))
    connection.executemany(
        "DELETE FROM intent_message WHERE intent = ? AND message_id = ?",
        [(number, message_id) for message_id in reply.settled_ids],
    )
    if reply.done:
        _bury(connection, row, "hidden = :value", number)
        _forget(connection, number)
        write_change(connection, row, What.SETTLED, intent=number)
    elif reply.refused:
        connection.execute(
            "UPDATE intent SET state = 'refused', error = ?, attempts = attempts + 1"
            " WHERE intent = ?",
            (reply.error, number),
        )
        _show_again(connection, row, reply.intent)
        _write_back(connection, row, What.REFUSED, reply.intent)
    elif reply.attempted:
        connection.execute(
            "UPDATE intent SET error = ?, attempts = attempts + 1 WHERE intent = ?",
            (reply.error, number),
        )
    connection.execute(NEWEST, {"row": row})
    drop_preview(connection, row)
    note_emptied(connection, row)


_SHOWN = """
    SELECT message_id FROM message WHERE conversation = ? AND message_id = ? AND hidden IS NULL
"""


def _write_overtaken(connection: sqlite3.Connection, row: int, reply: Reply) -> None:
    """A deletion that was given up while it was under way, and was done all the same."""
    shown = [m for m in reply.settled_ids if connection.execute(_SHOWN, (row, m)).fetchone()]
    if shown:
        number = reply.intent.number
        write_change(connection, row, What.REMOVED, shown, cause=Cause.DELETED, intent=number)


def _write_back(connection: sqlite3.Connection, row: int, what: What, intent: Intent) -> None:
    write_change(
        connection, row, what, intent.message_ids, intent=intent.number, until=intent.timestamp
    )


def _bury(connection: sqlite3.Connection, row: int, which: str, value: object) -> None:
    """Remove messages for good: their tombstones outlast every later page (law 4)."""
    bound = {"row": row, "value": value}
    found = f" SELECT :row, message_id FROM message WHERE conversation = :row AND {which}"  # noqa: S608
    connection.execute(_ENTOMB + found + _LASTING, bound)
    connection.execute(
        f"DELETE FROM message WHERE conversation = :row AND {which}",  # noqa: S608 - constants
        bound,
    )


def drop_preview(connection: sqlite3.Connection, row: int) -> None:
    """The list's preview of a message that was deleted goes too: it has its text."""
    connection.execute(
        "DELETE FROM preview WHERE conversation = :row AND message_id IN"
        " (SELECT message_id FROM tombstone WHERE conversation = :row)",
        {"row": row},
    )


def _forget(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("DELETE FROM intent_message WHERE intent = ?", (number,))
    connection.execute("DELETE FROM intent WHERE intent = ?", (number,))


_UNHIDE = """
    UPDATE message SET hidden = (SELECT -2 FROM tombstone t WHERE t.conversation = :row
                                 AND t.message_id = message.message_id)
    WHERE conversation = :row AND hidden = :intent
"""
"""What was removed by absence and served once since still waits for the second time."""


def _show_again(connection: sqlite3.Connection, row: int, intent: Intent) -> None:
    connection.execute(_UNHIDE, {"row": row, "intent": intent.number})
    if intent.kind is IntentKind.LISTING:
        listed = "UPDATE conversation SET unlisted = 0 WHERE conversation = ? AND unlisted > 0"
        note_listed(connection, row, connection.execute(listed, (row,)))
    hide(connection, row)  # another intent may cover them too


_LOOK_AGAIN = """
    UPDATE message SET suspect_at = ? WHERE conversation = ? AND message_id = ? AND hidden < 0
"""
"""A second read decides about a message that is not shown and was served."""


def write_sightings(
    connection: sqlite3.Connection,
    row: int,
    sighted: Sequence[tuple[str, int | None]],
    reopened: Sequence[str],
) -> None:
    """Note that the server serves what was deleted; delete it there once more (law 4)."""
    connection.executemany(
        "UPDATE tombstone SET served_at = ? WHERE conversation = ? AND message_id = ?",
        [(at, row, message_id) for message_id, at in sighted],
    )
    connection.executemany(_LOOK_AGAIN, [(at, row, message_id) for message_id, at in sighted])
    if not reopened:
        return
    number = connection.execute(
        "INSERT INTO intent (conversation, kind, asked_at) SELECT ?, 'messages', 0", (row,)
    ).lastrowid
    for message_id in reopened:
        connection.execute("INSERT INTO intent_message VALUES (?, ?)", (number, message_id))
        connection.execute(
            "UPDATE tombstone SET served_at = NULL WHERE conversation = ? AND message_id = ?",
            (row, message_id),
        )
        connection.execute(_LOOK_AGAIN, (None, row, message_id))


def still_here(connection: sqlite3.Connection) -> int:
    """Messages that are deleted and not shown, and whose text is in the file all the same."""
    (number,) = connection.execute(_STILL_HERE).fetchone()
    return int(number)


LONGEST_UNDO = 60_000
"""Ms: for so long a deletion may wait to be taken back. What seems to wait for longer was asked
for before the clock was set back, and is sent."""
_DUE = f"asked_at NOT BETWEEN :now + 1 AND :now + {LONGEST_UNDO}"


@frozen
class Undelivered:
    """Which deletions are to be sent now, as far as to tell whether others are later."""

    newest: int = 0
    """The newest one's number; 0: none."""
    number: int = 0
    """How many there are."""
    later: int = field(default=0, eq=False)
    """So many more are not sent yet, for somebody may take them back."""


def undelivered(connection: sqlite3.Connection, now: int) -> Undelivered:
    """The pending intents; `now` in ms, local clock."""
    newest, number, later = connection.execute(
        f"SELECT coalesce(max(CASE WHEN {_DUE} THEN intent END), 0),"  # noqa: S608 - constants
        f" coalesce(sum({_DUE}), 0), coalesce(sum(NOT ({_DUE})), 0)"
        " FROM intent WHERE state = 'pending'",
        {"now": now},
    ).fetchone()
    return Undelivered(newest, number, later)


def write_revive(connection: sqlite3.Connection, row: int, revive: Revive) -> None:
    """Send an intent once more, hidden again until it is settled; or give it up, and show
    what it hid. One that was settled meanwhile stays so."""
    number = revive.intent.number
    held = connection.execute("SELECT 1 FROM intent WHERE intent = ?", (number,)).fetchone()
    if held is None:
        return
    if revive.drop:
        _forget(connection, number)
        _show_again(connection, row, revive.intent)
        _write_back(connection, row, What.DROPPED, revive.intent)
        return
    connection.execute(
        "UPDATE intent SET asked_at = :at WHERE intent = :number AND asked_at > :at",
        {"number": number, "at": revive.at},
    )
    again = connection.execute(
        "UPDATE intent SET state = 'pending' WHERE intent = ? AND state <> 'pending'", (number,)
    )
    if again.rowcount:
        hide(connection, row)
        _write_removed(connection, row, number, revive.intent)


def intents(connection: sqlite3.Connection, *, due: int | None = None) -> list[Intent]:
    """The outbox, oldest first; without what waits to be taken back, if it is read at the time
    `due`, ms, local clock."""
    where = "" if due is None else f" WHERE i.{_DUE}"
    bound = {} if due is None else {"now": due}
    found = connection.execute(_INTENTS + where + " ORDER BY i.intent", bound).fetchall()
    return [_intent(connection, columns) for columns in found]


def _intent(connection: sqlite3.Connection, columns: Sequence[object]) -> Intent:
    number, conversation_id, kind, what, timestamp, asked_at, state, attempts, error = columns
    ids = connection.execute(
        "SELECT message_id FROM intent_message WHERE intent = ? ORDER BY message_id", (number,)
    ).fetchall()
    return Intent(
        number=int(str(number)),
        key=ConversationKey(str(conversation_id), str(kind)),
        kind=IntentKind(str(what)),
        timestamp=None if timestamp is None else int(str(timestamp)),
        message_ids=[message_id for (message_id,) in ids],
        asked_at=int(str(asked_at)),
        state=IntentState(str(state)),
        attempts=int(str(attempts)),
        error=None if error is None else str(error),
    )
