"""Deleting: asked first, gone at once, back by one key while it was not sent."""

from tests.harness import USER, Side, numbered
from tests.tui.driving import Person, browsing


async def ask(person: Person) -> None:
    """Press `d` and wait for the question."""
    await person.press("d")
    await person.until(lambda: len(person.app.screen_stack) == 2)
    await person.pilot.pause()


async def test_a_message_goes_and_comes_back(side: Side) -> None:
    """Laws 4 and 8: gone from the window at once, nothing sent yet; `u` puts it back."""
    side.send(*numbered(1, 4))
    await side.sync()
    async with browsing(side) as person:
        await person.open()
        await person.press("up")
        await ask(person)
        await person.sees("Delete this message?", "m3")
        await person.press("y")
        await person.until(lambda: person.texts == ["m1", "m2", "m4"])
        await person.sees("message deleted; u undoes it", "1 deletion to send")
        assert person.selected == "m4"
        await person.press("u")
        await person.until(lambda: person.texts == numbered(1, 4))
        await person.sees("undone")
        assert len(side.world.history(USER, "bob", "chat")) == 4


async def test_a_conversation_goes_and_comes_back(side: Side) -> None:
    """From the list; all that was asked for it is taken back together."""
    side.send(*numbered(1, 4))
    side.send("hi", peer="carol")
    await side.sync()
    async with browsing(side) as person:
        await ask(person)
        await person.sees("Delete the conversation with carol?")
        await person.press("y")
        await person.sees("Conversations 1", "conversation deleted")
        assert person.app.conversations.cursor == "chat:bob"
        await person.press("u")
        await person.sees("Conversations 2", "undone")
        assert side.held("carol") == side.served("carol")


async def test_no_is_no(side: Side) -> None:
    """Esc, `n`, Enter on what is chosen first, and the button: nothing was asked for."""
    side.send(*numbered(1, 2))
    await side.sync()
    async with browsing(side) as person:
        await person.open()
        for key in ("escape", "n", "enter"):
            await ask(person)
            await person.press(key)
            await person.until(lambda: len(person.app.screen_stack) == 1)
        await ask(person)
        await person.pilot.click("#no")
        await person.until(lambda: len(person.app.screen_stack) == 1)
        assert person.texts == numbered(1, 2)
        assert await person.app.engine.outbox() == []


async def test_after_the_time_to_undo_it_is_sent(side: Side) -> None:
    """Law 8: delivered by itself; then it is too late, and `u` says so."""
    side.send(*numbered(1, 2))
    await side.sync()
    async with browsing(side, undo_seconds=0.01) as person:
        await person.open()
        await ask(person)
        await person.pilot.click("#yes")
        await person.until(lambda: len(side.world.history(USER, "bob", "chat")) == 1)
        await person.until(lambda: not person.app.standing.pending)
        await person.until(lambda: "u undoes it" not in person.status)
        await person.press("u")
        await person.sees("it was sent to the server already")
        assert person.texts == ["m1"]


async def test_another_program_does_not_send_what_can_be_undone(side: Side) -> None:
    """Law 8: a daemon beside the window, for example: the person has all of the time that the
    question promised."""
    ids = side.send(*numbered(1, 2))
    await side.sync()
    async with browsing(side, undo_seconds=10) as person:
        await person.open()
        await ask(person)
        await person.sees("Delete this message?", "10 seconds")
        await person.press("y")
        await person.until(lambda: person.texts == ["m1"])
        await side.sync()
        assert side.served() == ids
        await person.press("u")
        await person.until(lambda: person.texts == ["m1", "m2"])


async def test_closed_nobody_takes_it_back(side: Side) -> None:
    """Law 8: a window that is closed holds no deletion back: the next program sends it."""
    ids = side.send(*numbered(1, 2))
    await side.sync()
    async with browsing(side, online=False, undo_seconds=60) as person:
        await person.open()
        await ask(person)
        await person.press("y")
        await person.until(lambda: person.texts == ["m1"])
        await person.press("q")
    await side.sync()
    assert side.served() == ids[:1]


async def test_offline_it_waits_for_the_next_sync(side: Side) -> None:
    """Law 8: asked for with no network, durable, sent another day."""
    side.send(*numbered(1, 2))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        await ask(person)
        await person.press("y")
        await person.until(lambda: person.texts == ["m1"])
    await side.sync()
    assert len(side.world.history(USER, "bob", "chat")) == 1


async def test_there_is_not_always_something_to_undo(side: Side) -> None:
    """And nothing happens."""
    async with browsing(side) as person:
        await person.press("u", "d")
        await person.until(lambda: "nothing to undo" in person.status)
        assert len(person.app.screen_stack) == 1
