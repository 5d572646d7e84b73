"""A damaged file: what can be read is saved, the rest is pulled again, nothing is deleted."""

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syncengine import (
    Intent,
    Recovery,
    StoreCorrupt,
    StoreError,
    StoreLocked,
    StoreReplaced,
    StoreTooNew,
    WriterLock,
    check,
    recover,
)
from syncengine.store.database import created
from syncengine.store.migrate import migrations, statements
from tests.harness import Side, dump, numbered
from tests.store.damaging import (
    assert_claims_nothing_more,
    pages,
    roots,
    schema_pages,
    spoil,
    zeros,
)

PEERS = ("bob", "carol", "dave")
DELETED = 5
"""Messages of bob's that are asked to be deleted, with no network."""


@pytest.fixture
async def full(side: Side) -> Side:
    """Three conversations, one of them not yet whole, and deletions that wait."""
    for peer in PEERS:
        side.send(*(f"{text} {'x' * 200}" for text in numbered(1, 300)), peer=peer)
    await side.sync()
    side.send(*(f"{text} {'y' * 200}" for text in numbered(301, 400)), peer="dave")
    await side.sync_until(lambda progress: progress.messages_added > 0)
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", side.held("bob")[:DELETED])
        await engine.delete_remote_messages_before("carol", "chat", 1_700_000_000_000)
    return side


async def outbox(side: Side) -> list[Intent]:
    async with side.engine(online=False) as engine:
        return list(await engine.outbox())


async def pull(side: Side) -> None:
    report = await side.sync()
    assert not report.errors
    assert report.gaps_open == 0
    side.assert_same()


def later(side: Side, path: Path | None = None) -> Recovery:
    """Recover, as if the last attempt were long ago."""
    side.time.seconds += 3600
    return recover(path or side.path, now=side.time.now)


async def test_nothing_is_wrong(full: Side) -> None:
    """All rows of a sound file are saved; nothing is to be pulled but what was missing."""
    before = dump(full.path)
    assert check(full.path) == ()
    found = later(full)
    assert not found.nothing_read
    assert (found.conversations, found.messages) == (3, len(before["message"]))
    assert (found.lost, found.unsure, found.intents) == (0, 0, 2)
    after = dump(full.path)
    for name in ("message", "intent", "intent_message", "tombstone", "gap", "preview"):
        assert after[name] == before[name], name
    assert dump(found.damaged) == before
    await pull(full)
    assert await outbox(full) == []


@pytest.mark.parametrize("seed", range(16))
async def test_pages_that_cannot_be_read(full: Side, seed: int) -> None:
    """Laws 2, 8 and 10: whichever pages are lost, nothing is called whole that is not, the
    deletions that wait are kept and delivered, and a sync ends with the server's view."""
    chance = random.Random(seed)
    needed = roots(full.path, "intent", "intent_message", "conversation") | {1}
    needed |= schema_pages(full.path)
    others = [n for n in range(1, pages(full.path) + 1) if n not in needed]
    spoil(full.path, chance.sample(others, chance.choice([1, 1, 2, 5, 12])), seed)
    before = full.path.read_bytes()
    asked = await _asked(full.path)
    found = later(full)
    assert found.damaged.read_bytes() == before
    assert check(full.path) == ()
    assert_claims_nothing_more(full, full.path)
    assert [intent.number for intent in await outbox(full)] == asked
    await pull(full)
    assert await outbox(full) == []
    assert len(full.held("bob")) == 300 - DELETED


@pytest.mark.parametrize("seed", range(12))
async def test_any_pages_at_all(full: Side, seed: int) -> None:
    """Law 10: also the first page, and what is needed to find anything: it ends as the server
    has it. A file that is half gone too."""
    chance = random.Random(seed)
    if seed % 4:
        numbers = chance.sample(range(1, pages(full.path) + 1), chance.choice([1, 3, 10, 40]))
        spoil(full.path, [*numbers, *([1] if seed % 4 == 1 else [])], seed)
    else:
        os.truncate(full.path, chance.randrange(8192, 8192 * pages(full.path)))
    later(full)
    assert check(full.path) == ()
    assert_claims_nothing_more(full, full.path)
    await pull(full)


async def _asked(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as database:
        return [n for (n,) in database.execute("SELECT intent FROM intent ORDER BY intent")]


async def test_one_page_costs_its_rows_only(full: Side) -> None:
    """A lost page of messages is a gap in one conversation, and as many messages as it held;
    the next sync asks for little more than these."""
    (root,) = roots(full.path, "message")
    with closing(sqlite3.connect(full.path)) as database:
        (text,) = database.execute(
            "SELECT message_id FROM message JOIN conversation USING (conversation)"
            " WHERE conversation_id = 'bob' ORDER BY position LIMIT 1 OFFSET 150"
        ).fetchone()
    content = full.path.read_bytes()
    leaves = [
        n + 1
        for n in range(pages(full.path))
        if content[n * 8192] == 13 and text.encode() in content[n * 8192 : n * 8192 + 8192]
    ]
    assert leaves
    assert root not in leaves
    spoil(full.path, leaves)
    found = later(full)
    assert found.unsure == 0
    assert 0 < found.lost < 60 * len(leaves)
    assert "] ? [" in full.picture("bob")
    report = await full.sync()
    assert report.pages < 12
    full.assert_same()


@pytest.mark.parametrize("more", [(), ("sqlite_sequence",)])
async def test_a_lost_deletion_is_known_by_what_it_hides(full: Side, more: tuple[str, ...]) -> None:
    """Law 8: the outbox's own pages are gone, perhaps also the one that says how many deletions
    there were; the hidden messages tell what was asked."""
    spoil(full.path, roots(full.path, "intent", "intent_message", *more))
    later(full)
    (asked, *_) = await outbox(full)
    assert len(asked.message_ids) == DELETED
    await pull(full)
    assert len(full.held("bob")) == 300 - DELETED


async def test_what_is_only_in_the_log(full: Side, tmp_path: Path) -> None:
    """A killed process leaves commits in the write-ahead log: they are saved, and it is kept
    beside the old file."""
    killed = tmp_path / "killed" / "alice.db"
    killed.parent.mkdir()
    async with full.engine(online=False) as engine:
        ids = full.held("dave")[:7]
        await engine.delete_remote_messages_with_ids("dave", "chat", ids)
        for each in full.path.parent.glob("alice.db*"):
            shutil.copy(each, killed.with_name(each.name))
    spoil(killed, roots(killed, "message_order"))
    found = later(full, killed)
    assert found.intents == 3
    assert len(await _asked(found.damaged)) == 3
    full.path = killed
    await pull(full)


async def test_what_it_notes_is_for_its_owner_only(full: Side) -> None:
    """Who was served when is nobody else's business; an older version's note is closed, too."""
    note = full.path.with_name("alice.db.recovery")
    note.write_text("0")
    note.chmod(0o644)
    for _ in range(2):
        later(full)
        assert note.stat().st_mode & 0o777 == 0o600
        note.unlink()


async def test_an_empty_store_was_read(side: Side) -> None:
    """Law 10: that there was nothing is another thing than that nothing could be read."""
    async with side.engine(online=False):
        pass
    assert not later(side).nothing_read
    spoil(side.path, [1])
    assert not later(side).nothing_read
    zeros(side.path, schema_pages(side.path) | {1})
    assert later(side).nothing_read


async def test_one_attempt_in_ten_minutes(full: Side) -> None:
    """A disk that fails spoils the new file too: the second attempt is refused with a hint, and
    changes nothing; later, and with a clock that was set back, it is tried again."""
    recover(full.path, now=full.time.now)
    before = sorted(each.name for each in full.path.parent.iterdir())
    full.time.seconds += 590
    with pytest.raises(StoreCorrupt, match="less than ten minutes ago") as told:
        recover(full.path, now=full.time.now)
    assert "1 minutes" in told.value.hint or "disk" in told.value.hint
    assert sorted(each.name for each in full.path.parent.iterdir()) == before
    full.time.seconds += 11
    recover(full.path, now=full.time.now)
    full.time.seconds -= 86_400
    recover(full.path, now=full.time.now)
    await pull(full)


async def test_what_is_no_store_is_left_alone(side: Side) -> None:
    """Bad input: a diary, another program's database, a newer version's store, nothing at all:
    refused, with nothing changed, moved or made."""
    diary = side.path.with_name("diary.db")
    diary.write_bytes(b"Dear diary, " * 1000)
    other = side.path.with_name("other.db")
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE recipe (name TEXT)")
    side.send("m1")
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database:
        database.execute("PRAGMA user_version = 99")
    before = {each: each.read_bytes() for each in side.path.parent.iterdir()}
    for path, error in ((diary, StoreCorrupt), (other, StoreCorrupt), (side.path, StoreTooNew)):
        with pytest.raises(error):
            recover(path)
    with pytest.raises(StoreError):
        recover(side.path.with_name("none.db"))
    assert {each: each.read_bytes() for each in before} == before
    assert not list(side.path.parent.glob("*.recover*"))
    assert not list(side.path.parent.glob("*.damaged*"))


async def test_nobody_is_disturbed(full: Side) -> None:
    """Law 1: not while another syncs or writes; whoever reads, reads the new file from then on,
    is told to read anew, and nobody writes into the old one."""
    with WriterLock(full.path).held(), pytest.raises(StoreLocked):
        recover(full.path)
    async with full.engine(online=False) as engine:
        since = await engine.reader.revision()
        updates = engine.changes(since)
        shown = len((await engine.reader.messages("bob", "chat", limit=500)).messages)
        recover(full.path, now=full.time.now)
        assert len((await engine.reader.messages("bob", "chat", limit=500)).messages) == shown
        assert (await anext(updates)).reset
        with pytest.raises(StoreReplaced):
            await engine.delete_remote_conversation("bob", "chat")
    async with full.engine() as engine:
        await engine.sync()
        again = engine.changes(since)  # somebody who was away meanwhile
        assert (await anext(again)).reset


async def test_a_deletion_at_the_moment_of_the_swap(
    full: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 8: never silently dropped: it is in the new file, or the caller is told."""
    async with full.engine(online=False) as engine:
        real = engine._store._writable().run

        async def replaced_meanwhile(job):  # type: ignore[no-untyped-def]  # as generic as the real one
            recover(full.path, now=full.time.now)
            return await real(job)

        monkeypatch.setattr(engine._store._writable(), "run", replaced_meanwhile)
        with pytest.raises(StoreReplaced):
            await engine.delete_remote_conversation("bob", "chat")


@pytest.mark.parametrize("step", ["link", "replace"])
async def test_a_kill_in_the_middle_of_the_swap(
    full: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Law 10: after each step there is a file under the name, and the next attempt has all."""
    killed = tmp_path / "killed" / "alice.db"
    killed.parent.mkdir()
    async with full.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("dave", "chat", full.held("dave")[:7])
        for each in full.path.parent.glob("alice.db*"):
            shutil.copy(each, killed.with_name(each.name))
    name, _, number = step.partition(" ")
    real, calls = getattr(os, name), 0

    def cut(*arguments: Path) -> None:
        nonlocal calls
        calls += 1
        real(*arguments)
        if calls == int(number or 1):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, name, cut)
        with pytest.raises(KeyboardInterrupt):
            recover(killed, now=full.time.now)
    assert killed.exists()
    found = later(full, killed)
    assert found.intents == 3
    full.path = killed
    await pull(full)


def test_a_file_of_an_older_version(tmp_path: Path) -> None:
    """What an old file holds is saved into a new one, of whichever version it is."""
    for version, _ in migrations():
        path = tmp_path / f"{version}.db"
        with created(path) as old:
            for number, file in migrations():
                if number <= version:
                    for statement in statements(file.read_text()):
                        old.execute(statement)
            old.execute(f"PRAGMA user_version = {version}")
            old.execute(f"PRAGMA application_id = {0x53594E43}")
            old.execute(
                "INSERT INTO conversation (conversation_id, kind, fetched)"
                " VALUES ('bob', 'chat', 1)"
            )
            for n in range(3):
                old.execute(
                    "INSERT INTO message (conversation, position, message_id, sender, timestamp,"
                    " type, text, raw) VALUES (1, ?, ?, 'bob', 1, 'text', 'hi', x'00')",
                    (n * 65536, str(n)),
                )
        found = recover(path)
        assert (found.conversations, found.messages, found.unsure) == (1, 3, 0), version
        assert check(path) == ()
