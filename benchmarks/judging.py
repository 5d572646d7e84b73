"""Compares the files of many accounts with what their server would show a perfect client."""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from syncengine import Config, ConversationKey, EasemobRemote, SyncEngine
from syncengine.store.batch import HEAD
from syncengine.sync.doubts import FRESH_MS
from tests.simulation.oracles import unsound
from tests.store.damaging import unclaimed

_AT_ONCE = 16
_SHOWN = """
    SELECT message_id, text, unverified FROM message JOIN conversation USING (conversation)
    WHERE conversation_id = ? AND kind = ? AND hidden IS NULL ORDER BY position
"""

Truth = Mapping[str, Sequence[Mapping[str, Any]]]
"""By account: its conversations, as `benchmarks.town` tells them."""


@frozen
class Asked:
    """Messages that somebody deleted here."""

    account: str
    key: ConversationKey
    ids: frozenset[str]


@define
class Divergence:
    """How far files are from their server; all is well where everything but `unverified`,
    `waiting` and `seams` is 0."""

    missing: int = 0
    """Messages there, and not here, or here and marked as unverified."""
    lost: int = 0
    """Of these, such as are not here, and in no gap: a conversation is called whole without."""
    left: int = 0
    """Messages here, and not there."""
    otherwise: int = 0
    """Messages that say something else here, or conversations in another order."""
    gaps: int = 0
    """But for those that `waiting` counts."""
    unsound: int = 0
    """Files that the simulation's oracle finds fault with."""
    undelivered: int = 0
    """Messages deleted here that are still there."""
    unverified: int = 0
    """Kept here, and marked: they may only have expired."""
    waiting: int = 0
    """Gaps that stay for an hour: see `waits`."""
    seams: int = 0
    words: list[str] = field(factory=list)
    """Some of it, for people."""

    @property
    def total(self) -> int:
        """0: no file differs."""
        parts = (self.missing, self.left, self.otherwise, self.gaps, self.unsound)
        return sum(parts) + self.undelivered

    def note(self, words: str) -> None:
        """Say what, a few times."""
        if len(self.words) < 30:
            self.words.append(words)


def compared(files: Mapping[str, Path], truth: Truth, asked: Iterable[Asked]) -> Divergence:
    """Each file against its server's view."""
    found = Divergence()
    for account, conversations in truth.items():
        with closing(sqlite3.connect(f"file:{files[account]}?mode=ro", uri=True)) as file:
            _look_at_file(found, account, file)
            for key, there in _heard_of(file, conversations):
                _compare(found, f"{account} {key}", file.execute(_SHOWN, key).fetchall(), there)
                _look_for_lost(found, f"{account} {key}", file, key, there)
    _check_delivered(found, truth, asked)
    return found


_GAPS = """
    SELECT conversation_id, kind, high, doubt_id IS NOT NULL,
        (SELECT timestamp FROM message
         WHERE message.conversation = gap.conversation AND position <= low
         ORDER BY position DESC LIMIT 1)
    FROM gap JOIN conversation USING (conversation) WHERE seam = 0
    ORDER BY conversation, high DESC
"""


def waits(path: Path) -> int:
    """Gaps of a file that an hour closes: the server says that history ends above a message
    that was sent a short while ago, or shows less than its list told of. A replica that lags
    behind would say the same, so it is believed when the hour is over (`FRESH_MS`), of the gaps
    further down, too: an end that is believed closes them."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        return sum(waiting for *_, waiting in _gaps(file))


def _gaps(file: sqlite3.Connection) -> Iterator[tuple[str, str, int, bool]]:
    """Conversation, kind, upper end, and whether it waits."""
    above: set[tuple[str, str]] = set()
    for name, kind, high, doubted, sent_below in file.execute(_GAPS):
        young = sent_below is not None and time.time() * 1000 - sent_below < FRESH_MS
        if doubted or young:
            above.add((name, kind))
        yield name, kind, high, (name, kind) in above


def _look_at_file(found: Divergence, account: str, file: sqlite3.Connection) -> None:
    words = unsound(file)
    if words:
        found.unsound += 1
        found.note(f"{account}: {words}")
    (seams,) = file.execute("SELECT count(*) FROM gap WHERE seam = 1").fetchone()
    found.seams += seams
    for name, kind, high, waiting in _gaps(file):
        if waiting:
            found.waiting += 1
            continue
        found.gaps += 1
        where = "at the newest end" if high == HEAD else "inside"
        found.note(f"{account} {name} {kind}: a gap {where}")


def _heard_of(
    file: sqlite3.Connection, conversations: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[tuple[str, str], Sequence[tuple[str, str]]]]:
    """Of one that was taken from the list before it was ever seen here, no call tells."""
    known = set(file.execute("SELECT conversation_id, kind FROM conversation"))
    for each in conversations:
        key = (each["id"], each["kind"])
        if each["listed"] or key in known:
            yield key, each["messages"]


def _compare(
    found: Divergence, name: str, rows: Sequence[Any], there: Sequence[tuple[str, str]]
) -> None:
    here = {message_id: text for message_id, text, unverified in rows if not unverified}
    texts = dict(there)
    found.unverified += len(rows) - len(here)
    missing, left = texts.keys() - here.keys(), here.keys() - texts.keys()
    found.missing += len(missing)
    found.left += len(left)
    if missing or left:
        found.note(f"{name}: missing {sorted(missing)[:3]}, left {sorted(left)[:3]}")
        return
    found.otherwise += sum(here[each] != texts[each] for each in here)
    found.otherwise += list(here) != list(texts)


_HELD = """
    SELECT message_id, position FROM message JOIN conversation USING (conversation)
    WHERE conversation_id = ? AND kind = ?
"""
_MISSING = """
    SELECT low, high FROM gap JOIN conversation USING (conversation)
    WHERE conversation_id = ? AND kind = ? AND seam = 0
"""


def _look_for_lost(
    found: Divergence,
    name: str,
    file: sqlite3.Connection,
    key: tuple[str, str],
    there: Sequence[tuple[str, str]],
) -> None:
    """Law 2: what is not here lies in a gap."""
    held = dict(file.execute(_HELD, key).fetchall())
    gaps = file.execute(_MISSING, key).fetchall()
    lost = unclaimed([message_id for message_id, _ in there], held, gaps)
    found.lost += len(lost)
    if lost:
        found.note(f"{name}: in no gap {lost[:3]} of {len(there)}")


def _check_delivered(found: Divergence, truth: Truth, asked: Iterable[Asked]) -> None:
    """Law 8: what was accepted here is done there."""
    served = {
        (account, each["id"], each["kind"]): {message_id for message_id, _ in each["messages"]}
        for account, conversations in truth.items()
        for each in conversations
    }
    for each in asked:
        left = each.ids & served[each.account, each.key.conversation_id, each.key.kind]
        found.undelivered += len(left)
        if left:
            found.note(f"{each.account} {each.key}: deleted here, still there {sorted(left)[:3]}")


async def verify_all(files: Mapping[str, Path], urls: Mapping[str, str], config: Config) -> None:
    """Read all of every account again, several at once; a person agrees to what goes."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def verify(account: str) -> None:
        remote = EasemobRemote(urls[account], app_key="org#app", user=account, password=account)
        async with room, SyncEngine.open(files[account], remote, config=config) as engine:
            await engine.verify(accept=True)

    await asyncio.gather(*(verify(account) for account in files))
