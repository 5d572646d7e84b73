"""`syncengine changes`: what was written to the copy, and what is written to it now."""

import asyncio
from pathlib import Path
from typing import Any

import click

from syncengine.changes import Cause, Change, Update, What
from syncengine.cli.account import existing_database
from syncengine.cli.numbers import Whole
from syncengine.cli.options import file_options, json_option, option, spelled_option
from syncengine.cli.output import count, exact, plain, print_json
from syncengine.engine import SyncEngine
from syncengine.search import MOST_AT_ONCE

_MESSAGES = {
    What.ADDED: "added",
    What.EDITED: "edited",
    What.REORDERED: "moved to another place",
    What.RESTORED: "back: the server has them again",
    What.UNVERIFIED: "not on the server any more, perhaps expired",
    What.VERIFIED: "on the server after all",
}
_OTHERS = {
    What.SETTLED: "accepted by the server",
    What.REFUSED: "refused: what it hid is shown again",
    What.DROPPED: "given up: what it hid is shown again",
    What.GAP_CLOSED: "a gap is closed",
    What.CONVERSATION_ADDED: "in the list",
    What.CONVERSATION_CHANGED: "its entry changed",
    What.CONVERSATION_REMOVED: "not in the list any more",
    What.UNKNOWN: "something that only a newer version knows",
}
_CAUSES = {
    Cause.DELETED: "deleted here",
    Cause.ABSENT: "gone from the server",
    Cause.EXPIRED: "expired on the server",
}


@click.command(short_help="Print what was written to the copy, or follow it.")
@spelled_option(
    "--since",
    type=Whole(0),
    metavar="N",
    help="Only what came after revision N. Default: the newest; with --follow, from now on.",
)
@option("--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@option(
    "--limit",
    type=Whole(1, MOST_AT_ONCE),
    default=50,
    show_default=True,
    metavar="N",
    help="Print about N, as a commit is never cut in two; ignored with --follow.",
)
@file_options
@json_option
def changes(
    since: int | None,
    follow: bool,
    limit: int,
    db: Path | None,
    user: str | None,
    as_json: bool,
) -> None:
    """Print what was written to the copy, oldest first, a line for each change.

    The number in front is the change's revision: --since goes on from there. The newest
    10,000 are kept; where what you ask for is not known any more, a line says `reset`: read
    everything anew. With --follow it also shows what another program writes meanwhile, a
    `syncengine sync` for example.

    \b
    Example:  syncengine changes --user alice --follow
    """
    path = existing_database(db, user)

    async def show() -> None:
        async with SyncEngine.open(path) as engine:
            await (_follow if follow else _list)(engine, since, limit, as_json)

    asyncio.run(show())


async def _follow(engine: SyncEngine, since: int | None, _: int, as_json: bool) -> None:
    async for update in engine.changes(since):
        _print(update, as_json)


async def _list(engine: SyncEngine, since: int | None, limit: int, as_json: bool) -> None:
    newest = await engine.reader.revision()
    if since is None:
        found = await engine.reader.changes(since=max(0, newest - limit), limit=limit)
        _print(Update(newest, found), as_json)
        return
    printed = 0
    if since != newest:
        async for update in engine.changes(since):
            _print(update, as_json)
            printed += len(update.changes)
            if update.revision >= newest or printed >= limit:
                return


def _print(update: Update, as_json: bool) -> None:
    if update.reset and as_json:
        print_json({"revision": update.revision, "what": "reset"})
    elif update.reset:
        click.echo(f"{update.revision:>8}  reset: read everything anew")
    for change in update.changes:
        if as_json:
            print_json(change_json(change))
        else:
            where = plain(f"{change.key.kind} {change.key.conversation_id}")
            click.echo(f"{change.revision:>8}  {where}: {_words(change)}")


def change_json(change: Change) -> dict[str, Any]:
    """A change as `--json` shows it."""
    return {
        "revision": change.revision,
        "conversation_id": change.key.conversation_id,
        "kind": change.key.kind,
        "what": change.what,
        "cause": change.cause,
        "intent": change.intent,
        "until": change.until,
        "message_ids": change.message_ids,
    }


def _words(change: Change) -> str:
    number = count(len(change.message_ids), "message")
    if change.what is What.ADDED and not change.message_ids:
        return "messages added, gone again since"
    if change.what in _MESSAGES:
        return f"{number} {_MESSAGES[change.what]}"
    why = "" if change.cause is None else f", {_CAUSES[change.cause]}"
    if change.what is What.REMOVED:
        everything = change.until is not None
        which = f"everything up to {exact(change.until or 0)}" if everything else number
        return f"{which} not shown any more{why}"
    deletion = f"deletion {change.intent} " if change.intent is not None and not why else ""
    return f"{deletion}{_OTHERS[change.what]}{why}"
