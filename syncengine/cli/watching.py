"""Shows something again and again: in place on a terminal, elsewhere each time it is another."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

import click
from attrs import frozen
from rich.console import Console
from rich.live import Live
from rich.text import Text

from syncengine.cli.output import print_json

_EVERY = 1.0
"""Seconds."""


@frozen
class Look:
    """What was seen."""

    value: dict[str, Any]
    """For programs; where it is the same, nothing has changed."""
    lines: Callable[[int], Iterable[str]]
    """For people, at a moment in ms, local clock."""
    needs_person: bool


Looking = Callable[[], Coroutine[Any, Any, Look]]


def now_ms() -> int:
    """The local clock."""
    return time.time_ns() // 1_000_000


def watch(look: Looking, *, as_json: bool) -> None:
    """Until Ctrl-C, which is how it is meant to end."""
    in_place = not as_json and sys.stdout.isatty()
    with suppress(KeyboardInterrupt):
        asyncio.run(_redraw(look) if in_place else _follow(look, as_json=as_json))


async def _redraw(look: Looking) -> None:
    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as screen:
        while True:
            screen.update(_drawn(await look()), refresh=True)
            await asyncio.sleep(_EVERY)


def _drawn(found: Look) -> Text:
    """A line is never wrapped: the next picture must find where this one began."""
    return Text("\n".join(_block(found)), no_wrap=True, overflow="ellipsis")


async def _follow(look: Looking, *, as_json: bool) -> None:
    last: dict[str, Any] | None = None
    while True:
        found = await look()
        if _steady(found.value) != last:
            last = _steady(found.value)
            _print(found, as_json=as_json)
        await asyncio.sleep(_EVERY)


def _print(found: Look, *, as_json: bool) -> None:
    if as_json:
        print_json(found.value)
        return
    for line in (*_block(found), ""):
        click.echo(line)


def _block(found: Look) -> Iterable[str]:
    """As of when: the ages in it count from then."""
    yield f"{datetime.now():%Y-%m-%d %H:%M:%S}"
    yield from found.lines(now_ms())


def _steady(value: dict[str, Any]) -> dict[str, Any]:
    """Without when the daemon wrote it down, which alone is no news."""
    daemon = {name: each for name, each in value["daemon"].items() if name != "written"}
    return {**value, "daemon": daemon}
