"""`syncengine browse`: the copy in a window."""

import asyncio
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from syncengine.cli.account import Account, which_account
from syncengine.cli.configured import configured
from syncengine.cli.options import option, read_config
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError
from syncengine.remote.easemob.client import EasemobRemote

_SWITCH = 0.0005
"""Seconds after which another thread gives way to the window: at Python's 0.005 every key
waits for the indexing of a new copy."""


@click.command(short_help="Read, search and delete in a window.")
@option("--offline", is_flag=True, help="Ask no server; no password is needed.")
@which_account
@option("--json", "as_json", is_flag=True, help="Print errors as JSON; the window is for people.")
def browse(
    offline: bool,
    account: Account,
    as_json: bool,
) -> int:
    """Open the copy in a window of this terminal: conversations, messages, search.

    What is stored is there at once, with no network. With --server, --app-key and --user it
    syncs in the background, shows what is new as it comes, and fetches what is missing where
    you look. Press ? for all keys, q to quit.

    \b
    Example:  syncengine browse --offline --user alice
    """
    _check_terminal()
    window = load_window()
    config = read_config({})
    if offline or not (account.server or account.app_key or configured()):
        return asyncio.run(show(window, account.existing_file, None, config))
    remote = account.remote()
    return asyncio.run(show(window, account.file, remote, config))


async def show(window: ModuleType, path: Path, remote: EasemobRemote | None, config: Config) -> int:
    """Until it is closed; the exit code."""
    sys.setswitchinterval(_SWITCH)
    async with SyncEngine.open(path, remote, config=config) as engine:
        browser: Any = window.Browser(engine)
        await browser.run_async()
        return browser.return_code or 0


def _check_terminal() -> None:
    for stream in (sys.stdin, sys.stdout):
        if stream is None or not stream.isatty():
            raise ConfigError(
                "a window needs a terminal",
                hint="`syncengine conversations` and `syncengine messages` print, for pipes.",
            )
    if sys.stderr is None or not sys.stderr.isatty():
        raise ConfigError(
            "a window needs a terminal, and the error stream leads elsewhere",
            hint="The window is drawn on it: start the command without `2>`.",
        )


def load_window() -> ModuleType:
    """The window's package. Raises ConfigError where its extra is not installed."""
    try:
        return importlib.import_module("syncengine.tui")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is missing", hint="Run `pip install 'syncengine-im[tui]'`."
        ) from None
