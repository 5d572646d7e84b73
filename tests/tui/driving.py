"""A person at the window: presses keys, and looks at what stands there."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from attrs import define
from textual.pilot import Pilot

from syncengine import EasemobRemote, Kind, SyncEngine
from syncengine.daemon import Pace
from syncengine.models import ConversationKey
from syncengine.tui import Browser
from syncengine.tui.polling import PACE
from syncengine.tui.window import EntryKind
from tests.harness import Side

PATIENCE = 20.0
"""Seconds, after which a test fails instead of waiting."""
BOB = ConversationKey("bob", Kind.CHAT)
EAGER = Pace(
    floor=0.05, ceiling=0.1, spread=0.05, backoff_base=0.05, backoff_ceiling=0.1, backoff_least=0.01
)
"""The window's own pace, in a hurry."""


@define
class Person:
    """Whoever sits there."""

    app: Browser
    pilot: Pilot[None]

    async def press(self, *keys: str) -> None:
        """One key after the other."""
        await self.pilot.press(*keys)

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until something is so."""
        end = monotonic() + PATIENCE
        while not true():
            assert monotonic() < end, f"never so:\n{self.screen}"
            await self.pilot.pause()

    async def sees(self, *words: str) -> None:
        """Wait until these words stand on the screen."""
        await self.until(lambda: all(word in self.screen for word in words))

    @property
    def screen(self) -> str:
        """What stands there, a line each."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    @property
    def status(self) -> str:
        """The line below everything, also where a small window covers it."""
        standing = self.app.standing
        return f"{standing.note} {standing.hint}"

    async def open(self, key: ConversationKey = BOB, message_id: str | None = None) -> None:
        """Open a conversation, and wait for its messages."""
        self.app.open(key, message_id)
        await self.until(lambda: self.app.messages.key == key and self.app.messages.view)
        await self.pilot.pause()

    @property
    def texts(self) -> list[str]:
        """What the messages in the window say."""
        view = self.app.messages.view
        return [] if view is None else [message.text for message in view.part.messages]

    @property
    def in_view(self) -> list[str]:
        """What the visible ones say; `?` for a gap, `~` for a seam, `|` for the start."""
        shown = self.app.messages
        first, last = shown.span()
        signs = {EntryKind.GAP: "?", EntryKind.SEAM: "~", EntryKind.START: "|"}
        return [
            signs.get(entry.kind, "" if entry.message is None else entry.message.text)
            for entry in shown.entries[first : last + 1]
            if entry.kind is not EntryKind.DAY
        ]

    @property
    def selected(self) -> str | None:
        """What the message that the cursor is on says."""
        found = self.app.messages.selected
        return None if found is None else found.text

    async def synced(self) -> None:
        """Wait for the sync that the window began."""
        await self.until(lambda: not self.app.standing.syncing)


@asynccontextmanager
async def browsing(
    side: Side,
    *,
    online: bool = True,
    remote: EasemobRemote | None = None,
    size: tuple[int, int] = (100, 30),
    sync: bool = False,
    undo_seconds: float = 60,
    pace: Pace = PACE,
    **config: Any,
) -> AsyncIterator[Person]:
    """A window on Alice's copy; it syncs by itself only where a test says so."""
    async with (
        side.engine(online=online, remote=remote, **config) as engine,
        window(engine, side, size=size, sync=sync, undo_seconds=undo_seconds, pace=pace) as person,
    ):
        yield person


@asynccontextmanager
async def window(
    engine: SyncEngine,
    side: Side,
    *,
    size: tuple[int, int] = (100, 30),
    sync: bool = False,
    undo_seconds: float = 60,
    pace: Pace = PACE,
) -> AsyncIterator[Person]:
    """A window on an engine."""
    app = Browser(engine, undo_seconds=undo_seconds, pace=pace if sync else None, now=side.time.now)
    async with app.run_test(size=size) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: app.conversations.loaded)
        yield person
