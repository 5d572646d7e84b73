"""What the daemon writes down about itself: lines for people on a terminal, else JSON lines.

What is never in it, whatever happens: message text, passwords, tokens. This holds by what is
let through, not by what is searched for:

- our own records: their words and the `FIELDS` below, short, on one line, and nothing in them
  that a terminal obeys; ids of accounts longer than `PLAIN_NAME` are shortened;
- other libraries' records: from warnings on, and of those the fixed words only, no values (at
  its debug level a database library would write down the messages themselves);
- exceptions: the class and where it happened, not what it says.
"""

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import PurePath
from traceback import extract_tb
from typing import Any, TextIO

from attrs import define, field

from syncengine.errors import ConfigError
from syncengine.json_text import json_text
from syncengine.plain import plain

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
FIELDS = (
    "account",
    "server",
    "state",
    "error",
    "hint",
    "seconds",
    "requests",
    "pages",
    "messages_added",
    "messages_removed",
    "gaps",
    "wait",
)
"""What a record may carry beside its words, through `extra`: numbers, or short text of ours."""
PLAIN_NAME = 8
"""Characters: a longer id is shortened in logs and metrics."""
_OURS = "syncengine"
_LONGEST = 500
"""Characters of one text."""
_FRAMES = 6


def shortened(name: str) -> str:
    """An id as logs and metrics show it: its beginning, and a few digits that tell it from
    others; a short one as it is."""
    if len(name) <= PLAIN_NAME:
        return name
    return f"{name[:4]}~{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:4]}"


@define
class Names:
    """The ids that texts may hold: user names, app keys, accounts."""

    _known: set[str] = field(factory=set)
    _pattern: re.Pattern[str] | None = None

    def learn(self, names: Iterable[str]) -> None:
        """From now on these are shortened wherever they stand."""
        new = {name for name in names if len(name) > PLAIN_NAME} - self._known
        if new:
            self._known |= new
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def hide(self, text: str) -> str:
        """The text with every known id shortened."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: shortened(found[0]), text)


@contextmanager
def logging_to(
    stream: TextIO,
    *,
    level: str = "info",
    as_json: bool | None = None,
    names: Names | None = None,
) -> Iterator[None]:
    """Let everything that this process logs go there for as long as the block lasts.

    `as_json` None: lines for people where the stream is a terminal. For a program that owns
    its process: it takes over Python's root logger. Raises ConfigError for an unknown level.
    """
    human = stream.isatty() if as_json is None else not as_json
    handler = _Handler(stream, (_Lines if human else _Json)(names or Names()))
    root, ours = logging.getLogger(), logging.getLogger(_OURS)
    before = (root.handlers[:], root.level, ours.level)
    root.handlers, ours_level = [handler], level_of(level)
    root.setLevel(logging.WARNING)
    ours.setLevel(ours_level)
    try:
        yield
    finally:
        root.handlers = before[0]
        root.setLevel(before[1])
        ours.setLevel(before[2])


def level_of(name: str) -> int:
    """The number of a level. Raises ConfigError, with the names that there are."""
    try:
        return LEVELS[name.lower()]
    except KeyError:
        raise ConfigError(
            f"there is no log level {name!r}", hint=f"Use one of: {', '.join(LEVELS)}."
        ) from None


class _Handler(logging.Handler):
    """Writes lines. One that cannot be written is dropped: a full disk ends no daemon."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        super().__init__()
        self._stream = stream
        self.setFormatter(formatter)
        self.addFilter(_from_warnings_on)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, at once."""
        with suppress(OSError, ValueError, RecursionError):
            text = f"{self.format(record)}\n"
            encoding = self._stream.encoding or "utf-8"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing: Python would print the record's values."""


def _from_warnings_on(record: logging.LogRecord) -> bool:
    """Other libraries' records below that are none of ours, whatever level they set."""
    return _is_ours(record) or record.levelno >= logging.WARNING


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == _OURS or record.name.startswith(f"{_OURS}.")


class _Safe(logging.Formatter):
    """Takes from a record what may be shown."""

    def __init__(self, names: Names) -> None:
        super().__init__()
        self._names = names

    def words(self, record: logging.LogRecord) -> str:
        """What a record says; of another library's only what is the same every time."""
        if not _is_ours(record):
            return self.text(str(record.msg).partition("\n")[0])
        try:
            return self.text(record.getMessage())
        except (TypeError, ValueError, KeyError):  # words and values do not fit together
            return self.text(str(record.msg))

    def text(self, value: str) -> str:
        """On one line, without control characters, ids shortened, not endless."""
        return plain(self._names.hide(value))[:_LONGEST]

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """What it carries beside its words."""
        found = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        shown = {name: self._field(name, value) for name, value in found.items()}
        return shown | _failure(record)

    def _field(self, name: str, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        return shortened(plain(str(value))) if name == "account" else self.text(str(value))


def _failure(record: logging.LogRecord) -> dict[str, Any]:
    """Which exception, and where; its own words may hold anything."""
    if not record.exc_info or record.exc_info[1] is None:
        return {}
    error = record.exc_info[1]
    frames = extract_tb(error.__traceback__)[-_FRAMES:]
    where = [f"{PurePath(each.filename).name}:{each.lineno} {each.name}" for each in frames]
    return {"exception": type(error).__name__, "at": where}


class _Json(_Safe):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        value = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.words(record),
        }
        return json_text(value | self.fields(record))


class _Lines(_Safe):
    """A record as a person reads it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line: `2026-01-31T12:00:00Z warning alice: offline (wait=30)`."""
        fields = self.fields(record)
        account = fields.pop("account", None)
        whose = "" if account is None else f"{account}: "
        fields = {name: value for name, value in fields.items() if value not in (None, "")}
        more = f" ({', '.join(f'{k}={v}' for k, v in fields.items())})" if fields else ""
        return f"{_time(record)} {record.levelname.lower():<7} {whose}{self.words(record)}{more}"


def _time(record: logging.LogRecord) -> str:
    """UTC, to the millisecond."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
