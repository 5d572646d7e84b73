"""The list of conversations: read in pages, read again when something changed."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic

from rich.text import Text
from textual.message import Message

from syncengine.errors import EngineClosed, SyncEngineError
from syncengine.models import Conversation, ConversationKey
from syncengine.reader import Reader
from syncengine.tui.looks import conversation_lines
from syncengine.tui.rows import Row, Rows

PAGE = 200
"""Conversations read at once, of accounts that have thousands."""
_EDGE = 60
"""Conversations from the end at which the next page is read."""
PAUSE = 0.1
"""Seconds between two reads: a sync changes the list many times a second."""
_REST = 4
"""Times as long as a read took it pauses at least: thousands take a while."""
_ALL = 1 << 30


class ConversationList(Rows):
    """Pinned first, then the most recent."""

    class Failed(Message):
        """The copy could not be read."""

        def __init__(self, error: SyncEngineError) -> None:
            super().__init__()
            self.error = error

    def __init__(self, reader: Reader, now: Callable[[], int], *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._reader, self._now = reader, now
        self._shown: dict[str, Conversation] = {}
        self._wanted = PAGE
        self._more = False
        self._to_end = False
        self._asked = asyncio.Event()
        self.loaded = False
        """Whether the list was read once."""

    def on_mount(self) -> None:
        """Read at once, and whenever it is asked."""
        self._asked.set()
        self.run_worker(self._tend(), group="list")

    def ask(self) -> None:
        """Something may have changed: read it again soon."""
        self._asked.set()

    def mark(self, key: ConversationKey) -> None:
        """Put the cursor on a conversation, where it was read already."""
        if str(key) in self._shown and str(key) != self.cursor:
            self.select(str(key))

    def chosen(self, key: str) -> Conversation | None:
        """The conversation of a row."""
        return self._shown.get(key)

    async def _tend(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            began = monotonic()
            try:
                await self._read()
            except EngineClosed:
                return
            except SyncEngineError as error:
                self.post_message(self.Failed(error))
            await asyncio.sleep(max(PAUSE, _REST * (monotonic() - began)))

    async def _read(self) -> None:
        """All that was read before, anew."""
        to_end, self._to_end = self._to_end, False
        wanted = self._wanted = _ALL if to_end else self._wanted
        found = await self._reader.conversations(limit=wanted)
        self._more = len(found) == wanted
        self._shown = {_name(each): each for each in found}
        self._wanted = max(PAGE, len(found))
        self.put([self._row(name, each) for name, each in self._shown.items()], end=to_end)
        self.loaded = True
        self.post_message(self.Moved())

    async def _read_on(self) -> None:
        """The next page, where the list was not read anew meanwhile."""
        last = next(reversed(self._shown.values()))
        after = ConversationKey(last.conversation_id, last.kind)
        try:
            found = await self._reader.conversations(after=after, limit=PAGE)
        except SyncEngineError:  # it was deleted meanwhile
            self._asked.set()
            return
        if not self._shown or next(reversed(self._shown.values())) is not last:
            return
        more = {_name(each): each for each in found}
        self._shown = {**self._shown, **more}
        self._more, self._wanted = len(found) == PAGE, len(self._shown)
        self.put([*self.rows, *(self._row(name, each) for name, each in more.items())])
        self.post_message(self.Moved())

    def _row(self, name: str, conversation: Conversation) -> Row:
        return Row(name, 2, partial(self._draw, conversation))

    def _draw(self, conversation: Conversation) -> Sequence[Text]:
        return conversation_lines(conversation, self.line_width, self._now())

    def on_rows_moved(self) -> None:
        """Near the end the next page is read; the list grows by it."""
        if self._more and self.span()[1] >= len(self.rows) - _EDGE:
            self._more = False
            self.run_worker(self._read_on(), group="more")

    def action_newest(self) -> None:
        """To the last of all."""
        self._to_end = True
        self._asked.set()


def _name(conversation: Conversation) -> str:
    return str(ConversationKey(conversation.conversation_id, conversation.kind))
