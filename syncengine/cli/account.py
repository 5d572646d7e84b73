"""Which account: its server, its secret, its file; from flags, or from the configuration."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from syncengine.accounts import default_file, secret_of
from syncengine.cli.configured import configured
from syncengine.cli.options import account_options, file_options, variable
from syncengine.errors import ConfigError
from syncengine.remote.easemob.client import EasemobRemote

PASSWORD_VARIABLE = "SYNCENGINE_PASSWORD"  # noqa: S105 - the variable's name, not a secret
TOKEN_VARIABLE = "SYNCENGINE_TOKEN"  # noqa: S105 - the variable's name, not a secret


@frozen
class Account:
    """What flags say of an account on a server; the secret comes from elsewhere.

    Where a configured account is meant, all of it comes from the configuration.
    """

    server: str | None
    app_key: str | None
    user: str | None
    allow_insecure_http: bool = False
    db: Path | None = None

    @property
    def file(self) -> Path:
        """Its file, whether it exists or not. Raises ConfigError where nothing says which."""
        return database(self.db, self.user)

    @property
    def existing_file(self) -> Path:
        """The same. Raises ConfigError where there is none."""
        return existing_database(self.db, self.user)

    def remote_unasked(self) -> EasemobRemote | None:
        """The way to the server where all that it takes is given; None where somebody would
        have to be asked, or something is missing. Looks for a secret once: a keyring may ask.

        Raises ConfigError for what cannot be used.
        """
        account = configured()
        if account is None:
            complete = self.server and self.app_key and self.user and secret_given()
            return self.remote() if complete else None
        try:
            secret = secret_of(account)
        except ConfigError:
            return None
        return account.remote(secret)

    def remote(self) -> EasemobRemote:
        """The way to the server; asks for the password where it must.

        Raises ConfigError for what is missing or cannot be used.
        """
        account = configured()
        if account is not None:
            return account.remote()
        flags = {"--server": self.server, "--app-key": self.app_key, "--user": self.user}
        check_complete(flags)
        try:
            return self._remote()
        except ConfigError as error:  # its hint is for programs, which have no flags
            flag = error.hint.replace("allow_insecure_http", "--allow-insecure-http")
            raise ConfigError(str(error), hint=flag) from error

    def _remote(self) -> EasemobRemote:
        user = self.user or ""
        token = os.environ.get(TOKEN_VARIABLE) or None
        return EasemobRemote(
            self.server or "",
            app_key=self.app_key or "",
            user=user,
            token=token,
            password=None if token else ask_password(user),
            allow_insecure_http=self.allow_insecure_http,
        )


def which_account(command: Callable[..., int]) -> Callable[..., int]:
    """All flags that say which account and which file; the command gets them as one `account`."""

    @wraps(command)
    def gathered(
        *,
        server: str | None,
        app_key: str | None,
        allow_insecure_http: bool,
        db: Path | None,
        user: str | None,
        **others: Any,
    ) -> int:
        account = Account(server, app_key, user, allow_insecure_http, db)
        return command(account=account, **others)

    return account_options(file_options(gathered))


def check_complete(flags: Mapping[str, str | None]) -> None:
    """Raises ConfigError, which names each flag that is missing."""
    missing = [flag for flag, value in flags.items() if not value]
    if missing:
        raise ConfigError(
            f"missing: {', '.join(missing)}",
            hint=f"Give flags, or set {', '.join(map(variable, missing))}."
            " No account yet? Try `syncengine demo`.",
        )


def secret_given() -> bool:
    """Whether a variable holds a password or a token."""
    return any(os.environ.get(name) for name in (PASSWORD_VARIABLE, TOKEN_VARIABLE))


def ask_password(user: str) -> str:
    """From the variable, or from a person at the terminal. Raises ConfigError."""
    password = os.environ.get(PASSWORD_VARIABLE)
    if password:
        return password
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(
            f"no password for {user}", hint=f"Set {PASSWORD_VARIABLE} or {TOKEN_VARIABLE}."
        )
    answer: str = click.prompt(f"Password of {user}", hide_input=True, err=True)
    return answer


def database(db: Path | None, user: str | None) -> Path:
    """The file to use, whether it exists or not."""
    account = configured()
    if account is not None:
        return account.file
    if db is not None:
        return db
    if not user:
        raise ConfigError(
            "missing: --user or --db",
            hint=f"Give --user NAME or --db PATH, or set {variable('--user')}."
            " `syncengine account add` spares you that.",
        )
    return default_file(user)


def existing_database(db: Path | None, user: str | None) -> Path:
    """The file to read. Raises ConfigError where there is none."""
    path = database(db, user)
    if not path.exists():
        raise _nothing_stored(path, db, user)
    return path


def _nothing_stored(path: Path, db: Path | None, user: str | None) -> ConfigError:
    """Says which command stores something there."""
    account = configured()
    named = {"--user": user, "--db": db}
    if account is not None:
        user, named = account.name, {"--account": account.name}
    whose = f"for {user} yet ({path})" if user else f"in {path} yet"
    flags = [f"{flag} {shlex.quote(str(value))}" for flag, value in named.items() if value]
    return ConfigError(
        f"nothing is stored {whose}", hint=f"Run `syncengine sync {' '.join(flags)} …` first."
    )
