"""The flags that commands share.

Every flag has an environment variable of its own: `--app-key` is `SYNCENGINE_APP_KEY`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from syncengine.models import Kind

F = TypeVar("F", bound=Callable[..., Any])


def variable(flag: str) -> str:
    """The environment variable of a flag."""
    return "SYNCENGINE_" + flag.removeprefix("--").replace("-", "_").upper()


def option(flag: str, *declarations: str, **settings: Any) -> Callable[[F], F]:
    """A flag that can also be given in the environment; its help says how."""
    return click.option(flag, *declarations, envvar=variable(flag), show_envvar=True, **settings)


def spelled_option(flag: str, *declarations: str, **settings: Any) -> Callable[[F], F]:
    """A flag that no variable can give: what is deleted is always written out."""
    return click.option(flag, *declarations, **settings)


def json_option(command: F) -> F:
    """`--json`."""
    return option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def db_option(meaning: str) -> Callable[[F], F]:
    """`--db`: a file."""
    return option(
        "--db", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH", help=meaning
    )


def file_options(command: F) -> F:
    """`--db` and `--user`: which file."""
    command = option("--user", metavar="NAME", help="The user whose chats these are.")(command)
    return db_option(
        "The database file. Default: one named after the user, in your system's data folder."
    )(command)


def kind_option(command: F) -> F:
    """`--kind`: which of the conversations of one id."""
    return option(
        "--kind",
        type=click.Choice([kind.value for kind in Kind]),
        help="Needed where a user and a group have the same id.",
    )(command)


def listing_options(command: F) -> F:
    """`--limit` and `--all`: how much of a listing."""
    whole = "Print everything; --limit is ignored."
    command = option("--all", "everything", is_flag=True, help=whole)(command)
    return option(
        "--limit",
        type=click.IntRange(min=1),
        default=50,
        show_default=True,
        metavar="N",
        help="Print at most N.",
    )(command)


def server_options(command: F) -> F:
    """`--server`, `--app-key`, `--allow-insecure-http`, `--attempts`."""
    return account_options(attempts_option(6)(command))


def account_options(command: F) -> F:
    """`--server`, `--app-key`, `--allow-insecure-http`."""
    for add in (_insecure, _app_key, _server):
        command = add(command)
    return command


def attempts_option(default: int) -> Callable[[F], F]:
    """`--attempts`."""
    return option(
        "--attempts",
        type=click.IntRange(1, 100),
        default=default,
        show_default=True,
        metavar="N",
        help="How often a request is tried, with growing pauses, before its failure is reported.",
    )


_server = option(
    "--server",
    metavar="URL",
    help="The service's REST address, for example https://a1.easemob.com.",
)
_app_key = option(
    "--app-key", metavar="ORG#APP", help="The application's key, from the service's console."
)
_insecure = option(
    "--allow-insecure-http",
    is_flag=True,
    help="Send the password over plain http to a server that is not this machine.",
)
