"""Where a chain of pages goes on, past rows without an id."""

from collections.abc import Sequence

import pytest

from syncengine.models import MessageRow, Page
from syncengine.sync.links import Link, below_rows, moved, new_of, shows_newer

HEAD = Link(None, None, "")


def page(*ids: str, cursor: str | None = "next", at: int | None = 10_000_000) -> Page:
    """Newest first; a row without an id is `raw:` and a letter."""
    rows = [MessageRow(m, "bob", 7 if m.isdecimal() else 0, "text", m, None, b"") for m in ids]
    return Page(rows, cursor=cursor, end=cursor is None, served_at=at)


def ids(rows: Sequence[MessageRow]) -> list[str]:
    return [row.message_id for row in rows]


@pytest.mark.parametrize(
    ("shown", "above", "before", "rows"),
    [
        (("9", "8"), "8", "9", []),
        (("9", "8", "raw:a", "raw:b"), "8", "9", ["raw:a", "raw:b"]),
        (("raw:a", "9", "raw:b", "8"), "8", "9", []),
        (("raw:a", "9"), "9", None, []),
        (("raw:a", "raw:b"), None, None, ["raw:a", "raw:b"]),
        ((), None, None, []),
    ],
)
def test_a_chain_goes_on_from_the_oldest_that_has_an_id(
    shown: tuple[str, ...], above: str | None, before: str | None, rows: list[str]
) -> None:
    """Law 2: a row that may stand in many places is no place to go on from."""
    link = moved(HEAD, page(*shown))
    assert (link.above, link.before, ids(link.rows), link.cursor) == (above, before, rows, "next")


def test_rows_between_two_pages_are_shown_with_the_second() -> None:
    """Law 5: what was shown below the oldest is not missing above the next page."""
    link = moved(HEAD, page("9", "8", "raw:a"))
    assert ids(below_rows(link, page("7", "6")).messages) == ["raw:a", "7", "6"]
    link = moved(link, page("7", "6"))
    assert (link.above, link.before, ids(link.rows)) == ("6", "7", [])


def test_the_same_row_again_and_again_is_nothing_new() -> None:
    """Law 12: a server that repeats a row under ever new cursors is not followed for ever,
    and nothing of it piles up."""
    link = moved(HEAD, page("9", "raw:a"))
    for cursor in ("1", "2", "3"):
        again = page("raw:a", cursor=cursor)
        assert new_of(link, again) == []
        link = moved(link, again)
        assert (ids(link.rows), link.cursor) == (["raw:a"], cursor)
    assert ids(new_of(link, page("raw:a", "raw:b"))) == ["raw:b"]


@pytest.mark.parametrize(
    ("shown", "newer"),
    [
        (("6", "5"), False),
        (("11", "10"), True),
        (("6", "11"), True),
        (("raw:a", "6"), False),
        ((), False),
    ],
)
def test_a_higher_id_below_a_message_is_a_reason_for_proof(
    shown: tuple[str, ...], newer: bool
) -> None:
    """Law 2: a start that is gone may be answered with the head, and a clock can be set back:
    what was sent later is told by its id too."""
    link = moved(HEAD, page("9", "8"))
    assert shows_newer(page(*shown), link) is newer
