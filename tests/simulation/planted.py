"""Bugs planted into the product, one function each: a patch, and what it stands for.

Nothing in the product knows of them. `test_planted.py` shows for each by a small history
that it is a bug; `bugs.py` looks for the seeds that catch it.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

from attrs import evolve

from syncengine import SyncEngine, SyncEngineError
from syncengine.changes import What
from syncengine.models import IntentKind
from syncengine.store import audits, journal, writer
from syncengine.store import outbox as store_outbox
from syncengine.store.batch import Batch
from syncengine.store.journal import write_change
from syncengine.store.view import View
from syncengine.sync import (
    absence,
    asking,
    doubts,
    gaps,
    hiding,
    history,
    placing,
    reconcile,
    source,
)
from syncengine.sync import outbox as sync_outbox
from syncengine.sync.reconcile import Fate
from syncengine.sync.replays import Replays

Planted = AbstractContextManager[Any]
Bug = Callable[[], Planted]


# What a page did not show


def ignore_absence() -> Planted:
    """Law 13: what was deleted elsewhere stays here for ever."""
    return patch.object(placing, "judge_absence", lambda *a: None)


def remove_at_first_sight() -> Planted:
    """Law 5 (c): a message that one read missed is removed."""
    real = reconcile._fate

    def fate(*arguments: Any) -> Fate:
        found = real(*arguments)
        return Fate.REMOVE if found in (Fate.SUSPECT, Fate.WAIT) else found

    return patch.object(reconcile, "_fate", fate)


def ignore_horizon() -> Planted:
    """Law 5 (b): whatever is missing twice is removed, though it may have expired."""
    return patch.object(absence, "horizon", lambda rules, longest_stay: 1 << 60)


def trust_edited_neighbour() -> Planted:
    """Law 5 (b): an edited message, kept longer, proves that nothing above it expired."""
    real = reconcile._witnessed

    def witnessed(message: Any, served: Any) -> bool:
        return real(message, [evolve(each, edited=False) for each in served])

    return patch.object(reconcile, "_witnessed", witnessed)


def trust_imported_neighbour() -> Planted:
    """Law 5 (b): an imported message, whose retention began late, proves it, too."""

    def witnessed(message: Any, served: Any) -> bool:
        return any(s.position < message.position and not s.edited for s in served)

    return patch.object(reconcile, "_witnessed", witnessed)


def ignore_cap() -> Planted:
    """Law 5 (b): what newer messages pushed out counts as deleted."""
    return patch.object(reconcile, "_pushed_out", lambda *a: set())


def bury_the_absent() -> Planted:
    """Law 5: what was removed by absence is taken for deleted here, and stays away for good."""
    entomb = (
        "INSERT INTO tombstone (conversation, message_id, absent_at)"
        " VALUES (?1, ?2, nullif(?3, ?3)) ON CONFLICT DO NOTHING"
    )
    return patch.object(audits, "_REMOVED", entomb)


def believe_replays() -> Planted:
    """Law 5: a page that a cache gave for another question is taken at its word."""
    return patch.object(Replays, "checked", lambda self, key, start, page: page)


def guard_nothing() -> Planted:
    """Law 10: a server that lost everything empties the copy."""
    return patch.object(absence, "_is_mass", lambda *a: False)


def guard_by_cycle() -> Planted:
    """Law 10: what was removed before the present cycle is forgotten: small bites get past."""
    real = audits.write_audits

    def write(connection: Any, change: Any) -> None:
        real(connection, change)
        connection.execute("UPDATE audit SET removed = 0, gone = 0 WHERE removed > 0 OR gone = 1")

    return patch.object(writer, "write_audits", write)


def believe_the_list() -> Planted:
    """Law 6: a conversation that the whole list does not show is emptied here."""
    real = audits.write_listing

    def write(connection: Any, listing: Any) -> None:
        real(connection, listing)
        for key in listing.missing:
            row = View(connection).row(key)
            connection.execute(
                "UPDATE conversation SET newest = NULL WHERE conversation = ?", (row,)
            )
            connection.execute("DELETE FROM message WHERE conversation = ?", (row,))

    return patch.object(writer, "write_listing", write)


# What a page proves


def trust_dead_start() -> Planted:
    """Law 2: the answer to a start that is gone is taken for what lies below it."""
    return patch.object(history, "place_around", _below)


def trust_dead_start_of_fetch() -> Planted:
    """Law 2: the same where a person asks for a page."""
    return patch.object(asking, "place_around", _below)


def _below(key: Any, start: str, page: Any, rules: Any) -> Any:
    return placing.place_below(key, start, page, rules)


def call_seam_whole() -> Planted:
    """Law 2: where the start of history is reached, all below is called whole."""
    real = gaps._rest

    def rest(gap: Any, low: int, touching: bool, run: Any) -> Any:
        return None if run.end else real(gap, low, touching, run)

    return patch.object(gaps, "_rest", rest)


def close_on_short_page() -> Planted:
    """Law 2: a page with fewer messages than asked for is taken for the last."""

    def end(page: Any, limit: int) -> Any:
        return evolve(page, end=True, cursor=None) if len(page.messages) < limit else page

    return _fetched(end)


def order_by_time() -> Planted:
    """Law 3: a page is put in the order of its timestamps."""

    def order(page: Any, limit: int) -> Any:
        return evolve(page, messages=sorted(page.messages, key=lambda m: -m.timestamp))

    return _fetched(order)


def _fetched(change: Callable[[Any, int], Any]) -> Planted:
    """Every page of a sync is changed before it is looked at."""
    real = source.PageSource.fetch

    async def fetch(self: Any, *arguments: Any, **named: Any) -> Any:
        return change(await real(self, *arguments, **named), self._limit)

    return patch.object(source.PageSource, "fetch", fetch)


def believe_every_head() -> Planted:
    """Laws 2 and 6: a lagging replica's head is the whole truth."""
    stack = ExitStack()
    stack.enter_context(patch.object(placing, "stale_head", lambda *a: None))
    stack.enter_context(patch.object(doubts, "_retreat", lambda *a: None))
    stack.enter_context(patch.object(doubts, "_looks", lambda *a: 0))
    return stack


def let_stale_page_win() -> Planted:
    """Law 3: the page that came last is believed, an older text too."""
    return patch.object(placing, "_is_newer", lambda row, held: row.raw != held.raw)


# What a person deleted


def skip_tombstones() -> Planted:
    """Law 4: a page brings back what was deleted for good."""

    def guarded(batch: Batch, page: Any, view: View) -> Batch:
        rows = [row for _, row in batch.inserts]
        return evolve(batch, hidden=hiding.hidden_by(batch.key, rows, view))

    return patch.object(placing, "guarded", guarded)


def show_what_is_pending() -> Planted:
    """Law 8: a page brings back what a pending deletion covers."""
    return patch.object(hiding, "hidden_by", lambda *a: {})


def delete_without_bound() -> Planted:
    """Law 4: a deletion up to a time in the future takes what is written later, too."""
    return patch.object(sync_outbox, "bounded", lambda timestamp, known: min(timestamp, 1 << 61))


def delete_conversation_in_one_call() -> Planted:
    """Law 8: the last call of its deletion takes whatever is there by then."""
    real = sync_outbox.Outbox._request
    emptied: set[Any] = set()

    def request(self: Any, intent: Any) -> Any:
        which = (id(self._store), intent.key)
        if intent.kind is IntentKind.LISTING and which in emptied:
            return lambda: self._remote.send_delete_conversation(intent.key, delete_messages=True)
        emptied.add(which)
        return real(self, intent)

    return patch.object(sync_outbox.Outbox, "_request", request)


def write_intent_later() -> Planted:
    """Law 8: the call returns, and the wish is stored a little later."""
    real = SyncEngine.delete_remote_messages_with_ids

    async def later(self: Any, name: str, kind: Any, ids: Any) -> None:
        wanted = list(ids)
        asyncio.get_running_loop().call_soon(
            lambda: asyncio.ensure_future(real(self, name, kind, wanted))
        )

    return patch.object(SyncEngine, "delete_remote_messages_with_ids", later)


def settle_before_accepted() -> Planted:
    """Law 8: a deletion is forgotten when it was sent, not when it was accepted."""
    real = sync_outbox.Outbox._accepted

    async def accepted(self: Any, request: Any) -> None:
        try:
            await real(self, request)
        except SyncEngineError:
            return

    return patch.object(sync_outbox.Outbox, "_accepted", accepted)


def drop_hidden() -> Planted:
    """Law 8: what is to be deleted is dropped at once: a refusal cannot put it back."""
    real = store_outbox.write_ask

    def write(connection: Any, row: int, ask: Any) -> None:
        real(connection, row, ask)
        connection.execute("DELETE FROM message WHERE conversation = ? AND hidden > 0", (row,))

    return patch.object(writer, "write_ask", write)


# How it is written


def commit_cursor_first() -> Planted:
    """Law 1: a gap shrinks in one transaction, its page is written in the next."""
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


def write_when_idle() -> Planted:
    """Law 11: reading a conversation again writes a change row, though nothing changed."""
    real = audits._write_audited

    def write(connection: Any, audited: Any, young: int) -> None:
        real(connection, audited, young)
        row = View(connection).row(audited.key)
        if row is not None:
            write_change(connection, row, What.RESTORED)

    return patch.object(audits, "_write_audited", write)


def keep_edits_secret() -> Planted:
    """Law 1: an edit is written, and no change row tells of it."""
    real = journal.write_change

    def write(connection: Any, row: int, what: What, *rest: Any, **more: Any) -> None:
        if what is not What.EDITED:
            real(connection, row, what, *rest, **more)

    return patch.object(journal, "write_change", write)


def cut_commits_in_two() -> Planted:
    """Law 1: a reader of the feed cannot tell where a commit ends."""
    return patch.object(writer, "end_commit", lambda connection: None)


BUGS: tuple[Bug, ...] = (
    ignore_absence,
    remove_at_first_sight,
    ignore_horizon,
    trust_edited_neighbour,
    trust_imported_neighbour,
    ignore_cap,
    bury_the_absent,
    believe_replays,
    guard_nothing,
    guard_by_cycle,
    believe_the_list,
    trust_dead_start,
    trust_dead_start_of_fetch,
    call_seam_whole,
    close_on_short_page,
    order_by_time,
    believe_every_head,
    let_stale_page_win,
    skip_tombstones,
    show_what_is_pending,
    delete_without_bound,
    delete_conversation_in_one_call,
    write_intent_later,
    settle_before_accepted,
    drop_hidden,
    commit_cursor_first,
    write_when_idle,
    keep_edits_secret,
    cut_commits_in_two,
)
