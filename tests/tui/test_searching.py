"""Search as one types, and the jump to where it stands."""

from syncengine import SyncEngine
from syncengine.tui.searching import SearchScreen
from tests.harness import Side, numbered
from tests.tui.driving import Person, browsing


async def search(person: Person, *keys: str) -> SearchScreen:
    """Open it and type."""
    await person.press("slash")
    await person.until(lambda: isinstance(person.app.screen, SearchScreen))
    await person.press(*keys)
    screen = person.app.screen
    assert isinstance(screen, SearchScreen)
    return screen


async def indexed(side: Side) -> None:
    """Pull, and index."""
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.index()


async def test_it_finds_while_one_types_and_jumps(side: Side) -> None:
    """The beginning of a word is enough; Enter goes to the message, wherever it is."""
    side.send(*numbered(1, 300), "the station at noon", *numbered(301, 700))
    side.send("no station", peer="carol")
    await indexed(side)
    async with browsing(side, online=False) as person:
        screen = await search(person, *"stati")
        await person.until(lambda: len(screen.results.rows) == 2)
        await person.sees("the station at noon", "2 messages")
        await person.press("down", "enter")
        await person.until(lambda: person.selected == "the station at noon")
        assert "the station at noon" in person.in_view
        assert "m301" in person.in_view
        assert len(person.app.screen_stack) == 1


async def test_it_can_look_in_this_conversation_alone(side: Side) -> None:
    """Tab changes where."""
    side.send("station one")
    side.send("station two", peer="carol")
    await indexed(side)
    async with browsing(side, online=False) as person:
        await person.open()
        screen = await search(person, *"station")
        await person.until(lambda: len(screen.results.rows) == 2)
        await person.press("tab")
        await person.until(lambda: len(screen.results.rows) == 1)
        await person.press("tab")
        await person.until(lambda: len(screen.results.rows) == 2)


async def test_a_quick_enter_waits_for_what_was_typed(side: Side) -> None:
    """The result chosen is one of the whole word, not of its beginning."""
    side.send("stand here", "station here", "standing there")
    await indexed(side)
    async with browsing(side, online=False) as person:
        await search(person)
        await person.press(*"station", "enter")
        await person.until(lambda: person.selected == "station here")


async def test_escape_leaves_and_the_words_are_kept(side: Side) -> None:
    """One comes back to them."""
    side.send("hello")
    await indexed(side)
    async with browsing(side, online=False) as person:
        await search(person, *"nowhere")
        await person.sees("nothing found")
        await person.press("escape")
        screen = await search(person)
        assert screen.text == "nowhere"


async def test_it_says_what_is_not_searched_yet_and_looks_again(side: Side) -> None:
    """Law 9: an index that lags is not an answer; what comes in while one waits is shown."""
    side.send("hello there")
    await side.sync()
    async with browsing(side, online=False) as person:
        screen = await search(person, *"hello")
        await person.sees("1 message not searched yet")
        engine: SyncEngine = person.app.engine
        await engine.index()
        await person.until(lambda: len(screen.results.rows) == 1)
        assert "not searched" not in person.screen


async def test_many_results_come_in_pages(side: Side) -> None:
    """As one goes down the list."""
    side.send(*(f"hello {n}" for n in range(120)))
    await indexed(side)
    async with browsing(side, online=False) as person:
        screen = await search(person, *"hello")
        await person.sees("more than 50 messages")
        for _ in range(18):
            await person.press("pagedown")
        await person.until(lambda: len(screen.results.rows) == 120)


async def test_whatever_is_typed_is_only_text(side: Side) -> None:
    """Quotes, operators, markup: no error, nothing found."""
    side.send("hello")
    await indexed(side)
    async with browsing(side, online=False) as person:
        screen = await search(person, *'" OR [b] * (')
        await person.until(lambda: screen.found is not None)
        await person.sees("nothing found")
