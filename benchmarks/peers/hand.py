"""What a competent programmer writes by hand: `python -m benchmarks.peers.hand PATH SOURCE`.

Eight fetchers share one httpx client, each asks for pages until `is_last`, and every page is
an `INSERT OR REPLACE` through aiosqlite. It keeps no gap and no order; stopped, it begins
again; what is deleted on the server stays in its file.
"""

import asyncio
import base64
import json
import resource
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiosqlite
import httpx
from attrs import asdict

from benchmarks.peers.peer import Filled, Source
from syncengine.cli.collector import spare_what_is_here
from syncengine.remote.easemob.roaming_pb2 import MessageBody, Meta

_FETCHERS = 8
_INSERT = "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?)"
_PAGE = 49
"""Messages: the most that the service gives."""
Row = tuple[str, str, str, int, int, str, bytes]
"""Conversation, message id, sender, time, type, text, and the bytes as they came."""


def client(source: Source) -> httpx.AsyncClient:
    """One that is signed in."""
    base = f"{source.url}/{source.app.replace('#', '/')}/"
    headers = {"Authorization": f"Bearer {source.token}"}
    return httpx.AsyncClient(base_url=base, headers=headers, timeout=30)


async def conversations(http: httpx.AsyncClient, source: Source) -> list[str]:
    """The addresses of all their histories."""
    found: list[str] = []
    cursor = ""
    while True:
        parameters: dict[str, str | int] = {"limit": 50, "cursor": cursor}
        reply = await http.get(f"sdk/user/{source.user}/user_channels/list", params=parameters)
        data = reply.raise_for_status().json()["data"]
        found += [
            _queue(each["session_to"], each["session_type"]) for each in data["channel_infos"]
        ]
        cursor = data.get("cursor") or ""
        if cursor in ("", "undefined"):
            return found


def _queue(name: str, kind: str) -> str:
    return f"{name}@{'easemob.com' if kind == 'chat' else 'conference.easemob.com'}"


async def pages(http: httpx.AsyncClient, source: Source, queue: str) -> AsyncIterator[list[Row]]:
    """A conversation, newest first."""
    question = {"queue": queue, "start": -1, "end": -1, "pull_number": _PAGE, "is_positive": False}
    name = queue.partition("@")[0]
    while True:
        reply = await http.post(f"users/{source.user}/messageroaming", json=question)
        data = reply.raise_for_status().json()["data"]
        yield [_row(name, base64.b64decode(each["msg"])) for each in data["msgs"]]
        if data["is_last"]:
            return
        question["start"] = data["next_key"]


def _row(conversation: str, raw: bytes) -> Row:
    meta = Meta.FromString(raw)
    content = MessageBody.FromString(meta.payload).contents[0]
    sender = getattr(meta, "from").name
    return (conversation, str(meta.id), sender, meta.timestamp, content.type, content.text, raw)


async def fill(path: Path, source: Source) -> int:
    """Pull all of it into a file; the rows in it."""
    async with aiosqlite.connect(path) as database, client(source) as http:
        await database.execute("PRAGMA journal_mode = WAL")
        await database.execute("PRAGMA synchronous = NORMAL")
        await database.execute(
            "CREATE TABLE message (conversation TEXT, id TEXT, sender TEXT, timestamp INTEGER,"
            " type INTEGER, text TEXT, raw BLOB, PRIMARY KEY (conversation, id))"
        )
        waiting = await conversations(http, source)

        async def fetch() -> None:
            while waiting:
                async for rows in pages(http, source, waiting.pop()):
                    # closed on the thread of the database: a cursor that is dropped here would
                    # reset the statement that the next page runs with
                    async with database.executemany(_INSERT, rows):
                        await database.commit()

        await asyncio.gather(*(fetch() for _ in range(_FETCHERS)))
    return _count(path)


def _count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        (count,) = database.execute("SELECT count(*) FROM message").fetchone()
    return int(count)


def main() -> None:
    """Fill the file and say what it took."""
    path, source = Path(sys.argv[1]), Source(**json.loads(sys.argv[2]))
    spare_what_is_here()  # as of the engine and its floors
    began = time.perf_counter()
    records = asyncio.run(fill(path, source))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(asdict(Filled(records, seconds, peak))))


if __name__ == "__main__":
    main()
