"""`syncengine conversations`: what is held, with no network."""

import asyncio
import io
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from syncengine.cli.account import existing_database
from syncengine.cli.messages import chosen_kind
from syncengine.cli.options import (
    file_options,
    json_option,
    kind_option,
    listing_options,
    spelled_option,
)
from syncengine.cli.output import conversation_json, moment, plain, preview, print_json
from syncengine.engine import SyncEngine
from syncengine.models import Conversation, ConversationKey
from syncengine.search import MOST_AT_ONCE

_PIPE_WIDTH = 320
"""Columns where no terminal sets a limit: enough for a whole preview."""
_OTHER_COLUMNS = 62
"""What a terminal's width must leave beside the ids: the other columns, 20 of the message."""
_NARROWEST_ID = 16
_PIN = "*"
"""Stands at a pinned conversation."""


@click.command(short_help="List the conversations held here.")
@spelled_option(
    "--after", metavar="ID", help="Only those that follow this conversation in the list."
)
@kind_option
@file_options
@listing_options
@json_option
def conversations(
    after: str | None,
    kind: str | None,
    db: Path | None,
    user: str | None,
    limit: int,
    everything: bool,
    as_json: bool,
) -> None:
    """List the conversations held here: pinned (*) first, then most recent.

    With --after it is the next page; --kind tells which is meant where a user and a group
    share the id.

    \b
    Example:  syncengine conversations --user alice --limit 10
    """
    path = existing_database(db, user)
    most = None if everything else limit
    if after is not None:
        asyncio.run(_print_page(path, after, kind, most, as_json=as_json))
        return
    found, total, read = asyncio.run(load(path, most, counted=not as_json))
    if as_json or found:
        _print(found, as_json=as_json)
        if not as_json and len(found) < total:
            click.echo(f"{len(found):,} of {total:,}; --all shows the rest", err=True)
    elif read:
        click.echo("no conversation is left here: all were deleted, or expired", err=True)
    else:
        click.echo(
            "never synced: no conversation is held here yet, `syncengine sync` fetches them",
            err=True,
        )


async def load(
    path: Path, limit: int | None, *, counted: bool
) -> tuple[list[Conversation], int, bool]:
    """The conversations of a file; if `counted`, how many there are beyond `limit`, and
    whether the server's list was ever read."""
    async with SyncEngine.open(path) as engine:
        found = await engine.reader.conversations(limit=limit)
        if counted and len(found) in (0, limit):
            status = await engine.status()
            return found, status.conversations, status.listed_at is not None
        return found, len(found), True


async def _print_page(
    path: Path, after: str, kind: str | None, limit: int | None, *, as_json: bool
) -> None:
    """The conversations that follow one, and how to see those that follow them."""
    async with SyncEngine.open(path) as engine:
        key = ConversationKey(after, await chosen_kind(engine.reader, after, kind))
        most = None if limit is None else min(limit + 1, MOST_AT_ONCE)
        found = await engine.reader.conversations(after=key, limit=most)
    page = found[:limit]
    _print(page, as_json=as_json)
    if len(page) < len(found) and not as_json:
        last = page[-1]
        where = f"--after {shlex.quote(plain(last.conversation_id))} --kind {last.kind}"
        click.echo(f"more: {where}", err=True)


def _print(found: Sequence[Conversation], *, as_json: bool) -> None:
    if as_json:
        for conversation in found:
            print_json(conversation_json(conversation))
    elif found:
        print_conversations(found)


def print_conversations(found: Sequence[Conversation]) -> None:
    """A table as wide as the terminal, or as it needs to be where nothing limits it."""
    screen = Console(highlight=False)
    watched = sys.stdout.isatty()
    paper = Console(
        file=io.StringIO(),
        highlight=False,
        width=screen.width if watched else _PIPE_WIDTH,
        force_terminal=watched,
        color_system="standard" if screen.color_system else None,
        legacy_windows=False,
    )
    paper.print(_table(found, paper.width))
    for line in paper.file.getvalue().splitlines():  # type: ignore[attr-defined]  # the StringIO from above
        click.echo(line.rstrip())
    if any(conversation.pinned for conversation in found):
        click.echo(f"{_PIN} pinned")


def _table(found: Sequence[Conversation], width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    ids = max(_NARROWEST_ID, width - _OTHER_COLUMNS)
    table.add_column("", no_wrap=True)
    table.add_column("conversation", no_wrap=True, max_width=ids)
    table.add_column("kind", no_wrap=True)
    table.add_column("unread", no_wrap=True, justify="right")
    table.add_column("last", no_wrap=True)
    table.add_column("message")
    for conversation in found:
        table.add_row(*_row(conversation))
    return table


def _row(conversation: Conversation) -> Sequence[str | Text]:
    last = conversation.last_message
    return (
        _PIN if conversation.pinned else "",
        Text(plain(conversation.conversation_id), no_wrap=False, overflow="fold"),
        conversation.kind,
        str(conversation.unread_count or ""),
        moment(last.timestamp) if last else "",
        Text(preview(conversation), no_wrap=True, overflow="ellipsis"),
    )
