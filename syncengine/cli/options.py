"""The flags that commands share, and what they open.

Every flag has an environment variable of its own: `--app-key` is `SYNCENGINE_APP_KEY`.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click
import platformdirs
from attrs import frozen

from syncengine.errors import ConfigError
from syncengine.models import Kind
from syncengine.reader import Reader
from syncengine.remote.easemob.client import EasemobRemote

F = TypeVar("F", bound=Callable[..., Any])

PASSWORD_VARIABLE = "SYNCENGINE_PASSWORD"  # noqa: S105 - the variable's name, not a secret
TOKEN_VARIABLE = "SYNCENGINE_TOKEN"  # noqa: S105 - the variable's name, not a secret


def option(flag: str, *declarations: str, **settings: Any) -> Callable[[F], F]:
    """A flag that can also be given in the environment."""
    variable = "SYNCENGINE_" + flag.removeprefix("--").replace("-", "_").upper()
    return click.option(flag, *declarations, envvar=variable, **settings)


def json_option(command: F) -> F:
    """`--json`."""
    return option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def file_options(command: F) -> F:
    """`--db` and `--user`: which file."""
    command = option("--user", metavar="NAME", help="The user whose chats these are.")(command)
    return option(
        "--db",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="PATH",
        help="The file that holds them. Default: one named after the user, in"
        " your system's data folder.",
    )(command)


def listing_options(command: F) -> F:
    """`--limit` and `--all`: how much of a listing."""
    command = option("--all", "everything", is_flag=True, help="Print all of them.")(command)
    return option(
        "--limit",
        type=click.IntRange(min=1),
        default=50,
        show_default=True,
        metavar="N",
        help="Print at most N.",
    )(command)


def server_options(command: F) -> F:
    """`--server`, `--app-key`, `--allow-insecure-http`."""
    command = option(
        "--allow-insecure-http",
        is_flag=True,
        help="Send the password over plain http to a server that is not this machine.",
    )(command)
    command = option("--app-key", metavar="ORG#APP", help="The application's key.")(command)
    return option(
        "--server",
        metavar="URL",
        help="The service's REST address, for example https://a1.easemob.com.",
    )(command)


@frozen
class Account:
    """What names an account on a server; the secret comes from elsewhere."""

    server: str | None
    app_key: str | None
    user: str | None
    allow_insecure_http: bool = False

    def remote(self) -> EasemobRemote:
        """The way to the server. Raises ConfigError for what is missing."""
        server = _required("--server", self.server, "the service's REST address")
        app_key = _required("--app-key", self.app_key, "ORG#APP, from the service's console")
        user = _required("--user", self.user, "the user to sign in as")
        token = os.environ.get(TOKEN_VARIABLE) or None
        return EasemobRemote(
            server,
            app_key=app_key,
            user=user,
            token=token,
            password=None if token else _password(user),
            allow_insecure_http=self.allow_insecure_http,
        )


def _required(flag: str, value: str | None, meaning: str) -> str:
    if not value:
        variable = "SYNCENGINE_" + flag.removeprefix("--").replace("-", "_").upper()
        raise ConfigError(f"{flag} is missing: {meaning}", hint=f"Give {flag} or set {variable}.")
    return value


def _password(user: str) -> str:
    password = os.environ.get(PASSWORD_VARIABLE)
    if password:
        return password
    if not sys.stdin.isatty():
        raise ConfigError(
            f"no password for {user}", hint=f"Set {PASSWORD_VARIABLE} or {TOKEN_VARIABLE}."
        )
    answer: str = click.prompt(f"Password of {user}", hide_input=True, err=True)
    return answer


def database(db: Path | None, user: str | None) -> Path:
    """The file to use, whether it exists or not."""
    if db is not None:
        return db
    if not user:
        raise ConfigError("which account?", hint="Give --user NAME, or --db PATH.")
    return platformdirs.user_data_path("syncengine") / f"{quote(user, safe='')}.db"


def existing_database(db: Path | None, user: str | None) -> Path:
    """The file to read. Raises ConfigError where there is none."""
    path = database(db, user)
    if not path.exists():
        raise ConfigError(f"there is no {path}", hint="Run `syncengine sync` first.")
    return path


async def chosen_kind(reader: Reader, conversation_id: str, kind: str | None) -> Kind:
    """The conversation's kind: as told, or the only one there is under this id."""
    if kind is not None:
        return Kind(kind)
    kinds = await reader.kinds(conversation_id)
    if not kinds:
        raise ConfigError(
            f"no conversation {conversation_id} is held here",
            hint="`syncengine conversations` lists what is.",
        )
    if len(kinds) > 1:
        raise ConfigError(
            f"{conversation_id} names several conversations",
            hint=f"Add --kind {' or --kind '.join(kinds)}.",
        )
    return kinds[0]
