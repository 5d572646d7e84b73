"""`syncengine daemon`: every configured account, always up to date; `daemon install`."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import click

from syncengine.accounts import (
    Account,
    Configuration,
    Keeper,
    default_file,
    default_path,
    default_state,
    load,
)
from syncengine.cli.configured import config_path, named_config
from syncengine.cli.options import config_option, json_option, option, spelled_option
from syncengine.cli.output import plain, print_json
from syncengine.cli.signing import new_credentials
from syncengine.daemon.files import Files
from syncengine.daemon.host import Host, Place, Wishes
from syncengine.daemon.logs import LEVELS, Names, logging_to
from syncengine.daemon.pace import Pace, bounded
from syncengine.daemon.service import SyncService
from syncengine.daemon.settings import ServiceAccount, Settings
from syncengine.daemon.unit import UNIT, unit_path, unit_text, write_unit
from syncengine.engine.recovering import recover
from syncengine.errors import ConfigError
from syncengine.store.lock import WriterLock

_REREAD = "Then have the daemon try: `systemctl --user reload syncengine`, or SIGHUP."
_RESTART = "Then start the daemon again: `systemctl --user restart syncengine`."
_GIVEN_AT_START = (Keeper.ENVIRONMENT, Keeper.CREDENTIAL)
"""Keepers whose secrets a process has from its start, and never sees change."""
STOP_WITHIN = 4.0
"""Seconds for the service: the process promises five for everything."""


@click.group(invoke_without_command=True, short_help="Keep every account up to date.")
@option(
    "--log-level",
    type=click.Choice(list(LEVELS)),
    help="How much to log. Default: what the configuration says, else info.",
)
@config_option
@json_option
@click.pass_context
def daemon(context: click.Context, log_level: str | None, as_json: bool) -> None:
    """Run in the foreground, and keep every configured account up to date.

    Each account is asked for news often while there are some and rarely while it is quiet.
    Deletions asked for meanwhile are delivered within a second. The log goes to the error
    stream: lines on a terminal, else JSON, as with --json.

    \b
    Signals:  SIGTERM, SIGINT  end within 5 seconds; a second one ends at once
              SIGHUP           read the configuration again
              SIGUSR1          sync now

    \b
    Exit codes: 0 it was told to end
                1 a fault of its own; another start may do
                2 usage or configuration; another start would not help
                5 another daemon runs, or its state cannot be written

    An account that fails is no reason to end: `syncengine status` shows its error.

    \b
    Example:  syncengine daemon
    """
    if context.invoked_subcommand is not None:
        return
    path = config_path()
    configuration = load(path)
    names = Names()
    with ExitStack() as stack:
        level = log_level or configuration.daemon.log_level
        stack.enter_context(
            logging_to(sys.stderr, level=level, as_json=as_json or None, names=names)
        )
        asyncio.run(_run(path, configuration, names))


async def _run(path: Path, configuration: Configuration, names: Names) -> None:
    async def reread() -> Iterable[ServiceAccount]:
        found = await asyncio.to_thread(load, path)
        return served(found, names)

    files = Files(hold=_held, recover=lambda file, lock: recover(file, lock=lock))
    settings = Settings(stop_within=STOP_WITHIN)
    service = SyncService(served(configuration, names), settings=settings, files=files)
    wishes = Wishes(state=default_state(), metrics=metrics_place(configuration))
    await Host(service, reread, wishes).run()


def _held(path: Path) -> AbstractContextManager[WriterLock]:
    return WriterLock(path, program="syncengine daemon").held()


def served(configuration: Configuration, names: Names) -> list[ServiceAccount]:
    """The accounts as a service takes them. Their ids are known to the log from now on.

    Raises ConfigError for settings that cannot be used.
    """
    accounts = configuration.accounts.values()
    names.learn(word for each in accounts for word in (each.name, each.user, each.app_key))
    return [_served(each) for each in accounts]


def _served(account: Account) -> ServiceAccount:
    return ServiceAccount(
        name=account.name,
        path=account.file,
        remote=lambda: asyncio.to_thread(account.remote),  # a keyring may take its time
        config=account.open_settings(),
        server=account.server,
        pace=bounded(Pace(), floor=account.polling.floor, ceiling=account.polling.ceiling),
        renewal=new_credentials(account),
        again=_RESTART if account.secret.keeper in _GIVEN_AT_START else _REREAD,
    )


def metrics_place(configuration: Configuration) -> Place | None:
    """Where the configuration wants figures to be served."""
    wanted = configuration.daemon.metrics
    return wanted if wanted is None or isinstance(wanted, Path) else (wanted.host, wanted.port)


@daemon.command(short_help="Let systemd start it with your session.")
@spelled_option("--print", "only_print", is_flag=True, help="Print the unit, and write nothing.")
@config_option
@json_option
def install(only_print: bool, as_json: bool) -> None:
    """Write a unit for your own systemd, which starts the daemon and watches it.

    It may write its own folders and those of the accounts, nothing else; after an account
    whose file is elsewhere was added, install it again. Nothing is enabled or started: the
    lines that do so are printed.

    \b
    Example:  syncengine daemon install
    """
    folders = writable_folders()
    text = unit_text(_command(), folders)
    if only_print:
        click.echo(text, nl=False)
        return
    _make(folders)
    path = unit_path(default_path().parent.parent)  # the person's configuration folder
    changed = write_unit(path, text)
    if as_json:
        print_json({"unit": str(path), "changed": changed, "commands": list(_commands())})
        return
    click.echo(f"{'written' if changed else 'unchanged'}: {plain(str(path))}")
    click.echo("enable it and start it with:")
    for line in _commands():
        click.echo(f"  {plain(line)}")
    click.echo("the last line lets it run while you are not logged in; leave it away if not.")


def writable_folders() -> Sequence[Path]:
    """What the daemon writes: its state, the copies, its socket; each once, none in another."""
    wanted = {default_state(), default_file("x").parent}
    if named_config() is not None or default_path().exists():
        configuration = load(config_path())
        wanted |= {each.file.parent for each in configuration.accounts.values()}
        place = metrics_place(configuration)
        wanted |= {place.parent} if isinstance(place, Path) else set()
    resolved = {folder.absolute() for folder in wanted}
    return sorted(each for each in resolved if not resolved & set(each.parents))


def _command() -> Sequence[str]:
    """What the unit runs: this program, with this configuration."""
    named = named_config()
    more = [] if named is None else ["--config", str(named.absolute())]
    return [sys.executable, "-m", "syncengine", "daemon", *more]


def _commands() -> Iterable[str]:
    yield "systemctl --user daemon-reload"
    yield f"systemctl --user enable --now {UNIT}"
    yield "loginctl enable-linger"


def _make(folders: Iterable[Path]) -> None:
    """systemd starts no unit one of whose folders is missing."""
    for folder in folders:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{folder}: {error.strerror}", hint="Check who may write there."
            ) from None
