"""What is saved of a damaged file, and how its rows lie in it. Pure: no I/O."""

from typing import Any

from attrs import frozen

Row = tuple[Any, ...]
Column = tuple[str, type, bool]
"""Its name, its values' type, and whether one may be missing."""

_TYPES: dict[str, type] = {"int": int, "text": str, "blob": bytes}


@frozen
class Table:
    """What is taken of a table, and of which type each column has to be."""

    name: str
    layout: tuple[Column, ...]
    """All columns, in the order of the file. The first is the row's number, in a table that
    has such."""
    oldest: int
    """Columns of a row that the first version wrote: what was added since is missing there."""
    taken: tuple[int, ...]
    """Places in the layout."""

    @classmethod
    def of(cls, name: str, layout: str) -> "Table":
        """From words like ``seen_at int?``: it may be missing. ``-looks int`` is not taken;
        what follows a ``|`` was added by later versions."""
        first, _, _ = layout.partition("|")
        words = [each.split() for each in layout.replace("|", ",").split(",")]
        return cls(
            name,
            tuple((n.lstrip("-"), _TYPES[t.rstrip("?")], t.endswith("?")) for n, t in words),
            first.count(",") + 1,
            tuple(place for place, (n, _) in enumerate(words) if not n.startswith("-")),
        )

    @property
    def columns(self) -> dict[str, tuple[type, bool]]:
        """Those that are taken: the type, and whether a value may be missing."""
        found = (self.layout[place] for place in self.taken)
        return {name: (kind, optional) for name, kind, optional in found}

    @property
    def key(self) -> str:
        """The row's number."""
        return self.layout[0][0]

    def holds(self, row: Row) -> bool:
        """Whether every value that was taken has its column's type."""
        return all(map(_fits, row, (self.layout[place] for place in self.taken)))

    def taken_of(self, stored: Row, number: int | None) -> Row | None:
        """What is taken of a row as it lies in a file; None: it is no row of this table.

        `number` is the row's; None in a table without. A shorter row is an older version's.
        """
        if not self.oldest <= len(stored) <= len(self.layout):
            return None
        if number is not None:
            if stored[0] is not None or number < 1:
                return None
            stored = (number, *stored[1:])
        elif len(stored) < len(self.layout) and stored[-1] is not None:
            return None  # it might as well be an entry of an index, which ends with a number
        lacking = self.layout[len(stored) :]
        full = (*stored, *(None if optional else kind() for _, kind, optional in lacking))
        if not all(map(_fits, full, self.layout)):
            return None
        return tuple(full[place] for place in self.taken)


def _fits(value: Any, column: Column) -> bool:
    name, kind, optional = column
    if value is None:
        return optional
    return type(value) is kind and not _is_blank(name, value)


def _is_blank(name: str, value: Any) -> bool:
    """Whether a value lay where only zeros are left: half a page is lost. No id or name has a
    zero, though what people write may; and no message is nothing else."""
    if isinstance(value, str):
        return name != "text" and "\0" in value
    return isinstance(value, bytes) and len(value) > 1 and not value.strip(b"\0")


CONVERSATION = Table.of(
    "conversation",
    "conversation int, conversation_id text, kind text, unread_count int, pinned int,"
    "pinned_at int?, marks text, activity int, -newest int?, fetched int, -looks int,"
    "-doubt_id text?, -doubt_at int? | unlisted int",
)
ACCOUNT = Table.of(
    "account",
    "account int, name text, -listed_at int?, -list_open int, -synced_at int? |"
    "server_time int?, longest_stay int, since int?",
)
INTENT = Table.of(
    "intent",
    "intent int, conversation int, kind text, timestamp int?, asked_at int, state text,"
    "attempts int, error text?",
)
WAITING = Table.of("intent_message", "intent int, message_id text")
MESSAGE = Table.of(
    "message",
    "message int, conversation int, position int, message_id text, sender text, timestamp int,"
    "type text, text text, edited_at int?, raw blob |"
    "hidden int?, suspect_at int?, unverified int, seen_at int?",
)
TOMBSTONE = Table.of(
    "tombstone", "conversation int, message_id text, served_at int? | absent_at int?"
)
GAP = Table.of("gap", "-conversation int, low int, high int, cursor text?, seam int | guessed int")
PREVIEW = Table.of(
    "preview",
    "conversation int, message_id text, sender text, timestamp int, type text, text text,"
    "edited_at int?, raw blob",
)
AUDIT = Table.of(
    "audit",
    "conversation int, -verified_at int?, -head_at int?, -turn int, -sweep_at int?,"
    "-sweep_down int?, -tried_at int, -arrived int, -arriving int, removed int, gone int,"
    "held_back int, missing int | -settled int",
)
NAME = Table.of(
    "sqlite_autoindex_conversation_1", "conversation_id text, kind text, conversation int"
)
"""An index, which has the names once more."""
SEQUENCE = Table.of("sqlite_sequence", "name text, seq int")
"""The highest number that was given to a row; its own rows have one, too, that says nothing."""
SCHEMA = Table.of("sqlite_schema", "type text, name text, tbl_name text, rootpage int, sql text?")
"""Describes the tables; its own rows have a number, too, that says nothing."""
