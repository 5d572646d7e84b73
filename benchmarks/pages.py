"""Prepared pages of a first pull, placed and written with no server: what a page costs."""

import asyncio
import gc
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.running import turns
from syncengine import Config, ConversationKey, Kind
from syncengine.models import MessageRow, Page
from syncengine.store.database import connect_inline
from syncengine.store.migrate import migrate
from syncengine.store.writer import Decision, apply_all
from syncengine.sync.history import rules_of
from syncengine.sync.placing import place_below, place_head

PAGE = 49
_CONVERSATIONS, _PAGES = 20, 21
_MANY = 200
_A_COMMIT = 8
_SERVED_AT = 1_700_000_000_000
_RULES = rules_of(Config())

Variant = Callable[[], AbstractContextManager[object]]
"""A block in which the pages are placed and written in another way."""


def first_pull() -> list[Decision]:
    """The pages of some conversations, newest first."""
    return [
        decision
        for number in range(_CONVERSATIONS)
        for decision in _pages(ConversationKey(f"user{number}", Kind.CHAT), number)
    ]


def newest(*, again: bool = False, without: int | None = None) -> list[Decision]:
    """The newest page of many conversations, `again`: a minute later; perhaps one of its
    messages is missing."""
    at = _SERVED_AT + (60_000 if again else 0)
    found: list[Decision] = []
    for number in range(_MANY):
        rows = _rows(number, 0)
        if without is not None:
            rows = [*rows[:without], *rows[without + 1 :]]
        page = Page(rows, rows[-1].message_id, False, at)
        found.append(place_head(ConversationKey(f"user{number}", Kind.CHAT), page, _RULES))
    return found


def _pages(key: ConversationKey, number: int) -> Iterator[Decision]:
    above = ""
    for place in range(_PAGES):
        rows = _rows(number, place)
        end = place == _PAGES - 1
        page = Page(rows, None if end else rows[-1].message_id, end, _SERVED_AT)
        yield place_below(key, above, page, _RULES) if place else place_head(key, page, _RULES)
        above = rows[-1].message_id


def _rows(number: int, place: int) -> list[MessageRow]:
    newest = 10**18 - number * 10**6 - place * PAGE
    return [_row(newest - each) for each in range(PAGE)]


def _row(number: int) -> MessageRow:
    text = "a line of text as people write it"
    return MessageRow(str(number), "bob", number // 10**6, "text", text, None, b"x" * 330)


def costs(
    variants: Mapping[str, Variant],
    runs: int,
    measured: Sequence[Decision],
    before: Sequence[Decision] = (),
) -> dict[str, list[float]]:
    """Microseconds of the processor a page, of each variant, in turn; `before` is written
    first, unmeasured."""
    found: dict[str, list[float]] = {name: [] for name in variants}
    with _collected_between() as collect:
        for name in turns(list(variants), runs):
            collect()
            found[name].append(_applied(variants[name], before, measured))
    return found


@contextmanager
def _collected_between() -> Iterator[Callable[[], int]]:
    """The collector's passes fall here or there, and cost more than a row."""
    gc.disable()
    try:
        yield gc.collect
    finally:
        gc.enable()


def _applied(variant: Variant, before: Sequence[Decision], measured: Sequence[Decision]) -> float:
    with TemporaryDirectory() as folder:
        opened = asyncio.run(connect_inline(Path(folder) / "copy.db", False))
        with closing(opened._connection) as connection:  # type: ignore[attr-defined]  # the class behind it has it
            migrate(connection)
            rows: dict[ConversationKey, int] = {}
            _apply(connection, before, rows)
            with variant():
                started = time.process_time()
                _apply(connection, measured, rows)
                return (time.process_time() - started) / len(measured) * 1e6


def _apply(
    connection: sqlite3.Connection, decisions: Sequence[Decision], rows: dict[ConversationKey, int]
) -> None:
    for start in range(0, len(decisions), _A_COMMIT):
        apply_all(connection, decisions[start : start + _A_COMMIT], rows)
