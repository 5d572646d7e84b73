"""What is missing is shown where it is, for what it is, and fetched while there is a server."""

import asyncio
import sqlite3
from contextlib import closing

from syncengine.emulator import Switches, World
from tests.harness import USER, Side, numbered
from tests.tui.driving import browsing


async def gap_in_the_middle(side: Side, last: int) -> list[str]:
    """`[m1 … m30] ? [… mN]`: the newest ten were fetched after a time offline."""
    ids = side.send(*numbered(1, 30))
    await side.sync()
    ids += side.send(*numbered(31, last))
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=10)
    assert "?" in side.picture()
    return ids


async def test_a_gap_that_comes_into_view_is_filled(side: Side) -> None:
    """Law 9: scrolled to while online, it closes by itself, and says so meanwhile."""
    await gap_in_the_middle(side, 200)
    async with browsing(side) as person:
        await person.open()
        await person.press("home")
        await person.until(lambda: person.selected == "m1")
        for _ in range(4):
            await person.press("pagedown")
        await person.until(lambda: "?" not in side.picture())
        await person.press("home")
        await person.until(lambda: "m30" in person.texts and "m31" in person.texts)
        assert person.texts == numbered(1, 200)


async def test_the_gap_below_the_newest_is_filled_at_once(side: Side) -> None:
    """What was sent since the last sync is there when one opens the conversation."""
    side.send(*numbered(1, 5))
    async with side.engine() as engine:
        await engine.get_conversations_from_server()
    async with browsing(side) as person:
        await person.open()
        await person.until(lambda: person.texts == numbered(1, 5))
        assert person.in_view[-1] == "m5"


async def test_what_is_in_view_stays_while_a_gap_above_is_filled(side: Side) -> None:
    """The older messages come in above; nobody loses their line."""
    ids = await gap_in_the_middle(side, 200)
    remote, answer = side.remote(), asyncio.Event()

    async def wait(conversation_id: str, start: str) -> None:
        await answer.wait()

    remote.before = wait
    async with browsing(side, remote=remote) as person:
        await person.open(message_id=ids[192])
        await person.sees("not here yet · fetching …")
        before = person.in_view
        answer.set()
        await person.until(lambda: "m150" in person.texts)
        assert person.in_view[-8:] == before[-8:]


async def test_offline_a_gap_is_shown_and_left(side: Side) -> None:
    """Law 9: it says that messages are missing there, and why they are not fetched."""
    ids = await gap_in_the_middle(side, 60)
    async with browsing(side, online=False) as person:
        await person.open(message_id=ids[55])
        await person.sees("not here yet · offline")
        at = person.in_view.index("?")
        assert person.in_view[at - 1] == "m30"
        assert person.in_view[at + 1] == "m51"
        await person.sees(" ⋯")  # in the list


async def test_a_gap_that_cannot_be_filled_says_why_and_can_be_tried_again(side: Side) -> None:
    """The reason stands in the gap, the hint in the status line; `r` asks once more."""
    ids = await gap_in_the_middle(side, 60)
    side.fail("html", routes={"history"}, probability=1.0)
    async with browsing(side) as person:
        await person.open(message_id=ids[55])
        await person.sees("not here yet", "r tries again")
        assert person.app.standing.wrong
        assert person.app.standing.hint
        side.fail("none")
        await person.press("r")
        await person.until(lambda: "?" not in side.picture())
        await person.until(lambda: "m40" in person.texts)


async def test_a_seam_says_that_messages_may_have_expired(side: Side) -> None:
    """Law 2: it is no gap: nobody asks for what may be gone for ever."""
    side.serve(World(seed=1, clock=side.time.now, switches=Switches(retention_days=7)))
    side.world.add_user(USER)
    side.send("m1", "m2")
    await side.sync()
    side.time.seconds += 5 * 86_400
    side.send("unseen")
    side.time.seconds += 10 * 86_400
    side.send("m9")
    await side.sync()
    assert side.picture() == "[m1 m2] ~ [m9]"
    async with browsing(side) as person:
        await person.open()
        await person.sees("messages may have expired on the server here")
        assert person.in_view == ["|", "m1", "m2", "~", "m9"]


async def test_what_the_server_does_not_show_any_more_is_marked(side: Side) -> None:
    """Law 7: kept, readable, and marked †."""
    ids = side.send(*numbered(1, 3))
    await side.sync()
    with closing(sqlite3.connect(side.path)) as database, database:
        database.execute("UPDATE message SET unverified = 1 WHERE message_id = ?", (ids[1],))
    async with browsing(side, online=False) as person:
        await person.open()
        lines = person.screen.splitlines()
        (marked,) = [at for at, line in enumerate(lines) if "† not on the server" in line]
        assert "m2" in lines[marked + 1]
