"""`syncengine messages`: one conversation, with no network."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import click

from syncengine.cli.options import (
    chosen_kind,
    existing_database,
    file_options,
    json_option,
    listing_options,
    option,
)
from syncengine.cli.output import content, message_json, moment, plain, print_json
from syncengine.engine import SyncEngine
from syncengine.models import Hole, Kind, Message, Slice
from syncengine.reader import Reader

_CHUNK = 500
"""Messages read at once for --all: memory stays flat however long the history is."""


@click.command()
@click.argument("conversation")
@option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Where an id is both.")
@option("--before", metavar="ID", help="Only messages older than this one.")
@option("--after", metavar="ID", help="Only messages newer than this one, oldest first.")
@file_options
@listing_options
@json_option
def messages(
    conversation: str,
    kind: str | None,
    before: str | None,
    after: str | None,
    db: Path | None,
    user: str | None,
    limit: int,
    everything: bool,
    as_json: bool,
) -> None:
    """Print a conversation: the newest messages, or those around --before or --after.

    Oldest first. Where messages are missing it says so: a gap is closed by the next
    sync, a seam may have expired on the server.
    """
    path = existing_database(db, user)

    async def show() -> None:
        async with SyncEngine.open(path) as engine:
            chosen = await chosen_kind(engine.reader, conversation, kind)
            if everything:
                async for part in _all(engine.reader, conversation, chosen):
                    print_slice(part, as_json=as_json)
                return
            part = await engine.reader.messages(
                conversation, chosen, before=before, after=after, limit=limit
            )
            print_slice(part, as_json=as_json)

    asyncio.run(show())


async def _all(reader: Reader, conversation: str, kind: Kind) -> AsyncIterator[Slice]:
    """The whole conversation, oldest first, a chunk at a time."""
    part = await reader.messages(conversation, kind, oldest=True, limit=_CHUNK)
    yield part
    while len(part.messages) == _CHUNK:
        last = part.messages[-1].message_id
        part = await reader.messages(conversation, kind, after=last, limit=_CHUNK)
        yield part


def print_slice(part: Slice, *, as_json: bool) -> None:
    """Messages, and what is missing between them."""
    if as_json:
        for message in part.messages:
            print_json(message_json(message))
        return
    for line in slice_lines(part):
        click.echo(line)


def slice_lines(part: Slice) -> Iterator[str]:
    """A slice in words."""
    for message in part.messages:
        yield from _holes_below(part, message.message_id)
        yield _line(message)
    yield from _holes_below(part, None)


def _holes_below(part: Slice, message_id: str | None) -> Iterator[str]:
    """What is missing directly before a message, or at the newest end."""
    if _names(part.gaps, message_id):
        yield "  ⋯ gap: not fetched yet, the next sync goes on here ⋯"
    if _names(part.seams, message_id):
        yield "  ⋯ seam: older messages may have expired on the server ⋯"


def _names(holes: Sequence[Hole], message_id: str | None) -> bool:
    return any(hole.newer_id == message_id for hole in holes)


def _line(message: Message) -> str:
    return f"{moment(message.timestamp)}  {plain(message.sender)}: {content(message)}"
