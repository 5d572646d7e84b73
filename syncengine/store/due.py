"""What is to be read again: the queries of an audit."""

import sqlite3
from typing import NamedTuple

from syncengine.models import ConversationKey
from syncengine.store.batch import HEAD


class Due(NamedTuple):
    """A place to read again, downwards from a position."""

    key: ConversationKey
    position: int
    """`HEAD`: the newest page."""


_NAMED = "SELECT c.conversation_id, c.kind, "


_SUSPECTS = (
    _NAMED + "max(m.position) FROM message m JOIN conversation c USING (conversation)"
    " LEFT JOIN audit a USING (conversation)"
    " WHERE (:all OR coalesce(a.held_back, 0) = 0)"
    " AND m.suspect_at IS NOT NULL AND (m.suspect_at <= :ripe OR m.suspect_at > :now)"
    " AND (m.hidden IS NULL OR m.hidden < 0)"
    " GROUP BY m.conversation ORDER BY coalesce(a.tried_at, 0),"
    " min(m.suspect_at) LIMIT :limit"
)


_DECIDABLE = (
    _NAMED + "max(m.position) FROM message m JOIN conversation c USING (conversation)"
    " WHERE m.unverified = 1 AND m.timestamp > ? AND m.hidden IS NULL GROUP BY m.conversation"
)


_HEADS = (
    _NAMED + f"{HEAD} FROM audit a JOIN conversation c USING (conversation)"
    " WHERE a.head_at IS NULL OR :since IS NULL OR a.head_at NOT BETWEEN :since AND :now"
    " ORDER BY a.head_at, a.conversation LIMIT :limit"
)


_SWEEPS = (
    _NAMED + f"coalesce(a.sweep_down, {HEAD}) FROM audit a JOIN conversation c"
    " USING (conversation) WHERE :since IS NULL OR a.turn NOT BETWEEN :since AND :now"
    " ORDER BY a.turn, a.conversation LIMIT :limit"
)


def suspects_due(connection: sqlite3.Connection, *, held_back: bool) -> list[Due]:
    """All places where messages are missing: a conversation each, its topmost one.

    Without those whose removal waits for a person, unless `held_back`: to read them a
    second time decides nothing.
    """
    bound = {"ripe": 1 << 62, "now": 1 << 62, "limit": -1, "all": held_back}
    return _due(connection.execute(_SUSPECTS, bound))


def decidable_due(connection: sqlite3.Connection, sent_after: int) -> list[Due]:
    """Where unverified messages were sent after that time, ms: a conversation each, its
    topmost one."""
    return _due(connection.execute(_DECIDABLE, (sent_after,)))


class Plan(NamedTuple):
    """What is to be read again, the most urgent first in each."""

    suspects: list[Due]
    """Where messages were missing once, long enough ago."""
    heads: list[Due]
    """The newest pages, those first that are to be read soon, then the longest unread."""
    sweeps: list[Due]
    """Where passes over whole conversations go on, the longest unverified first."""
    server_time: int
    """Ms."""


def plan(
    connection: sqlite3.Connection,
    pages: int,
    *,
    now: int | None,
    since: int | None,
    confirm_after: int,
) -> Plan:
    """What is due, as far as so many pages can reach.

    `now` is the server's time, ms, where it was heard; nothing that was read between
    `since` and then is due.
    """
    (noted,) = connection.execute("SELECT server_time FROM account").fetchone() or (None,)
    time = now or noted or 0
    bound = {"limit": pages, "since": since, "now": time}
    # Where the time is not known they are read too early at worst, and wait once more.
    before = (1 << 62) if now is None else now - confirm_after
    ripe = {"limit": (pages + 1) // 2, "ripe": before, "now": time, "all": False}
    return Plan(
        _due(connection.execute(_SUSPECTS, ripe)),
        _due(connection.execute(_HEADS, bound)),
        _due(connection.execute(_SWEEPS, bound)),
        time,
    )


def audited_conversations(connection: sqlite3.Connection) -> list[ConversationKey]:
    """All of which some history was fetched."""
    found = connection.execute(
        "SELECT conversation_id, kind FROM conversation WHERE fetched = 1"
        " ORDER BY activity DESC, conversation"
    )
    return [ConversationKey(name, kind) for name, kind in found]


def hidden_conversations(connection: sqlite3.Connection) -> set[ConversationKey]:
    """Those of which some history was fetched, and that no list shows."""
    found = connection.execute(
        "SELECT conversation_id, kind FROM conversation WHERE fetched = 1 AND unlisted > 0"
    )
    return {ConversationKey(name, kind) for name, kind in found}


def _due(found: sqlite3.Cursor) -> list[Due]:
    return [Due(ConversationKey(name, kind), position) for name, kind, position in found]
