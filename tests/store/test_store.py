"""The store: opening, migrating, the one write verb, and files that are not as they should be."""

import asyncio
import errno
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncengine.errors import (
    ConfigError,
    EngineClosed,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreTooNew,
)
from syncengine.models import ConversationKey, Kind, MessageRow, Summary
from syncengine.schema_files import schema_path
from syncengine.store import database, queries
from syncengine.store.batch import HEAD, START, Batch, Bookkeeping, Gap, Shift
from syncengine.store.database import (
    Connect,
    Connection,
    connect_inline,
    connect_threaded,
    translated,
)
from syncengine.store.migrate import latest_schema, latest_version, migrate, migrations
from syncengine.store.store import open_store
from syncengine.store.view import View
from syncengine.store.writer import Decision
from tests.harness import dump, picture

BOB = ConversationKey("bob", Kind.CHAT)
CONNECTS = pytest.mark.parametrize("connect", [connect_threaded, connect_inline])


def row(message_id: str, text: str | None = None) -> MessageRow:
    return MessageRow(message_id, "bob", 1, "text", text or message_id, None, message_id.encode())


def always(batch: Batch | Bookkeeping) -> Decision:
    """A decision that has made up its mind."""
    return lambda view: batch


def first_page() -> Batch:
    return Batch(
        BOB,
        inserts=[(0, row("m1")), (10, row("m2"))],
        gaps_opened=[Gap(START, 0, "c1")],
        newest_changed=True,
        fetched=True,
    )


@CONNECTS
async def test_a_batch_is_written_and_read_back(tmp_path: Path, connect: Connect) -> None:
    """Law 1: messages and gap are there together; both kinds of connection do the same."""
    store = await open_store(tmp_path / "a.db", connect=connect)
    await store.apply([always(first_page())])
    assert await store.read(lambda c: View(c).gaps(BOB)) == [Gap(START, 0, "c1")]
    await store.close()
    assert picture(tmp_path / "a.db", "bob") == "? [m1 m2]"


@CONNECTS
async def test_a_decision_that_fails_takes_its_whole_commit_with_it(
    tmp_path: Path, connect: Connect
) -> None:
    """Law 1: nothing of a transaction remains when one statement of it fails."""
    store = await open_store(tmp_path / "a.db", connect=connect)
    await store.apply([always(first_page())])
    twice = Batch(BOB, inserts=[(20, row("m3")), (30, row("m3"))], gaps_closed=[Gap(START, 0)])
    with pytest.raises(StoreError):
        await store.apply([always(Batch(BOB, inserts=[(40, row("m4"))])), always(twice)])
    await store.close()
    assert picture(tmp_path / "a.db", "bob") == "? [m1 m2]"


async def test_a_decision_sees_what_those_before_it_wrote(tmp_path: Path) -> None:
    """Law 1: pages that share a commit build on each other."""
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    seen: list[int | None] = []

    def look(view: View) -> None:
        seen.append(view.below(BOB, HEAD))

    await store.apply([look, always(first_page()), look])
    await store.close()
    assert seen == [None, 10]


async def test_a_shift_makes_room_and_asks_again(tmp_path: Path) -> None:
    """Law 3: where positions are used up the rest moves, gaps with it, in the same commit."""
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    batch = first_page()
    await store.apply([always(batch), always(Batch(BOB, gaps_opened=[Gap(10, HEAD)]))])

    def decide(view: View) -> Batch:
        held = view.held(BOB, ["m2"])["m2"].position
        if held == 10:
            return Batch(BOB, shifts=[Shift(10, 100)])
        return Batch(BOB, inserts=[(held - 1, row("new"))])

    await store.apply([decide])
    assert await store.read(lambda c: View(c).gaps(BOB)) == [
        Gap(START, 0, "c1"),
        Gap(110, HEAD),
    ]
    await store.close()
    assert picture(tmp_path / "a.db", "bob") == "? [m1 new m2] ?"


async def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """Law 9: a read answers while a write transaction is open, from before it."""
    store = await open_store(tmp_path / "a.db")
    await store.apply([always(first_page())])
    inside, leave = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(view: View) -> Batch:
        loop.call_soon_threadsafe(inside.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result(30)
        return Batch(BOB, inserts=[(20, row("m3"))])

    writing = asyncio.create_task(store.apply([slow]))
    await inside.wait()
    assert (await store.read(queries.totals)).messages == 2
    leave.set()
    await writing
    assert (await store.read(queries.totals)).messages == 3
    await store.close()


async def test_unsigned_ids_are_kept_whole(tmp_path: Path) -> None:
    """Ids up to 2^64-1 pass through SQLite, whose integers end at 2^63-1."""
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    largest = str(2**64 - 1)
    await store.apply([always(Batch(BOB, inserts=[(0, row(largest))]))])
    assert largest in await store.read(lambda c: View(c).held(BOB, [largest]))
    await store.close()


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Files are 0600, the write-ahead log too."""
    store = await open_store(tmp_path / "a.db")
    await store.apply([always(first_page())])
    modes = await asyncio.to_thread(_modes, tmp_path)
    await store.close()
    assert modes == {0o600}


def _modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_a_file_belongs_to_one_account(tmp_path: Path) -> None:
    """Another user's messages never get into a file; the error says what to do."""
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    await store.claim("easemob:org#app:alice")
    await store.apply([always(first_page())])
    await store.claim("easemob:org#app:alice")
    with pytest.raises(ConfigError, match="belongs to") as caught:
        await store.claim("easemob:org#app:carol")
    assert "--db" in caught.value.hint
    await store.close()


async def test_a_file_with_nothing_in_it_can_be_claimed_anew(tmp_path: Path) -> None:
    """A typing error in the account's name does not spoil the file for ever."""
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    await store.claim("easemob:typo#app:alice")
    await store.claim("easemob:org#app:alice")
    await store.apply([always(first_page())])
    with pytest.raises(ConfigError):
        await store.claim("easemob:typo#app:alice")
    await store.close()


async def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    """Law 11: an empty batch leaves every row as it was."""
    path = tmp_path / "a.db"
    store = await open_store(path, connect=connect_inline)
    await store.apply([always(first_page())])
    before = dump(path)
    await store.apply([always(Batch(BOB)), lambda view: None])
    await store.close()
    assert dump(path) == before


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Using what was closed is an error of its own; closing twice is none."""
    store = await open_store(tmp_path / "a.db")
    await store.close()
    await store.close()
    with pytest.raises(EngineClosed):
        await store.read(queries.totals)


def test_latest_sql_is_what_the_migrations_make() -> None:
    """The generated schema is up to date: `make schema`."""
    assert schema_path("store", "latest.sql").read_text(encoding="utf-8") == latest_schema()


def test_migrations_are_numbered_without_holes_and_say_what_they_do() -> None:
    """Each file's first line is its number and its purpose."""
    found = migrations()
    assert [version for version, _ in found] == list(range(1, len(found) + 1))
    for version, file in found:
        assert file.read_text(encoding="utf-8").startswith(f"-- {version}: ")


def test_a_migration_cut_off_is_repeated_whole(tmp_path: Path) -> None:
    """Law 1: a crash inside a migration leaves the version before it."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.set_authorizer(_refuse_gaps)
        with pytest.raises(sqlite3.DatabaseError):
            migrate(database)
        database.set_authorizer(None)
        assert database.execute("PRAGMA user_version").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        migrate(database)
        assert database.execute("PRAGMA user_version").fetchone() == (latest_version(),)


def test_nobody_meets_tables_of_a_version_in_between(tmp_path: Path) -> None:
    """Law 1: whoever reads while a file is made sees no tables, or all of them."""
    path, seen = tmp_path / "a.db", set[int]()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:

            def look(_: str) -> None:
                seen.add(other.execute("PRAGMA user_version").fetchone()[0])

            database.set_trace_callback(look)
            migrate(database)
            look("")
    assert seen == {0, latest_version()}


@CONNECTS
async def test_a_file_of_an_older_version_that_cannot_be_upgraded_says_so(
    tmp_path: Path, connect: Connect
) -> None:
    """Its tables are not read as if they were today's; the file is not changed."""
    path = tmp_path / "a.db"
    store = await open_store(path)
    await store.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 3")

    async def unwritable(path: Path, read_only: bool) -> Connection:
        if not read_only:
            raise StoreFull(f"{path}: read-only")
        return await connect(path, True)

    with pytest.raises(StoreError, match="version 3") as caught:
        await open_store(path, connect=unwritable)
    assert "upgrades" in caught.value.hint


def _refuse_gaps(action: int, name: str | None, *_: str | None) -> int:
    """As if the process ended when it came to the gap table."""
    refused = action == sqlite3.SQLITE_CREATE_TABLE and name == "gap"
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


async def test_a_file_from_a_newer_version_can_be_read_not_written(tmp_path: Path) -> None:
    """It opens for reading; a write is refused with a hint, and nothing is changed."""
    path = tmp_path / "a.db"
    store = await open_store(path)
    await store.apply([always(first_page())])
    await store.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {latest_version() + 1}")
    store = await open_store(path)
    assert (await store.read(queries.totals)).messages == 2
    with pytest.raises(StoreTooNew) as caught:
        await store.apply([always(Bookkeeping(synced_at=1))])
    assert "Upgrade" in caught.value.hint
    await store.close()


@pytest.mark.parametrize(
    "content", [b"\n", b"this is no database", b"\0" * 5000, b"SQLite format 3\0"]
)
async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """Law 10: the error has a hint, and not a byte is changed."""
    path = tmp_path / "letter.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt) as caught:
        await open_store(path)
    assert caught.value.hint
    assert path.read_bytes() == content


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """Law 10: tables that are not ours are a reason to stop, not to add ours."""
    path = tmp_path / "bookmarks.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmark (url TEXT)")
        database.commit()
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match="another program"):
        await open_store(path)
    assert path.read_bytes() == before


async def test_a_full_disk_keeps_what_was_stored(tmp_path: Path) -> None:
    """The write fails whole with a hint; what was there can be read, and written later."""
    path = tmp_path / "a.db"
    store = await open_store(path, connect=_limited)
    await store.apply([always(first_page())])
    large = [(100 + i, row(f"x{i}", "x" * 10_000)) for i in range(200)]
    with pytest.raises(StoreFull) as caught:
        await store.apply([always(Batch(BOB, inserts=large))])
    assert "disk" in caught.value.hint
    await store.apply([always(Batch(BOB, inserts=[(20, row("m3"))]))])
    await store.close()
    assert picture(path, "bob") == "? [m1 m2 m3]"


async def _limited(path: Path, read_only: bool) -> Connection:
    """A connection whose file cannot grow: what a full disk is to SQLite."""
    connection = await connect_inline(path, read_only)
    if not read_only:
        await connection.run(lambda c: c.execute("PRAGMA max_page_count = 40"))
    return connection


@pytest.mark.parametrize(
    ("number", "room"),
    [
        (errno.EACCES, False),
        (errno.EROFS, False),
        (errno.EPERM, False),
        (errno.ENOSPC, True),
        (errno.EDQUOT, True),
    ],
)
def test_the_hint_fits_what_is_wrong(tmp_path: Path, number: int, room: bool) -> None:
    """Nobody is told to free space where only a right is missing, nor the other way round."""
    with pytest.raises(StoreFull) as caught, translated(tmp_path / "a.db"):
        raise OSError(number, os.strerror(number))
    assert ("disk space" in caught.value.hint) is room
    assert ("who may write" in caught.value.hint) is not room


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_read_only_folder_can_be_read(tmp_path: Path) -> None:
    """Law 9: a copy that may not be written is readable; a write is refused with a hint."""
    path = tmp_path / "a.db"
    asyncio.run(_write_first_page(path))
    path.chmod(0o444)
    _let_everybody_in(path)
    said = _as_nobody(lambda: asyncio.run(_read_and_try_to_write(path)))
    assert said == "2 messages; StoreFull: " + StoreFull.default_hint
    assert "disk space" not in said


async def _write_first_page(path: Path) -> None:
    store = await open_store(path)
    await store.apply([always(first_page())])
    await store.close()


async def _read_and_try_to_write(path: Path) -> str:
    store = await open_store(path)
    try:
        held = (await store.read(queries.totals)).messages
        await store.apply([always(Bookkeeping(synced_at=1))])
        return "written"
    except StoreError as error:
        return f"{held} messages; {type(error).__name__}: {error.hint}"
    finally:
        await store.close()


def _let_everybody_in(path: Path) -> None:
    """Temporary folders are their owner's alone; this one is looked at by another user."""
    for folder in path.parents:
        if stat.S_IMODE(folder.stat().st_mode) & 0o005 != 0o005:
            folder.chmod(0o755)


def _as_nobody(job: Callable[[], str]) -> str:
    """Run a job as a user without rights, in a fork: root may write everything."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            os.write(writing, job().encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        answer = said.read()
    os.waitpid(child, 0)
    return answer


async def test_a_locked_file_says_that_another_program_writes_it(tmp_path: Path) -> None:
    """The error is the one to wait for, not one of a broken file."""
    path = tmp_path / "a.db"
    store = await open_store(path, connect=_impatient)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked):
            await store.apply([always(first_page())])
        other.execute("ROLLBACK")
    await store.apply([always(first_page())])
    await store.close()


async def test_a_file_that_somebody_holds_is_not_read_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 9: without locks a reader might see half a commit: it says who is in the way."""
    monkeypatch.setattr(database, "_SETTINGS", ("PRAGMA busy_timeout = 1",))
    path = tmp_path / "a.db"
    await _write_first_page(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreLocked):
            await connect_inline(path, True)
        other.execute("ROLLBACK")


async def _impatient(path: Path, read_only: bool) -> Connection:
    connection = await connect_inline(path, read_only)
    await connection.run(lambda c: c.execute("PRAGMA busy_timeout = 1"))
    return connection


async def test_an_account_of_many_conversations_lists_pinned_first(tmp_path: Path) -> None:
    """Pinned first, then most recent."""
    store = await open_store(tmp_path / "a.db", connect=connect_inline)
    newest = row("m1")
    summaries = [
        Summary(ConversationKey("old", Kind.CHAT), newest=newest._replace(timestamp=1)),
        Summary(ConversationKey("new", Kind.CHAT), newest=newest._replace(timestamp=9)),
        Summary(
            ConversationKey("pinned", Kind.CHAT), pinned=True, newest=newest._replace(timestamp=5)
        ),
    ]
    await store.apply([always(Batch(s.key, summary=s)) for s in summaries])
    found = await store.read(lambda c: queries.conversations(c, None))
    assert [columns[0] for columns in found] == ["pinned", "new", "old"]
    await store.close()
