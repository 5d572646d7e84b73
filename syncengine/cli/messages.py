"""`syncengine messages`: one conversation, with no network."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from syncengine.cli.account import existing_database
from syncengine.cli.options import file_options, json_option, kind_option, listing_options, option
from syncengine.cli.output import content, message_json, moment, plain, print_json
from syncengine.cli.times import read_time
from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError
from syncengine.models import Hole, Kind, Message, Slice, is_named
from syncengine.plain import is_text
from syncengine.reader import Reader

_CHUNK = 500
"""Messages read at once for --all: memory stays flat however long the history is."""
_MARK = "†"
"""Stands at a message that the server does not show any more."""


@click.command(short_help="Print the messages of a conversation.")
@click.argument("conversation")
@kind_option
@option("--before", metavar="ID", help="Only messages older than this one; --json shows the ids.")
@option("--after", metavar="ID", help="Only messages newer than this one.")
@option("--around", metavar="ID", help="This message, and those before and after it.")
@option("--at", metavar="TIME", help="What was written around then: 2024-12-31T18:00, or ms.")
@file_options
@listing_options
@json_option
def messages(
    conversation: str,
    kind: str | None,
    before: str | None,
    after: str | None,
    around: str | None,
    at: str | None,
    db: Path | None,
    user: str | None,
    limit: int,
    everything: bool,
    as_json: bool,
) -> None:
    """Print a conversation: the newest messages, or those next to --before or --after, or
    around a message or a time.

    Oldest first. Where messages are missing it says so: a gap is closed by the next
    sync, a seam may have expired on the server. What the server does not show any more is
    marked †: it expired there, or was deleted. With --json there is one message a line and
    nothing else, and `unverified` stands for that mark; `syncengine conversations --json`
    carries the counts `gaps` and `seams`, and `whole`, of each conversation.

    \b
    Example:  syncengine messages bob --user alice --limit 20
    """
    places = {"before": before, "after": after, "around": around, "at": at}
    _check_places(places, everything)
    given = {name: value for name, value in places.items() if value is not None}
    how = _How({**given, **({} if at is None else {"at": read_time(at, "--at")})}, limit, as_json)
    path = existing_database(db, user)

    async def show() -> None:
        async with SyncEngine.open(path) as engine:
            chosen = await chosen_kind(engine.reader, conversation, kind)
            printed = _print_all if everything else _print_part
            await printed(engine.reader, conversation, chosen, how)

    asyncio.run(show())


@frozen
class _How:
    """What to print, and how."""

    place: Mapping[str, Any]
    """Where it begins, as `reader.messages` takes it; empty: at the newest."""
    limit: int
    as_json: bool


async def _print_all(reader: Reader, conversation: str, kind: Kind, how: _How) -> None:
    marked = False
    async for part in all_parts(reader, conversation, kind, how.place.get("after")):
        print_slice(part, as_json=how.as_json)
        marked |= bool(part.unverified)
    _print_legend(marked and not how.as_json)


async def _print_part(reader: Reader, conversation: str, kind: Kind, how: _How) -> None:
    """A slice, and beside it what it means and where it goes on."""
    part = await reader.messages(conversation, kind, **how.place, limit=how.limit)
    print_slice(part, as_json=how.as_json)
    if how.as_json:
        return
    _print_legend(bool(part.unverified))
    if not part.messages and not part.gaps:
        click.echo("no messages", err=True)
    if "after" not in how.place:
        _print_older(part)
    if how.place.keys() - {"before"}:
        await _print_newer(reader, part, conversation, kind)


def _check_places(places: Mapping[str, str | None], everything: bool) -> None:
    """One place at most; and with --all only one to begin at."""
    named = [f"--{name}" for name, value in places.items() if value is not None]
    if len(named) > 1:
        both = " and ".join(named[:2])
        raise ConfigError(f"{both} exclude each other", hint="Give one of the two.")
    if everything and named and named != ["--after"]:
        raise ConfigError(f"--all and {named[0]} exclude each other", hint="Use --limit N instead.")
    for name in ("before", "after", "around"):
        _check_id(f"--{name}", places[name])


def _check_id(flag: str, value: str | None) -> None:
    """A time, for example, is none."""
    if value is None or (value.isascii() and value.isdecimal()) or not is_named(value):
        return
    if is_text(value):
        raise ConfigError(
            f"{flag} {value!r} is no message id",
            hint="`syncengine messages --json` shows the ids; for a time there is --at.",
        )


async def check_synced(reader: Reader) -> None:
    """Raises ConfigError where nothing was ever fetched, as after a first sync that failed: that
    is no empty account (law 9)."""
    if await reader.conversations(limit=1):
        return
    status = await reader.status(plan_known=True)
    if status.listed_at is None and not status.conversations:
        raise ConfigError(
            "nothing is stored here yet: it was never synced",
            hint="`syncengine sync` does it, and says why where it cannot.",
        )


async def kinds_held(reader: Reader, conversation_id: str, kind: str | None) -> Sequence[Kind]:
    """The kinds under which a conversation is held here. Raises ConfigError where it is not, or
    not under that kind."""
    kinds = await reader.kinds(conversation_id)
    if not kinds or (kind is not None and kind not in kinds):
        await check_synced(reader)
        raise ConfigError(
            f"no {kind or 'conversation'} '{conversation_id}' is held here",
            hint="`syncengine conversations` lists what is.",
        )
    return kinds


async def chosen_kind(reader: Reader, conversation_id: str, kind: str | None) -> Kind:
    """The conversation's kind: as told, or the only one there is under this id. Raises
    ConfigError."""
    kinds = await kinds_held(reader, conversation_id, kind)
    if kind is None and len(kinds) > 1:
        raise ConfigError(
            f"'{conversation_id}' is {_in_words(kinds)}",
            hint=f"Add --kind {' or --kind '.join(kinds)}.",
        )
    return Kind(kind or kinds[0])


def _in_words(kinds: Sequence[Kind]) -> str:
    *others, last = (f"a {kind}" for kind in kinds)
    return f"{'both ' if len(others) == 1 else ''}{', '.join(others)} and {last}"


async def all_parts(
    reader: Reader, conversation: str, kind: Kind, after: str | None = None
) -> AsyncIterator[Slice]:
    """Everything, or everything after a message, oldest first, a chunk at a time."""
    part = await reader.messages(
        conversation, kind, after=after, oldest=after is None, limit=_CHUNK
    )
    yield part
    while len(part.messages) == _CHUNK:
        last = part.messages[-1].message_id
        part = await reader.messages(conversation, kind, after=last, limit=_CHUNK)
        yield part


def _print_older(part: Slice) -> None:
    """How to see what the limit cut off below, beside the listing."""
    if part.messages and _holds_older(part):
        click.echo(f"older: --before {part.messages[0].message_id}", err=True)


async def _print_newer(reader: Reader, part: Slice, conversation: str, kind: Kind) -> None:
    """The same, above."""
    if not part.messages:
        return
    last = part.messages[-1].message_id
    if (await reader.messages(conversation, kind, after=last, limit=1)).messages:
        click.echo(f"newer: --after {last}", err=True)


def _holds_older(part: Slice) -> bool:
    """Whether something below is held; where the start is missing, nothing lies below that."""
    at_start = any(hole.older_id is None for hole in (*part.gaps, *part.seams))
    return not part.reached_start and not at_start


def print_slice(part: Slice, *, as_json: bool) -> None:
    """Messages, and what is missing between them."""
    if as_json:
        for message in part.messages:
            unverified = message.message_id in part.unverified
            print_json({**message_json(message), "unverified": unverified})
        return
    for line in slice_lines(part):
        click.echo(line)


def _print_legend(marked: bool) -> None:
    """What the mark means, where there is one."""
    if marked:
        click.echo(f"{_MARK} not on the server any more: expired there, or deleted")


def slice_lines(part: Slice) -> Iterator[str]:
    """A slice in words."""
    for message in part.messages:
        yield from _holes_below(part, message.message_id)
        yield _line(message, _MARK if message.message_id in part.unverified else " ")
    yield from _holes_below(part, None)


def _holes_below(part: Slice, message_id: str | None) -> Iterator[str]:
    """What is missing directly before a message, or at the newest end."""
    if _names(part.gaps, message_id):
        yield "  ⋯ gap: not fetched yet, the next sync goes on here ⋯"
    if _names(part.seams, message_id):
        yield "  ⋯ seam: older messages may have expired on the server ⋯"


def _names(holes: Sequence[Hole], message_id: str | None) -> bool:
    return any(hole.newer_id == message_id for hole in holes)


def _line(message: Message, mark: str) -> str:
    return f"{moment(message.timestamp)}{mark} {plain(message.sender)}: {content(message)}"
