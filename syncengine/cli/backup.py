"""`syncengine backup`: a second copy, made while the first is in use."""

import asyncio
from pathlib import Path

import attrs
import click

from syncengine.cli.account import existing_database
from syncengine.cli.options import file_options, json_option, spelled_option
from syncengine.cli.output import plain, print_json
from syncengine.cli.progress import Look, progress_line
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.reports import Backup


@click.command(short_help="Copy the file, also while it is in use.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@spelled_option(
    "--force", is_flag=True, help="Replace the copy that FILE holds, once the new one is whole."
)
@file_options
@json_option
def backup(file: Path, force: bool, db: Path | None, user: str | None, as_json: bool) -> None:
    """Copy all that is stored here to FILE, as it stands at this moment.

    Other programs may read and write meanwhile. FILE appears when it is whole and checked,
    readable for you alone; it can be read as any store, with --db FILE.

    \b
    Example:  syncengine backup alice-backup.db --user alice
    """
    path = existing_database(db, user)
    made = asyncio.run(_copy(path, file, force=force, show=not as_json))
    if as_json:
        print_json({**attrs.asdict(made), "path": str(made.path)})
    else:
        click.echo(f"copied {made.bytes / 1e6:,.1f} MB to {plain(str(made.path))}")


async def _copy(path: Path, file: Path, *, force: bool, show: bool) -> Backup:
    """With a progress bar where `show` and on a terminal."""
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        with progress_line(show, _look(0, 0)) as draw:
            listen = None if draw is None else lambda done, total: draw(_look(done, total))
            return await engine.backup(file, force=force, progress=listen)


def _look(done: int, total: int) -> Look:
    return Look("copying", total, done, f"{done / 1e6:,.0f}/{total / 1e6:,.0f} MB")
