"""What a decision may ask of the store: the answers, however they are looked up."""

import random
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from syncengine.models import ConversationKey, Kind, MessageRow
from syncengine.store.answers import HeldMessage
from syncengine.store.batch import Batch
from syncengine.store.database import connect_inline
from syncengine.store.store import open_store
from syncengine.store.view import View

BOB = ConversationKey("bob", Kind.CHAT)
CAROL = ConversationKey("carol", Kind.CHAT)


def row(message_id: str) -> MessageRow:
    return MessageRow(message_id, "bob", 1, "text", message_id, None, message_id.encode())


def some_id(chance: random.Random) -> str:
    """Of a server, of another kind of server, or of a row that cannot be read."""
    return chance.choice(
        [
            str(chance.randrange(100)),
            str(10**18 + chance.randrange(30)),
            f"raw:{chance.randrange(10)}",
            chance.choice("aäß你🌹"),
        ]
    )


def always(batch: Batch, _: View) -> Batch:
    """A decision that has made up its mind."""
    return batch


def of_bob(ids: list[str], connection: sqlite3.Connection) -> dict[str, HeldMessage]:
    """A query."""
    return View(connection).held(BOB, ids)


@pytest.mark.parametrize("seed", range(5))
async def test_what_is_held_of_some_ids(tmp_path: Path, seed: int) -> None:
    """Those of the messages that are here, be they neighbours or far apart, and no others:
    what is called new is inserted, and what is called held is not (law 1)."""
    chance = random.Random(seed)
    held = {some_id(chance) for _ in range(chance.randrange(120))}
    of_carol = {some_id(chance) for _ in range(20)}
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    batches = [
        Batch(key, inserts=[(place, row(m)) for place, m in enumerate(sorted(ids))])
        for key, ids in ((BOB, held), (CAROL, of_carol))
    ]
    await store.apply([partial(always, batch) for batch in batches])
    for _ in range(30):
        asked = [some_id(chance) for _ in range(chance.choice([0, 1, 2, 10, 60]))]
        found = await store.read(partial(of_bob, asked))
        assert found.keys() == set(asked) & held
        assert all(message.raw == message_id.encode() for message_id, message in found.items())
    await store.close()


async def test_whether_more_is_held_than_so_many(tmp_path: Path) -> None:
    """Law 5: what a page did not show is found by counting what stands between two positions,
    both exclusive, hidden or not, and of that conversation only."""
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    inserts = [(place, row(str(place))) for place in range(10)]
    mine = Batch(BOB, inserts=inserts, hidden={"4": 1})
    await store.apply([partial(always, mine), partial(always, Batch(CAROL, inserts=inserts))])

    def more(connection: sqlite3.Connection, low: int, high: int, number: int) -> bool:
        return not View(connection).holds_no_more(BOB, low, high, number)

    for low, high, held in ((-1, 10, 10), (0, 9, 8), (3, 5, 1), (4, 5, 0), (9, 99, 0)):
        assert await store.read(partial(more, low=low, high=high, number=held)) is False
        if held:
            assert await store.read(partial(more, low=low, high=high, number=held - 1)) is True
    await store.close()
