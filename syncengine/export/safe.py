"""The only way for text into a page: nothing in a name or a message is ever markup.

What was written by others is shown, never obeyed. Control characters, halves of characters
and the two that overrule the direction of text (which show a file name as what it is not)
become U+FFFD; right-to-left text keeps its direction, inside its own element.
"""

import html
import json
import re
from typing import Any

_UNSHOWN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_LINE_END = re.compile("\r\n?|\u2028|\u2029|\x85")
_WEB = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)
_LEFT_BY_JSON = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def shown(text: str) -> str:
    """Text that a page can carry, not yet escaped."""
    return _UNSHOWN.sub("\ufffd", _LINE_END.sub("\n", text))


def escaped(text: str) -> str:
    """Text for a page, between tags or in a quoted attribute."""
    return html.escape(shown(text), quote=True)


def isolated(text: str) -> str:
    """A name in a line of ours: its direction does not reach beyond it."""
    return f'<bdi dir="auto">{escaped(text)}</bdi>'


def link(address: Any) -> str | None:
    """An address for `href`, escaped; None for what is not plainly of the web."""
    if not isinstance(address, str) or not _WEB.fullmatch(shown(address)):
        return None
    return escaped(address)


def script_literal(value: Any) -> str:
    """A value inside a script: ASCII, with nothing that could end the script."""
    return json.dumps(value).translate(_LEFT_BY_JSON)
