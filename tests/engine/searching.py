"""What tests of search share: a file filled at once, queries as ids, a naive scan."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from attrs import frozen

from syncengine import SyncEngine
from syncengine.store.words import spaced, terms_of
from tests.harness import Side


@frozen
class Said:
    """A message as a test writes it."""

    text: str
    conversation: int = 1
    sender: str = "bob"
    timestamp: int = 1_700_000_000_000
    row: int | None = None


def fill(path: Path, said: Iterable[Said], kinds: dict[int, str] | None = None) -> None:
    """Write messages past the engine, as a store holds them; ids are 1, 2, …"""
    with closing(sqlite3.connect(path)) as database, database:
        for number, each in enumerate(said, 1):
            database.execute(
                "INSERT OR IGNORE INTO conversation (conversation, conversation_id, kind)"
                " VALUES (?, ?, ?)",
                (
                    each.conversation,
                    f"peer{each.conversation}",
                    (kinds or {}).get(each.conversation, "chat"),
                ),
            )
            database.execute(
                "INSERT INTO message (message, conversation, position, message_id, sender,"
                " timestamp, type, text, raw) VALUES (?, ?, ?, ?, ?, ?, 'text', ?, x'')",
                (
                    each.row,
                    each.conversation,
                    number,
                    str(number),
                    each.sender,
                    each.timestamp,
                    each.text,
                ),
            )


async def texts(engine: SyncEngine, text: str, **settings: object) -> list[str]:
    """The texts that a search finds, in its order, all pages together."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await engine.reader.search(text, cursor=cursor, **settings)  # type: ignore[arg-type]  # by their names
        found += [hit.message.text for hit in page.hits]
        cursor = page.cursor
        if cursor is None:
            return found


def scanned(text: str, query: str, *, prefix: bool = False) -> bool:
    """Whether a scan with the same rules finds a text."""
    terms = terms_of(query, prefix=prefix)
    return bool(terms) and all(term.matches(spaced(text)) for term in terms)


def bytes_of(side: Side) -> bytes:
    """The file and its log, as they lie on the disk."""
    log = side.path.with_name(side.path.name + "-wal")
    return side.path.read_bytes() + (log.read_bytes() if log.exists() else b"")
