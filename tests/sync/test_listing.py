"""What a page of the server's list leads to."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from syncengine.models import ConversationKey, Kind, MessageRow, Summary, SummaryPage
from syncengine.store.batch import Batch
from syncengine.store.database import connect_inline
from syncengine.store.store import Store, open_store
from syncengine.store.view import View
from syncengine.sync.listing import note_summaries


def entry(number: int, message: str = "1", unread: int = 0) -> Summary:
    """Of one conversation."""
    row = MessageRow(message, "bob", 1, "text", message, None, message.encode())
    key = ConversationKey(f"user{number}", Kind.CHAT)
    return Summary(key, unread_count=unread, marks=("mark_1",), newest=row)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Which knows forty conversations."""
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    await noted(store, [entry(number) for number in range(40)])
    yield store
    await store.close()


async def noted(store: Store, entries: Sequence[Summary]) -> list[str]:
    """Write what a page says; the conversations of which it says anything new."""
    written = await store.apply(note_summaries(SummaryPage(entries, None)))
    return [batch.key.conversation_id for batch in written if isinstance(batch, Batch)]


async def unread(store: Store, number: int) -> int:
    """What is noted of one conversation."""
    found = await store.read(lambda c: View(c).listed(entry(number).key))
    assert found is not None
    return found.unread_count


async def test_what_is_known_is_passed_over_with_one_statement(store: Store) -> None:
    """Law 11: entries that say nothing new are not looked up one by one, nor written."""
    statements: list[str] = []

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(statements.append)

    await store.tend(watch)
    assert await noted(store, [entry(number) for number in range(40)]) == []
    assert len([each for each in statements if "FROM conversation" in each]) == 1
    assert not [each for each in statements if each.lstrip().startswith(("INSERT", "UPDATE"))]


@pytest.mark.parametrize(
    "change",
    [
        {"unread_count": 1},
        {"pinned": True},
        {"marks": ()},
        {"newest": None},
        {"newest": entry(7, "2").newest},
    ],
)
async def test_whatever_an_entry_says_anew_is_noted(store: Store, change: dict[str, Any]) -> None:
    """Law 6: that entry is, once, and no other."""
    entries = [entry(number) for number in range(40)]
    entries[7] = evolve(entries[7], **change)
    assert await noted(store, entries) == ["user7"]
    assert await noted(store, entries) == []


async def test_of_two_entries_of_one_conversation_the_last_counts(store: Store) -> None:
    """Law 6: also where one of them says what was known before."""
    assert await noted(store, [entry(3, unread=5), entry(3)]) == ["user3", "user3"]
    assert await unread(store, 3) == 0
    assert await noted(store, [entry(3), entry(3, unread=5)]) == ["user3"]
    assert await unread(store, 3) == 5
    assert await noted(store, [entry(99), entry(99, unread=2)]) == ["user99", "user99"]
    assert await unread(store, 99) == 2
