"""A file that does not say any more which tables it has: all rows on sound pages are saved."""

import errno
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncengine import Recovery, StoreCorrupt, StoreFull, check, recover
from syncengine.store.pages import committed
from syncengine.store.recovery import left_beside
from tests.harness import Side, dump
from tests.store.damaging import (
    PAGE,
    assert_claims_nothing_more,
    overwrite,
    pages,
    roots,
    schema_pages,
    spoil,
    zeros,
)

PEERS = ("bob", "卡罗尔", "داود")
LONG = "很长的一段话 🏔️ " * 2000
SAVED = ("message", "intent", "intent_message", "tombstone", "conversation", "preview")


@pytest.fixture
async def full(side: Side) -> Side:
    """A few thousand messages, some of several pages; messages that were deleted, and
    deletions that wait."""
    for peer in PEERS:
        side.send(*(f"m{n} 🙂 {'天气' * 40}" for n in range(1000)), LONG, peer=peer)
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", side.held("bob")[:20])
        await engine.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", side.held("bob")[30:100])
        await engine.delete_remote_messages_before("卡罗尔", "chat", side.time.now() - 1500)
    return side


def later(side: Side) -> Recovery:
    side.time.seconds += 3600
    return recover(side.path, now=side.time.now)


def rows(path: Path) -> dict[str, set[tuple[Any, ...]]]:
    """What has to be saved, without what is only kept for speed or made anew."""
    found = {name: set(each) for name, each in dump(path).items() if name in SAVED}
    found["conversation"] = {row[:3] for row in found["conversation"]}
    return found


def shown(side: Side) -> list[list[str]]:
    return [side.held(peer) for peer in PEERS]


async def pull(side: Side) -> None:
    report = await side.sync()
    assert (report.errors, report.gaps_open) == ((), 0)
    side.assert_same()


async def assert_saved(side: Side, found: Recovery, before: dict[str, Any], seen: Any) -> None:
    """Laws 2, 4, 8 and 10: all of it is here, nothing more is shown or claimed, and a sync ends
    with the server's view, the deletions delivered."""
    assert not found.nothing_read
    assert (found.conversations, found.messages) == (len(PEERS), len(before["message"]))
    assert found.intents == 2
    after = rows(side.path)
    for name, were in before.items():
        assert after[name] == were, name
    assert shown(side) == seen
    assert check(side.path) == ()
    assert_claims_nothing_more(side, side.path)
    await pull(side)
    async with side.engine(online=False) as engine:
        assert list(await engine.outbox()) == []


def damages() -> Iterable[Any]:
    """Which of the pages that describe the tables are lost, and how; 0 is the first."""
    for wipe in (zeros, overwrite):
        for which in ((0,), (1,), (2,), (0, 1), (0, 1, 2), (1, 2)):
            names = "+".join(map(str, which))
            yield pytest.param(wipe, which, id=f"{wipe.__name__} {names}")


@pytest.mark.parametrize(("wipe", "which"), list(damages()))
async def test_pages_of_the_schema(full: Side, wipe: Any, which: tuple[int, ...]) -> None:
    """Law 10: the first page, each other one that names the tables, and several at once."""
    before, seen = rows(full.path), shown(full)
    described = sorted(schema_pages(full.path) | {1})
    assert len(described) == 3, "another page to try"
    wipe(full.path, [described[n] for n in which])
    content = full.path.read_bytes()
    found = later(full)
    assert found.damaged.read_bytes() == content
    await assert_saved(full, found, before, seen)


async def test_the_head_of_the_file(full: Side) -> None:
    """Law 10: its first 100 bytes."""
    before, seen = rows(full.path), shown(full)
    with full.path.open("r+b") as file:
        file.write(random.Random(1).randbytes(100))
    await assert_saved(full, later(full), before, seen)


@pytest.mark.parametrize("wipe", [zeros, overwrite])
async def test_the_first_page_costs_nothing(full: Side, wipe: Any) -> None:
    """Laws 2 and 10: where only the first page is lost, nothing is, and nobody doubts it: gaps and
    cursors are as they were. The copy that was needed meanwhile is gone."""
    full.send(*(f"n{n}" for n in range(200)))
    await full.sync_until(lambda progress: progress.messages_added > 0)
    before = dump(full.path)
    assert before["gap"]
    wipe(full.path, [1])
    full.path.with_name("alice.db.recovering-old").write_bytes(b"of an attempt that was killed")
    assert full.path.with_name("alice.db.recovering-old") in left_beside(full.path)
    found = later(full)
    assert (found.lost, found.unsure) == (0, 0)
    after = dump(full.path)
    for name in ("message", "intent", "intent_message", "tombstone", "gap", "preview"):
        assert after[name] == before[name], name
    assert not list(full.path.parent.glob("*.recovering*"))
    await pull(full)


@pytest.mark.parametrize("logged", [True, False])
async def test_a_first_page_and_a_log(full: Side, tmp_path: Path, logged: bool) -> None:
    """Laws 1, 8 and 10: what a killed process left in its log counts: where the first page is in
    it, it is not lost; where it is not, all else that was committed is read all the same."""
    killed = tmp_path / "killed" / "alice.db"
    killed.parent.mkdir()
    async with full.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", full.held("bob")[:7])
        if logged:
            with closing(sqlite3.connect(full.path)) as database:
                database.execute("PRAGMA user_version = 8")
        for each in full.path.parent.glob("alice.db*"):
            shutil.copy(each, killed.with_name(each.name))
    log = killed.with_name("alice.db-wal").read_bytes()
    assert (1 in dict(committed(log))) == logged
    before, seen = rows(full.path), shown(full)
    overwrite(killed, [1])
    full.path = killed
    found = later(full)
    assert (found.lost, found.unsure, found.intents) == (0, 0, 3)
    assert rows(killed) == before
    assert shown(full) == seen
    if not logged:
        assert found.damaged.with_name(found.damaged.name + "-wal").read_bytes() == log
    await pull(full)


async def test_no_room_for_the_copy(full: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 10: a full disk leaves the damaged file as it is, and nothing half beside it."""

    def full_disk(_leaves: object, _count: int) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    zeros(full.path, [1])
    content = full.path.read_bytes()
    monkeypatch.setattr("syncengine.store.pages.first_page", full_disk)
    with pytest.raises(StoreFull):
        later(full)
    assert full.path.read_bytes() == content
    assert not list(full.path.parent.glob("*.recovering*"))


@pytest.mark.parametrize("name", ["message", "conversation", "intent", "intent_message"])
async def test_the_root_of_a_table(full: Side, name: str) -> None:
    """Law 10: a page that only says where the rows are costs no row; one that has rows costs
    these, as far as they are nowhere else."""
    before, seen = rows(full.path), shown(full)
    (root,) = roots(full.path, name)
    small = full.path.read_bytes()[(root - 1) * PAGE] in (10, 13)
    spoil(full.path, [root])
    found = later(full)
    assert small == (name != "message"), "it has grown, or shrunk"
    assert found.messages == len(before["message"])
    if not small:
        await assert_saved(full, found, before, seen)
        return
    assert shown(full)[0] == seen[0]
    assert_claims_nothing_more(full, full.path)
    await pull(full)


@pytest.mark.parametrize("seed", range(8))
async def test_rows_and_the_schema(full: Side, seed: int) -> None:
    """Laws 2 and 10: pages of messages, too, are lost: all messages on the others are here,
    and nothing is claimed that may be lost."""
    chance = random.Random(seed)
    content = full.path.read_bytes()
    leaves = [n + 1 for n in range(pages(full.path)) if content[n * PAGE] == 13]
    lost = chance.sample(leaves, 5)
    before, sound = rows(full.path), _rows_elsewhere(full.path, lost)
    overwrite(full.path, [1, *(schema_pages(full.path) if seed % 2 else []), *lost])
    later(full)
    kept = {row[0] for row in rows(full.path)["message"]}
    assert sound <= kept
    assert kept <= {row[0] for row in before["message"]}
    assert_claims_nothing_more(full, full.path)
    await pull(full)


def _rows_elsewhere(path: Path, lost: list[int]) -> set[int]:
    """Messages none of whose pages is among these: those that SQLite still reads one by one."""
    spoiled = path.with_name("spoiled.db")
    spoiled.write_bytes(path.read_bytes())
    overwrite(spoiled, lost)
    found = set()
    with closing(sqlite3.connect(spoiled)) as database:
        for number in range(1, 5000):
            try:
                row = database.execute(
                    "SELECT message FROM message WHERE message = ?", (number,)
                ).fetchone()
            except sqlite3.DatabaseError:
                continue
            found |= {number} if row else set()
    os.remove(spoiled)
    return found


@pytest.mark.parametrize("names", [("message",), ("message_order", "message_identity", "gap")])
async def test_only_some_tables_are_named(full: Side, names: tuple[str, ...]) -> None:
    """Law 2: a table whose description is lost is not an empty one."""
    before, seen = rows(full.path), shown(full)
    _forget(full.path, *names)
    await assert_saved(full, later(full), before, seen)


def _forget(path: Path, *names: str) -> None:
    """Take descriptions out of the schema."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA writable_schema = ON")
        marks = ", ".join("?" * len(names))
        database.execute(f"DELETE FROM sqlite_schema WHERE name IN ({marks})", names)
        database.commit()


async def test_a_table_that_is_not_named_is_not_whole(full: Side) -> None:
    """Law 2: its rows are found, some are lost, and no index tells which: all is doubted, though
    the gaps can be read."""
    content = full.path.read_bytes()
    held = [n + 1 for n in range(pages(full.path)) if "天".encode() in _part(content, n)]
    _forget(full.path, "message", "message_order", "message_identity")
    overwrite(full.path, held[3:6])
    found = later(full)
    assert 0 < found.messages < 2983
    assert found.unsure == len(PEERS)
    assert_claims_nothing_more(full, full.path)
    await pull(full)


def _part(content: bytes, number: int) -> bytes:
    page = content[number * PAGE : (number + 1) * PAGE]
    return page if page[0] == 13 else b""


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("cut", [rb"1300\d{5}", rb"1300\d{15}[^t]+textm"], ids=["id", "text"])
async def test_a_page_that_ends_in_zeros(full: Side, named: bool, cut: bytes) -> None:
    """Law 10: of half a page, what is left of a message is not shown as one."""
    full.send("m\0")  # people may write anything
    await full.sync()
    before = _texts(full.path)
    content = full.path.read_bytes()
    leaves = [n for n in range(pages(full.path)) if "天".encode() in _part(content, n)]
    with full.path.open("r+b") as file:
        for number in leaves[:5]:
            found = re.compile(cut).search(_part(content, number), PAGE // 2)
            assert found
            file.seek(number * PAGE + found.end())
            file.write(bytes(PAGE - found.end()))
    if not named:
        overwrite(full.path, schema_pages(full.path) | {1})
    later(full)
    after = _texts(full.path)
    assert "m\0" in {text for *_, text in after}
    assert after < before
    assert_claims_nothing_more(full, full.path)
    await pull(full)


def _texts(path: Path) -> set[tuple[Any, ...]]:
    return {(row[0], *row[3:8]) for row in dump(path)["message"]}


async def test_names_that_only_an_index_has(full: Side) -> None:
    """Law 10: neither the tables' descriptions nor the conversations are left; their index tells
    their names, and all messages are saved."""
    lost = schema_pages(full.path) | {1} | roots(full.path, "conversation")
    overwrite(full.path, lost)
    found = later(full)
    assert (found.conversations, found.messages, found.intents) == (len(PEERS), 2983, 2)
    assert_claims_nothing_more(full, full.path)
    await pull(full)


async def test_noise(side: Side) -> None:
    """Bad input: a file of random bytes has nothing of ours, and is left as it is."""
    side.path.write_bytes(random.Random(1).randbytes(400 * PAGE))
    before = side.path.read_bytes()
    with pytest.raises(StoreCorrupt, match="is no store: it is left as it is"):
        recover(side.path)
    assert [each.read_bytes() for each in side.path.parent.iterdir()] == [before]
