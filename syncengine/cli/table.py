"""How accounts stand, as lines for people and as JSON for programs. Nothing here does I/O."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from syncengine.cli.output import aligned, count, fit, moment, plain, size, span
from syncengine.cli.overview import UNSERVED, Overview, Row
from syncengine.daemon.runtime import Found
from syncengine.reports import Status

_HEAD = ("account", "state", "synced", "next", "copy", "verified", "outbox", "today")
_NONE = "-"
_LATE = 60.0
"""Seconds after the time of a next sync that somebody may begin to wonder."""
_WIDEST = 24
"""Columns of a name: it may have 64 characters."""
_NAMED = 3
"""The most accounts that are named where several have the same error."""


def lines(found: Overview, now: int) -> Iterator[str]:
    """The daemon, a table of the accounts, and what is wrong; `now` in ms, local clock."""
    yield f"daemon: {daemon_words(found.daemon)}"
    yield from aligned([_HEAD, *(_cells(each, now) for each in found.accounts)])
    yield from _faults(found.accounts)
    yield from _questions(found.accounts)
    unserved = [each for each in found.accounts if each.state == UNSERVED]
    if unserved:
        yield f"{_names(unserved)}: not known to the daemon yet"
        yield f"  hint: {reread(found.daemon)}"


def daemon_words(found: Found) -> str:
    """Whether one runs, and since when; or when one was last heard of."""
    snapshot = found.snapshot
    if found.alive and snapshot is not None:
        return f"running since {moment(snapshot.since)}, process {snapshot.pid}"
    if found.alive:
        return "running; it has not said yet how it is"
    if snapshot is None:
        return "none has run here; `syncengine daemon` starts one"
    last = moment(snapshot.written)
    return f"not running, last heard of at {last}; `syncengine daemon` starts it"


def reread(found: Found) -> str:
    """How to have the daemon read the configuration again."""
    kill = "" if found.snapshot is None else f" or `kill -HUP {found.snapshot.pid}`"
    return f"`systemctl --user reload syncengine`{kill} lets it read the configuration again."


def _cells(each: Row, now: int) -> tuple[str, ...]:
    values = (
        fit(each.name, _WIDEST),
        each.state or _NONE,
        _NONE if each.last_sync is None else f"{span((now - each.last_sync) / 1000)} ago",
        next_words(each, now) or _NONE,
        _copy_words(each),
        _verified(each.copy, now),
        _outbox(each.copy),
        today_words(each) or _NONE,
    )
    return tuple(map(plain, values))


def next_words(each: Row, now: int) -> str:
    """When the next sync begins; nothing where none does by itself, or one is under way."""
    if each.next_sync is None:
        return ""
    seconds = (each.next_sync - now) / 1000
    if seconds < -_LATE:
        return f"{span(-seconds)} late"
    return "now" if seconds < 1 else f"in {span(seconds)}"


def today_words(each: Row) -> str:
    """What the day cost; nothing where the daemon does not know the account."""
    if each.requests_today is None:
        return ""
    return f"{each.requests_today:,} req, {size(each.received_today or 0)}"


def _copy_words(each: Row) -> str:
    copy = each.copy
    if copy is None:
        return "unreadable" if each.fault is not None and each.file.exists() else "none yet"
    return "whole" if each.whole else _missing(copy)


def _missing(copy: Status) -> str:
    if copy.gaps:
        return count(copy.gaps, "gap")
    if copy.never_synced:
        return f"{copy.never_synced:,} not begun"
    if copy.seams:
        return count(copy.seams, "seam")
    return "unknown" if copy.conversations else "not begun"


def _verified(copy: Status | None, now: int) -> str:
    if copy is None or copy.verified_since is None:
        return _NONE if copy is None else "not yet"
    return f"{span((now - copy.verified_since) / 1000)} ago"


def _outbox(copy: Status | None) -> str:
    if copy is None:
        return _NONE
    parts = {"waiting": copy.pending, "refused": copy.refused}
    return ", ".join(f"{number:,} {what}" for what, number in parts.items() if number) or "empty"


def _faults(rows: Sequence[Row]) -> Iterator[str]:
    """Each error once, with all accounts that have it: no network is no flood of lines."""
    alike: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for each in rows:
        if each.fault is not None:
            alike[each.fault.message, each.fault.hint].append(each)
    for (message, hint), these in alike.items():
        yield f"{_names(these)}: {plain(message)}{_since(these)}"
        if hint:
            yield f"  hint: {plain(hint)}"


def _since(rows: Sequence[Row]) -> str:
    times = [each.fault.since for each in rows if each.fault is not None and each.fault.since]
    tries = max(each.failures for each in rows)
    more = f", {tries:,} times in a row" if tries > 1 else ""
    return f" (since {moment(min(times))}{more})" if times else ""


def _questions(rows: Sequence[Row]) -> Iterator[str]:
    """What only a person can decide, or has to know."""
    for each in rows:
        copy = each.copy
        if copy is not None and copy.held_back:
            where = count(copy.held_back_conversations, "conversation")
            gone = count(copy.held_back, "message")
            yield f"{each.name}: {gone} in {where} kept, though gone on the server"
            yield f"  hint: `syncengine verify --account {each.name} --accept` if on purpose."
        if copy is not None and copy.refused:
            yield f"{each.name}: {count(copy.refused, 'deletion')} refused by the server"
            yield f"  hint: `syncengine outbox --account {each.name}` says why."


def _names(rows: Sequence[Row]) -> str:
    names = [plain(each.name) for each in rows]
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1:,} more"


def overview_json(found: Overview) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "daemon": daemon_json(found.daemon),
        "accounts": [_row_json(each) for each in found.accounts],
    }


def daemon_json(found: Found) -> dict[str, Any]:
    """Whether it runs; its last words, where there are any: when they were written."""
    snapshot = found.snapshot
    return {
        "running": found.alive,
        "pid": None if snapshot is None else snapshot.pid,
        "since": None if snapshot is None else snapshot.since,
        "written": None if snapshot is None else snapshot.written,
    }


def standing_json(each: Row) -> dict[str, Any]:
    """What the daemon says of an account."""
    fault = each.fault
    return {
        "state": each.state,
        "last_sync": each.last_sync,
        "next_sync": each.next_sync,
        "error": None if fault is None else fault.error,
        "message": None if fault is None else fault.message,
        "hint": None if fault is None else fault.hint,
        "error_since": None if fault is None else fault.since or None,
        "failures": each.failures,
        "requests_today": each.requests_today,
        "received_today": each.received_today,
    }


_OF_A_COPY = (
    "conversations",
    "messages",
    "gaps",
    "seams",
    "never_synced",
    "verified_since",
    "pending",
    "refused",
    "held_back",
)


def _row_json(each: Row) -> dict[str, Any]:
    copy = {name: each.copy and getattr(each.copy, name) for name in _OF_A_COPY}
    return {
        "account": each.name,
        "file": str(each.file),
        **standing_json(each),
        "needs_person": each.needs_person,
        "whole": each.whole if each.copy is not None else None,
        **copy,
    }
