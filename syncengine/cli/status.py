"""`syncengine status`: how the files stand, and the daemon that keeps them."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from attrs import evolve

from syncengine.accounts import Account, default_state
from syncengine.cli.account import existing_database
from syncengine.cli.configured import configured, every, several
from syncengine.cli.details import WatchedFile, details
from syncengine.cli.options import (
    file_options,
    json_option,
    option,
    read_config,
    retention_days_option,
    spelled_option,
)
from syncengine.cli.output import print_json
from syncengine.cli.overview import WatchedFiles, overview, standing_of
from syncengine.cli.table import lines, overview_json
from syncengine.cli.watching import Look, Looking, now_ms, watch
from syncengine.config import Config
from syncengine.daemon import runtime
from syncengine.errors import ConfigError, StoreCorrupt


@click.command(short_help="Say what is held, what is missing, and what the daemon does.")
@spelled_option("--all", "everything", is_flag=True, help="A table of all configured accounts.")
@option("--watch", "watching", is_flag=True, help="Go on showing it as it changes, until Ctrl-C.")
@option(
    "--conversations",
    is_flag=True,
    help="List since when each conversation is verified, the longest ago first.",
)
@file_options
@retention_days_option
@json_option
def status(
    everything: bool,
    watching: bool,
    conversations: bool,
    db: Path | None,
    user: str | None,
    retention_days: float | None,
    as_json: bool,
) -> int:
    """Say what is held here, what is missing, and as of when; and how the daemon is.

    With several configured accounts and none named it is a table of all of them. It is made
    of their files and of what the daemon last said, so it works with none running, too.

    The exit code is 1 where an account waits for a person: its credentials are refused, its
    disk is full, its file cannot be used, or removals are held back. With --watch it is 0.

    \b
    Example:  syncengine status --user alice
    """
    accounts = every() if everything else several() or _not_begun(conversations)
    if accounts or everything:
        _check(conversations)
        look = _of_all(accounts)
    else:
        config = evolve(read_config({"retention_days": retention_days}), index_search=False)
        path = existing_database(db, user)
        look = _in_the_daemons_words(path, _of_one(path, config, conversations))
    if watching:
        watch(look, as_json=as_json)
        return 0
    found = asyncio.run(look())
    if as_json:
        print_json(found.value)
    else:
        for line in found.lines(now_ms()):
            click.echo(line)
    return 1 if found.needs_person else 0


def _check(conversations: bool) -> None:
    if conversations:
        raise ConfigError(
            "--conversations has no meaning for several accounts",
            hint="Name one with --account.",
        )


def _in_the_daemons_words(path: Path, look: Looking) -> Looking:
    """Where the file is damaged, and the daemon that runs found that, too: what it said knows
    more, as when it will try again."""

    async def either() -> Look:
        try:
            return await look()
        except StoreCorrupt as error:
            daemon = runtime.look(default_state())
            known = standing_of(daemon, path) if daemon.alive else None
            if known is None or known.error != StoreCorrupt.__name__:
                raise
            raise StoreCorrupt(known.message, hint=known.hint) from error

    return either


def _not_begun(conversations: bool) -> Sequence[Account]:
    """The one that is meant, where it has no file yet and the daemon said something of it: why
    its first sync does not come is then all that there is to tell."""
    account = configured()
    if conversations or account is None or account.file.exists():
        return ()
    known = standing_of(runtime.look(default_state()), account.file)
    return () if known is None else (account,)


def _of_all(accounts: Sequence[Account]) -> Looking:
    files = WatchedFiles()

    async def look() -> Look:
        found = await overview(accounts, files)
        waits = any(each.needs_person for each in found.accounts)
        return Look(overview_json(found), partial(lines, found), waits)

    return look


def _of_one(path: Path, config: Config, conversations: bool) -> Looking:
    file = WatchedFile(path, config, listed=conversations)

    async def look() -> Look:
        found = await details(file, conversations=conversations)
        return Look(found.value(), found.lines, found.row.needs_person)

    return look
