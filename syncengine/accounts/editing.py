"""Changes the configuration and keeps what a person wrote into it. The only door to `tomlkit`.

A new account goes to the end, and an old one goes with its lines, so that the comment above
the next table stays there. Whatever the way in which the file is written, what comes out is
read as it will be read, and nothing but the one account may be different.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from syncengine.accounts.configuration import content, read
from syncengine.accounts.folders import default_path, write_private
from syncengine.errors import ConfigError

Keys = Mapping[str, str | bool | None]


class Draft:
    """A configuration as it will be: changed, checked, then written in one step.

    Comments, the order and all that is not changed stay as they are. Raises ConfigError for a
    file that cannot be read; one that is not there is empty.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self._before = content(self.path)
        self.configuration = read(self.path, self._before or b"")
        """As the draft is now; checked."""
        self._text = (self._before or b"").decode("utf-8-sig")
        self._toml = _tomlkit()

    def put(self, name: str, keys: Keys) -> None:
        """Add an account, or change these keys of it; None takes a key away."""
        new = name not in self.configuration.accounts
        self._become(name, self._with(name, keys) if new else self._changed(name, keys))

    def drop(self, name: str) -> None:
        """Take an account out."""
        text = _without(self._text, name)
        self._become(name, self._deleted(name) if text is None else text)

    def write(self) -> None:
        """Put it in the old one's place, whole. Raises ConfigError where that cannot be done,
        or where somebody else changed the file since it was read."""
        if content(self.path) != self._before:
            raise ConfigError(
                f"{self.path} was changed by another program meanwhile",
                hint="Nothing was written; try again.",
            )
        self._before = self._text.encode()
        write_private(self.path, self._before)

    def _with(self, name: str, keys: Keys) -> str:
        given = {key: value for key, value in keys.items() if value is not None}
        before = self._text.rstrip()
        table: str = self._toml.dumps({"accounts": {name: given}})
        return f"{before}\n\n{table}" if before else table

    def _changed(self, name: str, keys: Keys) -> str:
        known = self._toml.parse(self._text)["accounts"][name]
        added = {
            key: value for key, value in keys.items() if value is not None and key not in known
        }
        document = self._toml.parse(_added(self._text, name, self._toml.dumps(added)))
        table = document["accounts"][name]
        for key, value in keys.items():
            if value is not None:
                table[key] = value
            elif key in table:
                del table[key]
        return str(self._toml.dumps(document))

    def _deleted(self, name: str) -> str:
        document = self._toml.parse(self._text)
        del document["accounts"][name]
        return str(self._toml.dumps(document))

    def _become(self, changed: str, text: str) -> None:
        """Take the text, if only that one account is different in it."""
        try:
            tomllib.loads(text)
        except ValueError:
            raise self._unusual() from None
        found = read(self.path, text.encode())
        before = {**self.configuration.accounts, changed: None}
        after = {**found.accounts, changed: None}
        if before != after or found.daemon != self.configuration.daemon:
            raise self._unusual()
        self.configuration, self._text = found, text

    def _unusual(self) -> ConfigError:
        hint = "Change the file by hand, in an editor."
        return ConfigError(f"{self.path} is written in an unusual way", hint=hint)


def _without(text: str, name: str) -> str | None:
    """The text without the lines of an account; None where it has no table of its own.

    The comment just above the next table is that table's.
    """
    lines = text.split("\n")
    start, end = _lines_of(lines, name)
    if not end:
        return None
    while end > start + 1 and lines[end - 1].startswith("#"):
        end -= 1
    left = "\n".join([*lines[:start], *lines[end:]])
    return left if end < len(lines) else f"{left.rstrip()}\n"


def _added(text: str, name: str, keys: str) -> str:
    """The text with more keys, just below the head of the account's table if it has one."""
    lines = text.split("\n")
    start, end = _lines_of(lines, name)
    if not end:
        return text
    return "\n".join([*lines[: start + 1], *keys.splitlines(), *lines[start + 1 :]])


def _lines_of(lines: Sequence[str], name: str) -> tuple[int, int]:
    """The lines of an account's table, its head first; 0, 0 where it has none of its own."""
    heads = [(number, _head(line)) for number, line in enumerate(lines) if line.startswith("[")]
    own = [number for number, head in heads if head == {"accounts": {name: {}}}]
    if len(own) != 1:
        return 0, 0
    later = (number for number, head in heads if head and number > own[0])
    return own[0], next(later, len(lines))


def _head(line: str) -> dict[str, Any]:
    """What the head of a table names; nothing for a line that is none."""
    try:
        return tomllib.loads(line)
    except ValueError:
        return {}


def _tomlkit() -> Any:
    """Asked for only where something is written. Raises ConfigError where it is missing."""
    try:
        import tomlkit
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is missing", hint="Run `pip install 'syncengine-im[daemon]'`."
        ) from None
    return tomlkit
