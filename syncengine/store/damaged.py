"""Reads a damaged file as far as that goes.

A page that cannot be read costs the rows on it: ranges of row numbers are halved until what
is readable was read. What is read may be nonsense all the same: values are checked.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, field, frozen

Row = tuple[Any, ...]

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


@frozen
class Table:
    """What is taken of a table, and of which type each column has to be."""

    name: str
    columns: dict[str, tuple[type, bool]]
    """The type, and whether it may be missing. The first is the row's number."""

    @classmethod
    def of(cls, name: str, columns: str) -> "Table":
        """From words like ``seen_at int?``."""
        found = {}
        for each in columns.split(","):
            column, type_ = each.split()
            kinds: dict[str, type] = {"int": int, "text": str, "blob": bytes}
            found[column] = (kinds[type_.rstrip("?")], type_.endswith("?"))
        return cls(name, found)

    @property
    def key(self) -> str:
        """The row's number."""
        return next(iter(self.columns))

    def holds(self, row: Row) -> bool:
        """Whether every value has its column's type."""
        return all(
            (optional and value is None) or type(value) is kind
            for value, (kind, optional) in zip(row, self.columns.values(), strict=True)
        )


class Source:
    """A damaged file, read as far as that goes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

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

    def selection(self, table: Table) -> str | None:
        """The columns, as an older version has them; None: it has no such table."""
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
        """A table without: from both ends, as far as each can be read."""
        columns = self.selection(table)
        if columns is None:
            return [], True
        sql = f"SELECT {columns} FROM {table.name} ORDER BY "  # noqa: S608 - constants
        names = order.split(", ")
        found, whole = self.as_far(sql + order)
        if not whole:
            more, _ = self.as_far(sql + ", ".join(f"{name} DESC" for name in names))
            found = list(dict.fromkeys([*found, *more]))
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

    def __iter__(self) -> Iterator[Row]:
        if self.columns is None:
            return
        start, end = 1, self._end()
        while start <= end:
            first = self._first(start)
            if first is None:
                return
            start = max(start, first)
            for row in self._between(start, start + _SET - 1):
                if self.table.holds(row):
                    yield row
                else:
                    self.whole = False
            start += _SET

    def _end(self) -> int:
        """No row has a higher number."""
        key, name = self.table.key, self.table.name
        last = self.source.number(f"SELECT coalesce(max({key}), 0) FROM {name}")  # noqa: S608
        if last is not None:
            return min(last, _MOST_ROWS)
        self.whole = False
        if all(self._next(place) is None for place in self._samples()):
            return 0  # its root cannot be read
        told = (self.source.number(sql) for sql in self.hints)
        return min(next((number for number in told if number is not None), self.most), _MOST_ROWS)

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
            self.whole = False
            if low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]
