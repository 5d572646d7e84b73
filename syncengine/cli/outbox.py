"""`syncengine outbox`: the deletions that the server has not accepted yet."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from syncengine.cli.account import existing_database
from syncengine.cli.options import file_options, json_option, spelled_option
from syncengine.cli.output import count, exact, moment, plain, print_json
from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError
from syncengine.models import Intent, IntentKind, IntentState

_ALL = "all"
_LONGEST = 18
"""Digits of a number."""


@click.command(short_help="List the deletions still to be delivered.")
@spelled_option("--retry", is_flag=True, help="Let the next sync send what was refused again.")
@spelled_option(
    "--drop",
    metavar="NUMBER",
    help="Give up this deletion, or `all`: what it hides is shown again.",
)
@file_options
@json_option
def outbox(retry: bool, drop: str | None, db: Path | None, user: str | None, as_json: bool) -> int:
    """List the deletions made here that the server has not accepted yet, oldest first.

    What is pending is hidden here, and sent by the next `syncengine sync`. What the server
    refused is shown here again, with the reason; then the exit code is 1.

    \b
    Example:  syncengine outbox --user alice --drop 7
    """
    if retry and drop is not None:
        raise ConfigError("--retry and --drop exclude each other", hint="Give one of the two.")
    path = existing_database(db, user)
    changed, left = asyncio.run(change(path, retry=retry, drop=_number(drop)))
    if as_json:
        for intent in left:
            print_json(intent_json(intent))
    else:
        if retry or drop is not None:
            click.echo(_change_in_words(changed, retry=retry))
        print_intents(left)
    return 1 if any(intent.state is IntentState.REFUSED for intent in left) else 0


def _number(drop: str | None) -> int | str | None:
    """A deletion's number, or `all`. Raises ConfigError for anything else."""
    if drop is None or drop == _ALL:
        return drop
    if drop.isascii() and drop.isdecimal() and len(drop) <= _LONGEST:
        return int(drop)
    raise ConfigError(
        f"{drop!r} is no number of a deletion",
        hint="`syncengine outbox` shows the numbers; `--drop all` gives up all of them.",
    )


async def change(
    path: Path, *, retry: bool, drop: int | str | None
) -> tuple[int, Sequence[Intent]]:
    """Do what was asked for; returns how many deletions it was done to, and what is left."""
    async with SyncEngine.open(path) as engine:
        found = await engine.outbox()
        if retry:
            chosen = [each.number for each in found if each.state is IntentState.REFUSED]
            await engine.retry_intents(chosen)
        elif drop is not None:
            chosen = [drop] if isinstance(drop, int) else [each.number for each in found]
            await engine.drop_intents(chosen)
        else:
            return 0, found
        return len(chosen), await engine.outbox()


def _change_in_words(changed: int, *, retry: bool) -> str:
    if not changed:
        return "nothing is refused" if retry else "nothing is there to be given up"
    if retry:
        return f"{count(changed, 'deletion')} made pending again: the next sync sends what is left"
    return f"{count(changed, 'deletion')} given up: what the server still has is shown again"


def intent_json(intent: Intent) -> dict[str, Any]:
    """A deletion as `--json` shows it."""
    named = intent.kind is IntentKind.MESSAGES
    return {
        "number": intent.number,
        "conversation_id": intent.key.conversation_id,
        "kind": intent.key.kind,
        "what": intent.kind,
        "messages": len(intent.message_ids) if named else None,
        "message_ids": intent.message_ids,
        "until": intent.timestamp,
        "asked_at": intent.asked_at or None,
        "state": intent.state,
        "attempts": intent.attempts,
        "error": intent.error,
    }


def print_intents(found: Sequence[Intent]) -> None:
    """The outbox in words."""
    if not found:
        click.echo("nothing waits for the server", err=True)
        return
    for intent in found:
        for line in _lines(intent):
            click.echo(line)


def _lines(intent: Intent) -> Iterator[str]:
    where = plain(f"{intent.key.kind} {intent.key.conversation_id}")
    tried = f" after {count(intent.attempts, 'attempt')}" if intent.attempts else ""
    yield f"{intent.number:>4}  {where}: {_what(intent)}"
    yield f"      {intent.state}{tried}, {_since(intent)}"
    if intent.error:
        yield f"      {plain(intent.error)}"


def _what(intent: Intent) -> str:
    if intent.kind is IntentKind.MESSAGES:
        return count(len(intent.message_ids), "message")
    if intent.timestamp is not None:
        return f"everything up to {exact(intent.timestamp)}"
    return "its entry in the list"


def _since(intent: Intent) -> str:
    """Nobody asked again for what was deleted before and is served all the same."""
    if not intent.asked_at:
        return "since the server still has it"
    return f"asked for {moment(intent.asked_at)}"
