"""`syncengine account`: which accounts are configured, and whether they work."""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from syncengine.accounts import (
    Account,
    Draft,
    Keeper,
    SecretKind,
    check_folder,
    default_path,
    load,
    secret_of,
)
from syncengine.cli.adding import add
from syncengine.cli.configured import account_of, config_path, named, named_config
from syncengine.cli.options import config_option, json_option, spelled_option
from syncengine.cli.output import aligned, count, plain, print_error, print_json
from syncengine.cli.signing import forgotten, try_out
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError, StoreCorrupt, StoreError, StoreLocked
from syncengine.reports import Status
from syncengine.store.lock import WriterLock
from syncengine.store.recovery import check_ours, kept_damaged, left_beside

_ENDINGS = ("-wal", "-shm", "")
"""Of the files of a copy; the one that holds the messages goes last."""


@click.group(short_help="Add, list, test and remove accounts.")
def account() -> None:
    """Configure accounts once, and leave the flags away afterwards.

    The configuration is a text file without secrets. Passwords are kept in the system's
    keyring, or where --secret says.
    """


@account.command("list", short_help="List the accounts, and where their secrets are.")
@config_option
@json_option
def list_accounts(as_json: bool) -> None:
    """List the configured accounts, and where their secrets are.

    \b
    Example:  syncengine account list
    """
    path = config_path()
    if named_config() is None and not default_path().exists():
        found: Sequence[Account] = ()
    else:
        found = tuple(load(path).accounts.values())
    if as_json:
        for each in found:
            print_json(account_json(each))
    elif found:
        print_accounts(found)
    else:
        hint = "`syncengine account add` makes one"
        click.echo(f"no account is configured in {plain(str(path))}: {hint}", err=True)


@account.command("test", short_help="Sign in, and read a page of the list.")
@click.argument("name")
@config_option
@json_option
def test_account(name: str, as_json: bool) -> None:
    """Sign in, read a page of the list, and see whether its file can be written.

    Nothing is stored.

    Exit codes: 0 it works, 2 the configuration or the secret, 3 server unreachable,
    4 the server refuses the password or token.

    \b
    Example:  syncengine account test alice
    """
    chosen = named(name)
    check_folder(chosen.file)
    secret = secret_of(chosen)
    tried = try_out(chosen, secret)
    if as_json:
        print_json({"account": name, "secret": secret.place, "conversations": tried})
    else:
        at_least = count(tried, "conversation")
        click.echo(
            f"{name} works: signed in with the {secret.kind} from {plain(secret.place)},"
            f" {at_least} on the first page of the list"
        )


@account.command("remove", short_help="Take an account out, and forget its password.")
@click.argument("name")
@spelled_option(
    "--delete-copy", is_flag=True, help="Delete the messages stored here, too; for good."
)
@spelled_option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@config_option
@json_option
def remove(name: str, delete_copy: bool, yes: bool, as_json: bool) -> int:
    """Take an account out of the configuration, and its password out of the keyring.

    The messages stored here stay, unless --delete-copy says otherwise: then damaged files that
    `syncengine recover` kept go, too. On the server nothing changes.

    \b
    Example:  syncengine account remove alice
    """
    draft = Draft(config_path())
    chosen = account_of(draft.configuration, name)
    with _nobody_syncs(chosen) if delete_copy else nullcontext():
        copy = _survey(chosen) if delete_copy else None
        damaged = kept_damaged(chosen.file) if delete_copy else 0
        if not yes and not _confirmed(chosen, copy, damaged):
            click.echo("nothing was removed", err=True)
            return 1
        draft.drop(name)
        draft.write()
        secret = forgotten(chosen, draft.configuration)
        removed = _Removed(chosen, copy is not None, damaged, *secret)
        if delete_copy:
            delete([*left_beside(chosen.file), *_parts(chosen.file)])
    removed.tell(as_json=as_json)
    return 1 if removed.problem else 0


@contextmanager
def _nobody_syncs(chosen: Account) -> Iterator[None]:
    """Nobody writes the copy that is to be deleted, from the question to the end. Raises
    StoreLocked, which says who does."""
    if not chosen.file.parent.exists():
        yield
        return
    try:
        with WriterLock(chosen.file).held():
            yield
    except StoreLocked as error:
        raise StoreLocked(
            f"nothing was removed: {error}",
            hint="End that program first; or leave --delete-copy away.",
        ) from error


@frozen
class _Removed:
    """What became of an account."""

    account: Account
    copy_deleted: bool
    damaged_deleted: int
    forgotten: bool
    problem: ConfigError | None

    def tell(self, *, as_json: bool) -> None:
        """What is left, and where."""
        name, file = self.account.name, self.account.file
        if as_json:
            kept = None if self.copy_deleted else str(file)
            what = {"account": name, "secret_forgotten": self.forgotten, "copy": kept}
            print_json({"removed": True, **what, "damaged_deleted": self.damaged_deleted})
        else:
            click.echo(f"{name} is not configured any more{self._left()}")
            if self._secret_left() is not None:
                click.echo(plain(f"{self._secret_left()}"))
        if self.problem is not None:
            message = f"its secret may still be in the keyring: {self.problem}"
            print_error("ConfigError", message, self.problem.hint, as_json=as_json)

    def _left(self) -> str:
        if self.copy_deleted or self.damaged_deleted:
            damaged = count(self.damaged_deleted, "damaged file")
            also = f", and {damaged} of it" if self.damaged_deleted else ""
            return f"; its messages here are deleted{also}"
        kept = self.account.file.exists()
        return f"; its messages stay in {plain(str(self.account.file))}" if kept else ""

    def _secret_left(self) -> str | None:
        """A file with a secret was made by a person, or for one: it is not ours to delete."""
        path = self.account.secret.path
        return None if path is None else f"its {self.account.secret_is} stays in {path}"


class _Damaged:
    """Nobody can count what is in the copy."""


_Copy = Status | _Damaged | None


def _survey(chosen: Account) -> _Copy:
    """What is in the copy; None where there is none. Raises ConfigError for what is no copy."""
    if not chosen.file.exists():
        return None
    try:
        try:
            return asyncio.run(_status(chosen.file))
        except StoreCorrupt:
            check_ours(chosen.file)
            return _Damaged()
    except StoreError as error:
        raise ConfigError(
            f"{chosen.file} is not deleted: {error}",
            hint="Look at what it is, and delete it by hand; leave --delete-copy away.",
        ) from error


async def _status(path: Path) -> Status:
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        return await engine.status()


def _parts(file: Path) -> Iterator[Path]:
    for ending in _ENDINGS:
        yield file.with_name(file.name + ending)


def delete(files: Iterable[Path]) -> None:
    """The files of a copy, as far as they are there. Raises ConfigError."""
    for file in files:
        try:
            with suppress(FileNotFoundError):
                file.unlink()
        except OSError as error:
            raise ConfigError(
                f"{error.filename}: {error.strerror}", hint="Delete it by hand."
            ) from error


def _confirmed(chosen: Account, copy: _Copy, damaged: int) -> bool:
    """Say what will happen, and ask. Raises ConfigError where nobody can answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(
            "nobody is there to be asked", hint="Add --yes to remove it without a question."
        )
    for line in _consequences(chosen, copy, damaged):
        click.echo(line, err=True)
    return click.confirm(f"Remove {chosen.name}?", err=True)


def _consequences(chosen: Account, copy: _Copy, damaged: int) -> Iterator[str]:
    file = plain(str(chosen.file))
    if chosen.secret.keeper is Keeper.KEYRING:
        yield f"The {chosen.secret_is} of {plain(chosen.user)} goes from the keyring."
    if damaged:
        yield f"{count(damaged, 'damaged file')} beside {file}: deleted, for good."
    if copy is None and not damaged:
        yield f"The messages in {file} stay."
        return
    if isinstance(copy, _Damaged):
        yield f"{file} is damaged. All that could be saved of it goes with it, for good:"
        yield "messages, and deletions of yours that the server was not told of."
        yield "`syncengine recover` saves what can be read."
    if not isinstance(copy, Status):
        return
    yield f"{count(copy.messages, 'message')} in {file} are deleted, for good."
    if copy.pending:
        yield f"{count(copy.pending, 'deletion')} of yours will never reach the server."


def account_json(each: Account) -> dict[str, Any]:
    """An account as `--json` shows it."""
    return {
        "account": each.name,
        "server": each.server,
        "app_key": each.app_key,
        "user": each.user,
        "file": str(each.file),
        "exists": each.file.exists(),
        "secret": str(each.secret),
        "secret_is": each.secret_is,
        "allow_insecure_http": each.allow_insecure_http,
        "poll_floor": each.polling.floor,
        "poll_ceiling": each.polling.ceiling,
        "settings": dict(each.settings),
    }


def print_accounts(found: Sequence[Account]) -> None:
    """A table; of the file's folder only what differs matters, so it comes last."""
    head = ("account", "user", "app key", "server", "secret", "file")
    for line in aligned([head, *map(_row, found)]):
        click.echo(line)


def _row(each: Account) -> tuple[str, ...]:
    there = "" if each.file.exists() else " (not there yet)"
    kind = f" ({each.secret_is})" if each.secret_is is SecretKind.TOKEN else ""
    secret = f"{each.secret}{kind}"
    values = (each.name, each.user, each.app_key, each.server, secret, f"{each.file}{there}")
    return tuple(plain(str(value)) for value in values)


account.add_command(add)
