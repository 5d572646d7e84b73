"""`syncengine status`: the copy in figures."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from syncengine.cli.account import existing_database
from syncengine.cli.options import (
    file_options,
    json_option,
    option,
    read_config,
    retention_days_option,
)
from syncengine.cli.output import count, moment, plain, print_json
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.models import Conversation
from syncengine.reports import Status


@click.command()
@option(
    "--conversations",
    is_flag=True,
    help="List since when each conversation is verified, the longest ago first.",
)
@file_options
@retention_days_option
@json_option
def status(
    conversations: bool,
    db: Path | None,
    user: str | None,
    retention_days: float | None,
    as_json: bool,
) -> int:
    """Say what is held here, what is missing, and as of when.

    The exit code is 1 while removals are held back, which only a person can decide.

    \b
    Example:  syncengine status --user alice
    """
    config = read_config({"retention_days": retention_days})
    found, listed = asyncio.run(load(existing_database(db, user), config, whole=conversations))
    by_age = sorted(listed, key=lambda each: each.verified_since or 0)
    if as_json:
        more = {"conversations_verified": [_line_json(each) for each in by_age]}
        print_json(attrs.asdict(found) | (more if conversations else {}))
    else:
        print_status(found, sum(1 for each in listed if each.synced and each.gaps))
        if conversations:
            print_conversations(by_age)
    return 1 if found.held_back else 0


async def load(path: Path, config: Config, *, whole: bool) -> tuple[Status, Sequence[Conversation]]:
    """A file's figures, and its conversations where they are wanted or incomplete."""
    async with SyncEngine.open(path, config=config) as engine:
        found = await engine.status()
        return found, await engine.load_all_conversations() if whole or found.gaps else ()


def _line_json(each: Conversation) -> dict[str, Any]:
    return {
        "conversation_id": each.conversation_id,
        "kind": each.kind,
        "verified_since": each.verified_since,
        "whole": each.whole,
        "expired": each.expired,
    }


def print_conversations(found: Sequence[Conversation]) -> None:
    """Since when each is verified."""
    click.echo("\nverified since")
    for each in found:
        marks = {"never synced": not each.synced, "incomplete": each.synced and not each.whole}
        words = [word for word, holds in (marks | {"expired": each.expired}).items() if holds]
        where = plain(f"{each.kind} {each.conversation_id}")
        click.echo(f"{moment(each.verified_since):<16}  {', '.join([where, *words])}")


def print_status(found: Status, incomplete: int) -> None:
    """The figures in words."""
    for name, value in (*_rows(found, incomplete), *_audit_rows(found)):
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
    if found.behind:
        yield "search", f"{count(found.behind, 'message')} not indexed yet; a search does it"


def _audit_rows(found: Status) -> Iterator[tuple[str, str]]:
    """What was compared with the server again, and what that left open."""
    since = found.verified_since
    yield "verified since", "not all of it yet" if since is None else moment(since)
    if found.suspects:
        yield "suspects", f"{count(found.suspects, 'message')} missing there once; a second look"
        yield "", "of the next syncs decides"
    if found.held_back:
        where = count(found.held_back_conversations, "conversation")
        yield "held back", f"{count(found.held_back, 'message')} in {where}, gone on the server;"
        yield "", "run `syncengine verify --accept` if that was on purpose"
    if found.unverified:
        kept = count(found.unverified, "message")
        yield "unverified", f"{kept} kept, though the server shows them no more:"
        yield "", "expired there, or deleted"
    if found.undecided:
        yield "", "`syncengine verify --retention-days N`, with N as in the service's"
        yield "", f"plan, would settle {found.undecided:,} of them"


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
