"""Reads what can be read of a damaged file, into a new one (law 10).

    damaged ──rows, range by range──▶ checked ──▶ new file ──▶ gaps where rows were lost

Deletions that wait come first (law 8). Nothing is called whole that
may not be (law 2): an index that can be read tells which messages are lost; where none can,
everything between two messages is asked for again. What is derived is made anew.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from attrs import define

from syncengine.models import ConversationKey, IntentKind, Kind
from syncengine.store.batch import HEAD, START, UNCOUNTED, Gap
from syncengine.store.damaged import Numbered, Source
from syncengine.store.losses import all_unsure, contradict, with_losses
from syncengine.store.outbox import hide
from syncengine.store.scattered import Scattered
from syncengine.store.tables import (
    ACCOUNT,
    AUDIT,
    CONVERSATION,
    GAP,
    INTENT,
    MESSAGE,
    NAME,
    PREVIEW,
    TOMBSTONE,
    WAITING,
    Row,
    Table,
)

Naming = Callable[[str | None, Mapping[int, Sequence[bytes]]], Mapping[int, ConversationKey]]
"""Tells the conversation of each group of messages by their raw bytes, given the account; of
those of which it cannot, nothing."""


@define
class Saved:
    """What is in the new file."""

    conversations: int = 0
    messages: int = 0
    intents: int = 0
    lost: int = 0
    """Messages that were there for certain, and are not any more."""
    unsure: int = 0
    """Conversations of which it is not known what is lost."""
    nothing_read: bool = False
    """Not even whether there was anything."""


_NAMES = (
    "SELECT conversation, conversation_id, kind FROM conversation"
    " INDEXED BY sqlite_autoindex_conversation_1 ORDER BY conversation_id, kind"
)
_ORDER = (
    "SELECT position, message FROM message INDEXED BY message_order"
    " WHERE conversation = ? ORDER BY position"
)
_IDENTITY = "SELECT message FROM message INDEXED BY message_identity WHERE conversation = ?"
_HIGHEST_NAME = (
    "SELECT max(conversation) FROM conversation INDEXED BY sqlite_autoindex_conversation_1"
)
_HIGHEST_MESSAGE = (
    "SELECT max(message) FROM message INDEXED BY message_order",
    "SELECT max(message) FROM message INDEXED BY message_identity",
)
_LAST_INTENT = "SELECT seq FROM sqlite_sequence WHERE name = 'intent'"
_FEW = 100_000
"""Rows that a small table may have, where nothing tells."""
_SMALLEST_ROW = 64
"""Bytes of a message."""
_SAMPLES = 8
"""Messages of a conversation that are asked whose they are."""
_KINDS = {kind.value for kind in Kind}
_INTENT_KINDS = {kind.value for kind in IntentKind}


class Salvage:
    """Fills a new file, up to date and empty, from a damaged one."""

    def __init__(
        self,
        damaged: sqlite3.Connection,
        scattered: Scattered,
        fresh: sqlite3.Connection,
        now: int,
        name: Naming,
    ) -> None:
        """`scattered`: the damaged file, too; `now`: ms, the local clock."""
        self._source = Source(damaged, scattered)
        self._fresh = fresh
        self._now = now
        self._name = name
        self._known: set[int] = set()
        self._bare: set[int] = set()
        """Conversations of which only the name is known."""
        self._messages_whole = False
        self.saved = Saved()

    def run(self) -> Saved:
        """In the order of what would be missed most."""
        self._save_account()
        self._save_conversations()
        self._save_intents()
        self._save_messages()
        self._save_tombstones()
        self._hide_again()
        for row in sorted(self._known):
            self._note_gaps(row)
        self._save_rest()
        self._count_on()
        self.saved.conversations = self._listed()
        self.saved.nothing_read = self._read_nothing()
        return self.saved

    def _read_nothing(self) -> bool:
        """Everything hangs on a conversation: where none was found there was nothing, or
        nothing could be read of it."""
        if self._known:
            return False
        return self._source.number("SELECT count(*) FROM conversation") != 0

    def _insert(self, table: Table, row: Row) -> bool:
        """Whether it was not there yet."""
        marks = ", ".join("?" * len(row))
        names = ", ".join(table.columns)
        sql = f"INSERT OR IGNORE INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608
        return self._fresh.execute(sql, row).rowcount > 0

    def _save_conversations(self) -> None:
        table = self._source.table(CONVERSATION, _FEW, _HIGHEST_NAME)
        for row in table:
            if row[2] in _KINDS and self._insert(CONVERSATION, row):
                self._known.add(row[0])
        names, whole = self._names()
        for found in names:
            if found[2] in _KINDS and type(found[0]) is int and type(found[1]) is str:
                self._save_name(*found)
        if not (whole or table.whole):
            self._save_names_in_messages()

    def _save_name(self, row: int, conversation_id: str, kind: str) -> None:
        bare = (row, conversation_id, kind, 0, 0, None, "[]", 0, 0, 0)
        if self._insert(CONVERSATION, bare):
            self._known.add(row)
            self._bare.add(row)

    def _names(self) -> tuple[list[Row], bool]:
        """Those in the index, and whether it is whole."""
        found, whole = self._source.as_far(_NAMES)
        if whole:
            return found, True
        more, _ = self._source.as_far(_NAMES.replace(", kind", " DESC, kind DESC"))
        scattered = self._source.scattered.rows(NAME)
        return [*found, *more, *((row, name, kind) for name, kind, row in scattered)], False

    def _save_names_in_messages(self) -> None:
        """What no table names any more: messages tell themselves whose they are."""
        samples: dict[int, list[bytes]] = defaultdict(list)
        for row in self._messages():
            if row[1] not in self._known and len(samples[row[1]]) < _SAMPLES:
                samples[row[1]].append(row[9])
        (account,) = self._fresh.execute("SELECT max(name) FROM account").fetchone()
        for number, key in self._name(account, samples).items():
            self._save_name(number, key.conversation_id, key.kind)

    def _listed(self) -> int:
        found = self._fresh.execute("SELECT count(*) FROM conversation WHERE unlisted = 0")
        return int(found.fetchone()[0])

    def _save_account(self) -> None:
        """When the list was last read does not count any more: conversations may be lost."""
        for row in self._source.table(ACCOUNT, 1):
            self._insert(ACCOUNT, row)

    def _save_intents(self) -> None:
        for row in self._source.table(INTENT, _FEW, _LAST_INTENT):
            if row[1] in self._known and row[2] in _INTENT_KINDS:
                self._insert(INTENT, row)
        waiting, _ = self._source.keyed(WAITING, "intent, message_id")
        for row in waiting:
            self._insert(WAITING, row)

    def _messages(self) -> Numbered:
        return self._source.table(MESSAGE, self._most_messages(), *_HIGHEST_MESSAGE)

    def _save_messages(self) -> None:
        table = self._messages()
        for row in table:
            if row[1] in self._known and START < row[2] < HEAD:
                self.saved.messages += self._insert(MESSAGE, row)
        self._messages_whole = table.whole

    def _most_messages(self) -> int:
        pages, size = map(self._source.number, ("PRAGMA page_count", "PRAGMA page_size"))
        return (pages or 0) * (size or 0) // _SMALLEST_ROW

    def _save_tombstones(self) -> None:
        found, _ = self._source.keyed(TOMBSTONE, "conversation, message_id")
        for row in found:
            if row[0] in self._known:
                self._insert(TOMBSTONE, row)
        # What was deleted for certain says so itself; what was removed by absence and came
        # back once is as good as never seen where that is not known any more.
        self._fresh.execute(
            "INSERT OR IGNORE INTO tombstone (conversation, message_id)"
            " SELECT conversation, message_id FROM message WHERE hidden = -1"
        )
        self._fresh.execute(
            "DELETE FROM message WHERE hidden = -2 AND NOT EXISTS (SELECT 1 FROM tombstone t"
            " WHERE t.conversation = message.conversation AND t.message_id = message.message_id)"
        )

    def _hide_again(self) -> None:
        """Messages say which deletion hides them: one whose row is lost is asked for again by
        their ids, and what is lost of a list of ids is found by them (law 8)."""
        last = self._source.sequence("intent")  # a number above it would be nonsense
        self._fresh.execute(
            "INSERT OR IGNORE INTO intent (intent, conversation, kind, asked_at)"
            " SELECT DISTINCT hidden, conversation, 'messages', 0 FROM message"
            " WHERE hidden BETWEEN 1 AND ?",
            (_FEW if last is None else last,),
        )
        self._fresh.execute(
            "INSERT OR IGNORE INTO intent_message SELECT i.intent, m.message_id"
            " FROM message m JOIN intent i ON i.intent = m.hidden WHERE i.kind = 'messages'"
        )
        self._fresh.execute(
            "DELETE FROM intent_message WHERE intent NOT IN (SELECT intent FROM intent)"
        )
        self._fresh.execute("UPDATE message SET hidden = NULL WHERE hidden > 0")
        for row in self._known:
            hide(self._fresh, row)  # which finds its newest message, too
        (self.saved.intents,) = self._fresh.execute("SELECT count(*) FROM intent").fetchone()

    def _note_gaps(self, row: int) -> None:
        sql = "SELECT position, message FROM message WHERE conversation = ? ORDER BY position"
        kept = self._fresh.execute(sql, (row,)).fetchall()
        places = sorted({position for position, _ in kept})
        gaps, lost = self._gaps(row), self._losses(row, kept)
        if gaps is None or lost is None or row in self._bare or contradict(gaps, places):
            self.saved.unsure += bool(places)
            gaps = all_unsure(places)
        else:
            self.saved.lost += len(lost)
            gaps = with_losses(gaps, places, lost)
        self._write_gaps(row, gaps, held=bool(places))

    def _gaps(self, row: int) -> list[Gap] | None:
        columns = self._source.selection(GAP)
        sql = f"SELECT {columns} FROM gap WHERE conversation = ?"  # noqa: S608 - constants
        found = None if columns is None else self._source.rows(sql, (row,))
        if found is None or not all(map(GAP.holds, found)):
            return None
        return [
            Gap(low, high, cursor, seam != 0, guessed != 0)
            for low, high, cursor, seam, guessed in found
        ]

    def _losses(self, row: int, kept: Sequence[Row]) -> list[int] | None:
        """The places of messages that were there; None: nobody knows."""
        order = self._source.rows(_ORDER, (row,))
        if order is not None:
            here = set(kept)
            lost = [row for row in order if row not in here]
            return [place for place, _ in lost] if here <= set(order) else None
        found = self._source.rows(_IDENTITY, (row,))
        if found is not None:
            return [] if {n for (n,) in found} == {n for _, n in kept} else None
        return [] if self._messages_whole else None

    def _write_gaps(self, row: int, gaps: Sequence[Gap], *, held: bool) -> None:
        (fetched,) = self._fresh.execute(
            "SELECT fetched FROM conversation WHERE conversation = ?", (row,)
        ).fetchone()
        if not fetched and not held:
            gaps = [Gap(START, HEAD)]
        self._fresh.executemany(
            "INSERT INTO gap (conversation, low, high, cursor, seam, guessed)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(row, g.low, g.high, g.cursor, g.seam, g.guessed) for g in gaps],
        )
        if held:
            self._fresh.execute(
                "UPDATE conversation SET fetched = 1 WHERE conversation = ?", (row,)
            )

    def _save_rest(self) -> None:
        for row in self._source.table(PREVIEW, max(self._known, default=0)):
            if row[0] in self._known:
                self._insert(PREVIEW, row)
        for row in self._source.table(AUDIT, max(self._known, default=0)):
            if row[0] in self._known:
                self._insert(AUDIT, row)
        # Nothing is verified; how many messages came since, nobody knows.
        self._fresh.execute(
            "INSERT OR IGNORE INTO audit (conversation)"
            " SELECT conversation FROM conversation WHERE fetched = 1"
        )
        self._fresh.execute("UPDATE audit SET arrived = ?", (UNCOUNTED,))

    def _count_on(self) -> None:
        """Numbers go on: whoever followed the old file has to read anew, and no number of a
        deletion is given twice."""
        self._fresh.execute("DELETE FROM change")
        changes = self._source.sequence("change") or None
        seen = self._source.number("SELECT max(revision) FROM change")
        known = [number for number in (changes, seen) if number is not None]
        after = max(known) if changes is not None else max([*known, self._now // 1000])
        self._set_sequence("change", after + 1)
        intents = self._source.sequence("intent")
        (last,) = self._fresh.execute("SELECT coalesce(max(intent), 0) FROM intent").fetchone()
        self._set_sequence("intent", max(last, intents or 0))

    def _set_sequence(self, name: str, number: int) -> None:
        self._fresh.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        self._fresh.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, number))
