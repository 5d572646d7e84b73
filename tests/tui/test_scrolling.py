"""Through all of a history by key: nothing is skipped, and nothing jumps."""

import asyncio

from benchmarks.filling import LONG, Size, fill, message_id
from syncengine.tui.window import SIZE
from tests.harness import Side, numbered
from tests.tui.driving import Person, browsing


async def leafed(person: Person, key: str, last: str) -> list[str]:
    """All that is seen on the way to the message `last`, page by page."""
    seen = dict.fromkeys(person.in_view)
    while last not in seen:
        before = person.in_view
        await person.press(key)
        await person.until(lambda before=before: person.in_view != before)  # type: ignore[misc]  # mypy infers no default
        seen |= dict.fromkeys(person.in_view)
        assert len(person.texts) <= SIZE
    return list(seen)


async def test_every_message_is_passed_on_the_way_to_the_start_and_back(side: Side) -> None:
    """Law 9: read by key in both directions, some hundred in the window at most."""
    side.send(*numbered(1, 800))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        up = await leafed(person, "pageup", "m1")
        assert set(numbered(1, 800)) <= set(up)
        await person.sees("this is where the history starts")
        down = await leafed(person, "pagedown", "m800")
        assert set(numbered(1, 800)) <= set(down)


async def test_the_cursor_walks_message_by_message(side: Side) -> None:
    """Across the edges of what is in the window, and not past the ends."""
    ids = side.send(*numbered(1, 400))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open(message_id=ids[149])
        assert "m20" not in person.texts
        for number in range(149, 70, -1):
            await person.press("up")
            assert person.selected == f"m{number}"
        await person.until(lambda: "m20" in person.texts)
        await person.press("home", "up")
        await person.until(lambda: person.selected == "m1")


async def test_home_and_end_go_to_the_ends_of_the_history(side: Side) -> None:
    """Not of the window."""
    side.send(*numbered(1, 1500))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        await person.press("home")
        await person.until(lambda: person.selected == "m1")
        assert person.in_view[:2] == ["|", "m1"]
        await person.press("end")
        await person.until(lambda: person.selected == "m1500")
        assert person.in_view[-1] == "m1500"


async def test_nothing_moves_when_others_are_read(side: Side) -> None:
    """What is visible stays on its line while the window goes elsewhere around it."""
    side.send(*numbered(1, 800))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        shown = person.app.messages
        for _ in range(20):
            before = _without_bar(person)
            read = shown.view
            shown.ask()
            await person.until(lambda read=read: shown.view is not read)  # type: ignore[misc]  # mypy infers no default
            assert _without_bar(person) == before
            await person.press("pageup")


async def test_the_wheel_scrolls_without_the_cursor(side: Side) -> None:
    """And reads what is older when it comes near."""
    side.send(*numbered(1, 800))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        while "m500" not in person.in_view:
            person.app.messages.scroll_relative(y=-20, animate=False)
            await person.pilot.pause()
        assert len(person.texts) <= SIZE


async def test_a_long_conversation_is_as_quick_as_a_short_one(side: Side) -> None:
    """Law 9: whatever is held, some hundred messages are in the window, at both ends."""
    await asyncio.to_thread(fill, side.path, Size(20, 100_000))
    async with browsing(side, online=False) as person:
        await person.open(LONG)
        assert len(person.texts) == SIZE
        await person.press("home")
        await person.until(lambda: person.in_view[0] == "|")
        assert len(person.texts) == SIZE
        found = person.app.messages.selected
        assert found is not None
        assert found.message_id == message_id(0)


def _without_bar(person: Person) -> list[str]:
    """The bar tells where in the window one is, and the window moves."""
    return [line[:98] for line in person.screen.splitlines()]
