"""A conversation's messages: a window of some hundreds that moves through all of them.

Each look is one read around a message, so the window is always one snapshot, and nothing
has to be put together. What is missing in view is asked for; the engine does the rest.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import frozen
from rich.text import Text
from textual import events
from textual.message import Message as Event

from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError, EngineClosed, SyncEngineError
from syncengine.models import ConversationKey, Hole, Message
from syncengine.tui import looks
from syncengine.tui.rows import Row, Rows
from syncengine.tui.window import SIZE, Entry, EntryKind, View, around, entries, gap_to_fill

PAUSE = 0.03
"""Seconds between two reads."""
_NEWEST: Mapping[str, Any] = {}


@frozen
class _Drawn:
    """A message's lines, and what they show."""

    of: tuple[Any, ...]
    lines: Sequence[Text]


class MessageView(Rows):
    """One conversation, the newest message at the bottom."""

    bottom = True

    class Showed(Event):
        """A conversation was read: what stands around it may have changed."""

    class Failed(Event):
        """The copy could not be read, or a gap not be filled."""

        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self,
        engine: SyncEngine,
        own: Callable[[], str | None],
        online: Callable[[], bool],
        *,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(id=id)
        self._engine, self._own, self._online = engine, own, online
        self.key: ConversationKey | None = None
        """The conversation that is shown."""
        self.view: View | None = None
        """What is in the window."""
        self.entries: Sequence[Entry] = ()
        """What is in the window, from the top."""
        self._go: Mapping[str, Any] | None = None
        self._asked = asyncio.Event()
        self._reading = asyncio.Lock()
        self._looked = asyncio.Event()
        self._drawn: dict[str, _Drawn] = {}
        self._filling: Hole | None = None
        self._failed: dict[Hole, str] = {}

    def on_mount(self) -> None:
        """Read whenever it is asked."""
        self.run_worker(self._tend(), group="messages")

    def open(self, key: ConversationKey | None, message_id: str | None = None) -> None:
        """Show a conversation at its newest end, or around a message; None: nothing."""
        if key != self.key:
            self.key, self.view = key, None
            self._forget()
        self._ask(_NEWEST if message_id is None else {"around": message_id})
        self.run_worker(self._fill_gaps(), group="gaps", exclusive=True)

    def _forget(self) -> None:
        """Nothing of another conversation is left."""
        self.entries, self._filling = (), None
        self._failed.clear()
        self._drawn.clear()
        self.put(())

    def ask(self) -> None:
        """Something may have changed: read it again, and stay where it is."""
        self._asked.set()

    def retry(self) -> None:
        """Try the gaps again that could not be filled."""
        self._failed.clear()
        self._show(stay=True)
        self._looked.set()

    def _ask(self, go: Mapping[str, Any]) -> None:
        self._go = go
        self._asked.set()

    @property
    def selected(self) -> Message | None:
        """The message that the cursor is on."""
        found = (e.message for e in self.entries if e.key == self.cursor)
        return next(found, None)

    async def _tend(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._guarded(self._read)
            await asyncio.sleep(PAUSE)

    async def _guarded(self, act: Callable[[], Any]) -> None:
        try:
            await act()
        except EngineClosed:
            pass
        except SyncEngineError as error:
            self.post_message(self.Failed(error))

    async def _read(self) -> None:
        async with self._reading:  # the older of two must not be shown last
            await self._read_once()

    async def _read_once(self) -> None:
        key, go = self.key, self._take_place()
        if key is None:
            return
        view = await self._look(key, self._here() if go is None else go)
        if key != self.key or self._go is not None:
            return  # somebody went elsewhere meanwhile: it is read again
        self.view = view
        self._show(stay=go is None, go=go)
        self.post_message(self.Showed())

    def _take_place(self) -> Mapping[str, Any] | None:
        """Where somebody wants to go, once."""
        go, self._go = self._go, None
        return go

    def _here(self) -> Mapping[str, Any]:
        """Around what is visible; or the newest, where that is followed."""
        anchor = self.still_key()
        if anchor is None or (self.stuck and self.view is not None and self.view.at_newest):
            return _NEWEST
        return {"around": anchor}

    async def _look(self, key: ConversationKey, place: Mapping[str, Any]) -> View:
        read = partial(self._engine.reader.messages, key.conversation_id, key.kind, limit=SIZE)
        try:
            part = await read(**place)
        except ConfigError:  # it was deleted meanwhile: near it, by its time
            place = self._instead()
            part = await read(**place)
        if "around" in place or "at" in place:
            return around(part, SIZE)
        newest = not place or len(part.messages) < SIZE
        return View(part, at_newest=newest)

    def _instead(self) -> Mapping[str, Any]:
        anchor = self.still_key()
        found = next((e.message for e in self.entries if e.key == anchor), None)
        return _NEWEST if found is None else {"at": found.timestamp}

    def _show(self, *, stay: bool, go: Mapping[str, Any] | None = None) -> None:
        """Draw what is in the window."""
        if self.view is None:
            return
        self.entries = entries(self.view.part)
        marked = frozenset(self.view.part.unverified)
        rows = [self._row(entry, marked) for entry in self.entries]
        kept = {row.key for row in rows}
        self._drawn = {key: drawn for key, drawn in self._drawn.items() if key in kept}
        place = go or {}
        self.put(
            rows,
            to=place.get("around"),
            end=not stay and not place,
            top=bool(place.get("oldest")),
        )
        self._looked.set()

    def _row(self, entry: Entry, marked: frozenset[str]) -> Row:
        lines = self._lines(entry, marked)
        return Row(entry.key, len(lines), lambda: lines, entry.kind is EntryKind.MESSAGE)

    def _lines(self, entry: Entry, marked: frozenset[str]) -> Sequence[Text]:
        width, message = self.line_width, entry.message
        if entry.kind is EntryKind.GAP:
            return looks.gap_lines(self._doing(entry.hole), width)
        if entry.kind is EntryKind.SEAM:
            return looks.seam_lines(width)
        if entry.kind is EntryKind.EMPTY:
            return looks.empty_lines(width)
        if message is None:
            return looks.start_lines(width)
        if entry.kind is EntryKind.DAY:
            return looks.day_lines(message.timestamp, width)
        return self._message_lines(message, message.message_id in marked)

    def _message_lines(self, message: Message, unverified: bool) -> Sequence[Text]:
        own = message.sender == self._own()
        of = (message.raw, message.text, message.edited_at, unverified, own, self.line_width)
        drawn = self._drawn.get(message.message_id)
        if drawn is None or drawn.of != of:
            lines = looks.message_lines(message, self.line_width, own=own, unverified=unverified)
            drawn = self._drawn[message.message_id] = _Drawn(of, lines)
        return drawn.lines

    def _doing(self, hole: Hole | None) -> str:
        """What is done about a gap."""
        if hole is not None and hole == self._filling:
            return "fetching …"
        if not self._online():
            return "offline"
        if hole in self._failed:
            return f"{self._failed[hole]}; r tries again"
        return "the next sync goes on here"

    def on_resize(self, event: events.Resize) -> None:
        """Lines are as long as the pane is wide."""
        self._show(stay=True)

    def on_rows_moved(self) -> None:
        """What is visible now may be near to an end of the window, or to a gap."""
        self._looked.set()
        if self.view is None or not self.rows:
            return
        first, last = self.span()
        below = sum(e.kind is EntryKind.MESSAGE for e in self.entries[:first])
        seen = sum(e.kind is EntryKind.MESSAGE for e in self.entries[first : last + 1])
        if self.view.must_move(below, below + seen - 1):
            self._asked.set()

    def action_oldest(self) -> None:
        """To the first message that is held."""
        self._ask({"oldest": True})

    def action_newest(self) -> None:
        """To the newest message."""
        self._ask(_NEWEST)

    async def _fill_gaps(self) -> None:
        """Ask for what is missing in view, as long as anything is."""
        while True:
            await self._looked.wait()
            self._looked.clear()
            hole = self._gap()
            if hole is not None:
                await self._guarded(partial(self._fill, hole))
                self._filling = None
                self._looked.set()

    def _gap(self) -> Hole | None:
        if not self._online() or self.view is None or self.key is None:
            return None
        if not self.entries:
            return None
        return gap_to_fill(self.entries, *self.span(), frozenset(self._failed))

    async def _fill(self, hole: Hole) -> None:
        """One page into it; what is not smaller then is not asked for again by itself."""
        key, self._filling = self.key, hole
        if key is None:
            return
        self._show(stay=True)
        self._failed[hole] = "not fetched"
        loaded = await self._engine.load_messages(
            key.conversation_id, key.kind, before=hole.newer_id, limit=1
        )
        if loaded.error is not None:
            self._failed[hole] = _in_words(loaded.error)
            self.post_message(self.Failed(loaded.error))
        elif hole.newer_id not in {each.newer_id for each in loaded.slice.gaps}:
            self._failed.pop(hole, None)
        self._filling = None
        await self._read()


def _in_words(error: Exception) -> str:
    """Short: the status line has all of it."""
    names = {"Unreachable": "the server cannot be reached", "Unauthorized": "not signed in"}
    return names.get(type(error).__name__, "the server did not give them")
