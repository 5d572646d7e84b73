"""What people wrote, made fit for a window, pure.

Nothing here is markup: texts become `Text`, which shows what it holds. Control characters
are made visible and those that turn the direction of what follows are taken out, or a
message could reorder the pane beside it. Emoji that are put together are taken apart: some
terminals give them the width of one, others of all, and the panes beside them would shift.
"""

import io
import re
import unicodedata
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from syncengine.plain import plain

LONGEST = 4_000
"""Characters that are shown of one message."""
MOST_LINES = 40
"""Lines that are shown of one message."""
_MOST_MARKS = 8
"""Characters without a width that may follow one another: more would hide their neighbours."""
_TURNING = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u2066\u2067\u2068\u2069"))
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200d\ufe0e\ufe0f"))
"""Soft hyphen, joiner, and how wide an emoji is to be: each terminal obeys others of them."""
_COLOURED = re.compile("(?<=[\u2190-\u2bff\U0001f000-\U0001faff])[\U0001f3fb-\U0001f3ff]+")
"""The colour of an emoji's skin."""
_COLOUR = re.compile("[\U0001f3fb-\U0001f3ff]")
_LEAST = 12
"""Columns that the first of two texts has at least."""
CONSOLE = Console(file=io.StringIO(), width=80, color_system="truecolor", legacy_windows=False)
"""Splits and paints; it never prints."""


def clean(text: str, most: int = LONGEST) -> str:
    """The beginning of a text, on one line, with nothing in it that acts."""
    return "".join(_without_towers(_apart(plain(text[:most]).translate(_TURNING))))


def _apart(text: str) -> str:
    """As wide as its characters are one by one, whoever counts."""
    if text.isascii():
        return text
    text = _COLOURED.sub("", text.translate(_UNSEEN))
    return _COLOUR.sub("\N{REPLACEMENT CHARACTER}", text)


def _without_towers(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me", "Cf") else 0
        if marks <= _MOST_MARKS:
            yield character


def paragraphs(text: str) -> list[str]:
    """The lines of the beginning of a text, as they were written."""
    return [clean(line) for line in text[:LONGEST].splitlines()[:MOST_LINES]] or [""]


def wrapped(text: Text, width: int) -> list[Text]:
    """A line as several that are no wider than `width` columns, at least two."""
    return list(text.wrap(CONSOLE, max(2, width), overflow="fold")) or [Text()]


def body_lines(text: str, width: int) -> list[Text]:
    """A whole message in columns; what is too long is cut, and says so."""
    lines = [line for each in paragraphs(text) for line in wrapped(Text(each), width)]
    if len(text) <= LONGEST and len(lines) <= MOST_LINES:
        return lines
    note = Text(f"… {len(text):,} characters in all; `syncengine messages` prints them", "dim")
    return [*lines[:MOST_LINES], *wrapped(note, width)]


def fit(text: str, width: int) -> str:
    """The text, cut to so many columns."""
    if width < 1:
        return ""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def fit_name(text: str, width: int) -> str:
    """The text, cut in its middle to so many columns: ids of groups differ at their ends."""
    if cell_len(text) <= width or width < 3:
        return fit(text, width)
    tail = _ending(text, (width - 1) // 2)
    head = set_cell_size(text, width - 1 - cell_len(tail)).rstrip()
    return f"{head}…{tail}"


def _ending(text: str, width: int) -> str:
    """The last characters that fit, none of which belongs to one before it."""
    begin, room = len(text), width - cell_len(text[-1:])
    while begin > 0 and room >= 0:
        begin -= 1
        room -= cell_len(text[begin - 1 : begin])
    while begin < len(text) and cell_len(text[begin]) == 0:
        begin += 1
    return text[begin:]


def spread(left: Text, right: Text, width: int) -> Text:
    """Two texts on one line, the second at its end and never cut: it is left out where the
    first would have hardly any room."""
    right = right if width - right.cell_len >= _LEAST else Text()
    room = width - right.cell_len
    if left.cell_len >= room > 0:
        left.truncate(max(0, room - 1), overflow="ellipsis")
    return Text.assemble(left, " " * max(0, room - left.cell_len), right)
