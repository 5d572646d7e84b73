"""The async engine in a Textual program: it shares the loop, and needs nothing special."""

import asyncio
from contextlib import AsyncExitStack

from textual.app import App, ComposeResult
from textual.widgets import Label, ListItem, ListView

from syncengine import Report, SyncEngine
from syncengine.emulator import demo_world
from tests.embedding.leaving import remote
from tests.embedding.silence import silent_server
from tests.harness import Side


class Archive(App[None]):
    """A list of conversations: opened when it starts, synced by a key, closed when it ends."""

    BINDINGS = [("s", "sync", "Sync")]  # noqa: RUF012 - how Textual's programs write it

    def __init__(self, side: Side, url: str | None = None) -> None:
        super().__init__()
        self._side, self._url = side, url
        self._stack = AsyncExitStack()
        self.engine: SyncEngine | None = None
        self.report: Report | None = None

    def compose(self) -> ComposeResult:
        """One list."""
        yield ListView()

    async def on_mount(self) -> None:
        """Show what is held, before anything is asked from a server."""
        if self._url is None:
            opened = self._side.engine()
        else:
            opened = SyncEngine.open(self._side.path, remote(self._url))
        self.engine = await self._stack.enter_async_context(opened)
        await self._show()

    async def on_unmount(self) -> None:
        """Workers have ended by then."""
        await self._stack.aclose()

    async def action_sync(self) -> None:
        """In a worker: the keys go on working."""
        self.run_worker(self._sync(), exclusive=True)

    async def _sync(self) -> None:
        assert self.engine is not None
        self.report = await self.engine.sync()
        await self._show()

    async def _show(self) -> None:
        assert self.engine is not None
        names = [each.conversation_id for each in await self.engine.load_all_conversations()]
        shown = self.query_one(ListView)
        await shown.clear()
        await shown.extend(ListItem(Label(name, markup=False)) for name in names)


async def test_a_textual_program_syncs_and_shows(side: Side) -> None:
    """It starts with what is here, which is nothing, and shows what a sync brings."""
    side.serve(demo_world(clock=side.time.now))
    app = Archive(side)
    async with app.run_test() as pilot:
        assert len(app.query_one(ListView)) == 0
        await pilot.press("s")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.report is not None
        assert app.report.errors == ()
        assert len(app.query_one(ListView)) == 12
    assert app.engine is not None
    assert app.engine.state == "closed"


async def test_it_can_be_left_while_a_sync_waits(side: Side) -> None:
    """The worker is cancelled, the engine closed, and nobody waits for the dead server."""
    with silent_server() as silence:
        app = Archive(side, silence.url)
        async with asyncio.timeout(20), app.run_test() as pilot:
            await pilot.press("s")
            assert await asyncio.to_thread(silence.asked.wait, 20)
            app.exit()
        assert app.engine is not None
        assert app.engine.state == "closed"
