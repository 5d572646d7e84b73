"""`syncengine search`: messages that have certain words, with no network."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from syncengine.cli.account import existing_database
from syncengine.cli.messages import check_synced, kinds_held
from syncengine.cli.numbers import Whole
from syncengine.cli.options import file_options, json_option, option
from syncengine.cli.output import count, message_json, moment, plain, print_json
from syncengine.cli.progress import indexing_bar
from syncengine.cli.times import read_time
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError, StoreError
from syncengine.models import Found, Hit, Kind, Order
from syncengine.reader import Reader
from syncengine.search import MOST_AT_ONCE


@click.command(short_help="Find messages by their words.")
@click.argument("text", required=False, default="")
@option("--in", "conversation", metavar="CONVERSATION", help="Only in this conversation.")
@option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="Only in conversations of this kind.",
)
@option("--sender", metavar="NAME", help="Only messages that NAME wrote.")
@option("--since", metavar="TIME", help="Only messages of TIME or later; forms as in --until.")
@option(
    "--until",
    metavar="TIME",
    help="Only messages before TIME: ISO 8601, in your time zone where it names none, or"
    " milliseconds since 1970.",
)
@option("--prefix", is_flag=True, help="The last word may be the beginning of a longer one.")
@option("--ranked", is_flag=True, help="The best of the newest 500 first, not the newest.")
@option(
    "--limit",
    type=Whole(1, MOST_AT_ONCE),
    default=20,
    show_default=True,
    metavar="N",
    help="Print at most N.",
)
@file_options
@json_option
def search(
    text: str,
    conversation: str | None,
    kind: str | None,
    sender: str | None,
    since: str | None,
    until: str | None,
    prefix: bool,
    ranked: bool,
    db: Path | None,
    user: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Find messages that have every word of TEXT, the newest first.

    Case and accents do not matter, and neither do quotes and other punctuation. A word is
    found whole, the last one with --prefix also by its beginning; of Chinese, Japanese and
    other scripts without spaces any part is found.
    With no TEXT, the other flags list.

    What is new since the last search is indexed first. Where that cannot be done, since
    the file cannot be written, it says what was not searched.

    \b
    Example:  syncengine search "station noon" --in bob --user alice
    """
    _check_asked(text, conversation, kind, sender, since, until)
    path = existing_database(db, user)
    low = None if since is None else read_time(since, "--since")
    high = None if until is None else read_time(until, "--until")

    asked = {
        "conversation_id": conversation,
        "kind": kind,
        "sender": sender,
        "since": low,
        "until": high,
        "prefix": prefix,
        "order": Order.RELEVANCE if ranked else Order.NEWEST,
        "limit": limit,
    }
    found = asyncio.run(_find(path, text, asked, show=not as_json))
    for hit in found.hits:
        if as_json:
            print_json(hit_json(hit))
        else:
            click.echo(hit_line(hit))
    if not as_json:
        _print_notes(found, limit)


async def _find(path: Path, text: str, asked: Mapping[str, Any], *, show: bool) -> Found:
    """Index what is behind, where a bar shows how far it is if `show`; then search."""
    async with SyncEngine.open(path, config=Config(index_search=False)) as engine:
        with indexing_bar(show) as listen:
            await catch_up(engine, listen)
            found = await engine.reader.search(text, **asked)
        if not found.hits:
            await _check_there(engine.reader, asked["conversation_id"], asked["kind"])
        return found


async def _check_there(reader: Reader, conversation: str | None, kind: str | None) -> None:
    """Raises ConfigError where nothing could be found: a conversation that is not held, a copy
    that was never synced (law 9)."""
    if conversation is None:
        await check_synced(reader)
    else:
        await kinds_held(reader, conversation, kind)


def _check_asked(text: str, *filters: str | None) -> None:
    """Something has to be asked for, in what is text."""
    for value in (text, *filters):
        (value or "").encode()  # refused as where it would be a question to the file
    if not text.strip() and all(value is None for value in filters):
        raise ConfigError(
            "nothing to search for",
            hint="Give words, or at least one of --in, --kind, --sender, --since and --until.",
        )


async def catch_up(engine: SyncEngine, listen: Callable[[int, int], None] | None) -> None:
    """Index what is behind; what cannot be is said by the search itself."""
    with suppress(StoreError):
        await engine.index(progress=listen)


def hit_json(hit: Hit) -> dict[str, object]:
    """A result as `--json` shows it: the message, and where its words stand."""
    return {**message_json(hit.message), "snippet": hit.snippet, "highlights": hit.highlights}


def hit_line(hit: Hit) -> str:
    """A result in one line; a terminal shows the words in bold."""
    message = hit.message
    where = plain(f"{message.kind} {message.conversation_id}")
    mark = "" if message.type == "text" else f"[{message.type}] "
    text = f"{mark}{_cut_marks(hit, highlighted(hit))}"
    return f"{moment(message.timestamp)}  {where}  {plain(message.sender)}: {text}"


def _cut_marks(hit: Hit, shown: str) -> str:
    before = "" if hit.message.text.startswith(hit.snippet) else "…"
    return f"{before}{shown}{'' if hit.message.text.endswith(hit.snippet) else '…'}"


def highlighted(hit: Hit) -> str:
    """The snippet, its words in bold, and nothing in it that could drive a terminal."""
    parts, end = [], 0
    for first, last in hit.highlights:
        parts.append(plain(hit.snippet[end:first]))
        parts.append(click.style(plain(hit.snippet[first:last]), bold=True))
        end = last
    return "".join([*parts, plain(hit.snippet[end:])])


def _print_notes(found: Found, limit: int) -> None:
    if not found.hits:
        click.echo("nothing found", err=True)
    elif found.cursor is not None:
        click.echo(f"there is more: --limit {2 * limit}", err=True)
    if found.behind:
        click.echo(f"{count(found.behind, 'message')} not searched: not indexed yet", err=True)
