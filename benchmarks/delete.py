"""How long does deleting many messages take with no network, and how many requests later?

One conversation is pulled from an emulator in another process. Then everything in it is
deleted with the server out of reach: that is the call a person waits for; its floor is one
statement that takes as many rows out of a copy of the file. Then it is delivered; the floor is
as many requests as the service's limit of 50 ids a call allows.
"""

import argparse
import asyncio
import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import frozen

from benchmarks.processes import Server, emulator
from benchmarks.results import Result, row
from benchmarks.showing import steps
from syncengine import Config, EasemobRemote, SyncEngine
from syncengine.models import Conversation, ConversationKey

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {"messages": 2_000},
    "full": {"messages": 10_000, "runs": 5},
}
IDS_A_CALL = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)


@frozen
class _Seen:
    """One run."""

    bare: float
    offline: float
    online: float
    """Seconds."""
    requests: int
    left: int
    """In the outbox, or on the server."""


def run(options: argparse.Namespace) -> Result:
    """Measure; wrong where something is left."""
    seen = [_once(options.messages) for _ in steps(range(options.runs), "delete")]
    fewest = -(-options.messages // IDS_A_CALL)
    left = max(each.left for each in seen)
    return Result(
        case="delete",
        setting=f"{options.messages:,} messages of one conversation, {options.runs} runs",
        rows=[
            row(
                "deleted offline",
                [1000 * each.offline for each in seen],
                "ms",
                to=[1000 * each.bare for each in seen],
                floor="one DELETE",
            ),
            row("delivered", [1000 * each.online for each in seen], "ms"),
            row(
                "requests",
                [each.requests for each in seen],
                "",
                to=[fewest] * len(seen),
                floor=f"{IDS_A_CALL} ids a call",
                goal=1.0,
            ),
        ],
        wrong=f"{left} deletions are not on the server" if left else "",
    )


def _once(messages: int) -> _Seen:
    with emulator(f"1x{messages}") as server, TemporaryDirectory() as folder:
        return asyncio.run(_measured(server, Path(folder) / "copy.db"))


async def _measured(server: Server, path: Path) -> _Seen:
    quiet = Config(index_search=False)
    async with SyncEngine.open(path, _remote(server), config=quiet) as engine:
        await engine.sync()
    bare = _bare(path)
    async with SyncEngine.open(path, config=quiet) as engine:
        (conversation,) = await engine.load_all_conversations()
        ids = await _ids(engine, conversation)
        started = time.perf_counter()
        await engine.delete_remote_messages_with_ids(
            conversation.conversation_id, conversation.kind, ids
        )
        offline = time.perf_counter() - started
    remote = _remote(server)
    async with SyncEngine.open(path, remote, config=quiet) as engine:
        started = time.perf_counter()
        await engine.deliver()
        online = time.perf_counter() - started
        requests = remote.requests
        key = ConversationKey(conversation.conversation_id, conversation.kind)
        page = await remote.fetch_page(key)
        left = len(await engine.outbox()) + len(page.messages)
        return _Seen(bare, offline, online, requests, left)


def _bare(path: Path) -> float:
    """Seconds that the rows alone take, committed, in a copy of the file."""
    copy = path.with_name("bare.db")
    shutil.copyfile(path, copy)
    with closing(sqlite3.connect(copy)) as database:
        started = time.perf_counter()
        with database:
            database.execute("DELETE FROM message")
        return time.perf_counter() - started


async def _ids(engine: SyncEngine, conversation: Conversation) -> list[str]:
    found = await engine.reader.messages(
        conversation.conversation_id, conversation.kind, limit=1 << 30
    )
    return [message.message_id for message in found.messages]


def _remote(server: Server) -> EasemobRemote:
    return EasemobRemote(
        server.url, app_key=server.app_key, user=server.user, password=server.password
    )
