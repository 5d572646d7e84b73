"""Searches the index, inside one snapshot: places first, then the messages that stand there.

What the index finds is joined with the messages: what is hidden or gone since is found by
nothing. A phrase of several tokens is compared with the text.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple

from attrs import field, frozen

from syncengine.models import ConversationKey, Kind
from syncengine.store.indexing import behind, indexed_to, is_damage, is_sound
from syncengine.store.places import (
    MOST_MOVED,
    candidates,
    clamped,
    first_place,
    last_place,
    time_of,
)
from syncengine.store.ranking import score
from syncengine.store.words import Term, conversation_tag, sender_tag, spaced

MOST_RANKED = 500
"""The newest matches, of which the best come first when ordered by relevance: so that it
takes no longer in a larger copy. SQLite's own ranking looks at all of them."""

_MESSAGE = """
    SELECT c.conversation_id, c.kind, m.message_id, m.sender, m.timestamp, m.type,
           m.text, m.edited_at, m.raw
    FROM message m JOIN conversation c USING (conversation)
    WHERE m.message = ? AND m.hidden IS NULL
"""
_NEWEST = """
    SELECT rowid FROM search WHERE search MATCH :match
    AND rowid BETWEEN :first AND :last ORDER BY rowid DESC
"""
_TEXTS = """
    SELECT m.message, m.sender, m.timestamp, m.text
    FROM json_each(?) CROSS JOIN message m ON m.message = json_each.value
    WHERE m.hidden IS NULL
"""
"""In the order given: by row number, so that neighbours are read together."""
MOST_ASKED = 64
"""Tokens of a query that the index is asked for, as it looks at all places of each. The
messages that have those are compared with all of the query."""
_EVERYTHING = " OR ".join(f'tags : "{kind}"' for kind in Kind)
"""Times alone are no query in FTS5's language; each message has the tag of its kind."""
_MOVED = "SELECT place FROM search_moved WHERE message = ?"
_TEXT = 4
"""Where the text is among a message's columns."""


class Place(NamedTuple):
    """Where a result stands in its order: what comes next is beyond it. A higher score is
    better; newest first, all have the same."""

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
    ranked: bool = False
    limit: int = 20
    after: Place | None = None
    """The last result of the page before."""
    nothing: bool = False
    """The text had no term: nothing has it."""
    compared: Sequence[Term] = field(init=False)
    """Those terms that a text is compared with: the index does not decide them alone."""

    @compared.default
    def _not_decided(self) -> Sequence[Term]:
        if sum(len(term.tokens) for term in self.terms) > MOST_ASKED:
            return self.terms
        return [term for term in self.terms if not term.exact]


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


class _Rows:
    """Finds the message that stands at a place of the index."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._mark = indexed_to(connection)
        moved, stale = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM search_moved), EXISTS (SELECT 1 FROM search_stale)"
        ).fetchone()
        self._some_moved, self._some_stale = bool(moved), bool(stale)

    def at(self, place: int) -> int | None:
        """The message's row number; None: what stood there is gone, or has another text now,
        which only another program can have done."""
        row = self._row(place)
        if row is None or not self._some_stale:
            return row
        stale = self._look("SELECT message FROM search_stale WHERE message = ?", row)
        return row if stale is None else None

    def _row(self, place: int) -> int | None:
        if self._some_moved:
            moved = self._look("SELECT message FROM search_moved WHERE place = ?", place)
            if moved is not None:
                return moved
        found = candidates(place, self._mark)
        if len(found) == 1:
            return found[0]
        return next((row for row in found if self._stands_at(row, place)), None)

    def _stands_at(self, row: int, place: int) -> bool:
        if self._some_moved and self._look(_MOVED, row) is not None:
            return False
        timestamp = self._look("SELECT timestamp FROM message WHERE message = ?", row)
        return timestamp is not None and clamped(timestamp) == time_of(place)

    def _look(self, statement: str, value: int) -> int | None:
        found = self._connection.execute(statement, (value,)).fetchone()
        return None if found is None else int(found[0])


def search(connection: sqlite3.Connection, request: SearchRequest) -> FoundRows:
    """Up to `limit` messages, and how far the index lags."""
    try:
        found = _search(connection, request)
        if found.rows or is_sound(connection):
            return found
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
    rows = (
        _best(connection, request, match) if request.ranked else _newest(connection, request, match)
    )
    found = list(islice(rows, request.limit + 1))
    return FoundRows(found[: request.limit], more=len(found) > request.limit, behind=lag)


def _newest(
    connection: sqlite3.Connection, request: SearchRequest, match: str
) -> Iterator[FoundRow]:
    """Lazily: SQLite looks for the next one when it is asked for."""
    after = request.after.place if request.after is not None else 1 << 63
    rows = _Rows(connection)
    for place in _places(connection, request, match, after):
        row = _message(connection, rows, request, Place(place))
        if row is not None:
            yield row


def _best(connection: sqlite3.Connection, request: SearchRequest, match: str) -> Iterator[FoundRow]:
    """The best of the newest; of equally good ones the newer first."""
    rows = _Rows(connection)
    scored = _scored(connection, rows, request, match)
    after = request.after
    beyond = (float("-inf"), 0) if after is None else (-after.score, -after.place)
    for negative, place in sorted(each for each in scored if each > beyond):
        row = _message(connection, rows, request, Place(-place, -negative))
        if row is not None:
            yield row


def _scored(
    connection: sqlite3.Connection, rows: _Rows, request: SearchRequest, match: str
) -> list[tuple[float, int]]:
    """Score and place of each, both negative: the best is the least. Texts may be large, so
    none is kept."""
    found = islice(_places(connection, request, match, 1 << 63), MOST_RANKED)
    places = {row: place for place in found if (row := rows.at(place)) is not None}
    scored = []
    for row, sender, timestamp, text in connection.execute(_TEXTS, (json.dumps(sorted(places)),)):
        if _passes(request, Place(places[row]), sender, timestamp) and _all_match(request, text):
            scored.append((-score(text, request.terms[:MOST_ASKED]), -places[row]))
    return scored


def _match(connection: sqlite3.Connection, request: SearchRequest) -> str | None:
    """The query in FTS5's language; None: nothing can match. Terms are made of letters,
    digits and signs of a private range, so nothing in them is taken for syntax."""
    if request.nothing:
        return None
    parts = [_phrase(term) for term in _asked(request.terms)]
    if request.sender is not None:
        parts.append(f'tags : "{sender_tag(request.sender)}"')
    if request.conversation_id is not None:
        rows = _conversation_rows(connection, request)
        parts.append(" OR ".join(f'tags : "{conversation_tag(row)}"' for row in rows))
        if not rows:
            return None
    elif request.kind is not None:
        parts.append(f'tags : "{request.kind}"')
    if not parts and (request.since is not None or request.until is not None):
        parts.append(_EVERYTHING)
    return " AND ".join(f"({part})" for part in parts) if parts else None


def _asked(terms: Sequence[Term]) -> Iterator[Term]:
    """The beginning of a query: whatever has all of it has that."""
    left = MOST_ASKED
    for term in terms:
        if left <= 0:
            return
        yield term.beginning(left)
        left -= len(term.tokens)


def _phrase(term: Term) -> str:
    return f'text : "{" ".join(term.tokens)}"' + (" *" if term.prefix else "")


def _conversation_rows(connection: sqlite3.Connection, request: SearchRequest) -> list[int]:
    found = connection.execute(
        "SELECT conversation FROM conversation"
        " WHERE conversation_id = ? AND kind = coalesce(?, kind)",
        (request.conversation_id, request.kind),
    )
    return [row for (row,) in found]


def _places(
    connection: sqlite3.Connection, request: SearchRequest, match: str, before: int
) -> Iterator[int]:
    first = 0 if request.since is None else first_place(request.since)
    last = (1 << 63) - 1 if request.until is None else last_place(request.until)
    bound = {"match": match, "first": first, "last": min(last, before - 1)}
    with closing(connection.execute(_NEWEST, bound)) as cursor:
        for (place,) in cursor:
            yield place


def _message(
    connection: sqlite3.Connection, rows: _Rows, request: SearchRequest, place: Place
) -> FoundRow | None:
    row = rows.at(place.place)
    columns = connection.execute(_MESSAGE, (row,)).fetchone()
    if columns is None:
        return None
    conversation_id, kind, *message = columns
    if not _passes(request, place, message[1], message[2]) or not _all_match(
        request, message[_TEXT]
    ):
        return None
    return FoundRow(ConversationKey(conversation_id, kind), tuple(message), place)


def _passes(request: SearchRequest, place: Place, sender: str, timestamp: int) -> bool:
    """What the index knows roughly: two senders may have one tag, a place is of a moment."""
    if not 0 <= time_of(place.place) - clamped(timestamp) <= MOST_MOVED:
        return False  # another message that has the row's number now
    if request.sender is not None and sender != request.sender:
        return False
    if request.since is not None and timestamp < request.since:
        return False
    return request.until is None or timestamp < request.until


def _all_match(request: SearchRequest, text: str) -> bool:
    if not request.compared:
        return True
    tokens = spaced(text)
    return all(term.matches(tokens) for term in request.compared)
