"""`syncengine upkeep`: puts the file in order."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from syncengine.cli.account import existing_database
from syncengine.cli.options import file_options, json_option
from syncengine.cli.output import count, print_json
from syncengine.cli.progress import indexing_bar
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.reports import Upkeep


@click.command(short_help="Index for search, and let go of what was deleted.")
@file_options
@json_option
def upkeep(db: Path | None, user: str | None, as_json: bool) -> int:
    """Index every message for search, and overwrite what is left of deleted ones.

    Afterwards no word of a deleted message is in the file. The exit code is 1 where some
    are: those of messages whose deletion the server has not accepted yet, which are kept,
    hidden, until it has; or another program was reading the file, and what is left in its
    write-ahead log goes another time.

    \b
    Example:  syncengine upkeep --user alice
    """
    path = existing_database(db, user)

    async def tend() -> Upkeep:
        async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
            with indexing_bar(not as_json) as listen:
                return await engine.upkeep(progress=listen)

    done = asyncio.run(tend())
    if as_json:
        print_json(attrs.asdict(done))
    else:
        for line in lines(done):
            click.echo(line)
    return 0 if done.truncated and not done.pending else 1


def lines(done: Upkeep) -> Iterator[str]:
    """What was done, in words."""
    yield f"{count(done.indexed, 'message')} indexed for search"
    if done.merged:
        yield "words of deleted messages overwritten"
    if done.pending:
        still = f"{count(done.pending, 'deleted message')} still in the file, hidden"
        yield f"{still}, until the server has accepted that: `syncengine sync` delivers"
    if not done.truncated:
        yield "another program is reading the file: its log was not emptied; try again later"
