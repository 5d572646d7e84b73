"""Search: what a person asked for, the results with what shows why they were found."""

from collections.abc import Sequence
from math import isnan
from typing import Final

from syncengine.errors import ConfigError
from syncengine.models import Found, Hit, Kind, Order
from syncengine.plain import is_text
from syncengine.store import rows
from syncengine.store.places import LATEST, MOST_ROWS
from syncengine.store.search import MOST_ASKED, FoundRow, Place, SearchRequest
from syncengine.store.search import search as search_index
from syncengine.store.snippets import snippet
from syncengine.store.store import Store
from syncengine.store.words import Term, terms_of

MOST_AT_ONCE: Final = 2_000_000_000
"""What a read can be asked for: more than a file holds, and what SQLite can count."""
_MOST_CHARACTERS = 100_000


async def search(store: Store, decode: rows.Decode, request: SearchRequest) -> Found:
    """One page of results. Where the index is damaged, nothing is found, all is behind, and
    the index is made anew by the engine that writes the file."""
    found = await store.serve(lambda c: search_index(c, request))
    if found.damaged:
        store.note_damaged_index()
    hits = [_hit(row, request, decode) for row in found.rows]
    cursor = _written(found.rows[-1].place) if found.more else None
    return Found(hits, cursor, found.behind)


def _hit(row: FoundRow, request: SearchRequest, decode: rows.Decode) -> Hit:
    message = rows.message(row.key, row.columns, decode)
    return Hit(message, *snippet(message.text, request.terms[:MOST_ASKED]))


def search_request(
    text: str,
    conversation_id: str | None,
    kind: Kind | str | None,
    sender: str | None,
    since: int | None,
    until: int | None,
    order: Order | str,
    prefix: bool,
    limit: int,
    cursor: str | None,
) -> SearchRequest:
    """A request from what a caller gave. Raises ConfigError for what cannot be meant."""
    check_limit(limit)
    terms = _terms(text, prefix)
    punctuation = bool(text.strip()) and not terms
    return SearchRequest(
        terms=terms,
        conversation_id=conversation_id,
        kind=None if kind is None else _kind(kind),
        sender=sender,
        since=since,
        until=until,
        ranked=_order(order) is Order.RELEVANCE,
        limit=limit,
        after=None if cursor is None else _read(cursor),
        nothing=punctuation or not is_text(conversation_id or ""),
    )


def check_limit(limit: int) -> None:
    """Raises ConfigError for a number of results that cannot be asked for."""
    if limit < 1:
        raise ConfigError(f"limit is {limit}", hint="Ask for at least one.")
    if limit > MOST_AT_ONCE:
        raise ConfigError(f"limit is {limit}", hint=f"Ask for at most {MOST_AT_ONCE:,}.")


def _terms(text: str, prefix: bool) -> Sequence[Term]:
    """All of them, each once: a part of what was asked for would find what was not."""
    if len(text) > _MOST_CHARACTERS:
        raise ConfigError(
            f"a search has {len(text):,} characters; {_MOST_CHARACTERS:,} are the most",
            hint="Search for a part of it.",
        )
    terms = terms_of(text, prefix=prefix)
    return list({(*term.tokens, *term.joined, term.prefix): term for term in terms}.values())


def _kind(kind: Kind | str) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        names = ", ".join(each.value for each in Kind)
        raise ConfigError(f"{kind!r} is no kind", hint=f"Use one of: {names}.") from None


def _order(order: Order | str) -> Order:
    try:
        return Order(order)
    except ValueError:
        names = ", ".join(each.value for each in Order)
        raise ConfigError(f"{order!r} is no order", hint=f"Use one of: {names}.") from None


def _written(place: Place) -> str:
    return f"{place.time:x}-{place.row:x}.{place.score.hex()}"


def _read(cursor: str) -> Place:
    try:
        moment, score = cursor.split(".", 1)
        time, row = (int(part, 16) for part in moment.split("-", 1))
        found = Place(float.fromhex(score), time, row)
        if not (0 <= time <= LATEST and 0 <= row <= MOST_ROWS) or isnan(found.score):
            raise ValueError
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{cursor[:40]!r} is no cursor of a search",
            hint="Use the cursor of the page before, or none for the first page.",
        ) from None
    return found
