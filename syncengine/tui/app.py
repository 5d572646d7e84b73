"""The window: conversations to the left, messages to the right, a line about it all below."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import time_ns
from typing import Any, ClassVar

from attrs import evolve
from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Footer, Static

from syncengine.changes import Activity, ActivityKind, Update
from syncengine.daemon.pace import Pace
from syncengine.engine import SyncEngine
from syncengine.errors import EngineClosed, StoreLocked, SyncEngineError
from syncengine.models import ConversationKey, Hit
from syncengine.reports import State
from syncengine.tui.conversations import ConversationList
from syncengine.tui.deletions import Deletions
from syncengine.tui.dialogs import Confirm, HelpScreen, about_conversation, about_message
from syncengine.tui.keys import BINDINGS
from syncengine.tui.messages import MessageView
from syncengine.tui.polling import PACE, Polling
from syncengine.tui.rows import Rows
from syncengine.tui.searching import SearchScreen
from syncengine.tui.status import Standing, StatusLine, as_of, ended, started
from syncengine.tui.text import clean, spread

UNDO_SECONDS = 10.0
"""How long a deletion waits before it is sent: so long it can be undone for certain."""
NARROW = 80
"""Columns, under which one pane is shown at a time."""


def _now() -> int:
    return time_ns() // 1_000_000


class Browser(App[None]):
    """Shows one account's copy, for as long as it runs; the engine is its owner's to close.

    `undo_seconds` is how long a deletion waits before it is sent, a minute at most, `pace` how
    often it syncs by itself, the first time at once (None: only by a key), `now` the clock, ms,
    that short times are relative to.
    """

    TITLE = "syncengine"
    CSS_PATH = "browse.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [*BINDINGS]

    def __init__(
        self,
        engine: SyncEngine,
        *,
        undo_seconds: float = UNDO_SECONDS,
        pace: Pace | None = PACE,
        now: Callable[[], int] = _now,
    ) -> None:
        super().__init__()
        self.engine = engine
        self._undo_seconds, self._clock = undo_seconds, now
        self._deletions = Deletions(engine, undo_seconds)
        self._polling = Polling(pace)
        self._asked = pace is not None
        if self._asked:
            self._polling.ask()
        self._delivery: Timer | None = None
        self._searched = self._offer = ""
        self._revision = 0
        self._troubled = False
        self.standing = Standing(connected=engine.state is not State.OFFLINE)
        """What the status line tells."""

    def compose(self) -> ComposeResult:
        """Two panes and the line below."""
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Static(Text(" Conversations"), id="list-title", classes="title")
                yield ConversationList(self.engine.reader, self._clock, id="list")
            with Vertical(id="right"):
                yield Static(id="title", classes="title")
                yield MessageView(self.engine, self._own, self._online, id="messages")
        yield StatusLine(id="status")
        yield Footer(show_command_palette=False)

    @property
    def conversations(self) -> ConversationList:
        """The left pane."""
        return self.screen_stack[0].query_one(ConversationList)

    @property
    def messages(self) -> MessageView:
        """The right pane."""
        return self.screen_stack[0].query_one(MessageView)

    async def on_mount(self) -> None:
        """Show what is here; then follow it, and ask the server for what is new."""
        self.conversations.focus()
        self._show_title()
        await self._guarded(self._begin)
        self.run_worker(self._follow(), group="feed")
        if self.standing.connected:
            self.run_worker(self._keep_up(), group="sync")

    async def on_unmount(self) -> None:
        """Whoever sends what was deleted here need not wait: nobody takes it back any more."""
        with suppress(SyncEngineError):  # it is sent when its time is over
            await self._deletions.send_soon()

    async def _begin(self) -> None:
        self._revision = await self.engine.reader.revision()
        await self._count()

    async def _guarded(self, act: Callable[[], Any]) -> bool:
        """Do it, and tell what went wrong; whether nothing did."""
        try:
            await act()
        except EngineClosed:
            return False
        except SyncEngineError as error:
            self._stand(self.standing.failed(error))
            return False
        return True

    @property
    def _gone(self) -> bool:
        """It is being closed: what was still under way has nowhere to be shown."""
        return not self.screen_stack

    def _stand(self, standing: Standing) -> None:
        self.standing = standing
        if self.is_running and not self._gone:
            self.screen_stack[0].query_one(StatusLine).show(standing)

    def _own(self) -> str | None:
        """The name of the account's user."""
        return (self.standing.account or "").rpartition(":")[2] or None

    def _online(self) -> bool:
        return self.standing.connected and not self.standing.away

    # ── what happens ─────────────────────────────────────────────────────────────────────

    async def _follow(self) -> None:
        """Take what the feed tells, until the engine closes."""
        while True:
            try:
                async for update in self.engine.changes(self._revision):
                    self._take(update)
            except SyncEngineError as error:
                self._troubled = True
                self._stand(self.standing.failed(error))
                await asyncio.sleep(1)
            if self.engine.state is State.CLOSED:
                return

    def _take(self, update: Update) -> None:
        self._revision = update.revision
        if self._gone:
            return
        if self._troubled:  # it can be followed again
            self._troubled = False
            self._stand(self.standing.noted(""))
        if update.activity is not None:
            self._act(update.activity)
            return
        self.conversations.ask()
        if update.reset or any(change.key == self.messages.key for change in update.changes):
            self.messages.ask()
        if any(change.intent is not None for change in update.changes):
            self.run_worker(self._guarded(self._count), group="count")

    def _act(self, activity: Activity) -> None:
        if activity.kind is ActivityKind.SYNC_STARTED:
            self._stand(started(self.standing, asked=self._asked))
        elif activity.kind is ActivityKind.SYNC_PROGRESSED:
            self._stand(evolve(self.standing, syncing=True, progress=activity.progress))
        elif activity.kind is ActivityKind.SYNC_FINISHED:
            self._stand(ended(self.standing, activity.report, asked=self._asked))
            self.conversations.ask()
            self.messages.ask()
            self.messages.retry()
            self.run_worker(self._guarded(self._count), group="count")

    async def _count(self) -> None:
        """Whose copy it is, and what waits to be sent; what was sent is not offered any more to
        be undone."""
        status = await self.engine.status()
        over = not status.pending and self.standing.note == self._offer
        standing = self.standing.noted("") if over else self.standing
        standing = evolve(standing, pending=status.pending, refused=status.refused)
        self._stand(evolve(standing, account=_short(status.account)))

    def action_sync(self) -> None:
        """Ask the server for everything new, in the background."""
        if not self.standing.connected:
            self._stand(
                self.standing.noted(
                    "there is no server to ask",
                    "Start without --offline, with --server, --app-key and --user.",
                    wrong=True,
                )
            )
        elif not (self._asked and self.engine.state is State.SYNCING):
            self._polling.ask()

    async def _keep_up(self) -> None:
        """Sync when somebody wants it, and by itself, until the engine closes."""
        while self.engine.state is not State.CLOSED:
            self._asked = await self._polling.wait()
            await self._guarded(self._sync)

    async def _sync(self) -> None:
        try:
            if self._asked:
                await self._deletions.send_soon()
            self._polling.ended(await self.engine.sync())
        except StoreLocked:
            self._polling.left_to_another()
            self._stand(evolve(self.standing, elsewhere=True))
            if self._asked:  # that another has it is all there is to say
                self._stand(self.standing.noted(""))
        except EngineClosed:
            raise
        except SyncEngineError as error:
            self._polling.failed(error)
            raise
        finally:
            self._stand(evolve(self.standing, syncing=False, progress=None))

    # ── what is shown ────────────────────────────────────────────────────────────────────

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """The list says how many there are, as far as they were read."""
        if self._gone:
            return
        number = len(self.conversations.rows)
        self.screen_stack[0].query_one("#list-title", Static).update(
            Text(f" Conversations {number:,}" if number else " Conversations")
        )
        if self.messages.key is None:
            self._show_title()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Open a conversation."""
        if self._gone:
            return
        conversation = self.conversations.chosen(event.key)
        if event.rows is self.conversations and conversation is not None:
            self.open(ConversationKey(conversation.conversation_id, conversation.kind))

    def open(self, key: ConversationKey, message_id: str | None = None) -> None:
        """Show a conversation at its newest end, or around a message."""
        self.messages.open(key, message_id)
        self.conversations.mark(key)
        self._show_title()
        self._show_pane(reading=True)
        self.messages.focus()

    def _show_pane(self, *, reading: bool) -> None:
        self.screen_stack[0].set_class(reading, "reading")

    def on_message_view_showed(self) -> None:
        """As of when, and whether it is whole."""
        self._show_title()

    def _show_title(self) -> None:
        if self._gone:
            return
        title = self.screen_stack[0].query_one("#title", Static)
        key, view = self.messages.key, self.messages.view
        if key is None:
            words = "Enter opens a conversation, ? shows all keys"
            if self.conversations.loaded and not self.conversations.rows:
                words = "nothing is stored here yet; s syncs"
            title.update(Text(f" {words}", "dim"))
            return
        name = Text.assemble(" ", (clean(key.conversation_id, 100), "bold"), f" {key.kind}")
        stand = "" if view is None else f"{as_of(view.part.as_of)} "
        title.update(spread(name, Text(stand, "dim"), max(10, title.size.width)))

    def on_resize(self, event: events.Resize) -> None:
        """A narrow terminal shows one pane at a time."""
        if self._gone:
            return
        self.screen_stack[0].set_class(event.size.width < NARROW, "narrow")
        self.call_after_refresh(self._show_title)

    def on_conversation_list_failed(self, event: ConversationList.Failed) -> None:
        """The copy could not be read."""
        self._stand(self.standing.failed(event.error))

    def on_message_view_failed(self, event: MessageView.Failed) -> None:
        """A gap could not be filled, or the copy not be read."""
        self._stand(self.standing.failed(event.error))

    # ── what a person does ───────────────────────────────────────────────────────────────

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the window below mean nothing while a small one is open."""
        if action == "quit" or len(self.screen_stack) == 1:
            return True
        return action not in {"search", "sync", "delete", "undo", "retry", "list", "help"}

    def action_list(self) -> None:
        """To the list."""
        self._show_pane(reading=False)
        self.conversations.focus()

    def action_forward(self) -> None:
        """To the messages, or into the conversation that the cursor is on."""
        if self.messages.key is None:
            self.conversations.action_choose()
            return
        self._show_pane(reading=True)
        self.messages.focus()

    def action_retry(self) -> None:
        """Ask again for what is missing in view."""
        if self.standing.connected:
            self._stand(evolve(self.standing, away=False))
        self.messages.retry()

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(HelpScreen())

    def action_search(self) -> None:
        """Find messages; the words of the last search are still there."""
        screen = SearchScreen(self.engine.reader, self.messages.key, self._clock, self._searched)

        def jump(hit: Hit | None) -> None:
            self._searched = screen.text
            if hit is not None:
                message = hit.message
                key = ConversationKey(message.conversation_id, message.kind)
                self.open(key, message.message_id)

        self.push_screen(screen, jump)

    def action_delete(self) -> None:
        """Ask, and delete what the cursor is on."""
        undo = self.standing.undo_words(self._undo_seconds)
        if self.conversations.has_focus:
            self._ask_for_conversation(undo)
        elif self.messages.has_focus:
            self._ask_for_message(undo)

    def _ask_for_conversation(self, undo: str) -> None:
        found = self.conversations.chosen(self.conversations.cursor or "")
        if found is not None:
            key = ConversationKey(found.conversation_id, found.kind)
            self._confirm(about_conversation(key, undo), key, None)

    def _ask_for_message(self, undo: str) -> None:
        key, message = self.messages.key, self.messages.selected
        if key is not None and message is not None:
            self._confirm(about_message(message, undo), key, message.message_id)

    def _confirm(self, question: Confirm, key: ConversationKey, message_id: str | None) -> None:
        def answer(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._guarded(lambda: self._delete(key, message_id)))

        self.push_screen(question, answer)

    async def _delete(self, key: ConversationKey, message_id: str | None) -> None:
        self._offer = await self._deletions.delete(key, message_id)
        self._stand(self.standing.noted(self._offer))
        await self._count()
        if self.standing.connected:
            self._deliver_later()

    def _deliver_later(self) -> None:
        """Every deletion has its time to be undone: the newest decides when all are sent."""
        if self._delivery is not None:
            self._delivery.stop()
        self._delivery = self.set_timer(self._undo_seconds, self._deliver_soon)

    def _deliver_soon(self) -> None:
        """Send what was deleted; where that fails, the next sync does."""
        self.run_worker(self._guarded(self._deliver), group="deliver")

    async def _deliver(self) -> None:
        await self._deletions.send_soon()
        if self.standing.pending:
            await self.engine.deliver()
            await self._count()

    def action_undo(self) -> None:
        """Take the last deletion back, if it was not sent."""
        self.run_worker(self._guarded(self._undo), group="undo")

    async def _undo(self) -> None:
        self._stand(self.standing.noted(await self._deletions.undo()))
        await self._count()


def _short(account: str | None) -> str | None:
    """Without the service's name."""
    return None if account is None else account.partition(":")[2]
