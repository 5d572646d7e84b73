"""Finds rows that no table leads to any more, page by page.

    page 1, or a page that describes the tables, or a table's root: lost
    every other page tells by itself what it is, and its rows which table they are of

What was deleted is not found: `secure_delete` overwrites it, rows and whole pages.
"""

import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from attrs import frozen

from syncengine.store import pages
from syncengine.store.pages import INDEX, INNER_INDEX, PAGE, ROWS, Cell
from syncengine.store.tables import (
    ACCOUNT,
    AUDIT,
    CONVERSATION,
    INTENT,
    MESSAGE,
    NAME,
    PREVIEW,
    SCHEMA,
    SEQUENCE,
    TOMBSTONE,
    WAITING,
    Row,
    Table,
)

NUMBERED = (MESSAGE, CONVERSATION, PREVIEW, AUDIT, INTENT, ACCOUNT)
KEYED = (TOMBSTONE, WAITING, NAME)
_TABLES = {
    ROWS: (*NUMBERED, SEQUENCE, SCHEMA),
    INDEX: KEYED,
    INNER_INDEX: KEYED,
}
"""What a page of each type may hold."""
_TRIED = 8
"""Rows of a page that are tried, all over it: some may be spoiled."""
HIGHEST = (1 << 63) - 1
"""No row has a higher number."""


@frozen(slots=False)
class Scattered:
    """A store's file and its log, as bytes."""

    path: Path

    def rows(
        self, table: Table, within: Sequence[tuple[int, int]] = ((1, HIGHEST),)
    ) -> Iterator[Row]:
        """All rows of a table that can be read, in no order. `within`: ranges of row numbers,
        in order, that are looked for. Raises OSError."""
        for number in self._found[table.name]:
            page = self._page(number)
            for place in pages.pointers(page):
                cell = pages.cell(page, place)
                if cell is not None and _lies(cell.number, within):
                    row = self._taken(cell, table)
                    if row is not None:
                        yield row

    def anything(self) -> bool:
        """Whether a conversation or a message is there: then it was a store."""
        return any(self._found[table.name] for table in (CONVERSATION, MESSAGE))

    def named(self, target: Path) -> bool:
        """Write all pages into a new file, for its owner only, with a first page that leads to
        what is left of the tables' descriptions. False: nothing is left of them.

        Raises OSError, also where there is a file already.
        """
        leaves = sorted(map(self._numbered, self._found[SCHEMA.name]))
        if not leaves:
            return False
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "wb") as file:
            file.write(pages.first_page(leaves, self._last))
            for number in range(2, self._last + 1):
                file.write(self._page(number).ljust(PAGE, b"\0"))
        return True

    def _numbered(self, number: int) -> tuple[int, int]:
        """A page, after the highest number of its rows."""
        page = self._page(number)
        cells = [pages.cell(page, place) for place in pages.pointers(page)]
        return max(cell.number or 0 for cell in cells if cell), number

    @cached_property
    def _log(self) -> dict[int, bytes]:
        """The newest committed page of each that is in the log."""
        with suppress(FileNotFoundError):
            log = self.path.with_name(self.path.name + "-wal").read_bytes()
            places = dict(pages.committed(log))
            return {number: log[at : at + PAGE] for number, at in places.items()}
        return {}

    @cached_property
    def _last(self) -> int:
        return max([self.path.stat().st_size // PAGE, *self._log])

    @cached_property
    def _found(self) -> dict[str, list[int]]:
        """The pages of each table."""
        found: dict[str, list[int]] = defaultdict(list)
        for number in range(2, self._last + 1):  # the first page has no rows of these
            table = self._table_of(self._page(number))
            if table is not None:
                found[table.name].append(number)
        return found

    def _table_of(self, page: bytes) -> Table | None:
        kind = pages.kind(page)
        if kind is None:
            return None
        places = pages.pointers(page)
        for place in places[:: len(places) // _TRIED + 1]:
            cell = pages.cell(page, place)
            for table in _TABLES[kind] if cell else ():
                if cell and self._taken(cell, table) is not None:
                    return table
        return None

    def _taken(self, cell: Cell, table: Table) -> Row | None:
        payload = self._whole(cell)
        stored = None if payload is None else pages.row(payload)
        if stored is None:
            return None
        bare = table in (SEQUENCE, SCHEMA)
        return table.taken_of(stored, None if bare else cell.number)

    def _whole(self, cell: Cell) -> bytes | None:
        """A payload with what lies on other pages (section 1.5); None: some of it is lost."""
        if not cell.left:
            return cell.payload
        parts, left, number = [cell.payload], cell.left, cell.overflow
        if left > self._last * PAGE:
            return None
        while left > 0:
            page = self._page(number)
            if not page.strip(b"\0"):
                return None
            parts.append(page[4 : 4 + left])
            left -= PAGE - 4
            number = int.from_bytes(page[:4], "big")
        return b"".join(parts) if number == 0 else None

    def _page(self, number: int) -> bytes:
        """A page, counted from 1; less of it, or nothing, where the file ends before."""
        if number in self._log:
            return self._log[number]
        if not 1 <= number <= self._last:
            return b""
        with self.path.open("rb") as file:
            file.seek((number - 1) * PAGE)
            return file.read(PAGE)


def _lies(number: int | None, within: Sequence[tuple[int, int]]) -> bool:
    if number is None:
        return True
    index = bisect_right(within, (number, HIGHEST)) - 1
    return index >= 0 and number <= within[index][1]
