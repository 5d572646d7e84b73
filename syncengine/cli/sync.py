"""`syncengine sync`: one full cycle."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from syncengine import errors
from syncengine.cli.options import Account, database, file_options, json_option, server_options
from syncengine.cli.output import plain, print_json
from syncengine.engine import SyncEngine
from syncengine.models import Problem, Progress, Report


@click.command()
@server_options
@file_options
@json_option
def sync(
    server: str | None,
    app_key: str | None,
    allow_insecure_http: bool,
    db: Path | None,
    user: str | None,
    as_json: bool,
) -> int:
    """Pull everything new from the server.

    The first run pulls the whole history, the newest messages of every conversation
    first; it may be stopped at any moment and goes on from there. A run that finds
    nothing new costs one request.
    """
    account = Account(server, app_key, user, allow_insecure_http)
    path = database(db, user)
    report = asyncio.run(pull(path, account, show=not as_json))
    if as_json:
        print_json(report_json(report))
    else:
        print_report(report)
        click.echo(f"stored in {path}")
    return report_code(report)


async def pull(path: Path, account: Account, *, show: bool) -> Report:
    """Sync one account into one file, with a progress bar where `show` and on a terminal."""
    async with SyncEngine.open(path, account.remote()) as engine:
        with progress_bar(show) as listener:
            return await engine.sync(progress=listener)


@contextmanager
def progress_bar(show: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A listener that draws; None where nobody watches."""
    console = Console(stderr=True)
    if not show or not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("[bold]syncing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("conversations, {task.fields[messages]:,} messages"),
        TimeElapsedColumn(),
    )
    with ProgressBar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("sync", total=None, messages=0)

        def listen(progress: Progress) -> None:
            bar.update(
                task,
                total=progress.conversations_known,
                completed=progress.conversations_done,
                messages=progress.messages_added,
            )

        yield listen


def report_json(report: Report) -> dict[str, Any]:
    """The report as `--json` shows it."""
    value = attrs.asdict(report, recurse=False)
    value["seconds"] = round(report.seconds, 3)
    value["errors"] = [_problem_json(problem) for problem in report.errors]
    return value


def _problem_json(problem: Problem) -> dict[str, Any]:
    value = attrs.asdict(problem)
    return {name: found for name, found in value.items() if found is not None}


def print_report(report: Report) -> None:
    """The report in words."""
    click.echo(
        f"{report.messages_added:,} new messages in {report.conversations:,} conversations;"
        f" {report.requests:,} requests, {report.seconds:.1f} s"
    )
    if report.gaps_open:
        click.echo(f"{report.gaps_open:,} gaps are still open: sync again to close them")
    for problem in report.errors:
        where = (
            f" in {problem.kind} {plain(problem.conversation_id)}"
            if problem.conversation_id
            else ""
        )
        click.echo(f"error{where}: {plain(problem.message)}", err=True)
        click.echo(f"hint: {plain(problem.hint)}", err=True)


def report_code(report: Report) -> int:
    """The exit code of a cycle: 3 and 4 where the server could not be used at all."""
    names = {problem.error for problem in report.errors}
    if errors.Unreachable.__name__ in names:
        return 3
    if errors.Unauthorized.__name__ in names:
        return 4
    return 1 if names else 0
