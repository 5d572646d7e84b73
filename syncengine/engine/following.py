"""Live changes: what was written, by whichever process, and what the engine is doing."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from syncengine.changes import Activity, ActivityKind, Update
from syncengine.engine.parts import Parts
from syncengine.errors import Unreachable
from syncengine.feed import Feed
from syncengine.reports import Progress, Report, Verification


class Following(Parts):
    """The part of the engine that tells what happens."""

    def changes(self, since: int | None = None) -> AsyncIterator[Update]:
        """What is written to the copy from now on, or after revision `since`, without end.

        An update is all that one commit changed, in order and without holes, whoever wrote
        it: this engine, or another process, whose commits are seen within 200 ms. Between
        them stands what this engine is doing (`Update.activity`). None as `since` means from
        the first look on. To show a copy and follow it, take `reader.revision()` first, then
        read, then follow from that revision.

        A listener may lag as it likes: the newest 10,000 changes are kept. One that comes
        back from before them, or with a revision that the file never had, gets one update
        with `reset`, and goes on from there. It ends when the engine closes; it can be
        cancelled, and left, at any time. Raises ConfigError for a `since` below 0,
        EngineClosed, and StoreError where the copy cannot be read.
        """
        return self._feed.listen(since)

    @contextmanager
    def _telling(self, progress: Callable[[Progress], None] | None) -> "Iterator[Telling]":
        """Tell that a cycle starts, how far it is, and that it ended, in whatever way."""
        telling = Telling(self._feed, progress)
        self._feed.tell(Activity(ActivityKind.SYNC_STARTED))
        try:
            yield telling
        finally:
            self._feed.tell(Activity(ActivityKind.SYNC_FINISHED, report=telling.report))
            if telling.report is not None:
                self._note_connection(telling.report)

    def _note_connection(self, report: Report | Verification) -> None:
        away = any(problem.error == Unreachable.__name__ for problem in report.errors)
        if away != self._away:
            kind = ActivityKind.CONNECTION_LOST if away else ActivityKind.CONNECTION_BACK
            self._feed.tell(Activity(kind))
        self._away = away


class Telling:
    """Tells how far a cycle is, to whoever called for it and to the feed's listeners."""

    def __init__(self, feed: Feed, progress: Callable[[Progress], None] | None) -> None:
        self._feed = feed
        self._progress = progress
        self.report: Report | Verification | None = None
        """What it did; None: it did not come to its end."""

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return self._progress is not None or self._feed.followed

    def __call__(self, progress: Progress) -> None:
        """So far it is."""
        if self._progress is not None:
            self._progress(progress)
        self._feed.tell(Activity(ActivityKind.SYNC_PROGRESSED, progress))
