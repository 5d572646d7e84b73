"""The statements of the search index: derived from the messages, after them, in sets.

`search_state.indexed_to` is the mark: all messages up to it are indexed, and none above.
It moves in the transaction of the index rows, so a crash repeats a set at worst. What is
deleted or changed below the mark is noted by triggers in `search_stale`, with the text as
it was indexed, and taken out before the transaction commits.
"""

import sqlite3
from collections.abc import Iterable, Iterator

from syncengine.schema_files import schema_path
from syncengine.store.database import transaction
from syncengine.store.migrate import statements
from syncengine.store.places import check_row, in_sql, row_of
from syncengine.store.words import conversation_tag, indexable, rules, tags

_MOST_CHARACTERS = 4_000_000
"""Of one set: a few messages may be megabytes."""
_COUNTED = 10_000
_PATIENCE_MS = 500
_MERGE_PAGES = 200
"""Pages of the index that one step of an upkeep writes, about 4 kB each."""

_MESSAGE = f"""
    SELECT {in_sql("m")}, m.text, m.conversation, c.kind, m.sender
    FROM message m JOIN conversation c USING (conversation)
"""  # noqa: S608 - constants only
_NEXT = f"{_MESSAGE} WHERE m.message > ? ORDER BY m.message LIMIT ?"
_AGAIN = f"""
    {_MESSAGE} WHERE m.message = ? AND m.message <= (SELECT indexed_to FROM search_state)
"""  # noqa: S608 - constants only
_STALE = f"""
    SELECT {in_sql("s")}, s.text, s.conversation, c.kind, s.sender
    FROM search_stale s JOIN conversation c USING (conversation) LIMIT ?
"""  # noqa: S608 - constants only
_AT_ONCE = 5_000
_NEWEST_INDEXED = f"""
    SELECT {in_sql("m")}, m.conversation FROM message m
    WHERE m.message <= ? AND NOT EXISTS (SELECT 1 FROM search_stale s WHERE s.message = m.message)
    ORDER BY m.message DESC LIMIT 1
"""  # noqa: S608 - constants only
_ADD = "INSERT INTO search (rowid, text, tags) VALUES (?, ?, ?)"
_REMOVE = "INSERT INTO search (search, rowid, text, tags) VALUES ('delete', ?, ?, ?)"
_ANEW = "0009_smaller_index.sql"
"""The migration that makes the index, from whatever is there."""

Indexed = tuple[int, str, int, str, str]
"""Place and text of a message, row and kind of its conversation, and its sender."""


def behind(connection: sqlite3.Connection) -> int:
    """How many messages are not indexed yet; an upper bound where they are many."""
    (newest,) = connection.execute("SELECT coalesce(max(message), 0) FROM message").fetchone()
    mark = indexed_to(connection)
    if newest - mark > _COUNTED:
        return int(newest - mark)
    (number,) = connection.execute(
        "SELECT (SELECT count(*) FROM message WHERE message > :mark)"
        " + (SELECT count(*) FROM message JOIN search_stale USING (message)"
        "    WHERE message <= :mark)",
        {"mark": mark},
    ).fetchone()
    return int(number)


def indexed_to(connection: sqlite3.Connection) -> int:
    """The highest row number that is indexed; 0 where the index is to be made anew."""
    mark, held = connection.execute("SELECT indexed_to, rules FROM search_state").fetchone()
    return int(mark) if held == rules() else 0


def index_some(connection: sqlite3.Connection, most: int, *, anew: bool = False) -> int:
    """Index the next messages, at most so many, in one transaction; how many they were.

    An index that is damaged, or was made by other rules, is begun anew; also if `anew`.
    """
    try:
        with transaction(connection):
            if anew:
                make_anew(connection)
            return _index_some(connection, most)
    except sqlite3.DatabaseError as error:
        if anew or not is_damage(error):
            raise
    return index_some(connection, most, anew=True)


def _index_some(connection: sqlite3.Connection, most: int) -> int:
    if _rules_held(connection) != rules():
        make_anew(connection)
    drain(connection)
    if not is_sound(connection):
        make_anew(connection)
    (mark,) = connection.execute("SELECT indexed_to FROM search_state").fetchone()
    found = list(_limited(connection.execute(_NEXT, (mark, most))))
    if found:
        check_row(connection.execute("SELECT max(message) FROM message").fetchone()[0])
        connection.executemany(_ADD, _prepared(found))
        last = row_of(found[-1][0])
        connection.execute("UPDATE search_state SET indexed_to = ?", (last,))
    return len(found)


def _limited(messages: Iterable[Indexed]) -> Iterator[Indexed]:
    characters = 0
    for message in messages:
        yield message
        characters += len(message[1])
        if characters > _MOST_CHARACTERS:
            return


def is_sound(connection: sqlite3.Connection) -> bool:
    """Whether the index knows the newest message that it should: one that lost its root
    looks empty. Raises DatabaseError where it cannot even be asked."""
    newest = connection.execute(_NEWEST_INDEXED, (indexed_to(connection),)).fetchone()
    if newest is None:
        return True
    place, conversation = newest
    found = connection.execute(
        "SELECT 1 FROM search WHERE search MATCH ? AND rowid = ?",
        (f'tags : "{conversation_tag(conversation)}"', place),
    ).fetchone()
    return found is not None


def _prepared(messages: Iterable[Indexed]) -> list[tuple[int, str, str]]:
    """In the order of places: SQLite writes what it has gathered when they descend."""
    return sorted(
        (place, indexable(text), tags(conversation, kind, sender))
        for place, text, conversation, kind, sender in messages
    )


def settle_stale(connection: sqlite3.Connection) -> None:
    """Take out what the transaction under way deleted or changed. The messages come first:
    an index that is damaged is made anew, and never keeps them from being written."""
    if connection.execute("SELECT 1 FROM search_stale LIMIT 1").fetchone() is None:
        return
    connection.execute("SAVEPOINT search")
    try:
        drain(connection)
    except sqlite3.DatabaseError as error:
        connection.execute("ROLLBACK TO search")
        if not is_damage(error):
            raise
        make_anew(connection)
    connection.execute("RELEASE search")


def drain(connection: sqlite3.Connection) -> None:
    """Bring the index up to date with what is noted as stale. One that was made by other
    rules is left alone: what stands in it is not what would be taken out."""
    if _rules_held(connection) != rules():
        connection.execute("DELETE FROM search_stale")
        return
    while stale := connection.execute(_STALE, (_AT_ONCE,)).fetchall():
        connection.executemany(_REMOVE, _prepared(stale))
        rows = [(row_of(place),) for place, *_ in stale]
        connection.executemany(_ADD, _prepared(_present(connection, rows)))
        connection.executemany("DELETE FROM search_stale WHERE message = ?", rows)
        connection.execute("UPDATE search_state SET deleted = 1 WHERE deleted = 0")


def _present(connection: sqlite3.Connection, rows: Iterable[tuple[int]]) -> Iterator[Indexed]:
    for row in rows:
        yield from connection.execute(_AGAIN, row)


def _rules_held(connection: sqlite3.Connection) -> str:
    (held,) = connection.execute("SELECT rules FROM search_state").fetchone()
    return str(held)


def make_anew(connection: sqlite3.Connection) -> None:
    """Begin an empty index, in the transaction under way. Nothing is lost: it is derived."""
    for statement in statements(schema_path("store", _ANEW).read_text(encoding="utf-8")):
        connection.execute(statement)
    connection.execute("UPDATE search_state SET rules = ?", (rules(),))


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether an error of a statement about the index means that the index is damaged: the
    statements are constant, so what SQLite cannot make sense of is the index."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def wants_merge(connection: sqlite3.Connection) -> bool:
    """Whether something was taken out of the index since it was last merged."""
    (deleted,) = connection.execute("SELECT deleted FROM search_state").fetchone()
    return bool(deleted)


def merge_some(connection: sqlite3.Connection, *, first: bool) -> bool:
    """One bounded step towards an index without what was deleted; whether more is to do."""
    with transaction(connection):
        before = connection.total_changes
        # Negative: begin to merge everything, however little there is.
        pages = -_MERGE_PAGES if first else _MERGE_PAGES
        connection.execute("INSERT INTO search (search, rank) VALUES ('merge', ?)", (pages,))
        more = connection.total_changes - before >= 2  # as SQLite documents it
        if not more:
            connection.execute("UPDATE search_state SET deleted = 0")
        return more


def truncate_log(connection: sqlite3.Connection) -> bool:
    """Move everything into the file and empty the log; False: somebody is reading it.

    Waits for readers half a second, not as long as for a writer: nothing else is written
    meanwhile.
    """
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
    try:
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
    return not busy
