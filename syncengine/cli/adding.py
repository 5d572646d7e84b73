"""`syncengine account add`: configures an account, and puts its password in a safe place."""

import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from syncengine.accounts import (
    Account,
    Configuration,
    Draft,
    Keeper,
    Secret,
    SecretKind,
    check_folder,
    check_name,
    default_path,
    keep_secret,
    one_line,
    place_of,
    secret_of,
    variable_of,
)
from syncengine.cli.account import PASSWORD_VARIABLE, TOKEN_VARIABLE, ask_password, check_complete
from syncengine.cli.configured import config_path
from syncengine.cli.options import (
    account_options,
    config_option,
    db_option,
    json_option,
    option,
    spelled_option,
)
from syncengine.cli.output import plain, print_json
from syncengine.cli.signing import forgotten, try_out
from syncengine.errors import ConfigError

_WRITTEN = (Keeper.KEYRING, Keeper.FILE)
"""The keepers that a secret is given to here; into the others a person puts it."""


@click.command("add")
@click.argument("name")
@account_options
@option("--user", metavar="NAME", help="The user whose chats these are.")
@db_option("Keep the messages in this file. Default: one named after the user.")
@spelled_option(
    "--secret",
    "place",
    metavar="PLACE",
    help="Where the password is kept: keyring, environment, credential (of systemd) or"
    " file:PATH. Default: where it is already, else the system's keyring.",
)
@spelled_option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@spelled_option("--token-stdin", is_flag=True, help="Read a token from there, to use instead.")
@spelled_option("--no-test", is_flag=True, help="Do not ask the server whether it all works.")
@spelled_option(
    "--force",
    is_flag=True,
    help="Change an account that there is: what is not given stays as it was. This is also"
    " how to give a new password.",
)
@config_option
@json_option
def add(
    name: str,
    server: str | None,
    app_key: str | None,
    allow_insecure_http: bool,
    user: str | None,
    db: Path | None,
    place: str | None,
    password_stdin: bool,
    token_stdin: bool,
    no_test: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Configure an account, under a NAME of your choice.

    The password is asked for, or comes from --password-stdin, SYNCENGINE_PASSWORD or
    SYNCENGINE_TOKEN. The server is asked whether it is right, and only then is anything
    stored: the password in the system's keyring, all else in the configuration.

    With --secret environment or credential nothing is stored: SYNCENGINE_PASSWORD_NAME, or
    systemd, has it. A file that is named and exists has to hold it already.

    \b
    Example:  syncengine account add alice --user alice \\
                  --server https://a1.easemob.com --app-key org#app
    """
    flags = {"--server": server, "--app-key": app_key, "--user": user}
    given = _keys(flags, db, allow_insecure_http)
    draft, old = _drafted(name, flags, given, place, force=force)
    account = draft.configuration.accounts[name]
    check_folder(account.file)
    ready = place is not None and account.secret.keeper is Keeper.FILE and _exists(account)
    secret, new = _obtain(account, ready, password_stdin, token_stdin, no_test=no_test)
    if new and secret is not None:
        token = secret.kind is SecretKind.TOKEN
        _put(draft, name, {"secret_is": str(SecretKind.TOKEN) if token else None})
        account = draft.configuration.accounts[name]
    tested = secret is not None and not no_test
    if secret is not None and tested:
        try_out(account, secret)
    kept = _store(draft, account, secret if new else None, old)
    _tell(draft.path, account, secret, kept, tested=tested, as_json=as_json)


Keys = Mapping[str, str | bool | None]
"""What stands at each of an account's keys."""


def _drafted(
    name: str, flags: Mapping[str, str | None], given: Keys, place: str | None, *, force: bool
) -> tuple[Draft, Account | None]:
    """The configuration with the account in it, not written yet, and the account of this name
    that was there. Raises ConfigError for what cannot be configured."""
    check_name(name)
    draft = Draft(config_path())
    old = draft.configuration.accounts.get(name)
    if old is not None and not force:
        raise ConfigError(
            f"{name} is configured already", hint="--force changes it; or use another name."
        )
    if old is None:
        check_complete(flags)
    _put(draft, name, {**given, **_place(name, place, old)})
    return draft, old


def _keys(flags: Mapping[str, str | None], db: Path | None, insecure: bool) -> Keys:
    """What was given, as the configuration has it."""
    keys: dict[str, str | bool | None] = {
        flag.removeprefix("--").replace("-", "_"): value for flag, value in flags.items() if value
    }
    if db is not None:
        keys["file"] = str(db.absolute())
    if insecure:
        keys["allow_insecure_http"] = True
    return keys


def _place(name: str, place: str | None, old: Account | None) -> Keys:
    """Where the secret is to be; as before, or where it is found, unless that is told."""
    if place is not None:
        return {"secret": str(place_of(place, Path.cwd(), "--secret"))}
    if old is not None:
        return {}
    if any(os.environ.get(variable_of(name, kind)) for kind in SecretKind):
        return {"secret": str(Keeper.ENVIRONMENT)}
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder and (Path(folder) / name).exists():
        return {"secret": str(Keeper.CREDENTIAL)}
    return {"secret": str(Keeper.KEYRING)}


def _put(draft: Draft, name: str, keys: Keys) -> None:
    """Into the draft; a hint for the configuration's author is one for flags here."""
    try:
        draft.put(name, keys)
    except ConfigError as error:
        hint = error.hint.replace("allow_insecure_http", "--allow-insecure-http")
        raise ConfigError(str(error), hint=hint.replace("file = PATH", "--db PATH")) from None


def _exists(account: Account) -> bool:
    return account.secret.path is not None and account.secret.path.exists()


def _obtain(
    account: Account, ready: bool, password_stdin: bool, token_stdin: bool, *, no_test: bool
) -> tuple[Secret | None, bool]:
    """The secret, and whether it has to be stored."""
    piped = password_stdin or token_stdin
    if password_stdin and token_stdin:
        raise ConfigError(
            "--password-stdin and --token-stdin exclude each other", hint="Give one of the two."
        )
    if ready or account.secret.keeper not in _WRITTEN:
        if piped:
            raise ConfigError(
                f"with --secret {account.secret} the secret is there already",
                hint="Leave --password-stdin and --token-stdin away.",
            )
        if no_test:
            with suppress(ConfigError):
                return secret_of(account), False
            return None, False
        return secret_of(account), False
    if piped:
        kind = SecretKind.TOKEN if token_stdin else SecretKind.PASSWORD
        data = b"" if sys.stdin is None else sys.stdin.buffer.read()
        return Secret(one_line(data, "the standard input"), kind), True
    return _asked(account), True


def _asked(account: Account) -> Secret:
    """From a variable, or from a person."""
    token = os.environ.get(TOKEN_VARIABLE)
    if token:
        return Secret(token, SecretKind.TOKEN)
    try:
        return Secret(ask_password(account.user))
    except ConfigError as error:
        hint = f"Set {PASSWORD_VARIABLE} or {TOKEN_VARIABLE}, or use --password-stdin."
        raise ConfigError(str(error), hint=hint) from None


def _store(
    draft: Draft, account: Account, secret: Secret | None, old: Account | None
) -> str | None:
    """First the secret, then the configuration that leads to it; where it is kept, in words."""
    kept = None if secret is None else keep_secret(account, secret)
    try:
        draft.write()
    except ConfigError:
        if kept is not None and old is None:
            forgotten(account, Configuration())
        raise
    if old is not None:
        forgotten(old, draft.configuration)  # it signs in otherwise now
    return kept


def _tell(
    path: Path,
    account: Account,
    secret: Secret | None,
    kept: str | None,
    *,
    tested: bool,
    as_json: bool,
) -> None:
    if as_json:
        print_json(_added_json(path, account, tested))
        return
    click.echo(f"{account.name} is configured in {plain(str(path))}")
    if kept is not None:
        click.echo(f"its {account.secret_is} is kept in {plain(kept)}")
    elif secret is not None:
        click.echo(f"its secret is read from {plain(secret.place)}")
    else:
        click.echo(f"its secret will be read from: {plain(str(account.secret))}; it is not there")
    where = "" if path == default_path() else f" --config {shlex.quote(str(path))}"
    click.echo(f"next: `syncengine sync --account {account.name}{plain(where)}`")


def _added_json(path: Path, account: Account, tested: bool) -> dict[str, Any]:
    return {
        "account": account.name,
        "config": str(path),
        "file": str(account.file),
        "secret": str(account.secret),
        "secret_is": account.secret_is,
        "tested": tested,
    }
