"""Signing in with a configured account, to see whether it works; and forgetting how."""

import asyncio
import os
from contextlib import suppress
from typing import TypeVar

from attrs import evolve

from syncengine.accounts import (
    Account,
    Configuration,
    Keeper,
    Secret,
    SecretKind,
    forget_secret,
    variable_of,
)
from syncengine.cli.configured import configured
from syncengine.errors import ConfigError, Gone, Unauthorized
from syncengine.remote.easemob.client import EasemobRemote
from syncengine.reports import Report, Verification

R = TypeVar("R", Report, Verification)


def try_out(account: Account, secret: Secret) -> int:
    """How many conversations the first page of the list has. Raises what is wrong."""
    try:
        return asyncio.run(_ask(account.remote(secret)))
    except Unauthorized as error:
        hint = f"{error.hint} {new_credentials(account)}"
        raise Unauthorized(str(error), hint=hint) from error


def new_credentials(account: Account) -> str:
    """How to give an account other credentials, as a sentence: what a person keeps elsewhere,
    `account add` does not change."""
    if account.secret.keeper is Keeper.ENVIRONMENT:
        token = variable_of(account.name, SecretKind.TOKEN)
        return f"Set {token if os.environ.get(token) else variable_of(account.name)} to another."
    if account.secret.keeper is Keeper.CREDENTIAL:
        return f"Put another where the unit's LoadCredential={account.name}:… takes it from."
    return f"Give another: `syncengine account add {account.name} --force`."


async def _ask(remote: EasemobRemote) -> int:
    """The list, and one message: roaming may be switched off, which only history tells."""
    try:
        page = await remote.fetch_summaries()
        if page.summaries:
            with suppress(Gone):  # it was deleted between the two requests
                await remote.fetch_page(page.summaries[0].key, limit=1)
        return len(page.summaries)
    finally:
        await remote.close()


def forgotten(account: Account, left: Configuration) -> tuple[bool, ConfigError | None]:
    """Take its secret out of the keyring, unless an account that is left signs in with it;
    whether it was there. A keyring that fails keeps nobody from removing an account."""
    same = (account.secret, account.login)
    shared = any((each.secret, each.login) == same for each in left.accounts.values())
    if shared or account.secret.keeper is not Keeper.KEYRING:
        return False, None
    try:
        return forget_secret(account), None
    except ConfigError as error:
        return False, error


def advised(report: R) -> R:
    """The same; where a configured account's credentials were refused, with how to give others."""
    account = configured()
    if account is None:
        return report
    advice = new_credentials(account)
    errors = [
        evolve(each, hint=f"{each.hint} {advice}") if each.error == Unauthorized.__name__ else each
        for each in report.errors
    ]
    return evolve(report, errors=errors)
