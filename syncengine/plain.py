"""Text that people wrote, as lines that cannot drive a terminal, pure."""

import unicodedata
from datetime import datetime

_SPACES = "\t\n\v\f\r\N{NEXT LINE}\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"
_OVERRIDES = "\N{LEFT-TO-RIGHT OVERRIDE}\N{RIGHT-TO-LEFT OVERRIDE}"
"""They show text in another order than it has: a file name or a link as what it is not."""


def plain(text: str) -> str:
    """The text with every control character made visible, on one line."""
    return "".join(_visible(character) for character in text.replace("\r\n", " "))


def _visible(character: str) -> str:
    if character in _SPACES:
        return " "
    if unicodedata.category(character) in ("Cc", "Cs") or character in _OVERRIDES:
        return "\N{REPLACEMENT CHARACTER}"
    return character


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 gap`, `1,479 messages`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(timestamp: int | None) -> str:
    """A time in the reader's time zone; one that no calendar has is shown as a number."""
    if timestamp is None:
        return "never"
    try:
        return datetime.fromtimestamp(timestamp / 1000).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return f"{timestamp} ms"


def is_text(value: str) -> bool:
    """Whether it can be written as UTF-8. Half a surrogate pair, for example, cannot: nothing
    that is held has it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
