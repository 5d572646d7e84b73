"""Bugs planted into the product, one function each: a patch, and what it stands for.

Nothing in the product knows of them. `bugs.py` looks for the seeds that catch them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

from attrs import evolve

from syncengine.store import outbox as store_outbox
from syncengine.sync import absence, asking, doubts, gaps, history, placing, reconcile
from syncengine.sync import outbox as sync_outbox
from syncengine.sync.reconcile import Fate

Bug = Callable[[], AbstractContextManager[Any]]


def reconciler_off() -> AbstractContextManager[Any]:
    """Nothing that is missing is ever noticed."""
    return patch.object(placing, "judge_absence", lambda *a, **k: None)


def one_sighting() -> AbstractContextManager[Any]:
    """A message that one read missed is removed."""
    real = reconcile._fate

    def fate(*arguments: Any) -> Fate:
        found = real(*arguments)
        return Fate.REMOVE if found in (Fate.SUSPECT, Fate.WAIT) else found

    return patch.object(reconcile, "_fate", fate)


def horizon_ignored() -> AbstractContextManager[Any]:
    """Whatever is missing twice is removed, though it may have expired."""
    return patch.object(absence, "horizon", lambda rules, stay: 1 << 60)


def edited_neighbour_trusted() -> AbstractContextManager[Any]:
    """An edited message, kept longer, proves that nothing above it expired."""
    real = reconcile._witnessed

    def witnessed(message: Any, served: Any) -> bool:
        return real(message, [evolve(each, edited=False) for each in served])

    return patch.object(reconcile, "_witnessed", witnessed)


def imported_neighbour_trusted() -> AbstractContextManager[Any]:
    """An imported message, whose retention began late, proves that nothing above it expired."""

    def witnessed(message: Any, served: Any) -> bool:
        return any(s.position < message.position and not s.edited for s in served)

    return patch.object(reconcile, "_witnessed", witnessed)


def dead_start_trusted() -> AbstractContextManager[Any]:
    """The answer to a start that is gone is taken as what lies below it."""
    return patch.object(
        history,
        "place_around",
        lambda key, start, page, *r: placing.place_below(key, start, page, *r),
    )


def seam_called_whole() -> AbstractContextManager[Any]:
    """Where the start of history is reached, all below is called whole."""
    return patch.object(
        gaps,
        "_rest",
        lambda gap, low, touching, run, _real=gaps._rest: (
            None if run.end else _real(gap, low, touching, run)
        ),
    )


def guard_off() -> AbstractContextManager[Any]:
    """A server that lost everything empties the copy."""
    return patch.object(absence, "_is_mass", lambda *a: False)


def conversation_in_one_call() -> AbstractContextManager[Any]:
    """Deleting a conversation takes whatever is there by the time it is sent."""

    def request(self: Any, intent: Any) -> Any:
        return lambda: self._remote.send_delete_conversation(intent.key, delete_messages=True)

    return patch.object(sync_outbox.Outbox, "_request", request)


def tombstones_skipped() -> AbstractContextManager[Any]:
    """A page brings back what was deleted."""
    return patch.object(placing, "_guarded", lambda batch, *r, **k: batch)


def intent_written_later() -> AbstractContextManager[Any]:
    """The call returns, and the wish is stored a little later."""
    import asyncio

    from syncengine.engine import SyncEngine

    real = SyncEngine.delete_remote_messages_with_ids

    async def later(self: Any, name: str, kind: Any, ids: Any) -> None:
        wanted = list(ids)
        asyncio.get_running_loop().call_soon(
            lambda: asyncio.ensure_future(real(self, name, kind, wanted))
        )

    return patch.object(SyncEngine, "delete_remote_messages_with_ids", later)


def short_page_closes() -> AbstractContextManager[Any]:
    """A page with fewer messages than asked for is taken for the last."""
    real = history.History._fetch

    async def fetch(self: Any, *arguments: Any, **named: Any) -> Any:
        page = await real(self, *arguments, **named)
        short = len(page.messages) < self._limit
        return evolve(page, end=True, cursor=None) if short else page

    return patch.object(history.History, "_fetch", fetch)


def ordered_by_time() -> AbstractContextManager[Any]:
    """A page is put in the order of its timestamps."""
    real = history.History._fetch

    async def fetch(self: Any, *arguments: Any, **named: Any) -> Any:
        page = await real(self, *arguments, **named)
        newest_first = sorted(page.messages, key=lambda m: -m.timestamp)
        return evolve(page, messages=newest_first)

    return patch.object(history.History, "_fetch", fetch)


def time_unbounded() -> AbstractContextManager[Any]:
    """A deletion up to a time in the future takes what is written later, too."""
    return patch.object(sync_outbox, "bounded", lambda timestamp, known: min(timestamp, 1 << 61))


def settled_before_accepted() -> AbstractContextManager[Any]:
    """A deletion is forgotten when it is sent, not when it was accepted."""
    from syncengine.errors import SyncEngineError

    async def accepted(self: Any, request: Any) -> None:
        try:
            await request()
        except SyncEngineError:
            return

    return patch.object(sync_outbox.Outbox, "_accepted", accepted)


def hidden_dropped() -> AbstractContextManager[Any]:
    """What is to be deleted is dropped at once: a refusal cannot put it back."""
    real = store_outbox.write_ask

    def write(connection: Any, row: int, ask: Any) -> None:
        real(connection, row, ask)
        connection.execute("DELETE FROM message WHERE conversation = ? AND hidden > 0", (row,))

    return patch("syncengine.store.writer.write_ask", write)


def stale_page_wins() -> AbstractContextManager[Any]:
    """The page that came last is believed, an older text too."""
    return patch.object(placing, "_is_newer", lambda row, held: row.raw != held.raw)


def cursor_before_page() -> AbstractContextManager[Any]:
    """A gap shrinks in one transaction, its page is written in the next."""
    from syncengine.store import writer
    from syncengine.store.batch import Batch

    real = writer._write

    def write(connection: Any, view: Any, batch: Batch) -> None:
        if batch.inserts and batch.gaps_closed:
            first = Batch(batch.key, gaps_closed=batch.gaps_closed, gaps_opened=batch.gaps_opened)
            real(connection, view, first)
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
            batch = evolve(batch, gaps_closed=(), gaps_opened=())
        real(connection, view, batch)

    return patch.object(writer, "_write", write)


def fresh_heads_believed() -> AbstractContextManager[Any]:
    """A lagging replica's head is the whole truth."""
    stack = ExitStack()
    stack.enter_context(patch.object(placing, "stale_head", lambda *a: None))
    stack.enter_context(patch.object(doubts, "_retreat", lambda *a: None))
    stack.enter_context(patch.object(doubts, "_looks", lambda *a: 0))
    return stack


def fetch_stores_below_unheld() -> AbstractContextManager[Any]:
    """A page that a person asks for is placed below its start, dead or alive."""
    return patch.object(
        asking,
        "place_around",
        lambda key, start, page, *r: placing.place_below(key, start, page, *r),
    )


def absence_lasts() -> AbstractContextManager[Any]:
    """What was removed by absence is never shown again, though the server serves it."""
    return patch("syncengine.store.writer.write_restored", lambda *a: None)


BUGS: tuple[Bug, ...] = (
    reconciler_off,
    one_sighting,
    horizon_ignored,
    edited_neighbour_trusted,
    imported_neighbour_trusted,
    dead_start_trusted,
    seam_called_whole,
    guard_off,
    conversation_in_one_call,
    tombstones_skipped,
    intent_written_later,
    short_page_closes,
    ordered_by_time,
    time_unbounded,
    settled_before_accepted,
    hidden_dropped,
    stale_page_wins,
    cursor_before_page,
    fresh_heads_believed,
    fetch_stores_below_unheld,
    absence_lasts,
)
