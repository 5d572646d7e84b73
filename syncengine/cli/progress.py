"""A line that shows how far a command is, on a terminal only."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from attrs import frozen
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from rich.table import Column

from syncengine.reports import Progress

_FREE = 4
"""Columns beside the progress line: a terminal writes ^C there, and must not begin a new line."""
_WIDEST = 92


@frozen
class Look:
    """What the line shows."""

    what: str
    total: int
    completed: int
    words: str


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
def progress_bar(
    show: bool, look: Callable[[Progress], Look]
) -> Iterator[Callable[[Progress], None] | None]:
    """A listener to a cycle that draws; None where nobody watches."""
    with progress_line(show, look(Progress(0, 0, 0, 0, 0))) as draw:
        yield None if draw is None else lambda progress: draw(look(progress))


@contextmanager
def indexing_bar(show: bool) -> Iterator[Callable[[int, int], None] | None]:
    """The same for an index: its listener is told how many messages are done, of how many."""
    with progress_line(show, _indexing(0, 0)) as draw:
        yield None if draw is None else lambda done, total: draw(_indexing(done, total))


def _indexing(done: int, total: int) -> Look:
    return Look("indexing", total, done, f"{done:,}/{total:,} messages")


@contextmanager
def progress_line(show: bool, first: Look) -> Iterator[Callable[[Look], None] | None]:
    """Draws what it is given; None where nobody watches."""
    if not show or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=None),  # what the words leave
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
    )
    with _ProgressLine(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(first.what, total=None, words=first.words)

        def draw(now: Look) -> None:
            bar.update(
                task,
                description=now.what,
                total=now.total,
                completed=now.completed,
                words=now.words,
            )

        yield draw


def syncing(progress: Progress) -> Look:
    """A pull: a conversation is halfway when its newest page is here."""
    readable, known = progress.conversations_readable, progress.conversations_known
    return Look(
        "syncing",
        2 * known,
        readable + progress.conversations_done,
        f"{readable:,}/{known:,} conversations readable, {progress.messages_added:,} messages",
    )


def verifying(progress: Progress) -> Look:
    """A pull, and then everything once more: what was pulled begins anew.

    What was missing waits for a second look, which may be seconds after all was read.
    """
    if not progress.verifying:
        return syncing(progress)
    done, known = progress.conversations_done, progress.conversations_known
    more = ", now second looks" if 0 < done == known else ""
    return Look("verifying", known, done, f"{done:,}/{known:,} conversations read again{more}")
