"""Spoils files as a failing disk does, and says what may be claimed afterwards."""

import random
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from syncengine.store.batch import HEAD, START
from tests.harness import USER, Side

PAGE = 8192


def roots(path: Path, *names: str) -> set[int]:
    """The first pages of tables and indexes."""
    with closing(sqlite3.connect(path)) as database:
        found = dict(database.execute("SELECT name, rootpage FROM sqlite_master"))
    return {found[name] for name in names}


def pages(path: Path) -> int:
    return path.stat().st_size // PAGE


def schema_pages(path: Path) -> set[int]:
    """Where the tables' own descriptions are."""
    content = path.read_bytes()
    return {
        number + 1
        for number in range(len(content) // PAGE)
        if b"CREATE " in content[number * PAGE : (number + 1) * PAGE]
    }


def spoil(path: Path, numbers: Iterable[int], seed: int = 0) -> None:
    """Overwrite these pages, counted from 1, with nonsense, or with zeros."""
    chance = random.Random(seed)
    _write(path, numbers, lambda: chance.choice([chance.randbytes(PAGE), bytes(PAGE)]))


def zeros(path: Path, numbers: Iterable[int]) -> None:
    """Overwrite these pages, counted from 1, with zeros."""
    _write(path, numbers, lambda: bytes(PAGE))


def overwrite(path: Path, numbers: Iterable[int]) -> None:
    """Overwrite them with noise."""
    chance = random.Random(1)
    _write(path, numbers, lambda: chance.randbytes(PAGE))


def _write(path: Path, numbers: Iterable[int], content: Callable[[], bytes]) -> None:
    with path.open("r+b") as file:
        for number in numbers:
            file.seek((number - 1) * PAGE)
            file.write(content())


def assert_claims_nothing_more(side: Side, path: Path) -> None:
    """Law 2: where the server has a message that is not here, there is a gap."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT conversation, conversation_id, kind FROM conversation")
        for number, name, kind in rows.fetchall():
            sql = "SELECT message_id, position FROM message WHERE conversation = ?"
            held: dict[str, int] = dict(database.execute(sql, (number,)).fetchall())
            sql = "SELECT low, high FROM gap WHERE conversation = ? AND seam = 0"
            gaps = database.execute(sql, (number,)).fetchall()
            assert not any(low < place < high for place in held.values() for low, high in gaps)
            served = [str(m.message_id) for m in side.world.history(USER, name, kind)]
            assert unclaimed(served, held, gaps) == [], name


def unclaimed(
    served: Sequence[str], held: Mapping[str, int], gaps: Sequence[tuple[int, int]]
) -> list[str]:
    """Messages of a conversation that are not here, and in no gap (law 2): it would be called
    whole without them. `held`: positions; `served`: oldest first."""
    return [
        message_id
        for index, message_id in enumerate(served)
        if message_id not in held and not any(map(_covers(served, index, held), gaps))
    ]


def _covers(
    served: Sequence[str], index: int, held: Mapping[str, int]
) -> Callable[[tuple[int, int]], bool]:
    below = [held[each] for each in served[:index] if each in held]
    above = [held[each] for each in served[index:] if each in held]
    low, high = below[-1] if below else START, above[0] if above else HEAD
    return lambda gap: low <= gap[0] and gap[1] <= high
