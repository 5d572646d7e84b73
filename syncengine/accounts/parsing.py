"""The configuration's text as records. Every error names the table, the key and what would do.

No error shows a value: somebody may have written a password into the wrong place.
"""

import difflib
import os
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from syncengine.accounts.account import (
    NAME,
    Account,
    Address,
    Configuration,
    Daemon,
    Polling,
)
from syncengine.accounts.folders import default_file
from syncengine.accounts.secrets import Keeper, Place, SecretKind, variable_of
from syncengine.config import Config
from syncengine.errors import ConfigError
from syncengine.models import Retention
from syncengine.remote.easemob.urls import app_key_of, base_of, is_loopback, segment

_SPELLED: dict[Any, Any] = {Retention: str, float | None: float}
SETTINGS = {each.name: _SPELLED.get(each.type, each.type) for each in attrs.fields(Config)}
"""The engine's settings that an account may have, and their types."""
_NEEDED = {"server": str, "app_key": str, "user": str}
_ACCOUNT = {
    **_NEEDED,
    "file": str,
    "secret": str,
    "secret_is": str,
    "allow_insecure_http": bool,
    "poll_floor": float,
    "poll_ceiling": float,
    **SETTINGS,
}
_DAEMON = {"metrics": str, "log_level": str}
_TOP = {"accounts": dict, "daemon": dict}
_SECRETS = ("password", "token", "passwd", "passphrase", "pwd")
_LEVELS = ("debug", "info", "warning", "error")
_SHORTEST, _LONGEST = 1.0, 86_400.0
"""Seconds between polls: the service's other users are there too."""

_WANTED = {
    str: "text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a table",
}
_FOUND = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list"}


def parse(data: bytes, folder: Path) -> Configuration:
    """All that the text configures; relative paths begin in `folder`. Raises ConfigError."""
    return configuration_of(_tables(data), folder)


def configuration_of(tables: Mapping[str, Any], folder: Path) -> Configuration:
    """The same from tables that were read. Raises ConfigError."""
    _check("the file", tables, _TOP)
    accounts = tables.get("accounts", {})
    for name, table in accounts.items():
        check_name(name)
        _check("[accounts]", {name: table}, {name: dict})
    found = {name: _account(name, table, folder) for name, table in accounts.items()}
    _check_apart(found.values())
    daemon = _daemon(tables.get("daemon", {}), folder)
    return Configuration(accounts=found, daemon=daemon)


def _tables(data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        where = f"(at line {line}, column {column})"
        raise ConfigError(f"not UTF-8 {where}", hint="Save the file as UTF-8.") from None
    except RecursionError:
        raise ConfigError("nested too deep", hint="Tables in tables are all it needs.") from None
    except ValueError as error:  # also a number with thousands of digits
        hint = 'Each line is like [accounts.NAME], or key = "value".'
        raise ConfigError(f"no valid TOML: {_placed(error, data)}", hint=hint) from None


def _placed(error: ValueError, data: bytes) -> str:
    """With the line and the column, also where the text ends too early."""
    *lines, last = data.decode("utf-8-sig").split("\n")
    end = f"at line {len(lines) + 1}, column {len(last) + 1}, the end"
    return str(error).replace("at end of document", end)


def check_name(name: str) -> None:
    """Raises ConfigError for what cannot be an account's name."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be the name of an account",
            hint="Use up to 64 letters, digits, - _ and ., beginning with a letter or a digit.",
        )


def place_of(text: str, folder: Path, where: str) -> Place:
    """Where a secret is: keyring, environment, credential, or file:PATH. Raises ConfigError."""
    keeper, _, rest = text.partition(":")
    if keeper == Keeper.FILE and rest:
        return Place(Keeper.FILE, path_of(rest, folder, where))
    if text in (Keeper.KEYRING, Keeper.ENVIRONMENT, Keeper.CREDENTIAL):
        return Place(Keeper(text))
    hint = "Use keyring, environment, credential or file:PATH; the secret itself never stands here."
    raise ConfigError(f"{where} is no place for a secret", hint=hint)


def path_of(text: str, folder: Path, where: str) -> Path:
    """A path, from `~` or inside `folder` where it is not absolute. Raises ConfigError."""
    try:
        path = folder / Path(text).expanduser()
    except RuntimeError:  # no such home
        path = Path()
    if not text or "\0" in text or not path.name:
        raise ConfigError(f"{where} is no path of a file", hint="Give the path of a file.")
    return path


def _account(name: str, table: Mapping[str, Any], folder: Path) -> Account:
    where = f"[accounts.{name}]"
    _check(where, table, _ACCOUNT)
    missing = [key for key in _NEEDED if not table.get(key)]
    if missing:
        raise ConfigError(
            f"{where} has no {', '.join(missing)}",
            hint=f"An account needs {', '.join(_NEEDED)}.",
        )
    _check_server(where, table)
    file = table.get("file")
    user = table["user"]
    account = Account(
        name=name,
        server=table["server"],
        app_key=table["app_key"],
        user=user,
        file=default_file(user) if file is None else path_of(file, folder, f"{where} file"),
        secret=place_of(table.get("secret", Keeper.KEYRING), folder, f"{where} secret"),
        secret_is=_secret_kind(where, table.get("secret_is", SecretKind.PASSWORD)),
        allow_insecure_http=table.get("allow_insecure_http", False),
        settings={key: table[key] for key in table if key in SETTINGS},
        polling=_polling(where, table),
    )
    _named(where, account.open_settings)
    return account


def _check_server(where: str, table: Mapping[str, Any]) -> None:
    insecure = table.get("allow_insecure_http", False)
    _named(f"{where} server:", base_of, table["server"], allow_insecure_http=insecure)
    _named(f"{where} app_key:", app_key_of, table["app_key"])
    _named(f"{where} user:", segment, table["user"], "user name")


def _named(where: str, check: Any, *arguments: Any, **settings: Any) -> None:
    """Run a check; its error says where."""
    try:
        check(*arguments, **settings)
    except ConfigError as error:
        raise ConfigError(f"{where} {error}", hint=error.hint) from None


def _secret_kind(where: str, value: str) -> SecretKind:
    if value not in list(SecretKind):
        raise ConfigError(f"{where} secret_is has no such kind", hint="Use password or token.")
    return SecretKind(value)


def _polling(where: str, table: Mapping[str, Any]) -> Polling:
    found = Polling(table.get("poll_floor"), table.get("poll_ceiling"))
    for key, value in (("poll_floor", found.floor), ("poll_ceiling", found.ceiling)):
        if value is not None and not _SHORTEST <= value <= _LONGEST:
            hint = f"Use seconds from {_SHORTEST:g} to {_LONGEST:g}."
            raise ConfigError(f"{where} {key} is {value}", hint=hint)
    if found.floor is not None and found.ceiling is not None and found.floor > found.ceiling:
        raise ConfigError(
            f"{where} poll_floor is above poll_ceiling", hint="The floor is the shorter time."
        )
    return found


def _daemon(table: Mapping[str, Any], folder: Path) -> Daemon:
    _check("[daemon]", table, _DAEMON)
    level = table.get("log_level", "info")
    if level not in _LEVELS:
        hint = f"Use one of: {', '.join(_LEVELS)}."
        raise ConfigError(
            f"[daemon] log_level has no such level{_nearest(level, _LEVELS)}", hint=hint
        )
    metrics = table.get("metrics")
    return Daemon(metrics=None if metrics is None else _listen(metrics, folder), log_level=level)


def _listen(text: str, folder: Path) -> Address | Path:
    """`HOST:PORT` of this machine, or `unix:PATH`."""
    if text.startswith("unix:"):
        return path_of(text.removeprefix("unix:"), folder, "[daemon] metrics")
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    digits = port.isascii() and port.isdecimal() and len(port) < 6
    if not (digits and 0 < int(port) < 65536 and host and is_loopback(host)):
        raise ConfigError(
            "[daemon] metrics is no address of this machine",
            hint="Use a loopback address like 127.0.0.1:9464, or unix:PATH.",
        )
    return Address(host, int(port))


def _check(where: str, table: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raises ConfigError for the first key that is unknown, or of a wrong type."""
    for key, value in table.items():
        if key not in known:
            raise _unknown(where, key, value, known)
        if not _is(value, known[key]):
            found = _FOUND.get(type(value), "a table" if isinstance(value, dict) else "a time")
            what = (
                f"{where}: {key} is {found}" if where == "the file" else f"{where} {key} is {found}"
            )
            raise ConfigError(
                f"{what}, not {_WANTED[known[key]]}", hint=_type_hint(key, known[key])
            )


def _type_hint(key: str, wanted: Any) -> str:
    if wanted is dict:
        return "Begin it with a line like [accounts.NAME]."
    return f"Write {key} as {_WANTED[wanted]}."


def _is(value: Any, wanted: Any) -> bool:
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, wanted)


def _unknown(where: str, key: str, value: Any, known: Collection[str]) -> ConfigError:
    message = f"{where} has an unknown key {key!r}"
    if any(word in key.lower() for word in _SECRETS):
        hint = "Secrets are not kept here: `syncengine account add` puts them into a safe place."
        return ConfigError(message, hint=hint)
    if isinstance(value, dict) and where.startswith("[accounts."):
        dotted = f"{where[len('[accounts.') : -1]}.{key}"
        hint = f'It has no tables. A name with a dot is quoted: [accounts."{dotted}"].'
        return ConfigError(message, hint=hint)
    near = _nearest(key, known)
    return ConfigError(message + near, hint=f"Known are: {', '.join(known)}.")


def _nearest(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _check_apart(accounts: Iterable[Account]) -> None:
    """Each account has a file of its own, whatever the file is called, and its own variable."""
    files: dict[object, str] = {}
    variables: dict[str, str] = {}
    for account in accounts:
        for identity in _identities(account.file):
            other = files.setdefault(identity, account.name)
            if other != account.name:
                raise ConfigError(
                    f"the accounts {other} and {account.name} have one file: {account.file}",
                    hint="Each account needs a file of its own: give one of them file = PATH.",
                )
        variable = variable_of(account.name)
        other = variables.setdefault(variable, account.name)
        if other != account.name:
            raise ConfigError(
                f"the accounts {other} and {account.name} have one variable: {variable}",
                hint="Give them names that differ in a letter or a digit.",
            )


def _identities(file: Path) -> Iterable[object]:
    """What two names of one file have in common: links are followed, also hard ones."""
    real = os.path.realpath(file)
    yield os.path.normcase(real)
    try:
        found = Path(real).stat()
    except OSError:
        return
    yield found.st_dev, found.st_ino
