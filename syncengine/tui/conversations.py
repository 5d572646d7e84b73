"""The list of conversations: read in pages, read again when something changed."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

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

    def chosen(self, key: str) -> Conversation | None:
        """The conversation of a row."""
        return self._shown.get(key)

    async def _tend(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._read()
            except EngineClosed:
                return
            except SyncEngineError as error:
                self.post_message(self.Failed(error))
            await asyncio.sleep(PAUSE)

    async def _read(self) -> None:
        found = await self._reader.conversations(limit=self._wanted)
        self._more = len(found) == self._wanted
        self._show(found)
        self.loaded = True
        self.post_message(self.Moved())

    def _show(self, found: Sequence[Conversation]) -> None:
        self._shown = {_name(each): each for each in found}
        self.put([self._row(name, each) for name, each in self._shown.items()])

    def _row(self, name: str, conversation: Conversation) -> Row:
        return Row(name, 2, partial(self._draw, conversation))

    def _draw(self, conversation: Conversation) -> Sequence[Text]:
        return conversation_lines(conversation, self.line_width, self._now())

    def on_rows_moved(self) -> None:
        """Near the end the next page is read; the list grows by it."""
        if self._more and self.span()[1] >= len(self.rows) - _EDGE:
            self._wanted = len(self.rows) + PAGE
            self._more = False
            self._asked.set()


def _name(conversation: Conversation) -> str:
    return str(ConversationKey(conversation.conversation_id, conversation.kind))
