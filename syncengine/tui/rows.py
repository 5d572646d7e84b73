"""A list that draws only what is visible: rows of any height, a cursor, and a place that
stays while rows come and go around it."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import ClassVar

from attrs import frozen
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from syncengine.tui.text import CONSOLE


@frozen
class Row:
    """Something shown in one or more lines."""

    key: str
    height: int
    draw: Callable[[], Sequence[Text]]
    """Its lines, as many as `height`; called when it is visible."""
    selectable: bool = True


class Rows(ScrollView, can_focus=True):
    """The list. `put` replaces its rows; keys and mouse move its cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("home,g", "oldest", "First", show=False),
        Binding("end,G", "newest", "Last", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor", "rows--cursor-blurred"}
    DEFAULT_CSS = """
    Rows { overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    Rows > .rows--cursor { background: $primary 40%; }
    Rows > .rows--cursor-blurred { background: $foreground 10%; }
    """
    bottom = False
    """Whether few rows lie at the lower end, and the end is followed as it grows."""

    class Moved(Message):
        """The cursor moved, or the list was scrolled."""

    class Chosen(Message):
        """A row was chosen, by a key or by a click."""

        def __init__(self, rows: "Rows", key: str, *, clicked: bool) -> None:
            super().__init__()
            self.rows, self.key, self.clicked = rows, key, clicked

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._tops: list[int] = [0]
        self._at: dict[str, int] = {}
        self._cursor: str | None = None
        self._stuck = True
        self._putting = False

    @property
    def cursor(self) -> str | None:
        """The key of the row that the cursor is on; None: there is none."""
        return self._cursor

    @property
    def rows(self) -> Sequence[Row]:
        """What is shown, from the top."""
        return self._rows

    @property
    def stuck(self) -> bool:
        """Whether the end is in view."""
        return self._stuck

    @property
    def line_width(self) -> int:
        """Columns of a line."""
        return max(4, self.scrollable_content_region.width)

    @property
    def _lines_shown(self) -> int:
        return max(1, self.scrollable_content_region.height)

    @property
    def _above(self) -> int:
        """Empty lines over rows that do not fill the list."""
        return max(0, self._lines_shown - self._tops[-1]) if self.bottom else 0

    def span(self) -> tuple[int, int]:
        """The first and the last row of which something is visible."""
        first = self._row_at(self.scroll_offset.y)
        return first, max(first, self._row_at(self.scroll_offset.y + self._lines_shown - 1))

    def _row_at(self, line: int) -> int:
        at = bisect_right(self._tops, max(0, line - self._above)) - 1
        return max(0, min(at, len(self._rows) - 1))

    def still_key(self) -> str | None:
        """The key of the row that stays where it is: the cursor's where it is visible, else
        the first visible one that can be selected."""
        first, last = self.span()
        if self._cursor is not None and first <= self._at.get(self._cursor, -1) <= last:
            return self._cursor
        rows = self._rows[first : last + 1]
        return next((row.key for row in rows if row.selectable), None)

    def put(
        self, rows: Sequence[Row], *, to: str | None = None, end: bool = False, top: bool = False
    ) -> None:
        """Show these rows. What was visible stays where it is, and the end, where it was in
        view and is followed; or go to the row `to`, the end or the top."""
        kept, stuck = self._kept(), self._stuck and self.bottom
        before, self._cursor = self._cursor, self._cursor_among(rows, to, end=end, top=top)
        followed = stuck and before is not None and before == self._last_key()
        self._rows = rows
        self._tops = [0, *accumulate(row.height for row in rows)]
        self._at = {row.key: at for at, row in enumerate(rows)}
        if end or (followed and to is None and not top):
            self._cursor = self._last_key()
        self._putting = True
        self.virtual_size = Size(self.line_width, self._tops[-1])
        self._place(kept, to, end=end or (stuck and to is None and not top), top=top)
        self._putting = False
        self._stuck = self.scroll_offset.y >= self.max_scroll_y
        self.refresh()

    def _kept(self) -> tuple[str, int] | None:
        """The row that stays, and how far below the list's top it begins."""
        key = self.still_key()
        return None if key is None else (key, self._tops[self._at[key]] - self.scroll_offset.y)

    def _place(self, kept: tuple[str, int] | None, to: str | None, *, end: bool, top: bool) -> None:
        if end:
            self._scroll(self.max_scroll_y)
        elif top:
            self._scroll(0)
        elif to is not None and to in self._at:
            row = self._rows[self._at[to]]
            free = max(0, self._lines_shown - row.height)
            self._scroll(self._tops[self._at[to]] - free // 2)
        elif kept is not None and kept[0] in self._at:
            self._scroll(self._tops[self._at[kept[0]]] - kept[1])

    def _scroll(self, line: int) -> None:
        self.scroll_to(y=line, animate=False, force=True)

    def _cursor_among(
        self, rows: Sequence[Row], to: str | None, *, end: bool, top: bool
    ) -> str | None:
        """Where the cursor goes: with its row, or to the one that took its place."""
        keys = [row.key for row in rows if row.selectable]
        if not keys:
            return None
        if end or top:
            return keys[-1 if end else 0]
        if to in keys:
            return to
        if self._cursor in keys:
            return self._cursor
        near = [row.key for row in self._rows[self._at.get(self._cursor or "", 0) :]]
        there = set(keys)
        return next((key for key in near if key in there), keys[-1 if self.bottom else 0])

    def _last_key(self) -> str | None:
        return next((row.key for row in reversed(self._rows) if row.selectable), None)

    def render_line(self, y: int) -> Strip:
        """One line of what is visible."""
        line = y + self.scroll_offset.y - self._above
        if not 0 <= line < self._tops[-1]:
            return Strip.blank(self.line_width, self.rich_style)
        at = bisect_right(self._tops, line) - 1
        row = self._rows[at]
        text = row.draw()[line - self._tops[at]]
        strip = Strip(text.render(CONSOLE)).crop_extend(0, self.line_width, None)
        style = self.rich_style
        if row.key == self._cursor:
            name = "rows--cursor" if self.has_focus else "rows--cursor-blurred"
            style = self.get_component_rich_style(name)
        return strip.apply_style(style)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Tell whoever reads more rows as they come into view."""
        super().watch_scroll_y(old_value, new_value)
        if not self._putting and round(old_value) != round(new_value):
            self._stuck = self.scroll_offset.y >= self.max_scroll_y
            self.post_message(self.Moved())

    def on_focus(self) -> None:
        """The cursor looks different."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor looks different."""
        self.refresh()

    def select(self, key: str) -> None:
        """Put the cursor on a row, and the row into view."""
        self._cursor = key
        at = self._at[key]
        top, bottom = self._tops[at], self._tops[at + 1]
        if key == self._last_key():
            bottom = self._tops[-1]  # also what stands below it
        if top < self.scroll_offset.y or bottom - top > self._lines_shown:
            self._scroll(0 if self._is_first(at) else top)
        elif bottom > self.scroll_offset.y + self._lines_shown:
            self._scroll(bottom - self._lines_shown)
        self.refresh()
        self.post_message(self.Moved())

    def _is_first(self, at: int) -> bool:
        return not any(row.selectable for row in self._rows[:at])

    def action_move(self, step: int) -> None:
        """To the next row, or the one before; a long one is scrolled through first."""
        if self._cursor is None or self._scrolled_within(step):
            return
        at = self._at[self._cursor] + step
        while 0 <= at < len(self._rows):
            if self._rows[at].selectable:
                self.select(self._rows[at].key)
                return
            at += step
        self._scroll(self.scroll_offset.y + step)

    def _scrolled_within(self, step: int) -> bool:
        at = self._at[self._cursor or ""]
        top, bottom, seen = self._tops[at], self._tops[at + 1], self.scroll_offset.y
        hidden = top < seen if step < 0 else bottom > seen + self._lines_shown
        partly = top < seen + self._lines_shown and bottom > seen
        if hidden and partly and bottom - top > self._lines_shown:
            self._scroll(seen + step * 3)
            return True
        return False

    def action_page(self, step: int) -> None:
        """A page on, or back; the cursor goes with it."""
        self._scroll(self.scroll_offset.y + step * max(1, self._lines_shown - 2))
        first, last = self.span()
        order = range(first, last + 1) if step < 0 else range(last, first - 1, -1)
        found = next((at for at in order if self._rows and self._rows[at].selectable), None)
        if found is not None:
            self._cursor = self._rows[found].key
        self.refresh()
        self.post_message(self.Moved())

    def action_oldest(self) -> None:
        """To the first row."""
        key = next((row.key for row in self._rows if row.selectable), None)
        if key is not None:
            self.select(key)

    def action_newest(self) -> None:
        """To the last row."""
        key = self._last_key()
        if key is not None:
            self.select(key)

    def action_choose(self) -> None:
        """Open the row that the cursor is on."""
        if self._cursor is not None:
            self.post_message(self.Chosen(self, self._cursor, clicked=False))

    def on_click(self, event: events.Click) -> None:
        """The row under the mouse."""
        if not self._rows or event.y + self.scroll_offset.y - self._above >= self._tops[-1]:
            return
        row = self._rows[self._row_at(event.y + self.scroll_offset.y)]
        if row.selectable:
            self.select(row.key)
            self.post_message(self.Chosen(self, row.key, clicked=True))
