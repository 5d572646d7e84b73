"""Pictures of the window for the README: `python -m tests.tui.screens`, or `make screenshots`.

They are made from the stand-in's readable world, on a clock that stands still, so that the
same code draws the same pictures.
"""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Awaitable, Callable
from html import unescape
from pathlib import Path

from rich.cells import cell_len

from syncengine.emulator import demo_world
from syncengine.models import Kind
from tests.harness import Side
from tests.tui.driving import Person, browsing

FOLDER = Path(__file__).parent / "screens"
_SIZE = (96, 26)
_CELL = 12.2
"""Width of a character, in the picture's units."""
_TEXT = re.compile(r'textLength="[0-9.]+"([^>]*)>([^<]*)<')
_ID = re.compile(r"terminal-[0-9]+")


async def messages(person: Person) -> None:
    """The list, and a conversation where an attachment and a day are in view."""
    await person.open()
    await person.press("pageup", *["up"] * 9)


async def search(person: Person) -> None:
    """Results while one types."""
    await person.open()
    await person.press("slash", *"stati")
    await person.sees("Enter jumps there")


async def deleting(person: Person) -> None:
    """The question before a deletion."""
    await person.open()
    await person.press("up", "up", "d")
    await person.sees("Delete this message?")


async def gap(person: Person) -> None:
    """Offline, where something is missing."""
    await person.open()
    await person.sees("not here yet")


_PICTURES: tuple[tuple[str, Callable[[Person], Awaitable[None]], bool], ...] = (
    ("messages", messages, True),
    ("search", search, True),
    ("delete", deleting, True),
    ("gap", gap, False),
)


async def prepare(side: Side, *, whole: bool) -> None:
    """Pull the readable world; if not `whole`, bob's newest messages after a time offline."""
    side.serve(demo_world(clock=side.time.now))
    await side.sync()
    if not whole:
        for number in range(80):
            side.time.seconds += 60
            side.world.send("bob", "alice", Kind.CHAT, f"Kilometre {number + 1} of the hike")
        async with side.engine() as engine:
            await engine.fetch_history_messages("bob", "chat", page_size=8)
            await engine.get_conversations_from_server()
    async with side.engine(online=False) as engine:
        await engine.index()


async def draw(name: str, act: Callable[[Person], Awaitable[None]], *, whole: bool) -> None:
    """One picture."""
    with tempfile.TemporaryDirectory() as folder:
        side = Side(Path(folder) / "alice.db")
        await prepare(side, whole=whole)
        async with browsing(side, online=whole, size=_SIZE, undo_seconds=10) as person:
            await act(person)
            for _ in range(5):
                await person.pilot.pause()
            picture = fitted(person.app.export_screenshot(title="syncengine browse"))
    (FOLDER / f"{name}.svg").write_text(picture, encoding="utf-8")


def fitted(svg: str) -> str:
    """Give every piece of text the width that it has in a terminal: the exporter counts a
    Chinese character or an emoji as one column. And a name that does not change."""

    def fit(found: re.Match[str]) -> str:
        width = cell_len(unescape(found[2])) * _CELL
        return f'textLength="{width:.1f}"{found[1]}>{found[2]}<'

    return _ID.sub("terminal", _TEXT.sub(fit, svg))


async def main() -> None:
    """All of them."""
    FOLDER.mkdir(exist_ok=True)
    for name, act, whole in _PICTURES:
        await draw(name, act, whole=whole)


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    asyncio.run(main())
