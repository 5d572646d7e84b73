"""Searches the index, inside one snapshot: places first, then the messages that stand there.

What the index finds is joined with the messages: what is hidden or gone since is found by
nothing. A phrase of several tokens is compared with the text.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from attrs import frozen

from syncengine.models import ConversationKey, Order
from syncengine.store.indexing import behind, is_damage
from syncengine.store.places import candidates, clamped, first_place, last_place, time_of
from syncengine.store.words import Term, conversation_tag, sender_tag, spaced

MOST_RANKED = 10_000
"""The newest matches, of which the best come first when ordered by relevance."""

_MESSAGE = """
    SELECT c.conversation_id, c.kind, m.message, m.message_id, m.sender, m.timestamp, m.type,
           m.text, m.edited_at, m.raw
    FROM message m JOIN conversation c USING (conversation)
    WHERE m.message = ? AND m.hidden IS NULL
"""
_NEWEST = """
    SELECT rowid, 0.0 FROM search WHERE search MATCH :match
    AND rowid BETWEEN :first AND :last ORDER BY rowid DESC
"""
_RANKED = """
    SELECT place, score FROM
        (SELECT rowid AS place, bm25(search, 1.0, 0.0) AS score FROM search
         WHERE search MATCH :match AND rowid BETWEEN :first AND :last
         ORDER BY rowid DESC LIMIT :most)
    WHERE (score, -place) > (:score, -:place) ORDER BY score, place DESC
"""
"""The smaller a score, the better."""


class Place(NamedTuple):
    """Where a result stands in its order: what comes next is beyond it."""

    place: int
    score: float = 0.0


@frozen(kw_only=True)
class SearchRequest:
    """What to find: every term, and what the message must be."""

    terms: Sequence[Term]
    conversation_id: str | None = None
    kind: str | None = None
    sender: str | None = None
    since: int | None = None
    """Ms, inclusive."""
    until: int | None = None
    """Ms, exclusive."""
    order: Order = Order.NEWEST
    limit: int = 20
    after: Place | None = None
    """The last result of the page before."""
    nothing: bool = False
    """The text had no term: nothing has it."""


@frozen
class FoundRow:
    """A message that was found, before it is decoded."""

    key: ConversationKey
    columns: tuple[Any, ...]
    place: Place


@frozen
class FoundRows:
    """A page of results."""

    rows: Sequence[FoundRow]
    more: bool
    behind: int
    damaged: bool = False
    """The index cannot be used."""


def search(connection: sqlite3.Connection, request: SearchRequest) -> FoundRows:
    """Up to `limit` messages, and how far the index lags."""
    try:
        return _search(connection, request)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    (messages,) = connection.execute("SELECT count(*) FROM message").fetchone()
    return FoundRows((), more=False, behind=messages, damaged=True)


def _search(connection: sqlite3.Connection, request: SearchRequest) -> FoundRows:
    lag = behind(connection)
    match = _match(connection, request)
    if match is None:
        return FoundRows((), more=False, behind=lag)
    found: list[FoundRow] = []
    for place in _places(connection, request, match):
        row = _message(connection, request, place)
        if row is None:
            continue
        if len(found) == request.limit:
            return FoundRows(found, more=True, behind=lag)
        found.append(row)
    return FoundRows(found, more=False, behind=lag)


def _match(connection: sqlite3.Connection, request: SearchRequest) -> str | None:
    """The query in FTS5's language; None: nothing can match. Terms are made of letters,
    digits and signs of a private range, so nothing in them is taken for syntax."""
    if request.nothing:
        return None
    parts = [_phrase(term) for term in request.terms]
    if request.sender is not None:
        parts.append(f'tags : "{sender_tag(request.sender)}"')
    if request.conversation_id is not None:
        rows = _conversation_rows(connection, request)
        parts.append(" OR ".join(f'tags : "{conversation_tag(row)}"' for row in rows))
        if not rows:
            return None
    elif request.kind is not None:
        parts.append(f'tags : "{request.kind}"')
    return " AND ".join(f"({part})" for part in parts) if parts else None


def _phrase(term: Term) -> str:
    return f'text : "{" ".join(term.tokens)}"' + (" *" if term.prefix else "")


def _conversation_rows(connection: sqlite3.Connection, request: SearchRequest) -> list[int]:
    found = connection.execute(
        "SELECT conversation FROM conversation"
        " WHERE conversation_id = ? AND kind = coalesce(?, kind)",
        (request.conversation_id, request.kind),
    )
    return [row for (row,) in found]


def _places(connection: sqlite3.Connection, request: SearchRequest, match: str) -> Iterator[Place]:
    """Lazily: SQLite looks for the next one when it is asked for."""
    first = 0 if request.since is None else first_place(request.since)
    last = (1 << 63) - 1 if request.until is None else last_place(request.until)
    bound: dict[str, Any] = {"match": match, "first": first, "last": last}
    after = request.after
    if request.order is Order.NEWEST:
        if after is not None:
            bound["last"] = min(last, after.place - 1)
        statement = _NEWEST
    else:
        after = after or Place((1 << 63) - 1, float("-inf"))
        bound |= {"most": MOST_RANKED, "score": after.score, "place": after.place}
        statement = _RANKED
    cursor = connection.execute(statement, bound)
    try:
        for place, score in cursor:
            yield Place(place, score)
    finally:
        cursor.close()


def _message(
    connection: sqlite3.Connection, request: SearchRequest, place: Place
) -> FoundRow | None:
    row = _row_of(connection, place.place)
    columns = None if row is None else connection.execute(_MESSAGE, (row,)).fetchone()
    if columns is None:
        return None
    conversation_id, kind, _, *message = columns
    _, sender, timestamp, _, text, *_ = message
    if request.sender is not None and sender != request.sender:
        return None  # another with the same tag
    if request.since is not None and timestamp < request.since:
        return None
    if request.until is not None and timestamp >= request.until:
        return None
    if not _all_match(request.terms, text):
        return None
    return FoundRow(ConversationKey(conversation_id, kind), tuple(message), place)


def _all_match(terms: Sequence[Term], text: str) -> bool:
    doubtful = [term for term in terms if not term.exact]
    if not doubtful:
        return True
    tokens = spaced(text)
    return all(term.matches(tokens) for term in doubtful)


def _row_of(connection: sqlite3.Connection, place: int) -> int | None:
    """The message that stands at a place of the index."""
    moved = connection.execute(
        "SELECT message FROM search_moved WHERE place = ?", (place,)
    ).fetchone()
    if moved is not None:
        return int(moved[0])
    (newest,) = connection.execute("SELECT max(message) FROM message").fetchone()
    for row in candidates(place, newest or 0):
        held = connection.execute(
            "SELECT timestamp FROM message WHERE message = ? AND message NOT IN"
            " (SELECT message FROM search_moved)",
            (row,),
        ).fetchone()
        if held is not None and clamped(held[0]) == time_of(place):
            return row
    return None
