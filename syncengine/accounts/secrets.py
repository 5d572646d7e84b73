"""Passwords and tokens: looked up where the configuration says they are, and never shown.

A secret is in no configuration, repr, log or error. It is in one place, the one configured:

    keyring       the system's, under the service "syncengine" and the account's login
    environment   SYNCENGINE_PASSWORD_<NAME>, or SYNCENGINE_TOKEN_<NAME>
    credential    the file <name> in systemd's $CREDENTIALS_DIRECTORY
    file:PATH     a file of this user's, with mode 0600
"""

import os
import re
import stat
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from syncengine.accounts import keyrings
from syncengine.accounts.folders import write_private
from syncengine.errors import ConfigError

if TYPE_CHECKING:
    from syncengine.accounts.account import Account

_LARGEST = 65536
"""Bytes; what is longer is no password and no token."""
_NOT_A_FILE = "Name a file that holds the secret, and nothing else, on one line."


class Keeper(StrEnum):
    """Who keeps a secret."""

    KEYRING = "keyring"
    """The system's keyring."""
    ENVIRONMENT = "environment"
    """A variable of the account's own; `variable_of` names it."""
    CREDENTIAL = "credential"
    """systemd: a file with the account's name in `$CREDENTIALS_DIRECTORY`."""
    FILE = "file"
    """A file that nobody but its owner may read."""


@frozen
class Place:
    """Where a secret is. Its text is what the configuration says."""

    keeper: Keeper
    path: Path | None = None
    """Of a file."""

    def __str__(self) -> str:
        return str(self.keeper) if self.path is None else f"{self.keeper}:{self.path}"


KEYRING = Place(Keeper.KEYRING)


class SecretKind(StrEnum):
    """What a secret is for."""

    PASSWORD = "password"  # noqa: S105 - the kind's name, not a secret
    """Signs in; tokens are renewed with it."""
    TOKEN = "token"  # noqa: S105 - the kind's name, not a secret
    """Signed in with elsewhere; of no use any more once the server refuses it."""


@frozen
class Secret:
    """A password or a token. Its repr does not show it."""

    value: str = field(repr=False)
    kind: SecretKind = SecretKind.PASSWORD
    place: str = ""
    """Where it was found, in words."""


def variable_of(name: str, kind: SecretKind = SecretKind.PASSWORD) -> str:
    """The environment variable that is an account's own."""
    return f"SYNCENGINE_{kind.upper()}_{re.sub('[^A-Za-z0-9]', '_', name).upper()}"


def secret_of(account: "Account", *, patience: float = keyrings.PATIENCE) -> Secret:
    """The account's secret, from the one place where the configuration says it is.

    A keyring may ask a person to unlock it, so this can take up to `patience` seconds: call it
    in a thread where an event loop must not wait. Raises ConfigError, whose hint says what to
    do, where it is missing, may be read by others, or its keyring is locked or does not answer.
    """
    keeper = account.secret.keeper
    if keeper is Keeper.ENVIRONMENT:
        return _from_environment(account)
    if keeper is Keeper.KEYRING:
        value = keyrings.read(account.login, patience=patience)
        if value is None:
            raise _missing(account, "the system keyring has no secret for it")
        return Secret(value, account.secret_is, "the system keyring")
    if keeper is Keeper.CREDENTIAL:
        return _from_credential(account)
    path = account.secret.path or Path()
    return Secret(read_private(path), account.secret_is, f"the file {path}")


def keep_secret(
    account: "Account", secret: Secret, *, patience: float = keyrings.PATIENCE
) -> str | None:
    """Store it where the configuration says it is; says where that is, in words.

    None where that is not for us to write: the environment, a credential. Raises ConfigError.
    """
    if account.secret.keeper is Keeper.KEYRING:
        name = keyrings.keep(account.login, secret.value, patience=patience)
        return f"the system keyring ({name})"
    if account.secret.path is not None:
        write_private(account.secret.path, f"{secret.value}\n".encode())
        return f"the file {account.secret.path}"
    return None


def forget_secret(account: "Account", *, patience: float = keyrings.PATIENCE) -> bool:
    """Take it out of the keyring; whether it was there. Other places are not ours to empty."""
    if account.secret.keeper is not Keeper.KEYRING:
        return False
    return keyrings.forget(account.login, patience=patience)


def one_line(data: bytes, where: str) -> str:
    """A secret as it stands in a file or comes through a pipe, without the end of its line.

    Raises ConfigError, which does not show it.
    """
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigError(f"{where} is not UTF-8", hint=_NOT_A_FILE) from None
    if not text or len(data) > _LARGEST or any(each in "\r\n\0" for each in text):
        what = "is empty" if not data.strip() else "does not hold one line of text"
        raise ConfigError(f"{where} {what}", hint=_NOT_A_FILE)
    return text


def read_private(path: Path) -> str:
    """The secret in a file. Raises ConfigError where others than its owner may read it."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer must not hang
    try:
        opened = os.open(path, flags)
    except OSError as error:
        hint = f"{_NOT_A_FILE} Then type: chmod 600 {path}"
        raise ConfigError(f"{path}: {error.strerror}", hint=hint) from None
    with os.fdopen(opened, "rb") as file:
        _check_private(path, os.fstat(opened))
        return one_line(file.read(_LARGEST + 1), str(path))


def _check_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path} is no file", hint=_NOT_A_FILE)
    if os.name == "nt":  # modes say nothing there
        return
    if found.st_uid != os.geteuid():
        raise ConfigError(
            f"{path} belongs to another user", hint=f"Own it: chown {os.geteuid()} {path}"
        )
    if found.st_mode & 0o077:
        raise ConfigError(
            f"others may read the secret in {path} (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"Close it to them: chmod 600 {path}",
        )


def _from_environment(account: "Account") -> Secret:
    for kind in (SecretKind.TOKEN, SecretKind.PASSWORD):
        name = variable_of(account.name, kind)
        value = os.environ.get(name)
        if value:
            return Secret(value, kind, f"the variable {name}")
    raise _missing(account, f"{variable_of(account.name)} is not set")


def _from_credential(account: "Account") -> Secret:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise _missing(account, "systemd gave no credentials ($CREDENTIALS_DIRECTORY is not set)")
    path = Path(folder) / account.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _missing(account, f"the credential {path}: {error.strerror}") from None
    return Secret(one_line(data, f"the credential {path}"), account.secret_is, "a credential")


def _missing(account: "Account", why: str) -> ConfigError:
    return ConfigError(f"no secret for account {account.name}: {why}", hint=_ways(account))


def _ways(account: "Account") -> str:
    name = account.name
    ways = {
        Keeper.ENVIRONMENT: f"Set {variable_of(name)}, or {variable_of(name, SecretKind.TOKEN)}.",
        Keeper.CREDENTIAL: f"Give the unit a line like LoadCredential={name}:/path/of/the/secret.",
    }
    again = f"Give it again: `syncengine account add {name} --force`."
    return ways.get(account.secret.keeper, again)
