"""`syncengine status`: the copy in figures."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from syncengine.cli.account import existing_database
from syncengine.cli.options import file_options, json_option
from syncengine.cli.output import count, moment, plain, print_json
from syncengine.engine import SyncEngine
from syncengine.models import Status


@click.command()
@file_options
@json_option
def status(db: Path | None, user: str | None, as_json: bool) -> None:
    """Say what is held here, what is missing, and as of when.

    \b
    Example:  syncengine status --user alice
    """
    found, incomplete = asyncio.run(load(existing_database(db, user)))
    if as_json:
        print_json(attrs.asdict(found))
    else:
        print_status(found, incomplete)


async def load(path: Path) -> tuple[Status, int]:
    """A file's figures, and how many conversations are here in part."""
    async with SyncEngine.open(path) as engine:
        found = await engine.status()
        listed = await engine.load_all_conversations() if found.gaps else ()
        return found, sum(1 for each in listed if each.synced and each.gaps)


def print_status(found: Status, incomplete: int) -> None:
    """The figures in words."""
    for name, value in _rows(found, incomplete):
        click.echo(f"{name:>14}  {plain(value)}")


def _rows(found: Status, incomplete: int) -> Iterator[tuple[str, str]]:
    yield "account", found.account or "none yet"
    yield "file", f"{found.path} ({found.bytes / 1e6:,.1f} MB)"
    if not found.writable:
        yield "", "it can be read, not written; `syncengine sync` says why"
    yield "conversations", f"{found.conversations:,}"
    yield "messages", f"{found.messages:,}"
    yield "missing", _missing(found, incomplete)
    if found.seams:
        yield "seams", f"{found.seams:,} (what was there may have expired on the server)"
    if found.pending or found.refused:
        yield "deletions", _deletions(found)
    yield "last synced", moment(found.synced_at)


def _deletions(found: Status) -> str:
    """What the server has not accepted yet, or refuses."""
    parts = {"to be delivered": found.pending, "refused": found.refused}
    words = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number)
    return f"{words} (`syncengine outbox` lists them)"


def _missing(found: Status, incomplete: int) -> str:
    """What the next sync has to do, as far as is known here."""
    if found.never_synced:
        more = f", {incomplete:,} incomplete" if incomplete else ""
        return f"{count(found.never_synced, 'conversation')} not started{more}"
    if incomplete:
        return f"{count(incomplete, 'conversation')} incomplete"
    if found.listed_at is None:
        return "not known yet: the list was never read to its end"
    return "nothing"
