"""`syncengine export`: the copy as files that need no program of ours."""

import asyncio
from pathlib import Path
from typing import Any

import click

from syncengine.cli.account import existing_database
from syncengine.cli.messages import check_synced, chosen_kind
from syncengine.cli.options import (
    file_options,
    json_option,
    kind_option,
    option,
    spelled_option,
    typed,
)
from syncengine.cli.output import count, plain, print_json
from syncengine.cli.progress import Look, progress_line
from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError
from syncengine.export import Export, ExportFormat, ExportProgress, export_history
from syncengine.models import Kind


@click.command(short_help="Write the history to files: JSON lines or HTML.")
@click.argument("conversation", required=False)
@kind_option
@option(
    "--format",
    "layout",
    type=click.Choice([each.value for each in ExportFormat]),
    default=ExportFormat.JSONL.value,
    show_default=True,
    help="One JSON object a message, for programs; or pages for a browser, for people.",
)
@option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to write: a new one, or an empty one.",
)
@option(
    "--no-raw",
    is_flag=True,
    help="Leave the server's own bytes out of the lines; the decoded fields stay.",
)
@spelled_option(
    "--force",
    is_flag=True,
    help="Replace the files of the export that DIR holds, once the new ones are there.",
)
@file_options
@json_option
def export(
    conversation: str | None,
    kind: str | None,
    layout: str,
    output: Path,
    no_raw: bool,
    force: bool,
    db: Path | None,
    user: str | None,
    as_json: bool,
) -> None:
    """Write everything held here, or one conversation, into a folder. No network is used.

    There is a file for each conversation, and manifest.json: it says what is whole, what
    is missing and as of when, with the SHA-256 of each file. It comes last, so a folder
    that has one holds a whole export. The files are readable for you alone. One export at
    a time writes a folder; one that was killed is settled by the next into its folder.

    HTML opens in any browser with no network: begin at index.html, which can be searched.

    \b
    Example:  syncengine export bob --user alice --format html --output bob-chat
    """
    if kind is not None and conversation is None and typed("kind"):
        raise ConfigError(
            "--kind has no meaning without a conversation",
            hint="Name the conversation, or leave --kind away to export everything.",
        )
    path = existing_database(db, user)
    settings = {"format": layout, "raw": not no_raw, "replace": force}
    found = asyncio.run(write(path, output, conversation, kind, settings, show=not as_json))
    if as_json:
        print_json(export_json(found))
    else:
        print_export(found)


async def write(
    path: Path,
    output: Path,
    conversation: str | None,
    kind: str | None,
    settings: dict[str, Any],
    *,
    show: bool,
) -> Export:
    """Export, with a progress bar where `show` and on a terminal."""
    async with SyncEngine.open(path) as engine:
        only: tuple[str, Kind] | None = None
        if conversation is None:
            await check_synced(engine.reader)
        else:
            only = conversation, await chosen_kind(engine.reader, conversation, kind)
        with progress_line(show, _look(ExportProgress(0, 0, 0))) as draw:
            return await export_history(
                engine.reader,
                output,
                conversation=only,
                progress=None if draw is None else lambda progress: draw(_look(progress)),
                **settings,
            )


def _look(progress: ExportProgress) -> Look:
    done, total = progress.conversations_done, progress.conversations
    words = f"{done:,}/{total:,} conversations, {progress.messages:,} messages"
    return Look("exporting", total, done, words)


def export_json(found: Export) -> dict[str, Any]:
    """An export as `--json` shows it; the manifest has the rest."""
    return {
        "directory": str(found.directory),
        "format": found.format,
        "whole": found.whole,
        "conversations": found.conversations,
        "messages": found.messages,
        "incomplete": found.incomplete,
        "files": len(found.files),
        "bytes": found.bytes,
    }


def print_export(found: Export) -> None:
    """An export in words."""
    what = f"{count(found.messages, 'message')} of {count(found.conversations, 'conversation')}"
    size = f"{count(len(found.files), 'file')}, {found.bytes / 1e6:,.1f} MB"
    click.echo(f"exported {what} ({size})")
    if found.incomplete:
        where = count(found.incomplete, "conversation")
        click.echo(f"not whole: {where}; manifest.json says where messages are missing")
    elif not found.whole:
        click.echo("there may be more: the server's list was never read to its end")
    first = "index.html" if found.format == ExportFormat.HTML else "manifest.json"
    click.echo(f"begin at {plain(str(found.directory / first))}")
