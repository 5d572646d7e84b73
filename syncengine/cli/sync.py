"""`syncengine sync`: one full cycle."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click
from attrs import frozen
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from rich.table import Column

from syncengine.cli.account import Account, database
from syncengine.cli.options import file_options, json_option, server_options
from syncengine.cli.output import count, plain, print_json
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.errors import Unauthorized, Unreachable
from syncengine.models import Problem, Progress, Report
from syncengine.remote.easemob.client import EasemobRemote

_FREE = 4
"""Columns beside the progress line: a terminal writes ^C there, and must not begin a new line."""
_WIDEST = 92


@click.command()
@server_options
@file_options
@json_option
def sync(
    server: str | None,
    app_key: str | None,
    allow_insecure_http: bool,
    attempts: int,
    db: Path | None,
    user: str | None,
    as_json: bool,
) -> int:
    """Pull everything new from the server.

    The first run pulls the whole history, the newest messages of every conversation
    first; it may be stopped at any moment and goes on from there. A run that finds
    nothing new costs one request.

    The password comes from SYNCENGINE_PASSWORD, or a token from SYNCENGINE_TOKEN; with
    neither you are asked.

    \b
    Example:  syncengine sync --server https://a1.easemob.com \\
                  --app-key org#app --user alice
    """
    remote = Account(server, app_key, user, allow_insecure_http).remote()
    path = database(db, user)
    report = asyncio.run(pull(path, remote, attempts=attempts, show=not as_json))
    if as_json:
        print_json(report_json(report))
    else:
        print_report(report)
        if report.messages_added or not report.errors:
            click.echo(f"stored in {plain(str(path))}")
    return report_code(report)


async def pull(path: Path, remote: EasemobRemote, *, attempts: int, show: bool) -> Report:
    """Sync one account into one file, with a progress bar where `show` and on a terminal."""
    async with SyncEngine.open(path, remote, config=Config(attempts=attempts)) as engine:
        with progress_bar(show) as listener:
            return await engine.sync(progress=listener)


@frozen
class _Roomy:
    """Leaves room at the end of the line, whatever the terminal is resized to."""

    line: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(1, min(options.max_width - _FREE, _WIDEST))
        return console.render(self.line, options.update_width(width))


class _ProgressLine(ProgressBar):
    def get_renderables(self) -> Iterable[RenderableType]:
        yield _Roomy(self.make_tasks_table(self.tasks))


@contextmanager
def progress_bar(show: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A listener that draws; None where nobody watches."""
    if not show or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("[bold]syncing"),
        BarColumn(bar_width=None),  # what the words leave
        TextColumn("{task.fields[readable]:,}/{task.fields[known]:,} conversations readable,"),
        TextColumn("{task.fields[messages]:,} messages"),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
    )
    with _ProgressLine(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sync", total=None, messages=0, readable=0, known=0)

        def listen(progress: Progress) -> None:
            bar.update(
                task,
                # A conversation is halfway when its newest page is here.
                total=2 * progress.conversations_known,
                completed=progress.conversations_readable + progress.conversations_done,
                messages=progress.messages_added,
                readable=progress.conversations_readable,
                known=progress.conversations_known,
            )

        yield listen


def report_json(report: Report) -> dict[str, Any]:
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
    click.echo(f"{indent}{_news(report)}{_cost(report)}")
    if report.gaps_open:
        gaps = count(report.gaps_open, "gap")
        click.echo(f"{indent}{gaps} still open: the next sync goes on there")
    print_problems(report.errors)


def _cost(report: Report) -> str:
    """Not for a cycle that got no further than signing in, which is not counted."""
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
        return "nothing was fetched" if report.errors else "nothing new"
    where = count(report.conversations, "conversation")
    if not (report.messages_added or report.messages_removed):
        return f"no new messages; {where} updated"
    removed = f", {report.messages_removed:,} removed" if report.messages_removed else ""
    added = (
        count(report.messages_added, "new message") if report.messages_added else "no new messages"
    )
    return f"{added}{removed} in {where}"


def _where(problem: Problem, number: int) -> str:
    """In which conversation, and in how many others the same."""
    if problem.conversation_id is None:
        return ""
    others = f" and {number - 1:,} more" if number > 1 else ""
    return f" in {problem.kind} {plain(problem.conversation_id)}{others}"


def report_code(report: Report) -> int:
    """The exit code of a cycle: 3 and 4 where it ended because of the whole account."""
    ended_by = {problem.error for problem in report.errors if problem.conversation_id is None}
    if Unreachable.__name__ in ended_by:
        return 3
    if Unauthorized.__name__ in ended_by:
        return 4
    return 1 if report.errors else 0
