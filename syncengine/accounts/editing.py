"""Changes the configuration and keeps what a person wrote into it. The only door to `tomlkit`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncengine.accounts.configuration import content, read
from syncengine.accounts.folders import default_path, write_private
from syncengine.errors import ConfigError

_BY_HAND = "Change the file by hand, in an editor."


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
        self._toml = _tomlkit()
        self._document = self._toml.parse((self._before or b"").decode("utf-8-sig"))

    def put(self, name: str, keys: Mapping[str, str | bool | None]) -> None:
        """Add an account, or change these keys of it; None takes a key away."""
        accounts = self._document.setdefault("accounts", self._toml.table(is_super_table=True))
        new = name not in accounts
        if new:
            accounts[name] = self._toml.table()
        table = accounts[name]
        for key, value in keys.items():
            if value is not None:
                table[key] = value
            elif key in table:
                del table[key]
        if new:
            table.add(self._toml.nl())
        self._check(name)

    def drop(self, name: str) -> None:
        """Take an account out."""
        del self._document["accounts"][name]
        self._check(name)

    def write(self) -> None:
        """Put it in the old one's place, whole. Raises ConfigError where that cannot be done,
        or where somebody else changed the file since it was read."""
        if content(self.path) != self._before:
            raise ConfigError(
                f"{self.path} was changed by another program meanwhile",
                hint="Nothing was written; try again.",
            )
        data = self._data()
        write_private(self.path, data)
        self._before = data

    def _data(self) -> bytes:
        return str(self._toml.dumps(self._document)).encode()

    def _check(self, changed: str) -> None:
        """What would be written is read as it will be read: nothing else may be different."""
        found = read(self.path, self._data())
        before = {**self.configuration.accounts, changed: None}
        after = {**found.accounts, changed: None}
        if before != after or found.daemon != self.configuration.daemon:
            raise ConfigError(f"{self.path} is written in an unusual way", hint=_BY_HAND)
        self.configuration = found


def _tomlkit() -> Any:
    """Asked for only where something is written. Raises ConfigError where it is missing."""
    try:
        import tomlkit
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is missing", hint="Run `pip install 'syncengine-im[daemon]'`."
        ) from None
    return tomlkit
