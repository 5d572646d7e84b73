"""Counts what a cycle does, for its report and its progress bar."""

from typing import Protocol

from syncengine.errors import SyncEngineError
from syncengine.models import ConversationKey
from syncengine.reports import Problem, Progress
from syncengine.store.batch import Batch


class Listener(Protocol):
    """Whoever wants to know how far a cycle is."""

    @property
    def wanted(self) -> bool:
        """Whether anybody does just now: to count it costs something a page."""
        ...

    def __call__(self, progress: Progress, /) -> None:
        """So far it is."""
        ...


class Tally:
    """The running figures of one cycle."""

    def __init__(self, listener: Listener | None = None) -> None:
        self.pages = 0
        self.messages_added = 0
        self.messages_removed = 0
        self.deletions_delivered = 0
        self.touched: set[ConversationKey] = set()
        self.known: set[ConversationKey] = set()
        self.readable: set[ConversationKey] = set()
        self.done: set[ConversationKey] = set()
        self.problems: list[Problem] = []
        self._listener = listener
        self._verifying = False

    def count(self, batch: Batch | None) -> None:
        """Add what was written."""
        if batch is None or not batch.writes:
            return
        self.messages_added += len(batch.inserts)
        if batch.absence is not None:
            self.messages_removed += len(batch.absence.removed) + len(batch.absence.expired)
        self.touched.add(batch.key)
        self.tell()

    def start_over(self) -> None:
        """From here on everything known is to be done once more."""
        self._verifying = True
        self.readable.clear()
        self.done.clear()
        self.tell()

    def tell(self) -> None:
        """Let the listener know how far it is."""
        if self._listener is not None and self._listener.wanted:
            self._listener(
                Progress(
                    self.pages,
                    self.messages_added,
                    len(self.readable | self.done),
                    len(self.done),
                    len(self.known),
                    self._verifying,
                )
            )

    def problem(self, error: SyncEngineError, key: ConversationKey | None = None) -> None:
        """Note what went wrong."""
        self.problems.append(
            Problem(
                type(error).__name__,
                str(error),
                error.hint,
                key.conversation_id if key else None,
                key.kind if key else None,
            )
        )
