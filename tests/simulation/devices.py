"""A device: its file, its engine, what was deleted on it, and what it shows."""

import asyncio
import atexit
import os
import shutil
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, closing
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx
from attrs import define

from syncengine import Config, ConversationKey, EasemobRemote, Environment, SyncEngine
from syncengine.store.migrate import migrate
from tests.cutting import Cut
from tests.harness import USER, VirtualTime
from tests.simulation.books import Books, Speaking
from tests.simulation.link import Link
from tests.simulation.mirror import Mirror
from tests.simulation.server import Server
from tests.simulation.trace import Violation

LONGEST = 30.0
"""Seconds of real time that a step may take; it takes a few thousandths."""


class Shown(NamedTuple):
    """A message as a device shows it."""

    message_id: str
    timestamp: int
    text: str
    edited_at: int | None
    unverified: int


Screen = dict[ConversationKey, list[Shown]]
"""All that a device shows, in order."""

_SHOWN = """
    SELECT c.conversation_id, c.kind, m.message_id, m.timestamp, m.text, m.edited_at, m.unverified
    FROM message m JOIN conversation c USING (conversation)
    WHERE m.hidden IS NULL AND m.message_id NOT LIKE 'raw:%'
    ORDER BY m.conversation, m.position
"""


@define
class Asked:
    """A deletion that a device was asked for and took."""

    what: str
    key: ConversationKey
    ids: frozenset[str]
    """What it was to make disappear here."""
    numbers: Sequence[int]
    """Its intents."""
    dropped: bool = False


class Device:
    """One of the person's machines."""

    def __init__(
        self,
        number: int,
        folder: Path,
        server: Server,
        time: VirtualTime,
        check_commit: Callable[["Device", sqlite3.Connection], None],
    ) -> None:
        self.name = f"device {number}"
        self.path = folder / f"{number}.db"
        self.server = server
        self.time = time
        self.random = Random(server.random.randrange(1 << 60))
        self.config = _config(server.random, server)
        self.link = Link(server, time)
        self._check_commit = check_commit
        if server.random.random() < 0.8:
            shutil.copy(_template(folder), self.path)
        self.engine: SyncEngine | None = None
        self.cut = Cut()
        self.asked: list[Asked] = []
        self.screen: Screen = {}
        """What it showed when it was last looked at."""
        self.books = Books()
        self.mirror = Mirror()
        self.looks = 0
        self.changed = True
        """Whether anything was committed since somebody looked."""
        self._stack = AsyncExitStack()
        self._watcher: sqlite3.Connection | None = None

    # Its process

    async def run(self, work: Coroutine[Any, Any, object], *, die_after: int | None = None) -> bool:
        """Do something, perhaps until it dies; whether it died."""
        self.cut.at = None if die_after is None else self.cut.points + die_after
        try:
            async with asyncio.timeout(LONGEST):
                died = await self.cut.survive(work)
        except TimeoutError:
            raise Violation("liveness", f"{self.name} hangs") from None
        self.cut.at = None
        self.link.check()
        if died:
            self.server.trace.step(f"    {self.name} died: {self.cut.where}")
            await self.close()
        return died

    async def open(self, *, online: bool = True) -> None:
        """Start its engine."""
        self.cut.on_commit = self._committed
        remote = EasemobRemote(
            "http://127.0.0.1:1",
            app_key=self.server.world.app_key,
            user=USER,
            password=USER,
            transport=self.cut.transport(self._lane),
            now=self.time.now,
        )
        environment = Environment(
            now=self.time.now,
            monotonic=self.time.monotonic,
            sleep=self.cut.sleep(self.time.sleep),
            random=self.random,
        )
        self.engine = await self._stack.enter_async_context(
            SyncEngine.open(
                self.path,
                remote if online else None,
                config=self.config,
                environment=environment,
                connect=self.cut.connect,
            )
        )
        if not online:
            await remote.close()

    def _lane(self) -> httpx.AsyncBaseTransport:
        server = self.server
        lane = self.link.lane()
        return Speaking(lane, self.name, self.books, server.random, lambda: server.world.now())

    def _committed(self, connection: sqlite3.Connection) -> None:
        self.changed = True
        self._check_commit(self, connection)

    async def close(self) -> None:
        """End its process."""
        if self._watcher is not None:
            self._watcher.close()  # or SQLite would leave its log behind
            self._watcher = None
        await self._stack.aclose()
        self._stack = AsyncExitStack()
        self.engine = None
        self.cut = Cut()

    # What it shows and holds

    def follow(self) -> None:
        """Bring the mirror of its file up to date, after some of the steps."""
        self.looks += 1
        if self.looks % 3 == 0 and self.books.has_tables and self._watcher is not None:
            self.mirror.follow(self._watcher)

    def query(self, sql: str, *bound: Any) -> list[Any]:
        """Rows of its file; none while there is no file."""
        if self._watcher is None:
            if not self.path.exists():
                return []
            self._watcher = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return self._watcher.execute(sql, bound).fetchall()
        except sqlite3.OperationalError as error:
            if "no such" in str(error):
                return []  # it died while the file was made
            raise

    def look(self) -> Screen:
        """All that it shows."""
        screen: Screen = {}
        for name, rows in groupby(self.query(_SHOWN), key=lambda row: row[:2]):
            screen[ConversationKey(*name)] = [Shown(*row[2:]) for row in rows]
        return screen

    def shown_ids(self, key: ConversationKey) -> list[str]:
        """The messages of one conversation that it showed when it was last looked at."""
        return [shown.message_id for shown in self.screen.get(key, [])]

    def last_intent(self) -> int:
        """The number of the newest intent that ever was."""
        found = self.query("SELECT seq FROM sqlite_sequence WHERE name = 'intent'")
        return int(found[0][0]) if found else 0

    def refused(self) -> set[int]:
        """The intents that the server refused."""
        found = self.query("SELECT intent FROM intent WHERE state = 'refused'")
        return {number for (number,) in found}

    def note_asked(self, what: str, key: ConversationKey, after: int, ids: Iterable[str]) -> None:
        """A deletion became durable: its intents are those after number `after`."""
        new = self.query(
            "SELECT intent FROM intent WHERE intent > ? AND asked_at > 0 ORDER BY intent", after
        )
        numbers = [number for (number,) in new]
        marks = ",".join(map(str, numbers))
        hidden = self.query(
            f"SELECT message_id FROM message WHERE hidden IN ({marks})"
            " AND message_id NOT LIKE 'raw:%'"
        )
        self.asked.append(Asked(what, key, frozenset(ids) | {each for (each,) in hidden}, numbers))

    def buried(self) -> set[str]:
        """What was deleted here and must never be seen again."""
        refused = self.refused()
        return {
            message_id
            for asked in self.asked
            if not asked.dropped and not (asked.numbers and asked.numbers[0] in refused)
            for message_id in asked.ids
        }


def _template(folder: Path) -> Path:
    """A new file, with its tables: making them is slow, and dying there rarely of interest."""
    path = folder.parent / f"simulation-{os.getpid()}.db"
    if not path.exists():
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection)
        atexit.register(path.unlink, missing_ok=True)
    return path


def _config(random: Random, server: Server) -> Config:
    settings: dict[str, Any] = {
        "page_size": random.choice([2, 3, 7, 49]),
        "summary_page_size": random.choice([2, 50]),
        "fetchers": random.choice([1, 3]),
        "commit_pages": random.choice([1, 16]),
        "attempts": random.choice([2, 6]),
        "full_list_every": random.choice([0, 3600, 1e9]),
    }
    truth = server.switches.retention_days or 36_500
    settings |= {
        "audit_pages": random.choice([0, 1, 2, 4]),
        "retention": random.choice(["keep", "keep", "mirror"]),
        "retention_days": random.choice([None, truth]),
        "index_search": False,  # a run is a function of its seed: no task of its own
    }
    return Config(**settings)
