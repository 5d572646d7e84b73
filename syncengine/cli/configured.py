"""Which configured account a command line means.

Flags that name an account themselves (`--user`, `--db`, …) and `--account` exclude each other:
a password must not go to a server that it is not for. What was typed goes before what stands
in a variable. With neither, the only account that is configured is meant.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from syncengine.accounts import Account, Configuration, default_path, load
from syncengine.errors import ConfigError

_NAME = "syncengine.cli.account"
_CONFIG = "syncengine.cli.config"
_CHOSEN = "syncengine.cli.chosen"
_NAMING = ("server", "app_key", "user", "db", "allow_insecure_http")
"""The parameters that say which account without the configuration."""


def note_name(context: click.Context, _: click.Parameter, value: str | None) -> None:
    """Keep `--account` with the command under way: it is no argument of its function."""
    context.meta[_NAME] = value


def note_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    """The same for `--config`."""
    context.meta[_CONFIG] = value


def config_path() -> Path:
    """The configuration that the command under way uses."""
    return named_config() or default_path()


def named_config() -> Path | None:
    """The one that it names."""
    named: Path | None = click.get_current_context().meta.get(_CONFIG)
    return named


def configured() -> Account | None:
    """The configured account that the command line means; None where its flags say which.

    Raises ConfigError where that cannot be told, or the configuration cannot be used.
    """
    context = click.get_current_context(silent=True)
    if context is None or _NAME not in context.meta:
        return None
    if _CHOSEN not in context.meta:
        context.meta[_CHOSEN] = _choose(context, context.meta[_NAME])
    chosen: Account | None = context.meta[_CHOSEN]
    return chosen


def several() -> Sequence[Account]:
    """All configured accounts, where the command line names none and there is more than one
    that could be meant; else none.

    Raises ConfigError for a configuration that cannot be used.
    """
    context = click.get_current_context()
    if context.meta.get(_NAME) is not None or any(context.params.get(each) for each in _NAMING):
        return ()
    if named_config() is None and not default_path().exists():
        return ()
    accounts = tuple(load(config_path()).accounts.values())
    return accounts if len(accounts) > 1 else ()


def every() -> Sequence[Account]:
    """All configured accounts. Raises ConfigError where flags say which one, as these would
    not count, and for a configuration that is not there or cannot be used."""
    context = click.get_current_context()
    for name in (*_NAMING, "account"):
        value = context.meta.get(_NAME) if name == "account" else context.params.get(name)
        if value and _typed(context, name):
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"--all and {flag} exclude each other", hint="Give one of the two.")
    return tuple(load(config_path()).accounts.values())


def given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those that somebody gave, by a flag or a variable."""
    context = click.get_current_context()
    defaults = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return {
        name: value
        for name, value in settings.items()
        if context.get_parameter_source(name) not in defaults
    }


def named(name: str) -> Account:
    """The account of this name. Raises ConfigError where there is none."""
    return account_of(load(config_path()), name)


def account_of(configuration: Configuration, name: str) -> Account:
    """The same, of a configuration that was read."""
    found = configuration.accounts.get(name)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, configuration.accounts, n=1)
    nearest = f"; did you mean {near[0]}?" if near else ""
    raise ConfigError(
        f"no account '{name}' is configured{nearest}",
        hint="`syncengine account list` shows the accounts, `syncengine account add` makes one.",
    )


def _choose(context: click.Context, name: str | None) -> Account | None:
    naming = [each for each in _NAMING if context.params.get(each)]
    if name is None:
        return None if naming else _only()
    typed = [each for each in naming if _typed(context, each)]
    if not _typed(context, "account"):
        if typed:
            return None
        typed = naming
    if typed:
        flag = "--" + typed[0].replace("_", "-")
        raise ConfigError(
            f"--account and {flag} exclude each other",
            hint="An account has its server, its user and its file from the configuration.",
        )
    return named(name)


def _typed(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is not ParameterSource.ENVIRONMENT


def _only() -> Account | None:
    """The only one; None where there is no configuration."""
    if named_config() is None and not default_path().exists():
        return None
    accounts = load(config_path()).accounts
    if len(accounts) > 1:
        raise ConfigError(
            "missing: --account", hint=f"Give --account NAME, one of: {', '.join(accounts)}."
        )
    return next(iter(accounts.values()), None)
