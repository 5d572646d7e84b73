"""After every commit: what the change rows tell, against the server as it is at this moment."""

import json
import sqlite3
from collections.abc import Iterable

from syncengine import ConversationKey
from tests.simulation.books import Row, Taken
from tests.simulation.devices import Device
from tests.simulation.trace import Violation

SMALL = 50
"""Messages: of more, a quarter may go by absence without a person's consent."""
MOST_CONVERSATIONS = 5
"""So many may go whole."""
_CHANGES = """
    SELECT h.revision, h.conversation, c.conversation_id, c.kind, h.what, h.cause, h.intent,
           h.until, h.message_ids
    FROM change h JOIN conversation c USING (conversation) WHERE revision > ? ORDER BY revision
"""
_NEWEST = """
    SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'intent'), 0),
           coalesce((SELECT max(message) FROM message), 0)
"""
_INTENTS = """
    SELECT i.intent, c.conversation_id, c.kind, i.kind, i.timestamp
    FROM intent i JOIN conversation c USING (conversation) WHERE i.intent > ? ORDER BY i.intent
"""


def read_journal(device: Device, connection: sqlite3.Connection) -> None:
    """Read what is new in it, and judge it."""
    books = device.books
    newest_intent, last_row = connection.execute(_NEWEST).fetchone()
    if newest_intent > max(books.intents, default=0):
        _note_intents(device, connection)
    if books.late:
        _check_edits(device, connection)
    rows = [_row(found) for found in connection.execute(_CHANGES, (books.revision,))]
    for row in rows:
        if row.revision != books.revision + 1:
            raise Violation("atomic", f"a revision is missing before {row.revision}")
        books.revision = row.revision
        books.fresh.append(row)
        _judge(device, connection, row)
    _check_guard(device, connection, rows)
    books.last_row = last_row


def _check_edits(device: Device, connection: sqlite3.Connection) -> None:
    """Law 4's sister: a late page never brings an older text back."""
    edits = device.books.edits
    found = connection.execute(
        "SELECT message_id, edited_at FROM message WHERE edited_at IS NOT NULL"
    )
    for message_id, at in found:
        if at < edits.get(message_id, 0):
            raise Violation("edit undone", f"{device.name} {message_id}")
        edits[message_id] = at


def _row(found: tuple[object, ...]) -> Row:
    revision, number, name, kind, what, cause, intent, until, ids = found
    key = ConversationKey(str(name), str(kind))
    named = frozenset(json.loads(str(ids)))
    return Row(revision, number, key, what, cause, intent, until, named)  # type: ignore[arg-type]  # columns of the table


def _note_intents(device: Device, connection: sqlite3.Connection) -> None:
    intents = device.books.intents
    newest = max(intents, default=0)
    for number, name, kind, what, at in connection.execute(_INTENTS, (newest,)).fetchall():
        ids = connection.execute(
            "SELECT message_id FROM intent_message WHERE intent = ?", (number,)
        )
        hidden = connection.execute("SELECT message_id FROM message WHERE hidden = ?", (number,))
        intents[number] = Taken(
            ConversationKey(name, kind),
            what,
            at,
            frozenset(m for (m,) in ids),
            frozenset(m for (m,) in hidden),
            len(device.server.calls),
        )


def _judge(device: Device, connection: sqlite3.Connection, row: Row) -> None:
    if row.what == "removed" and row.cause in ("absent", "expired"):
        _check_causes(device, row)
    elif row.what == "settled":
        _check_settled(device, row)
    elif row.what in ("refused", "dropped"):
        _check_back(device, connection, row)


def _check_causes(device: Device, row: Row) -> None:
    """Laws 5 and 7, *nothing lost*: what is removed is gone at this moment, for that cause."""
    for message_id in row.ids:
        if message_id.startswith("raw:"):
            continue
        causes = device.server.causes(message_id)
        good = bool(causes & {"deleted", "recalled", "lost"})
        good |= causes == {"capped"} and _cap_is_blurred(device, row.key, message_id)
        if row.cause == "expired":
            good = bool(causes) and device.config.retention == "mirror"
        # A replay of a page that was true once looks like a second read: law 5 cannot tell, and
        # two later sightings undo it, which convergence demands in the end.
        good |= device.server.replays[row.key] > 0
        if not good:
            words = f"{device.name} {row.key} {message_id} {row.cause}, true: {sorted(causes)}"
            raise Violation("nothing lost", words)
    device.books.gone |= row.ids


def _cap_is_blurred(device: Device, key: ConversationKey, message_id: str) -> bool:
    """Law 5 (b): a cap explains only as many as are known to have arrived. A mirror drops what
    was pushed out, and counts it as gone, for the guard."""
    if device.config.retention == "mirror":
        return True
    held = {m for (m,) in device.query("SELECT message_id FROM message")}
    unseen = any(str(m.message_id) not in held for m in device.server.served(key))
    return unseen or device.server.cap_is_blurred(message_id)


def _check_settled(device: Device, row: Row) -> None:
    """Law 8, *settled once accepted*: the server did what is called settled."""
    taken = device.books.intents[row.intent or 0]
    calls = [
        call
        for call in device.server.calls[taken.calls :]
        if call.device == device.name and call.key == taken.key and call.what == taken.what
    ]
    done = bool(calls) or not taken.ids
    if taken.what == "before":
        done = any(call.timestamp == taken.timestamp for call in calls)
    elif taken.what == "messages":
        done = taken.ids <= {message_id for call in calls for message_id in call.ids}
    if not done:
        raise Violation("settled once accepted", f"{device.name} intent {row.intent}: {taken}")


def _check_back(device: Device, connection: sqlite3.Connection, row: Row) -> None:
    """Law 8, *back when refused*: what a deletion hid is shown again, or is hidden by another."""
    hidden = device.books.intents[row.intent or 0].hidden - device.books.gone
    found = dict(
        connection.execute(
            "SELECT message_id, hidden FROM message WHERE conversation = ?", (row.conversation,)
        ).fetchall()
    )
    buried = {
        message_id
        for (message_id,) in connection.execute(
            "SELECT message_id FROM tombstone WHERE conversation = ? AND absent_at IS NULL",
            (row.conversation,),
        )
    }
    for message_id in hidden - buried:
        if message_id not in found or found[message_id] == row.intent:
            words = f"{device.name} {row.key} {message_id}, hidden by {row.intent}"
            raise Violation("back when refused", words)


def _check_guard(device: Device, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Law 10, *the guard*: nothing that is much goes by absence without a person's consent."""
    touched: dict[int, ConversationKey] = {}
    expired: dict[int, int] = {}
    for row in rows:
        removed = device.books.removed.setdefault(row.key, set())
        if row.what == "restored":
            removed -= row.ids
            device.books.emptied.discard(row.key)
        elif row.what == "removed" and row.cause == "absent":
            removed |= row.ids
            touched[row.conversation] = row.key
        elif row.what == "removed" and row.cause == "expired":
            expired[row.conversation] = expired.get(row.conversation, 0) + len(row.ids)
    for number, key in touched.items():
        _check_share(device, connection, number, key, expired.get(number, 0))


def _check_share(
    device: Device, connection: sqlite3.Connection, number: int, key: ConversationKey, expired: int
) -> None:
    books = device.books
    if books.accepting:
        return
    visible, inserted = connection.execute(
        "SELECT count(*), coalesce(sum(message > ?), 0) FROM message"
        " WHERE conversation = ? AND hidden IS NULL",
        (books.last_row, number),
    ).fetchone()
    removed = len(books.removed[key])
    after = removed + visible
    before = after - inserted + expired
    if min(before, after) > SMALL and 4 * removed > max(before, after):
        raise Violation("the guard", f"{device.name} {key}: {removed} of {before} are removed")
    if not visible:
        books.emptied.add(key)
    if len(books.emptied) > MOST_CONVERSATIONS:
        raise Violation("the guard", f"{device.name}: emptied {sorted(map(str, books.emptied))}")
