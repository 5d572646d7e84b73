"""One copy in figures, with what the daemon says of it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field, frozen

from syncengine.accounts import default_state
from syncengine.cli.output import count, moment, plain
from syncengine.cli.overview import UNSERVED, Row, row, standing_of, today
from syncengine.cli.table import (
    daemon_json,
    daemon_words,
    next_words,
    reread,
    standing_json,
    today_words,
)
from syncengine.config import Config
from syncengine.daemon.runtime import Found, look
from syncengine.daemon.watching import Watch
from syncengine.engine import SyncEngine
from syncengine.models import Conversation
from syncengine.reports import Status

_UNLISTED = "the list was never read to its end"


@frozen
class Details:
    """One copy, and how its account stands."""

    status: Status
    listed: Sequence[Conversation]
    row: Row
    daemon: Found
    conversations: bool
    """Each is shown."""

    def value(self) -> dict[str, Any]:
        """For programs."""
        value = attrs.asdict(self.status)
        if self.conversations:
            value["conversations_verified"] = [_line_json(each) for each in self._by_age()]
        return value | {"daemon": daemon_json(self.daemon) | {"account": self._standing()}}

    def lines(self, now: int) -> Iterator[str]:
        """For people; `now` in ms, local clock."""
        incomplete = sum(1 for each in self.listed if each.synced and each.gaps)
        yield from _named(_rows(self.status, incomplete))
        yield from _named(_daemon_rows(self.row, self.daemon, now))
        yield from _named(_audit_rows(self.status))
        if self.conversations:
            yield from _conversation_lines(self._by_age())

    def _by_age(self) -> Sequence[Conversation]:
        return sorted(self.listed, key=lambda each: each.verified_since or 0)

    def _standing(self) -> dict[str, Any] | None:
        known = standing_of(self.daemon, self.row.file) is not None
        return standing_json(self.row) if known else None


@define
class WatchedFile:
    """A file, which is read again only where it was written."""

    path: Path
    _config: Config
    _whole: bool = field(kw_only=True, alias="listed")
    """All of its conversations are wanted."""
    _watch: Watch = field(init=False)
    _found: tuple[Status, Sequence[Conversation]] | None = None

    def __attrs_post_init__(self) -> None:
        self._watch = Watch(self.path)

    async def read(self) -> tuple[Status, Sequence[Conversation]]:
        """Its figures, and its conversations where they are wanted or incomplete.

        Raises StoreError.
        """
        if self._watch.changed() or self._found is None:
            self._found = await self._read()
        return self._found

    async def _read(self) -> tuple[Status, Sequence[Conversation]]:
        async with SyncEngine.open(self.path, config=self._config) as engine:
            found = await engine.status()
            wanted = self._whole or found.gaps
            return found, await engine.load_all_conversations() if wanted else ()


async def details(file: WatchedFile, *, conversations: bool) -> Details:
    """How a file stands, and what the daemon says of its account. Raises StoreError."""
    status, listed = await file.read()
    daemon = look(default_state())
    found = row(file.path.name, file.path, status, daemon, today())
    return Details(status, listed, found, daemon, conversations)


def _line_json(each: Conversation) -> dict[str, Any]:
    return {
        "conversation_id": each.conversation_id,
        "kind": each.kind,
        "verified_since": each.verified_since,
        "whole": each.whole,
        "expired": each.expired,
    }


def _conversation_lines(found: Sequence[Conversation]) -> Iterator[str]:
    """Since when each is verified."""
    yield ""
    yield "verified since"
    for each in found:
        marks = {"never synced": not each.synced, "incomplete": each.synced and not each.whole}
        words = [word for word, holds in (marks | {"expired": each.expired}).items() if holds]
        where = plain(f"{each.kind} {each.conversation_id}")
        yield f"{moment(each.verified_since):<16}  {', '.join([where, *words])}"


def _named(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in rows:
        yield f"{name:>14}  {plain(value)}"


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


def _daemon_rows(each: Row, daemon: Found, now: int) -> Iterator[tuple[str, str]]:
    """Whether one keeps the copy up to date, and what it last came to."""
    yield "daemon", daemon_words(daemon)
    if each.state is not None:
        when = next_words(each, now)
        yield "state", f"{each.state}; next sync {when}" if when else each.state
    if each.state == UNSERVED:
        yield "", reread(daemon)
    if each.fault is not None:
        yield "error", f"{each.fault.message} (since {moment(each.fault.since)})"
        yield "", each.fault.hint
    if today_words(each):
        yield "today", today_words(each)


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
        never = "it was never synced" if not found.conversations else _UNLISTED
        return f"not known yet: {never}"
    return "nothing"
