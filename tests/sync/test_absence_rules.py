"""Which part of a conversation a page covers: plain values."""

from typing import Any

from syncengine.models import MessageRow, Page
from syncengine.store.batch import HEAD, START
from syncengine.sync.absence import covered
from syncengine.sync.gaps import Run

NOW = 1_700_000_000_000


def row(number: int, age: int = 0, **more: Any) -> MessageRow:
    """A message; its id grows with `number`."""
    given: dict[str, Any] = {"edited_at": None, "raw": b""}
    return MessageRow(str(number), "bob", NOW - age, "text", "", **(given | more))


def page(*rows: MessageRow, **more: Any) -> Page:
    """A page, newest first."""
    settings: dict[str, Any] = {"cursor": "c", "end": False, "served_at": NOW}
    return Page(rows, **(settings | more))


def part(shown: Page, run: Run, places: list[int], *, to_head: bool = False) -> Any:
    """The two ends that a page covers, or None."""
    found = covered(shown, run, places, to_head=to_head)
    return None if found is None else (found.low, found.high)


def test_a_page_covers_from_its_first_message_to_its_last() -> None:
    """Law 5 (a): an older and a newer message around a place were served in the same read."""
    assert part(page(row(3), row(1)), Run(["3", "1"]), [30, 10]) == (10, 30)


def test_what_hangs_above_was_shown_by_another_page() -> None:
    """Law 5 (a): the message that a chain goes on from is not of the same read."""
    assert part(page(row(3), row(1)), Run(["9", "3", "1"]), [90, 30, 10]) == (10, 30)


def test_the_head_and_the_start_cover_all_beyond() -> None:
    """Law 5 (a): there is nothing newer than the head, nothing older than the start."""
    run = Run(["3", "1"], head=True, end=True)
    assert part(page(row(3), row(1)), run, [30, 10], to_head=True) == (START, HEAD)
    assert part(page(row(3), row(1)), run, [30, 10]) == (START, 30)


def test_a_page_without_messages_says_something_only_at_an_end() -> None:
    """Laws 2 and 5: nothing was served around anything."""
    assert part(page(), Run(["9"]), [90]) is None
    assert part(page(end=True), Run(["9"], end=True), [90]) == (START, 90)
    assert part(page(end=True), Run([], head=True, end=True), [], to_head=True) == (START, HEAD)
    assert part(page(end=True), Run([], head=True, end=True), []) is None


def test_a_page_that_repeats_another_answer_covers_nothing() -> None:
    """Law 5: it may come from a cache."""
    run = Run(["3", "1"])
    assert part(page(row(3), row(1), repeated=True), run, [30, 10]) is None
