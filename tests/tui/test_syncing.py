"""A sync is never in the way: what it does and what went wrong stands in one line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.geometry import Size

from syncengine import SyncEngine
from syncengine.changes import Update
from tests.embedding.leaving import remote
from tests.embedding.silence import Silence, silent_server
from tests.harness import Side, numbered
from tests.tui.driving import Person, browsing, window


@asynccontextmanager
async def asking_in_vain(side: Side) -> AsyncIterator[tuple[Person, Silence]]:
    """A window whose sync waits for a server that never answers."""
    with silent_server() as silence:
        async with (
            SyncEngine.open(side.path, remote(silence.url)) as engine,
            window(engine, side, sync=True) as person,
        ):
            assert await asyncio.to_thread(silence.asked.wait, 20)
            yield person, silence


async def test_everything_is_readable_while_a_sync_waits(side: Side) -> None:
    """Law 9: the server says nothing, and nobody notices but in the status line."""
    side.send(*numbered(1, 100))
    await side.sync()
    async with asking_in_vain(side) as (person, _):
        await person.sees("syncing")
        await person.press("enter")
        await person.until(lambda: person.selected == "m100")
        await person.press("home")
        await person.until(lambda: person.selected == "m1")
        assert person.app.standing.syncing


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_it_is_left_at_once_while_a_sync_waits(side: Side, key: str) -> None:
    """Nobody waits for a dead server."""
    side.send("m1")
    await side.sync()
    async with asyncio.timeout(15):
        async with asking_in_vain(side) as (person, _):
            await person.press(key)
            await person.until(lambda: not person.app.is_running)


async def test_what_comes_in_while_it_closes_does_no_harm(side: Side) -> None:
    """A read, a change, a result that arrive when nothing is shown any more: no traceback."""
    side.send("m1")
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        app, shown = person.app, person.app.messages
    assert not app.screen_stack
    app.on_message_view_showed()
    app.on_rows_moved(shown.Moved())
    app.on_rows_chosen(shown.Chosen(shown, "1", clicked=True))
    app.on_resize(events.Resize(Size(80, 24), Size(80, 24)))
    app._take(Update(7, reset=True))
    app.on_message_view_failed(shown.Failed(ValueError("late")))
    assert "late" in app.standing.note


async def test_a_server_that_is_not_reached_is_told_with_its_hint(side: Side) -> None:
    """Errors have hints here too; the next sync that reaches it takes them back."""
    side.send("m1")
    side.fail("drop-before", probability=1.0)
    async with browsing(side, sync=True) as person:
        await person.synced()
        await person.sees("server not reached", "can be read")
        side.fail("none")
        await person.press("s")
        await person.sees("online", "1 new message")
        assert not person.app.standing.wrong


async def test_a_wrong_password_is_told(side: Side) -> None:
    """In words, in the window, which stays open."""
    side.send("m1")
    async with browsing(side, remote=side.remote(password="wrong"), sync=True) as person:
        await person.synced()
        await person.until(lambda: person.app.standing.wrong)
        assert "password" in person.app.standing.hint


async def test_offline_there_is_no_server_to_ask(side: Side) -> None:
    """`s` says so, and how to start with one."""
    side.send("m1")
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.press("s")
        await person.sees("there is no server to ask", "--server")
