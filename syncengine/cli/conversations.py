"""`syncengine conversations`: what is held, with no network."""

import asyncio
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from syncengine.cli.options import existing_database, file_options, json_option, listing_options
from syncengine.cli.output import conversation_json, moment, plain, preview, print_json
from syncengine.engine import SyncEngine
from syncengine.models import Conversation


@click.command()
@file_options
@listing_options
@json_option
def conversations(
    db: Path | None, user: str | None, limit: int, everything: bool, as_json: bool
) -> None:
    """List the conversations held here: pinned first, then most recent."""
    path = existing_database(db, user)
    found = asyncio.run(load(path, None if everything else limit))
    if as_json:
        for conversation in found:
            print_json(conversation_json(conversation))
    else:
        print_conversations(found)


async def load(path: Path, limit: int | None) -> list[Conversation]:
    """The conversations of a file."""
    async with SyncEngine.open(path) as engine:
        return await engine.reader.conversations(limit=limit)


def print_conversations(found: list[Conversation]) -> None:
    """A table on a terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "conversation", "kind", "unread", "last", "message"):
        table.add_column(column, justify="right" if column == "unread" else "left")
    for conversation in found:
        last = conversation.last_message
        table.add_row(
            "*" if conversation.pinned else "",
            Text(plain(conversation.conversation_id)),
            conversation.kind,
            str(conversation.unread_count or ""),
            moment(last.timestamp) if last else "",
            Text(preview(conversation), no_wrap=True, overflow="ellipsis"),
        )
    Console(highlight=False).print(table)
