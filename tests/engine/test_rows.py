"""Rows without an id of their own: the same bytes may stand in many places."""

from pathlib import Path

import pytest

from syncengine import Kind
from syncengine.models import ConversationKey, MessageRow, Page
from syncengine.store.database import connect_inline
from syncengine.store.store import open_store
from syncengine.store.view import View
from syncengine.sync.placing import place_head
from syncengine.sync.reconcile import Rules
from tests.harness import USER, Side, numbered

BOB = ConversationKey("bob", Kind.CHAT)
ROW = b"\xff\xff\xff no protobuf"


def lines(side: Side, count: int, *, every: int, first: int) -> list[str]:
    """Messages with the same unreadable row between, and their texts."""
    texts = numbered(1, count)
    for number, text in enumerate(texts):
        side.send(text)
        if number % every == first % every:
            side.world.add_row("bob", USER, Kind.CHAT, ROW)
    return texts


async def shown(side: Side) -> list[str]:
    """Texts of the messages that have an id, and nothing is missing among them."""
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages("bob", "chat", limit=100)
    assert not [*found.gaps, *found.seams]
    return [m.text for m in found.messages if not m.message_id.startswith("raw:")]


@pytest.mark.parametrize("size", [2, 3, 4, 7])
@pytest.mark.parametrize(("every", "first"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])
async def test_the_same_row_at_any_place_of_a_page(
    side: Side, size: int, every: int, first: int
) -> None:
    """Law 3: the order is that of the messages, wherever a page ends; law 5: nothing is
    removed for it."""
    texts = lines(side, 17, every=every, first=first)
    side.time.seconds += 7200
    report = await side.sync(page_size=size)
    assert (report.errors, report.gaps_open) == ((), 0)
    assert await shown(side) == texts
    for _ in range(3):
        side.time.seconds += 11
        async with side.engine(page_size=size) as engine:
            found = await engine.verify()
            assert (found.messages_removed, found.suspects, found.incomplete) == (0, 0, 0)
        assert await shown(side) == texts


@pytest.mark.parametrize("size", [2, 3, 4])
async def test_new_messages_and_the_same_row_again(side: Side, size: int) -> None:
    """Law 2: a chain from the head down to what is held does not hang on such a row."""
    texts = lines(side, 9, every=2, first=0)
    side.time.seconds += 7200
    await side.sync(page_size=size)
    more = [f"n{number}" for number in range(9)]
    for text in more:
        side.send(text)
        side.world.add_row("bob", USER, Kind.CHAT, ROW)
    for _ in range(3):
        side.time.seconds += 7200
        report = await side.sync(page_size=size)
        assert report.errors == ()
    assert await shown(side) == [*texts, *more]


async def test_a_server_that_shows_the_same_row_on_every_page(side: Side) -> None:
    """Laws 2 and 5: what a page shows below such a row is not what stands below the one held:
    nothing is missing for it."""
    texts = numbered(1, 12)
    side.send(*texts)
    side.time.seconds += 7200
    await side.sync(page_size=3)
    side.world.add_row("bob", USER, Kind.CHAT, ROW)
    side.time.seconds += 7200
    for _ in range(4):
        side.time.seconds += 11
        report = await side.sync(page_size=3, audit_pages=4)
        assert report.messages_removed == 0
    assert await shown(side) == texts


async def test_an_old_newest_page_that_begins_with_the_same_row(tmp_path: Path) -> None:
    """Law 3: what a replica that lags behind shows below such a row is not what stands below
    the one that is held at the newest end."""
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    row, *messages = (
        MessageRow(name, "bob", 1000 * number, "text", name, None, name.encode())
        for number, name in enumerate(["raw:1", *numbered(1, 4)])
    )
    oldest_first = [message.message_id for message in messages]
    now = Page([row, *messages[:1:-1]], cursor="m3", end=False, served_at=9000)
    before = Page([row, *messages[1::-1]], cursor=None, end=True, served_at=9000)
    rules = Rules(confirm_after=10_000)
    for page in (now, before):
        await store.apply([place_head(BOB, page, rules)])
    found = await store.read(lambda c: View(c).held(BOB, oldest_first))
    await store.close()
    assert sorted(found, key=lambda m: found[m].position) == ["m3", "m4"]
