"""Rows found page by page are those that SQLite finds, and no others."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncengine.store.database import created
from syncengine.store.migrate import APPLICATION_ID, latest_version, migrate, migrations, statements
from syncengine.store.pages import PAGE
from syncengine.store.scattered import KEYED, NUMBERED, Scattered
from syncengine.store.tables import MESSAGE, NAME, SEQUENCE, TOMBSTONE, WAITING, Row, Table
from tests.harness import Side, dump, numbered
from tests.store.damaging import overwrite, schema_pages

TABLES = (*NUMBERED, TOMBSTONE, WAITING, SEQUENCE)
LONG = "很长的一段话 🏔️ " * 3000
"""A text that takes several pages."""


def stored(path: Path, table: Table) -> list[Row]:
    """What SQLite says."""
    columns = ", ".join(table.columns)
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT {columns} FROM {table.name}").fetchall()


def assert_finds_the_same(path: Path, *tables: Table) -> None:
    """Nothing more, nothing less, nothing twice."""
    for table in tables:
        found = list(Scattered(path).rows(table))
        assert sorted(map(repr, found)) == sorted(map(repr, stored(path, table))), table.name


@contextmanager
def new(path: Path) -> Iterator[sqlite3.Connection]:
    """An empty store, to be filled."""
    with created(path) as fresh:
        migrate(fresh)
        yield fresh


async def lived_in(side: Side) -> Side:
    """A copy with rows in all tables: pages that came and went, deletions of every kind."""
    for peer in ("bob", "卡罗尔", "داود"):
        side.send(*(f"{text} 🙂 {'天气' * 60}" for text in numbered(1, 400)), LONG, peer=peer)
    await side.sync(index_search=True)
    side.send(LONG, peer="bob")
    async with side.engine(index_search=True) as engine:
        held = side.held("bob")
        await engine.delete_remote_messages_with_ids("bob", "chat", held[:120])
        await engine.delete_remote_conversation("داود", "chat")
        await engine.sync()
        await engine.verify()
        await engine.index()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", held[150:300])
        await engine.delete_remote_messages_before("卡罗尔", "chat", side.time.now())
    return side


async def test_all_tables(side: Side) -> None:
    """Whatever was written and deleted before: each row of each table, and none of another's,
    the search index and its own included."""
    path = (await lived_in(side)).path
    for table in TABLES:
        if table.name != "account":
            assert stored(path, table), f"{table.name} is empty: nothing is tried"
    assert_finds_the_same(path, *TABLES)
    names = {(row, name, kind) for name, kind, row in Scattered(path).rows(NAME)}
    with closing(sqlite3.connect(path)) as database:
        sql = "SELECT conversation, conversation_id, kind FROM conversation"
        assert names == set(database.execute(sql))


async def test_what_was_deleted_is_not_found(side: Side) -> None:
    """Law 4: the text of a deleted message is on no page, also where whole pages came free."""
    side.send(*(f"secret {'x' * 900}" for _ in range(300)))
    side.send("m1", peer="carol")
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", side.held("bob"))
        await engine.sync()
    with closing(sqlite3.connect(side.path)) as database:
        assert database.execute("PRAGMA freelist_count").fetchone()[0] > 20
    assert [row[7] for row in Scattered(side.path).rows(MESSAGE)] == ["m1"]


async def test_what_is_only_in_the_log(side: Side, tmp_path: Path) -> None:
    """Laws 1 and 4: what was committed counts, not what the file says without its log."""
    side.send(*numbered(1, 40))
    await side.sync()
    killed = tmp_path / "killed" / "alice.db"
    killed.parent.mkdir()
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", side.held("bob")[:10])
        await engine.sync()
        for each in side.path.parent.glob("alice.db*"):
            shutil.copy(each, killed.with_name(each.name))
    assert killed.with_name("alice.db-wal").stat().st_size
    assert len(list(Scattered(killed).rows(MESSAGE))) == 30
    assert len(list(Scattered(killed).rows(TOMBSTONE))) == 10


async def test_a_first_page_anew(side: Side, tmp_path: Path) -> None:
    """Law 10: nothing that matters is only on the first page: SQLite reads all tables again, and
    finds the file sound."""
    path, copy = (await lived_in(side)).path, tmp_path / "copy.db"
    before = dump(path)
    overwrite(path, [1])
    assert Scattered(path).named(copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert dump(copy) == before
    with closing(sqlite3.connect(copy)) as database:
        faults = {line for (line,) in database.execute("PRAGMA integrity_check")}
    assert all("is never used" in fault for fault in faults - {"ok"}), "more than free pages"


@pytest.mark.parametrize("lost", [0, 1])
async def test_what_is_left_of_the_descriptions(side: Side, tmp_path: Path, lost: int) -> None:
    """The tables that are still described are read again."""
    path, copy = (await lived_in(side)).path, tmp_path / "copy.db"
    tables = dump(path)
    described = sorted(schema_pages(path) - {1})
    overwrite(path, [1, described.pop(lost)])
    assert Scattered(path).named(copy)
    content = copy.read_bytes()
    left = b"".join(content[(n - 1) * PAGE : n * PAGE] for n in described)
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA writable_schema = ON")
        found = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
        for name in found & {table.name for table in TABLES}:
            assert f"CREATE TABLE {name}".encode() in left
            assert database.execute(f"SELECT * FROM {name}").fetchall() == tables[name]
    assert found
    overwrite(path, described)
    assert not Scattered(path).named(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


TEXT = st.text(max_size=30) | st.integers(1, 40_000).map(lambda n: "字" * n)
ID = TEXT.filter(lambda text: "\0" not in text)
NUMBER = st.integers(-(1 << 63), (1 << 63) - 1)
RAW = st.binary(max_size=40).filter(lambda raw: len(raw) < 2 or any(raw))
"""Zeros and nothing else are what is left of a lost page."""
MESSAGES = st.lists(
    st.tuples(NUMBER, NUMBER, ID, ID, NUMBER, ID, TEXT, st.none() | NUMBER, RAW), max_size=20
)


@settings(max_examples=25, deadline=None)
@given(MESSAGES, st.sets(st.integers(1, 20)))
def test_any_messages(
    tmp_path_factory: pytest.TempPathFactory, messages: list[Row], deleted: set[int]
) -> None:
    """Texts of every length and script, over as many pages as they need."""
    path = tmp_path_factory.mktemp("any") / "alice.db"
    with new(path) as fresh:
        fresh.executemany(
            "INSERT OR IGNORE INTO message (conversation, position, message_id, sender,"
            " timestamp, type, text, edited_at, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            messages,
        )
        fresh.executemany("DELETE FROM message WHERE message = ?", [(n,) for n in deleted])
    assert_finds_the_same(path, MESSAGE)


def test_a_range_of_rows(tmp_path: Path) -> None:
    """Only the rows that are looked for, whatever else is on their pages."""
    path = tmp_path / "alice.db"
    with new(path) as fresh:
        _write(fresh, 500)
    found = Scattered(path).rows(MESSAGE, [(3, 5), (77, 77), (499, 1000)])
    assert sorted(row[0] for row in found) == [3, 4, 5, 77, 499, 500]


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("what", ["zeros", "nowhere", "itself", "another page"])
def test_a_text_of_which_a_page_is_lost(tmp_path: Path, what: str, last: bool) -> None:
    """What lies on a lost page is not made up: the message is lost, the others are not, and no
    circle of pages is followed for ever."""
    path = tmp_path / "alice.db"
    with new(path) as fresh:
        _write(fresh, 3)
        _write(fresh, 1, text="a long text " * 3000, start=4)
    content = bytearray(path.read_bytes())
    texts = [n for n in range(0, len(content), PAGE) if b"a long text" in content[n : n + PAGE]]
    ends = [n for n in texts if content[n : n + 4] == bytes(4)]
    at = ends[0] if last else texts[len(texts) // 2]
    assert (at in ends, content[at]) == (last, 0), "not a page of the text alone"
    spoiled = {
        "zeros": bytes(PAGE),
        "nowhere": b"\xff\xff\xff\xff",
        "itself": (at // PAGE + 1).to_bytes(4, "big"),
        "another page": (2).to_bytes(4, "big"),
    }[what]
    content[at : at + len(spoiled)] = spoiled
    path.write_bytes(content)
    assert sorted(row[0] for row in Scattered(path).rows(MESSAGE)) == [1, 2, 3]


def _write(fresh: sqlite3.Connection, count: int, *, text: str = "hi", start: int = 1) -> None:
    fresh.executemany(
        "INSERT INTO message (conversation, position, message_id, sender, timestamp, type, text,"
        " raw) VALUES (1, ?, ?, 'bob', 1, 'text', ?, x'00')",
        [(n * 65536, str(n), f"{text}{n}") for n in range(start, start + count)],
    )


def shapes(version: int) -> dict[str, list[Row]]:
    """The columns of each table of a version: name, type, NOT NULL, part of the key."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        for number, file in migrations():
            if number <= version:
                for statement in statements(file.read_text(encoding="utf-8")):
                    database.execute(statement)
        sql = 'SELECT name, type, "notnull", pk FROM pragma_table_info(?)'
        names = [table.name for table in TABLES]
        return {name: database.execute(sql, (name,)).fetchall() for name in names}


def test_layouts_are_those_of_the_schema() -> None:
    """Who adds a column is told here to add it to the layout, too, after a `|`."""
    kinds = {"INTEGER": int, "TEXT": str, "BLOB": bytes, "": None}
    latest = shapes(latest_version())
    for table in TABLES:
        found = latest[table.name]
        assert [name for name, _, _ in table.layout] == [name for name, *_ in found], table.name
        for (_, kind, optional), (name, type_, needed, key) in zip(
            table.layout, found, strict=True
        ):
            assert kinds[type_] in (kind, None), (table.name, name)
            assert optional is not bool(needed or key or table is SEQUENCE), (table.name, name)


def test_rows_of_older_versions_are_known() -> None:
    """Columns are only ever added, at the end: the shortest row is the first version's."""
    for table in TABLES:
        versions = [shapes(version)[table.name] for version, _ in migrations()]
        first = next(found for found in versions if found)
        assert table.oldest == len(first), table.name
        for found in versions:
            assert [row[0] for row in found] == [n for n, _, _ in table.layout][: len(found)]


def test_rows_that_an_older_version_wrote(tmp_path: Path) -> None:
    """A row that is shorter, since columns were added later, is read with these empty."""
    path = tmp_path / "alice.db"
    with created(path) as old:
        for version, file in migrations():
            for statement in statements(file.read_text(encoding="utf-8")):
                old.execute(statement)
            if version == 1:
                old.execute("INSERT INTO conversation (conversation_id, kind) VALUES ('b', 'chat')")
                _write(old, 3)
            if version == 2:
                old.execute("INSERT INTO tombstone VALUES (1, 'gone', NULL)")
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    assert_finds_the_same(path, *TABLES)


def test_no_table_looks_like_another() -> None:
    """A row is one table's, or none's, whichever version wrote it."""
    for group in (NUMBERED, KEYED):
        for table in group:
            number = 7 if group is NUMBERED else None
            for size in range(table.oldest, len(table.layout) + 1):
                for empty in (True, False):
                    row = _like(table, size, empty=empty, number=number)
                    if table.taken_of(row, number) is not None:
                        fits = [t.name for t in group if t.taken_of(row, number) is not None]
                        assert fits == [table.name]


def _like(table: Table, size: int, *, empty: bool, number: int | None) -> Row:
    values = [None if optional and empty else kind() for _, kind, optional in table.layout[:size]]
    return tuple(values) if number is None else (None, *values[1:])
