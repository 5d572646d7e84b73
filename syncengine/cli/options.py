"""The flags that commands share.

Nearly every flag has an environment variable: `--app-key` is `SYNCENGINE_APP_KEY`. One
variable means one thing, whichever command reads it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from syncengine.cli.configured import configured, given, note_config, note_name
from syncengine.cli.numbers import Number, Whole
from syncengine.config import Config
from syncengine.errors import ConfigError
from syncengine.models import Kind, Retention
from syncengine.search import MOST_AT_ONCE

F = TypeVar("F", bound=Callable[..., Any])


def variable(flag: str) -> str:
    """The environment variable of a flag."""
    return "SYNCENGINE_" + flag.removeprefix("--").replace("-", "_").upper()


def option(flag: str, *declarations: str, **settings: Any) -> Callable[[F], F]:
    """A flag that can also be given in the environment; its help says how."""
    return click.option(flag, *declarations, envvar=variable(flag), show_envvar=True, **settings)


def spelled_option(flag: str, *declarations: str, **settings: Any) -> Callable[[F], F]:
    """A flag that no variable can give: what is deleted is always written out, and so is what
    would mean another thing to another command."""
    return click.option(flag, *declarations, **settings)


def json_option(command: F) -> F:
    """`--json`."""
    return option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def db_option(meaning: str) -> Callable[[F], F]:
    """`--db`: a file."""
    return option(
        "--db", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH", help=meaning
    )


def config_option(command: F) -> F:
    """`--config`: which configuration. No argument of the command: `configured` knows it."""
    return option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        expose_value=False,
        callback=note_config,
        help="The configuration. Default: config.toml in your system's configuration folder.",
    )(command)


def file_options(command: F) -> F:
    """`--account` and `--config`, or `--db` and `--user`: which file."""
    command = config_option(command)
    command = option(
        "--account",
        metavar="NAME",
        expose_value=False,
        callback=note_name,
        help="A configured account. Default: the only one, unless other flags say which.",
    )(command)
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
        type=Whole(1, MOST_AT_ONCE),
        default=50,
        show_default=True,
        metavar="N",
        help="Print at most N.",
    )(command)


def account_options(command: F) -> F:
    """`--server`, `--app-key`, `--allow-insecure-http`."""
    for add in (_insecure, _app_key, _server):
        command = add(command)
    return command


def attempts_option(default: int, **settings: Any) -> Callable[[F], F]:
    """`--attempts`."""
    return option(
        "--attempts",
        type=Whole(1, 100),
        default=default,
        show_default=True,
        metavar="N",
        help="How often a request is tried, with growing pauses, before its failure is reported.",
        **settings,
    )


_WHOLE, _NUMBER = Whole(), Number()


class Setting(click.Option):
    """A flag that steers the engine."""


class Steered(click.Command):
    """A command whose help shows its settings apart: hardly anybody needs them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write two lists."""
        flags: dict[str, list[tuple[str, str]]] = {"Options": [], "Settings": []}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx) if isinstance(each, click.Option) else None
            if record is not None:
                flags["Settings" if isinstance(each, Setting) else "Options"].append(record)
        for title, records in flags.items():
            with formatter.section(title):
                formatter.write_dl(records)


def engine_options(command: F) -> F:
    """The flags that steer a sync; `read_config` understands them."""
    for add in reversed(_ENGINE):
        command = add(command)
    return command


def read_config(settings: Mapping[str, Any]) -> Config:
    """The engine's settings: those of the configured account, and before them the flags.

    Raises ConfigError, which names the flag.
    """
    account = configured()
    try:
        if account is not None:
            return account.open_settings(**given(settings))
        return Config(**settings)
    except ConfigError as error:  # it names a setting as programs do
        name, _, rest = str(error).partition(" ")
        flag = "--" + name.replace("_", "-")
        raise ConfigError(f"{flag} {rest}", hint=f"{error.hint}{_origin(name, flag)}") from error


def _origin(name: str, flag: str) -> str:
    """Where a value was not typed: a variable may be long forgotten."""
    return "" if typed(name) else f" It is set by {variable(flag)}."


def typed(name: str) -> bool:
    """Whether a parameter of the command under way is not from a variable."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not ParameterSource.ENVIRONMENT


def _setting(
    flag: str, metavar: str, meaning: str, type_: click.ParamType[Any] = _WHOLE
) -> Callable[[F], F]:
    default = getattr(Config(), flag.removeprefix("--").replace("-", "_"))
    whole = isinstance(default, float) and default.is_integer()
    return option(
        flag,
        cls=Setting,
        type=type_,
        default=int(default) if whole else default,
        show_default=default is not None,
        metavar=metavar,
        help=meaning,
    )


retention_days_option = _setting(
    "--retention-days",
    "DAYS",
    "How long the service keeps messages, by your plan: what is younger and missing there was"
    " deleted. Default: learnt from what the server shows.",
    _NUMBER,
)
_retention_option = option(
    "--retention",
    cls=Setting,
    type=click.Choice([each.value for each in Retention]),
    default=Retention.KEEP.value,
    show_default=True,
    help="What expires on the server stays here (keep), or goes here too (mirror).",
)
_ENGINE: tuple[Callable[[Any], Any], ...] = (
    _retention_option,
    retention_days_option,
    _setting(
        "--confirm-absence-after",
        "SECONDS",
        "A message is removed only when two reads, at least this far apart, do not show it.",
        _NUMBER,
    ),
    _setting(
        "--audit-pages",
        "N",
        "Pages that each sync reads again, to find what was deleted elsewhere; 0 for none."
        " `syncengine verify` always reads all of them.",
    ),
    _setting(
        "--full-list-every",
        "SECONDS",
        "How often the list of conversations is read to its end, though its top is not new.",
        _NUMBER,
    ),
    _setting("--page-size", "N", "Messages that one request asks for, at most 49."),
    _setting("--fetchers", "N", "Requests at once, at most 64; 1 is gentle to a slow network."),
    attempts_option(6, cls=Setting),
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
