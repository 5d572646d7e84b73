"""`syncengine doctor`: what is wrong, and what to do about it."""

import asyncio

import attrs
import click

from syncengine.cli.account import Account, which_account
from syncengine.cli.checks import Finding, Verdict, check_account, check_store
from syncengine.cli.options import json_option
from syncengine.cli.output import plain, print_json


@click.command(short_help="Say what is wrong, and what to do about it.")
@which_account
@json_option
def doctor(
    account: Account,
    as_json: bool,
) -> int:
    """Check the account, the server, this machine's clock and disk, and every page of the file.

    Nothing is changed. The server is asked where the account is configured, or --server,
    --app-key, --user and a secret in the environment are given. The exit code is 1 where
    something fails.

    \b
    Example:  syncengine doctor --user alice
    """
    path = account.file
    found = [*asyncio.run(check_account(account)), *check_store(path)]
    failed = any(each.verdict is Verdict.FAIL for each in found)
    if as_json:
        print_json({"well": not failed, "checks": [attrs.asdict(each) for each in found]})
    else:
        for each in found:
            tell(each)
    return 1 if failed else 0


def tell(finding: Finding) -> None:
    """A line, and what to do."""
    click.echo(f"{finding.verdict:<5} {finding.name:<14} {plain(finding.words)}")
    if finding.fix:
        click.echo(f"{'':<20} → {plain(finding.fix)}")
