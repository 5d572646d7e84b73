"""Reads a damaged file as far as that goes.

A page that cannot be read costs the rows on it: ranges of row numbers are halved until what
is readable was read. Rows that SQLite finds no way to are looked for page by page. What is read
may be nonsense all the same: values are checked.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, field

from syncengine.store.scattered import HIGHEST, Scattered
from syncengine.store.tables import SEQUENCE, Row, Table

_NO_DAMAGE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}
"""Other reasons why something cannot be read: they end the attempt."""
_SET = 512
"""Rows that are asked for at once."""
_MOST_ROWS = 1 << 31


class Source:
    """A damaged file, read as far as that goes."""

    def __init__(self, connection: sqlite3.Connection, scattered: Scattered) -> None:
        self._connection = connection
        self.scattered = scattered

    def rows(self, sql: str, bound: Sequence[Any] = ()) -> list[Row] | None:
        """All of them; None where one cannot be read."""
        found, whole = self.as_far(sql, bound)
        return found if whole else None

    def as_far(self, sql: str, bound: Sequence[Any] = ()) -> tuple[list[Row], bool]:
        """Rows up to the first that cannot be read, and whether there was none."""
        found: list[Row] = []
        try:
            for row in self._connection.execute(sql, bound):
                found.append(row)  # noqa: PERF402 - those before an error are wanted
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_DAMAGE:
                raise
            return found, False
        return found, True

    def number(self, sql: str) -> int | None:
        """One value, where it can be read and is a number."""
        found = self.rows(sql)
        value = found[0][0] if found else None
        return value if type(value) is int else None

    def sequence(self, name: str) -> int | None:
        """The highest number that was given to a row of a table; 0: none was; None: nobody
        knows."""
        found = self.rows("SELECT name, seq FROM sqlite_sequence")
        if found is None:
            found = list(self.scattered.rows(SEQUENCE))
            if not found:
                return None
        return max((seq for given, seq in found if given == name and type(seq) is int), default=0)

    def selection(self, table: Table) -> str | None:
        """The columns, as an older version has them; None: it has no such table, or none that
        can be found."""
        found = self.rows(f"PRAGMA table_info({table.name})")
        there = {row[1] for row in found or ()}
        if not there:
            return None
        lacking = {name: "NULL" if maybe else "0" for name, (_, maybe) in table.columns.items()}
        return ", ".join(name if name in there else lacking[name] for name in table.columns)

    def table(self, table: Table, most: int, *hints: str) -> "Numbered":
        """A table with row numbers. Where the highest cannot be read in it, `hints` are
        queries that may tell it, and with none of them it is taken to be `most`."""
        return Numbered(self, table, self.selection(table), most, hints)

    def keyed(self, table: Table, order: str) -> tuple[list[Row], bool]:
        """A table without: from both ends, as far as each can be read, and page by page."""
        columns = self.selection(table)
        if columns is None:
            return list(self.scattered.rows(table)), False
        sql = f"SELECT {columns} FROM {table.name} ORDER BY "  # noqa: S608 - constants
        names = order.split(", ")
        found, whole = self.as_far(sql + order)
        if not whole:
            more, _ = self.as_far(sql + ", ".join(f"{name} DESC" for name in names))
            found = list(dict.fromkeys([*found, *more, *self.scattered.rows(table)]))
        return [row for row in found if table.holds(row)], whole


@define
class Numbered:
    """The rows of a table, whatever lies between them."""

    source: Source
    table: Table
    columns: str | None
    most: int
    hints: Sequence[str]
    whole: bool = field(default=True, init=False)
    """Nothing was met yet that cannot be read."""
    _lost: list[tuple[int, int]] = field(factory=list, init=False)
    """Row numbers that SQLite finds no way to, in order."""

    def __iter__(self) -> Iterator[Row]:
        yield from self._reached()
        if self._lost:
            yield from self.source.scattered.rows(self.table, self._lost)

    def _reached(self) -> Iterator[Row]:
        if self.columns is None:
            self._lose(1, HIGHEST)
            return
        start, last = 1, self._last()
        end = min(self._guessed() if last is None else last, _MOST_ROWS)
        while start <= end:
            first = self._first(start)
            if first is None:
                break
            start = max(start, first)
            for row in self._between(start, start + _SET - 1):
                if self.table.holds(row):
                    yield row
                else:
                    self.whole = False
            start += _SET
        if last is None:
            self._lose(end + 1, HIGHEST)

    def _lose(self, low: int, high: int) -> None:
        self.whole = False
        if self._lost and self._lost[-1][1] == low - 1:
            low, _ = self._lost.pop()
        self._lost.append((low, high))

    def _last(self) -> int | None:
        """No row has a higher number; None: nobody knows."""
        key, name = self.table.key, self.table.name
        return self.source.number(f"SELECT coalesce(max({key}), 0) FROM {name}")  # noqa: S608

    def _guessed(self) -> int:
        """Up to where rows are asked for by their numbers."""
        if all(self._next(place) is None for place in self._samples()):
            return 0  # its root cannot be read
        told = (self.source.number(sql) for sql in self.hints)
        return next((number for number in told if number is not None), self.most)

    def _samples(self) -> Iterator[int]:
        """Places all over the table."""
        yield from (1 << n for n in range(31))
        yield from range(1, self.most, self.most // 64 + 1)

    def _first(self, start: int) -> int | None:
        """The next row's number, or `start` where that cannot be read; None: there is none."""
        found = self._next(start)
        if found is None:
            return start
        return int(found[0][0]) if found else None

    def _next(self, start: int) -> list[Row] | None:
        key, name = self.table.key, self.table.name
        sql = f"SELECT {key} FROM {name} WHERE {key} >= ? ORDER BY {key} LIMIT 1"  # noqa: S608
        return self.source.rows(sql, (start,))

    def _between(self, low: int, high: int) -> Iterator[Row]:
        key, name = self.table.key, self.table.name
        sql = f"SELECT {self.columns} FROM {name} WHERE {key} BETWEEN ? AND ?"  # noqa: S608
        ranges = [(low, high)]
        while ranges:
            low, high = ranges.pop()
            found = self.source.rows(sql, (low, high))
            if found is not None:
                yield from found
                continue
            if low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]
            else:
                self._lose(low, low)
