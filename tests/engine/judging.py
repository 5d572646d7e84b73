"""What is judged after processes were killed: what is here, and what is there."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.ledger import Name
from tests.engine.processes import control, started
from tests.harness import USER


def finish(url: str, path: Path, retention: str) -> None:
    """Let one last process after another deliver, pull and verify, until nothing is left."""
    control(url, "advance", days=0.1)  # what replicas could still disagree about is old now
    said = ""
    for _ in range(6):
        with started("finishing", url, path, retention) as process:
            said, _ = process.communicate()
        if said == "done\n":
            return
        control(url, "advance", ms=11_000)  # doubts are settled by a second look
    pytest.fail(f"never done: {said}")


def visible(path: Path, *, verified: bool) -> dict[Name, list[str]]:
    """What is shown of every conversation, in order; all of it, or what is not set apart as
    perhaps expired on the server."""
    found: dict[Name, list[str]] = {}
    with closing(sqlite3.connect(path)) as database:
        for name, kind, message_id in database.execute(
            "SELECT conversation_id, kind, message_id FROM message"
            " JOIN conversation USING (conversation)"
            " WHERE hidden IS NULL AND unverified <= ? ORDER BY conversation, position",
            (not verified,),
        ):
            found.setdefault((name, kind), []).append(message_id)
    return found


def served(url: str, name: Name) -> list[str]:
    """What the server shows alice of a conversation, in order."""
    target = {"user": USER, "conversation_id": name[0], "kind": name[1]}
    ids: list[str] = control(url, "history", **target)["message_ids"]
    return ids
