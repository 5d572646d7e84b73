"""`syncengine sync`: one full cycle."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from syncengine.cli.account import Account, which_account
from syncengine.cli.options import (
    Steered,
    engine_options,
    json_option,
    read_config,
)
from syncengine.cli.output import count, plain, print_json
from syncengine.cli.progress import progress_bar, syncing
from syncengine.cli.signing import advised
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.errors import RemovalHeldBack, Unauthorized, Unreachable
from syncengine.remote.easemob.client import EasemobRemote
from syncengine.reports import Problem, Report, Verification


@click.command(cls=Steered)
@which_account
@engine_options
@json_option
def sync(
    account: Account,
    as_json: bool,
    **settings: Any,
) -> int:
    """Pull everything new from the server.

    The first run pulls the whole history, the newest messages of every conversation
    first; it may be stopped at any moment and goes on from there. A run that finds
    nothing new costs one request, and some that read again what is held here, by turns:
    so deletions made on other devices are followed. `syncengine verify` reads all of it.

    The password comes from SYNCENGINE_PASSWORD, or a token from SYNCENGINE_TOKEN; with
    neither you are asked.

    \b
    Example:  syncengine sync --server https://a1.easemob.com \\
                  --app-key org#app --user alice
    """
    config = read_config(settings)
    remote = account.remote()
    path = account.file
    report = advised(asyncio.run(pull(path, remote, config, show=not as_json)))
    if as_json:
        print_json(report_json(report))
    else:
        print_report(report)
        if report.messages_added or not _faults(report):
            click.echo(f"stored in {plain(str(path))}")
    return exit_code_of(report)


async def pull(path: Path, remote: EasemobRemote, config: Config, *, show: bool) -> Report:
    """Sync one account into one file, with a progress bar where `show` and on a terminal."""
    async with SyncEngine.open(path, remote, config=config) as engine:
        with progress_bar(show, syncing) as listener:
            return await engine.sync(progress=listener)


def report_json(report: Report | Verification) -> dict[str, Any]:
    """The report as `--json` shows it."""
    value = attrs.asdict(report, recurse=False)
    value["seconds"] = round(report.seconds, 3)
    value["errors"] = [problem_json(problem) for problem in report.errors]
    return value


def problem_json(problem: Problem) -> dict[str, Any]:
    """An error as `--json` shows it."""
    value = attrs.asdict(problem)
    return {name: found for name, found in value.items() if found is not None}


def print_report(report: Report, *, indent: str = "") -> None:
    """The report in words."""
    click.echo(f"{indent}{_news(report)}{delivered(report)}{cost(report)}")
    if report.gaps_open:
        gaps = count(report.gaps_open, "gap")
        click.echo(f"{indent}{gaps} still open: the next sync goes on there")
    print_problems(report.errors)


def delivered(report: Report | Verification) -> str:
    """How many deletions the server was told of; nothing where none was."""
    number = report.deletions_delivered
    return f"; {count(number, 'deletion')} delivered" if number else ""


def cost(report: Report | Verification) -> str:
    """In brackets; not for a cycle that got no further than signing in, which is not counted."""
    if report.errors and not report.requests:
        return ""
    return f" ({count(report.requests, 'request')}, {report.seconds:.1f} s)"


def print_problems(problems: Sequence[Problem]) -> None:
    """Errors with their hints, those of a kind only once: a server's bad day may hit all."""
    alike = Counter(map(_kind_of, problems))
    for problem in {_kind_of(each): each for each in reversed(problems)}.values():
        where = _where(problem, alike[_kind_of(problem)])
        click.echo(f"error{where}: {plain(problem.message)}", err=True)
        click.echo(f"hint: {plain(problem.hint)}", err=True)


def _kind_of(problem: Problem) -> tuple[str, str, bool]:
    return problem.error, problem.hint, problem.conversation_id is None


def _news(report: Report) -> str:
    if not (report.messages_added or report.messages_removed or report.conversations):
        return "nothing was fetched" if _faults(report) else "nothing new"
    where = count(report.conversations, "conversation")
    if not (report.messages_added or report.messages_removed):
        return f"no new messages; {where} updated"
    removed = f", {report.messages_removed:,} removed" if report.messages_removed else ""
    added = (
        count(report.messages_added, "new message") if report.messages_added else "no new messages"
    )
    return f"{added}{removed} in {where}"


def _faults(report: Report) -> Sequence[Problem]:
    """The errors without those that are a question to a person: there all went well."""
    return [each for each in report.errors if each.error != RemovalHeldBack.__name__]


def _where(problem: Problem, number: int) -> str:
    """In which conversation, and in how many others the same."""
    if problem.conversation_id is None:
        return ""
    others = f" and {number - 1:,} more" if number > 1 else ""
    return f" in {problem.kind} {plain(problem.conversation_id)}{others}"


def exit_code_of(report: Report | Verification) -> int:
    """The exit code of a cycle: 3 and 4 where it ended because of the whole account."""
    ended_by = {problem.error for problem in report.errors if problem.conversation_id is None}
    if Unreachable.__name__ in ended_by:
        return 3
    if Unauthorized.__name__ in ended_by:
        return 4
    return 1 if report.errors else 0
