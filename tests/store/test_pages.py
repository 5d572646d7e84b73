"""Rows read without SQLite: any bytes at all may come, and what SQLite wrote is read as it is."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncengine.store import pages
from syncengine.store.pages import PAGE, Cell

KINDS = (pages.INNER_INDEX, pages.INDEX, pages.ROWS)


def everything(page: bytes) -> list[tuple[Cell, object]]:
    """All that the file tells about a page."""
    if pages.kind(page) is None:
        return []
    cells = [pages.cell(page, place) for place in pages.pointers(page)]
    return [(cell, pages.row(cell.payload)) for cell in cells if cell is not None]


@st.composite
def nonsense(draw: st.DrawFn) -> bytes:
    """A page of noise, with a head that looks like one."""
    noise = bytearray(random.Random(draw(st.integers(0, 1 << 32))).randbytes(PAGE))
    count = draw(st.integers(1, 2000) | st.integers(0, 0xFFFF))
    start = draw(st.integers(0, PAGE) | st.integers(0, 0xFFFF))
    noise[0], noise[3:5] = draw(st.sampled_from(KINDS)), count.to_bytes(2, "big")
    noise[5:7], noise[7] = start.to_bytes(2, "big"), draw(st.integers(0, 70))
    return bytes(noise)


@given(nonsense())
def test_no_page_is_too_bad(page: bytes) -> None:
    """Whatever a page holds, nothing is raised, and no cell is larger than the page."""
    for cell, _ in everything(page):
        assert len(cell.payload) <= PAGE


@given(st.binary(max_size=80))
def test_no_bytes_are_too_bad(data: bytes) -> None:
    """A payload, a log, a page of any length: what makes no sense is nothing."""
    pages.row(data)
    assert pages.kind(data) is None
    assert list(pages.committed(data)) == []


@pytest.mark.parametrize("at", range(3))
def test_a_number_that_is_cut_off(at: int) -> None:
    """A number of up to nine bytes says where it ends; without its end it is none."""
    with pytest.raises(IndexError):
        pages.varint(b"\x81\x82\x83"[at:], 0)
    assert pages.varint(b"\x81\x00", 0) == (128, 2)
    assert pages.varint(b"\xff" * 9, 0) == (-1, 9)


VALUES = st.one_of(
    st.none(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.integers(-130, 130),
    st.floats(allow_nan=False).filter(lambda number: not number.is_integer()),
    st.text(max_size=40),
    st.binary(max_size=40),
)
ROW = st.tuples(VALUES, VALUES, VALUES)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=30))
def test_what_sqlite_wrote_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]]
) -> None:
    """Numbers of every size, texts of every script, bytes, nothing: each comes back as it was,
    with its row's number."""
    path = tmp_path_factory.mktemp("written") / "any.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA page_size = {PAGE}")
        database.execute("CREATE TABLE any (a, b, c)")
        database.executemany("INSERT INTO any VALUES (?, ?, ?)", rows)
    content = path.read_bytes()
    page = content[PAGE : 2 * PAGE]
    found = [pages.cell(page, place) for place in pages.pointers(page)]
    assert [(c.number, pages.row(c.payload)) for c in found if c] == list(enumerate(rows, 1))


def logged(folder: Path) -> tuple[bytes, bytes]:
    """A log with a few commits, as a killed process leaves it, and the file with all of them."""
    path = folder / "alice.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA page_size = {PAGE}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE any (a)")
        for number in range(5):
            database.execute("INSERT INTO any VALUES (zeroblob(9000) || ?)", (str(number),))
        log = path.with_name("alice.db-wal").read_bytes()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return log, path.read_bytes()


def test_a_log_has_the_newest_pages(tmp_path: Path) -> None:
    """Law 1: what was committed into the log is what a checkpoint puts into the file."""
    log, content = logged(tmp_path)
    found = dict(pages.committed(log))
    assert len(found) == len(content) // PAGE
    for number, at in found.items():
        assert log[at : at + PAGE] == content[(number - 1) * PAGE : number * PAGE]


def test_a_log_that_is_cut_off_ends_with_a_commit(tmp_path: Path) -> None:
    """Law 1: half a transaction, and what follows a spoiled page, counts for nothing."""
    log, _ = logged(tmp_path)
    whole = list(pages.committed(log))
    chance = random.Random(0)
    for _ in range(20):
        at = chance.randrange(len(log))
        spoiled = log[:at] + bytes([log[at] ^ 1]) + log[at + 1 :]
        for other in (log[:at], spoiled):
            found = list(pages.committed(other))
            assert found == whole[: len(found)]
            for _, place in found[-1:]:
                assert any(log[place - 20 : place - 16]), "not a commit"
            assert all(place + PAGE <= at for _, place in found)
