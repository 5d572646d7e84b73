"""What tests of the whole engine share: a world, its emulator, a copy, and pictures."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field

from syncengine import (
    Config,
    ConversationKey,
    EasemobRemote,
    Environment,
    Kind,
    Progress,
    Report,
    SyncEngine,
    WriterLock,
)
from syncengine.emulator import Emulator, Faults, World
from syncengine.models import Page
from syncengine.store.database import Connect, connect_threaded

USER = "alice"


@define
class VirtualTime:
    """A clock that stands still until somebody sleeps; sleeping takes no real time."""

    seconds: float = 1_700_000_000.0

    def now(self) -> int:
        """Milliseconds since 1970."""
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        """Seconds."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.seconds += seconds
        await asyncio.sleep(0)


class WatchedRemote(EasemobRemote):
    """The real adapter; a test can do something just before or after a page is fetched."""

    before: Callable[[str, str], Awaitable[None]] | None = None
    """Given the conversation's id and the start."""
    after: Callable[[str, str], Awaitable[None]] | None = None

    async def fetch_page(
        self, key: ConversationKey, start: str = "", *, limit: int = 49, newer: bool = False
    ) -> Page:
        """The page, with what the test wants around it."""
        if self.before is not None:
            await self.before(key.conversation_id, start)
        page = await super().fetch_page(key, start, limit=limit, newer=newer)
        if self.after is not None:
            await self.after(key.conversation_id, start)
        return page


@define
class Side:
    """Alice's machine and the server that it talks to, in one process."""

    path: Path
    time: VirtualTime = field(factory=VirtualTime)
    world: World = field(init=False)
    emulator: Emulator = field(init=False)
    page_size: int = 49
    seed: int = 1
    connect: Connect = connect_threaded

    def __attrs_post_init__(self) -> None:
        self.serve(World(seed=self.seed, clock=self.time.now))
        self.world.add_user(USER)

    def serve(self, world: World) -> None:
        """Let the server hold this world from now on."""
        self.world = world
        self.emulator = Emulator(world, sleep=self.time.sleep)

    def fail(self, profile: str, **settings: Any) -> None:
        """From now on the server fails like this."""
        self.emulator.set_faults(Faults(profile, seed=self.seed, **settings))

    def send(self, *texts: str, peer: str = "bob", **settings: Any) -> list[str]:
        """Messages from a peer to alice arrive; returns their ids."""
        if peer not in self.world.users:
            self.world.add_user(peer)
        return [self._send(peer, text, **settings) for text in texts]

    def _send(self, peer: str, text: str, **settings: Any) -> str:
        self.time.seconds += 0.001
        return self.world.send(peer, USER, Kind.CHAT, text, **settings)

    def remote(self, **settings: Any) -> "WatchedRemote":
        """The way to the server."""
        given: dict[str, Any] = {
            "app_key": self.world.app_key,
            "user": USER,
            "password": USER,
            "transport": self.emulator.transport,
            "now": self.time.now,
        }
        return WatchedRemote("http://127.0.0.1:1", **(given | settings))

    @asynccontextmanager
    async def engine(
        self,
        *,
        online: bool = True,
        remote: EasemobRemote | None = None,
        lock: WriterLock | None = None,
        **config: Any,
    ) -> AsyncIterator[SyncEngine]:
        """An engine on the copy, on virtual time; `remote` instead of an ordinary one.

        It reads nothing again and indexes nothing, unless told to: so a test sees what its
        own requests do.
        """
        usual = {"page_size": self.page_size, "audit_pages": 0, "index_search": False}
        settings = Config(**(usual | config))
        environment = Environment(
            now=self.time.now,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            random=Random(self.seed),
        )
        remote = (remote or self.remote()) if online else None
        async with SyncEngine.open(
            self.path,
            remote,
            config=settings,
            environment=environment,
            lock=lock,
            connect=self.connect,
        ) as engine:
            yield engine

    async def sync(self, **config: Any) -> Report:
        """Open, sync once, close."""
        async with self.engine(**config) as engine:
            return await engine.sync()

    async def sync_until(self, enough: Callable[[Progress], bool], **config: Any) -> None:
        """Sync, and be cut off as soon as `enough` is true."""
        async with self.engine(**config) as engine:

            def look(progress: Progress) -> None:
                if enough(progress):
                    task.cancel()

            task = asyncio.create_task(engine.sync(progress=look))
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()

    def picture(self, peer: str = "bob", kind: str = "chat") -> str:
        """The copy of one conversation, oldest first: `? [m1 m2] ~ [m5]`, `~` a seam."""
        return picture(self.path, peer, kind)

    def held(self, peer: str = "bob", kind: str = "chat") -> list[str]:
        """The ids held and shown, in order."""
        with closing(sqlite3.connect(self.path)) as database:
            found = database.execute(
                "SELECT message_id FROM message JOIN conversation USING (conversation)"
                " WHERE conversation_id = ? AND kind = ? AND hidden IS NULL ORDER BY position",
                (peer, kind),
            )
            return [message_id for (message_id,) in found]

    def served(self, peer: str = "bob", kind: str = "chat") -> list[str]:
        """The ids that a perfect client would hold, in order."""
        return [str(m.message_id) for m in self.world.history(USER, peer, kind)]

    def assert_same(self) -> None:
        """The copy equals the server's view, conversation by conversation."""
        for listed in self.world.conversations(USER):
            key = listed.entry.key
            assert self.held(key.conversation_id, key.kind) == self.served(
                key.conversation_id, key.kind
            )


def picture(path: Path, peer: str, kind: str = "chat") -> str:
    """Messages by their text, gaps as `?`, seams as `~`; checks that no message is in one."""
    with closing(sqlite3.connect(path)) as database:
        (row,) = database.execute(
            "SELECT conversation FROM conversation WHERE conversation_id = ? AND kind = ?",
            (peer, kind),
        ).fetchone()
        held = database.execute(
            "SELECT position, text FROM message"
            " WHERE conversation = ? AND hidden IS NULL ORDER BY position",
            (row,),
        ).fetchall()
        gaps = database.execute(
            "SELECT low, high, seam FROM gap WHERE conversation = ? ORDER BY low", (row,)
        ).fetchall()
    for low, high, _ in gaps:
        assert not any(low < position < high for position, _ in held), "a message inside a gap"
    marks = [(p, 1, text) for p, text in held] + [(low, 2, "~" if s else "?") for low, _, s in gaps]
    words: list[str] = []
    for _, what, name in sorted(marks):
        if what == 1 and words and words[-1].startswith("["):
            words[-1] = f"{words[-1][:-1]} {name}]"
        else:
            words.append(name if what == 2 else f"[{name}]")
    return " ".join(words)


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, for comparing before and after. Those of the search index are
    in SQLite's own tables of it."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type != 'virtual'"
        ).fetchall()
        return {name: database.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}


def numbered(first: int, last: int) -> list[str]:
    """The texts m1, m2, …"""
    return [f"m{n}" for n in range(first, last + 1)]
