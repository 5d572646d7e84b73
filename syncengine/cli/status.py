"""`syncengine status`: the copy in figures."""

import asyncio
from pathlib import Path

import attrs
import click

from syncengine.cli.options import existing_database, file_options, json_option
from syncengine.cli.output import moment, plain, print_json
from syncengine.engine import Status, SyncEngine


@click.command()
@file_options
@json_option
def status(db: Path | None, user: str | None, as_json: bool) -> None:
    """Say what is held here, what is missing, and as of when."""
    found = asyncio.run(load(existing_database(db, user)))
    if as_json:
        print_json(attrs.asdict(found))
    else:
        print_status(found)


async def load(path: Path) -> Status:
    """A file's figures."""
    async with SyncEngine.open(path) as engine:
        return await engine.status()


def print_status(found: Status) -> None:
    """The figures in words."""
    missing = "nothing is missing"
    if found.gaps or found.never_synced:
        missing = f"{found.gaps:,} gaps still to fetch, {found.never_synced:,} never synced"
    rows = (
        ("account", plain(found.account or "never synced")),
        ("file", f"{found.path} ({found.bytes / 1e6:,.1f} MB)"),
        ("conversations", f"{found.conversations:,}"),
        ("messages", f"{found.messages:,}"),
        ("missing", missing),
        (
            "seams",
            f"{found.seams:,}" + (" (may have expired on the server)" if found.seams else ""),
        ),
        ("last synced", moment(found.synced_at)),
    )
    for name, value in rows:
        click.echo(f"{name:>14}  {value}")
    if not found.writable:
        click.echo("the file can be read, not written", err=True)
