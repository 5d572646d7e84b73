"""The search: results while one types, and a jump to where they stand."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from syncengine.errors import EngineClosed, SyncEngineError
from syncengine.models import ConversationKey, Found, Hit
from syncengine.plain import count
from syncengine.reader import Reader
from syncengine.tui.looks import hit_lines
from syncengine.tui.rows import Row, Rows
from syncengine.tui.text import clean

PAGE = 50
"""Results read at once."""
_EDGE = 15
_LOOK_AGAIN = 0.5
"""Seconds after which a search that could not see all messages is made again."""


class Results(Rows, can_focus=False):
    """What was found; the cursor moves while the keys go to the input."""


class SearchInput(Input):
    """Keys that move the cursor of the results are not its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "screen.move(-1)", show=False),
        Binding("down", "screen.move(1)", show=False),
        Binding("pageup", "screen.page(-1)", show=False),
        Binding("pagedown", "screen.page(1)", show=False),
        Binding("tab", "screen.scope", "Everywhere or here"),
    ]


class SearchScreen(ModalScreen[Hit | None]):
    """Gives the result that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close"),
        Binding("ctrl+c", "app.quit", "Quit", show=False),
    ]

    def __init__(
        self, reader: Reader, here: ConversationKey | None, now: Callable[[], int], text: str = ""
    ) -> None:
        super().__init__()
        self._reader, self._here, self._now, self._text = reader, here, now, text
        self._only_here = False
        self._hits: list[Hit] = []
        self._answered: tuple[str, bool] | None = None
        self._eager = False
        self._more = asyncio.Event()
        self.found: Found | None = None
        """The newest answer; None while the first is awaited."""

    def compose(self) -> ComposeResult:
        """What to search, where, and what was found."""
        with Vertical(id="search"):
            yield SearchInput(self._text, placeholder="words to find", id="words")
            yield Static(id="scope")
            yield Results(id="results")
            yield Static(id="found")

    def on_mount(self) -> None:
        """Begin with what was typed the last time."""
        self.query_one(SearchInput).focus()
        self._search()

    @property
    def text(self) -> str:
        """What was typed."""
        return self.query_one(SearchInput).value

    @property
    def results(self) -> Results:
        """The list of what was found."""
        return self.query_one(Results)

    def on_input_changed(self) -> None:
        """Search as one types; what was under way for less is not awaited."""
        self._search()

    def _search(self) -> None:
        self._show_scope()
        self.run_worker(self._find(), group="find", exclusive=True)

    async def _find(self) -> None:
        """The first page, and the others as they come into view."""
        self._more.clear()
        try:
            self._take(await self._page(None), anew=True)
            while self.found is not None and (self.found.cursor or self.found.behind):
                if not await self._wait_for_more():
                    self._take(await self._page(None), anew=True)
                elif self.found.cursor is not None:
                    self._take(await self._page(self.found.cursor), anew=False)
        except EngineClosed:
            pass
        except SyncEngineError as error:
            self.query_one("#found", Static).update(Text(clean(f"{error}. {error.hint}")))

    async def _wait_for_more(self) -> bool:
        """Until the end comes into view; False: first, it is time to look again for what
        was indexed meanwhile."""
        assert self.found is not None
        again = _LOOK_AGAIN if self.found.behind and len(self._hits) <= PAGE else None
        try:
            await asyncio.wait_for(self._more.wait(), again)
        except TimeoutError:
            return False
        self._more.clear()
        return True

    async def _page(self, cursor: str | None) -> Found:
        here = self._here if self._only_here else None
        if not self.text.strip():
            return Found((), None, 0)
        return await self._reader.search(
            self.text,
            conversation_id=None if here is None else here.conversation_id,
            kind=None if here is None else here.kind,
            prefix=True,
            limit=PAGE,
            cursor=cursor,
        )

    def _take(self, found: Found, *, anew: bool) -> None:
        self.found, self._answered = found, self._asked
        self._hits = [*([] if anew else self._hits), *found.hits]
        self.results.put([self._row(at, hit) for at, hit in enumerate(self._hits)])
        self._show_found()
        if self._eager:
            self.on_input_submitted()

    @property
    def _asked(self) -> tuple[str, bool]:
        return self.text, self._only_here

    def _row(self, at: int, hit: Hit) -> Row:
        message = hit.message
        name = f"{at} {message.kind} {message.conversation_id} {message.message_id}"
        return Row(name, 2, partial(self._draw, hit))

    def _draw(self, hit: Hit) -> Sequence[Text]:
        return hit_lines(hit, self.results.line_width, self._now())

    def _show_scope(self) -> None:
        here = None if self._here is None else clean(self._here.conversation_id, 60)
        where = Text(" in: ")
        where.append(" everywhere ", "" if self._only_here else "reverse")
        if here is not None:
            where.append(" ")
            where.append(f" {here} ", "reverse" if self._only_here else "")
            where.append("   Tab changes it", "dim")
        where.no_wrap = True
        self.query_one("#scope", Static).update(where)

    def _show_found(self) -> None:
        assert self.found is not None
        text = Text(" ")
        if not self.text.strip():
            text.append("type a word, or its beginning", "dim")
        elif not self._hits:
            text.append("nothing found")
        else:
            more = "more than " if self.found.cursor is not None else ""
            text.append(f"{more}{count(len(self._hits), 'message')}; Enter jumps there")
        if self.found.behind:
            text.append(f"  ·  {count(self.found.behind, 'message')} not searched yet", "#e0af68")
        self.query_one("#found", Static).update(text)

    def action_scope(self) -> None:
        """Everywhere, or in the conversation that is open."""
        if self._here is not None:
            self._only_here = not self._only_here
            self._search()

    def action_move(self, step: int) -> None:
        """Choose among the results."""
        self.results.action_move(step)

    def action_page(self, step: int) -> None:
        """A page of them on, or back."""
        self.results.action_page(step)

    def on_rows_moved(self) -> None:
        """Near the end the next page is read."""
        if self.results.span()[1] >= len(self._hits) - _EDGE:
            self._more.set()

    def on_input_submitted(self) -> None:
        """Enter: also a quick one chooses among the results of all that was typed."""
        self._eager = self._answered != self._asked
        if not self._eager and self.results.cursor is not None:
            self._choose(self.results.cursor)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """A click."""
        self._choose(event.key)

    def _choose(self, name: str) -> None:
        self.dismiss(self._hits[int(name.partition(" ")[0])])

    def on_click(self, event: events.Click) -> None:
        """A click on where to search changes it."""
        if event.widget is not None and event.widget.id == "scope":
            self.action_scope()

    def action_leave(self) -> None:
        """Back, with nothing."""
        self.dismiss(None)
