"""Searches the index, inside one snapshot: places first, then the messages that stand there.

What the index finds is joined with the messages: what is hidden or gone since is found by
nothing. Places are in the order of time only roughly, slot by slot: the messages of one
slot are sorted before the first of them is shown. A phrase of several tokens is compared
with the text.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple

from attrs import field, frozen

from syncengine.models import ConversationKey, Kind
from syncengine.store.indexing import behind, indexed_to, is_damage, is_sound
from syncengine.store.places import (
    LATEST,
    MOST_ROWS,
    clamped_in_sql,
    first_place,
    in_sql,
    last_place,
    slot_of,
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
    WHERE m.message = ?
"""
_NEWEST = """
    SELECT rowid FROM search WHERE search MATCH :match
    AND rowid BETWEEN :first AND :last ORDER BY rowid DESC
"""
_STANDING = f"""
    SELECT {clamped_in_sql("m")} AS time, m.message, m.timestamp, m.sender
    FROM json_each(:places) CROSS JOIN message m ON m.message = json_each.value & {MOST_ROWS}
    WHERE {in_sql("m")} = json_each.value AND m.hidden IS NULL
    AND NOT EXISTS (SELECT 1 FROM search_stale s WHERE s.message = m.message)
    AND (time, m.message) < (:time, :row)
    ORDER BY time DESC, m.message DESC
"""  # noqa: S608 - constants only
"""What stands at places of the index: no message that is gone, none that has the row number
of one, nor one that has another text now, which only another program can have done."""
_TEXTS = """
    SELECT m.message, m.text
    FROM json_each(?) CROSS JOIN message m ON m.message = json_each.value
"""
"""In the order given: by row number, so that neighbours are read together."""
MOST_ASKED = 64
"""Tokens of a query that the index is asked for, as it looks at all places of each. The
messages that have those are compared with all of the query."""
_EVERYTHING = " OR ".join(f'tags : "{kind}"' for kind in Kind)
"""Times alone are no query in FTS5's language; each message has the tag of its kind."""
_PORTION = 32
"""Places whose messages are looked up together, at least: for a first page one portion."""


class Place(NamedTuple):
    """Where a result stands in its order: what comes next is less."""

    score: float
    """Higher is better; newest first, all have the same."""
    time: int
    """Ms, as a place in the index can hold it."""
    row: int


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
    if match is None or not indexed_to(connection):
        return FoundRows((), more=False, behind=lag)
    rows = (
        _best(connection, request, match) if request.ranked else _newest(connection, request, match)
    )
    found = list(islice(rows, request.limit + 1))
    return FoundRows(found[: request.limit], more=len(found) > request.limit, behind=lag)


def _newest(
    connection: sqlite3.Connection, request: SearchRequest, match: str
) -> Iterator[FoundRow]:
    """Lazily: SQLite looks for the next slot when it is asked for."""
    for place in _standing(connection, request, match, request.after):
        if not request.compared or _all_match(request, _text(connection, place)):
            yield _message(connection, place)


def _best(connection: sqlite3.Connection, request: SearchRequest, match: str) -> Iterator[FoundRow]:
    """The best of the newest; of equally good ones the newer first."""
    after = request.after
    scored = _scored(connection, request, match)
    for place in sorted(scored, reverse=True):
        if after is None or place < after:
            yield _message(connection, place)


def _scored(connection: sqlite3.Connection, request: SearchRequest, match: str) -> Iterator[Place]:
    """Texts may be large, so none is kept."""
    newest = islice(_standing(connection, request, match, None), MOST_RANKED)
    times = {place.row: place.time for place in newest}
    for row, text in connection.execute(_TEXTS, (json.dumps(sorted(times)),)):
        if _all_match(request, text):
            yield Place(score(text, request.terms[:MOST_ASKED]), times[row], row)


def _standing(
    connection: sqlite3.Connection, request: SearchRequest, match: str, after: Place | None
) -> Iterator[Place]:
    """What comes after a place, newest first, and is what was asked for, but for the text."""
    beyond = {"time": LATEST + 1, "row": 0} if after is None else after._asdict()
    for places in _whole_slots(_places(connection, request, match, after)):
        bound = {**beyond, "places": json.dumps(places)}
        with closing(connection.execute(_STANDING, bound)) as cursor:
            for time, row, timestamp, sender in cursor:
                if _passes(request, sender, timestamp):
                    yield Place(0.0, time, row)


def _whole_slots(places: Iterable[int]) -> Iterator[list[int]]:
    """Portions that can be sorted by themselves: each ends where a slot ends."""
    portion: list[int] = []
    for place in places:
        if len(portion) >= _PORTION and slot_of(place) != slot_of(portion[-1]):
            yield portion
            portion = []
        portion.append(place)
    if portion:
        yield portion


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
    connection: sqlite3.Connection, request: SearchRequest, match: str, after: Place | None
) -> Iterator[int]:
    """From the slot of a result on, whose others may come after it."""
    first = 0 if request.since is None else first_place(request.since)
    last = (1 << 63) - 1 if request.until is None else last_place(request.until)
    if after is not None:
        last = min(last, last_place(after.time))
    bound = {"match": match, "first": first, "last": last}
    with closing(connection.execute(_NEWEST, bound)) as cursor:
        for (place,) in cursor:
            yield place


def _text(connection: sqlite3.Connection, place: Place) -> str:
    """Alone, as few of those that are compared may be results."""
    statement = "SELECT text FROM message WHERE message = ?"
    return str(connection.execute(statement, (place.row,)).fetchone()[0])


def _message(connection: sqlite3.Connection, place: Place) -> FoundRow:
    columns = connection.execute(_MESSAGE, (place.row,)).fetchone()
    conversation_id, kind, *message = columns
    return FoundRow(ConversationKey(conversation_id, kind), tuple(message), place)


def _passes(request: SearchRequest, sender: str, timestamp: int) -> bool:
    """What the index knows roughly: two senders may have one tag, a slot is of 70 minutes."""
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
