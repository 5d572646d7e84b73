"""Rows as they lie in the pages of a SQLite file, read without SQLite. Pure: no I/O.

    page   = head, pointers to cells, room, cells                       (section 1.6)
    cell   = [child page] size [row number] payload [overflow page]     (section 1.6)
    row    = size of its head, a type for each value, the values        (section 2.1)
    log    = head, then frames: a head and a page each                  (section 4.1)

The sections are those of https://www.sqlite.org/fileformat2.html. Any bytes at all may come:
what makes no sense is left out, nothing is raised, and nothing takes longer than the bytes are
many.
"""

import struct
from collections.abc import Iterator, Sequence

from attrs import frozen

from syncengine.store.tables import Row

PAGE = 8192
"""Bytes of a page, in every store."""
INNER_INDEX, INDEX, ROWS = 2, 10, 13
"""Types of pages that hold rows: of an index, or a table without row numbers; of a table."""
_HEADS = {INNER_INDEX: 12, INDEX: 8, ROWS: 8}
"""Bytes of their heads."""
_MOST_SPLINTERS = 60
"""Bytes between cells that are too few for a cell."""
_INTEGERS = (0, 1, 2, 3, 4, 6, 8)
"""Bytes of the types 0 (missing) to 6."""
_FILE_HEAD = struct.Struct(">16sH6B12I20x2I")
_FRAME = struct.Struct(">6I")
_LOG_HEAD = 32


@frozen
class Cell:
    """A row, as far as it lies in one page."""

    number: int | None
    """The row's; None in an index."""
    payload: bytes
    left: int
    """Bytes of the payload that lie on other pages."""
    overflow: int
    """The first of these pages; 0: there is none."""


def kind(page: bytes) -> int | None:
    """The type of a page that holds rows; None: it holds none, or contradicts itself."""
    head = _HEADS.get(page[0]) if len(page) == PAGE else None
    if head is None:
        return None
    count, start = _number(page, 3, 2), _number(page, 5, 2)
    sound = count > 0 and head + 2 * count <= start <= PAGE and page[7] <= _MOST_SPLINTERS
    return page[0] if sound else None


def pointers(page: bytes) -> list[int]:
    """Where the cells are in a page of a known kind."""
    count, start = _number(page, 3, 2), _number(page, 5, 2)
    found = struct.unpack_from(f">{count}H", page, _HEADS[page[0]])
    return [place for place in found if start <= place < PAGE]


def cell(page: bytes, place: int) -> Cell | None:
    """The cell there, in a page of a known kind; None: it makes no sense."""
    of_table, number = page[0] == ROWS, None
    try:
        size, place = varint(page, place + (4 if page[0] == INNER_INDEX else 0))
        if of_table:
            number, place = varint(page, place)
    except IndexError:
        return None
    local = _local(size, of_table=of_table)
    end = place + local
    if size < 0 or end > PAGE:
        return None
    overflow = _number(page, end, 4) if local < size else 0
    return Cell(number, page[place:end], size - local, overflow)


def _local(size: int, *, of_table: bool) -> int:
    """How much of a payload lies in its cell."""
    most = PAGE - 35 if of_table else (PAGE - 12) * 64 // 255 - 23
    if size <= most:
        return size
    least = (PAGE - 12) * 32 // 255 - 23
    wanted = least + (size - least) % (PAGE - 4)
    return wanted if wanted <= most else least


def row(payload: bytes) -> Row | None:
    """A row's values; None: it is none."""
    try:
        end, place = varint(payload, 0)
        at, values = end, []
        while place < end:
            type_, place = varint(payload, place)
            value, at = _value(payload, type_, at)
            values.append(value)
    except (IndexError, ValueError):
        return None
    return tuple(values) if place == end and at == len(payload) else None


def _value(payload: bytes, type_: int, at: int) -> tuple[int | float | str | bytes | None, int]:
    """A value of this type, and where the next is. ValueError: there is none."""
    if type_ in (8, 9):
        return type_ - 8, at
    if type_ in (10, 11) or type_ < 0:
        raise ValueError
    length = (type_ - 12) // 2 if type_ >= 12 else 8 if type_ == 7 else _INTEGERS[type_]
    end = at + length
    if end > len(payload):
        raise ValueError
    part = payload[at:end]
    if type_ == 0:
        return None, end
    if type_ < 7:
        return int.from_bytes(part, "big", signed=True), end
    if type_ == 7:
        return struct.unpack(">d", part)[0], end
    return (str(part, "utf-8") if type_ % 2 else part), end


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and what follows. IndexError: it is cut off."""
    number = 0
    for place in range(at, at + 8):
        byte = data[place]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, place + 1
    number = number << 8 | data[at + 8]
    return number - (1 << 64) if number >> 63 else number, at + 9


def first_page(leaves: Sequence[tuple[int, int]], count: int) -> bytes:
    """A first page (sections 1.3 and 1.6) of a file of `count` pages, for one that lost its own.

    `leaves`: the pages that describe the tables, one at least, each with the highest number of
    its rows, in order.
    """
    *inner, (_, last) = leaves
    cells = b"".join(
        struct.pack(">IBB", page, 0x80 | number >> 7 & 0x7F, number & 0x7F)
        for number, page in inner
    )
    start = PAGE - len(cells)
    places = struct.pack(f">{len(inner)}H", *range(start, PAGE, 6))
    version = 3_040_000  # of a SQLite that might have written it
    head = _FILE_HEAD.pack(
        *(b"SQLite format 3\0", PAGE, 1, 1, 0, 64, 32, 32, 1, count, 0, 0, 1, 4),
        *(0, 0, 1, 0, 0, 0, 1, version),
    )
    page = head + struct.pack(">BHHHBI", 5, 0, len(inner), start, 0, last) + places
    return page.ljust(start, b"\0") + cells


def committed(log: bytes) -> Iterator[tuple[int, int]]:
    """Pages that a write-ahead log has for certain, and where in it; the newest come last."""
    word = {0x377F0682: "<", 0x377F0683: ">"}.get(_number(log, 0, 4))
    if word is None or _number(log, 8, 4) != PAGE or len(log) < _LOG_HEAD:
        return
    salt, sums = log[16:24], _summed(log[:24], (0, 0), word)
    if sums != (_number(log, 24, 4), _number(log, 28, 4)):
        return
    waiting: list[tuple[int, int]] = []
    for at in range(_LOG_HEAD, len(log) - _FRAME.size - PAGE + 1, _FRAME.size + PAGE):
        number, commit, *_, first, second = _FRAME.unpack_from(log, at)
        sums = _summed(log[at : at + 8], sums, word)
        sums = _summed(log[at + _FRAME.size : at + _FRAME.size + PAGE], sums, word)
        if log[at + 8 : at + 16] != salt or sums != (first, second):
            return
        waiting.append((number, at + _FRAME.size))
        if commit:
            yield from waiting
            waiting = []


def _summed(data: bytes, sums: tuple[int, int], word: str) -> tuple[int, int]:
    """The log's checksum, continued."""
    first, second = sums
    words = struct.unpack(f"{word}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _number(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")
