"""Text that people wrote is shown, and does nothing; any terminal is large enough."""

import unicodedata

import pytest
from rich.cells import cell_len

from tests.harness import USER, Side, numbered
from tests.tui.driving import BOB, browsing

_TURNING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
HOSTILE = (
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "[bold red]markup[/] [@click=app.quit]click[/] [link=file:///]x[/link]",
    "\x00\x08\x7f\x9b31m\r\nline two\r\x85",
    "\u202eevil\u202c \u2066isolated \u2067 \u202dnever closed",
    "z" + "\u0300\u0301\u0302" * 500 + " tower",
    "👩‍👩‍👧‍👦👍🏽🏴󠁧󠁢󠁥󠁮󠁧󠁿 " * 30,
    "今天天气真好" * 60,
    "مرحبا بكم في الاجتماع " * 30,
    "שלום עולם " * 30,
    "\ud7ff\u2028\u2029\ufeff\u00ad",
    "no-spaces-at-all" * 300,
    "line\n" * 5000,
)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (40, 12), (20, 6)])
async def test_no_text_drives_the_window(side: Side, size: tuple[int, int]) -> None:
    """No control character is drawn, nothing is wider than the terminal, and markup is text."""
    side.send(*HOSTILE)
    side.send("hi", peer="carol")
    await side.sync()
    async with browsing(side, online=False, size=size) as person:
        await person.open()
        for _ in range(12):
            for line in person.screen.splitlines():
                assert cell_len(line) <= size[0]
                assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in line)
                assert not set(line) & _TURNING
            await person.press("pageup")
        await person.press("home")
        await person.until(lambda: person.in_view[0] == "|")
        if size[0] >= 80:
            await person.sees("red", "[bold red]markup[/]")


async def test_a_text_of_megabytes_is_cut_and_says_so(side: Side) -> None:
    """A bounded part of it is drawn, in no time."""
    side.send("before", "wort " * 1_000_000, "after")
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        await person.sees("5,000,000 characters in all", "after")
        assert person.app.messages.virtual_size.height < 60


async def test_names_are_only_text_as_well(side: Side) -> None:
    """In the list, in titles, in questions."""
    name = "[red]eve[/red]"
    world = side.world
    world.add_user(name)
    world.send(name, USER, "chat", "\x1b[31mhi", at=side.time.now())
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.sees("[red]eve[/red]")
        await person.press("d")
        await person.sees("Delete the conversation with [red]eve[/red]?")
        await person.press("n", "enter")
        await person.until(lambda: person.app.messages.view)
        await person.press("d")
        await person.sees("Delete this message?")
        assert "\x1b" not in person.screen


async def test_a_narrow_terminal_shows_one_pane_at_a_time(side: Side) -> None:
    """Enter goes to the messages, Esc back; made wider, both are there."""
    side.send(*numbered(1, 50))
    await side.sync()
    async with browsing(side, online=False, size=(60, 20)) as person:
        assert person.app.conversations.size.width == 60
        await person.press("enter")
        await person.until(lambda: person.selected == "m50")
        await person.sees("m50", "bob chat")
        assert "Conversations" not in person.screen
        await person.press("escape")
        await person.sees("Conversations 1")
        await person.pilot.resize_terminal(100, 30)
        await person.sees("Conversations 1", "m50")
        assert person.in_view[-1] == "m50"


async def test_help_names_every_key(side: Side) -> None:
    """`?` opens it, Esc closes it, on the smallest terminal too."""
    async with browsing(side, online=False, size=(80, 24)) as person:
        await person.press("question_mark")
        await person.sees("Everywhere", "undo the last deletion")
        await person.press("end")
        await person.sees("The mouse works, too")
        await person.press("escape")
        await person.until(lambda: len(person.app.screen_stack) == 1)
        assert person.app.messages.key != BOB
