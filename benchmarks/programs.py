"""What is measured: the engine, the floor beside it, and the emulator's own speed.

Each runs alone in its process and prints one JSON object: seconds, messages, and the peak
memory of the process in MB.
"""

import asyncio
import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from syncengine import Config, EasemobRemote, SyncEngine
from syncengine.remote.easemob.roaming_pb2 import MessageBody, Meta
from syncengine.sync import placing

PAGE = 49


async def engine(url: str, path: str, fetchers: int, app_key: str, user: str, password: str) -> int:
    """The whole engine, all laws on."""
    remote = EasemobRemote(url, app_key=app_key, user=user, password=password)
    async with SyncEngine.open(path, remote, config=Config(fetchers=fetchers)) as opened:
        report = await opened.sync()
        assert not report.errors, report.errors
        assert not report.gaps_open
        return report.messages_added


async def trusting(
    url: str, path: str, fetchers: int, app_key: str, user: str, password: str
) -> int:
    """The engine without law 5: it looks for nothing that a page should have shown."""
    for module, name, result in ((placing, "covered", None), (placing, "_longest_stay", 0)):
        setattr(module, name, partial(_always, result))
    return await engine(url, path, fetchers, app_key, user, password)


def _always(result: object, *_: object, **__: object) -> object:
    return result


class Row(msgspec.Struct):
    """A row of a page."""

    msg: bytes  # base64 on the wire; decoded on the way


class Data(msgspec.Struct):
    """A page."""

    is_last: bool
    next_key: str = ""
    msgs: list[Row] = []


class Envelope(msgspec.Struct):
    """An answer."""

    data: Data


async def floor(url: str, path: str, fetchers: int, app_key: str, user: str, password: str) -> int:
    """The same libraries and no engine: request, decode, insert, a transaction a page.

    One shared httpx client, as anybody would write it. It keeps no gap, no order and no
    law: interrupted it starts again, and what is deleted on the server stays in its file.
    """
    base = f"{url}/{app_key.replace('#', '/')}"
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute(
        "CREATE TABLE message (conversation TEXT, message_id TEXT, sender TEXT,"
        " timestamp INTEGER, type INTEGER, text TEXT, raw BLOB, UNIQUE (conversation, message_id))"
    )
    async with httpx.AsyncClient(timeout=30) as client:
        credentials = {"grant_type": "password", "username": user, "password": password}
        token = (await client.post(f"{base}/token", json=credentials)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        waiting = await _list(client, base, user)

        async def fetch() -> None:
            while waiting:
                await _pull(client, base, user, waiting.pop(), database)

        await asyncio.gather(*(fetch() for _ in range(fetchers)))
    count: int = database.execute("SELECT count(*) FROM message").fetchone()[0]
    database.close()
    return count


async def _list(client: httpx.AsyncClient, base: str, user: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    cursor = ""
    while True:
        address = f"{base}/sdk/user/{user}/user_channels/list?limit=50&cursor={quote(cursor)}"
        data = (await client.get(address)).json()["data"]
        found += [(i["session_to"], i["session_type"]) for i in data["channel_infos"]]
        cursor = data.get("cursor") or ""
        if cursor in ("", "undefined"):
            return found


async def _pull(
    client: httpx.AsyncClient,
    base: str,
    user: str,
    conversation: tuple[str, str],
    database: sqlite3.Connection,
) -> None:
    name, kind = conversation
    host = "easemob.com" if kind == "chat" else "conference.easemob.com"
    body: dict[str, Any] = {"queue": f"{name}@{host}", "start": -1, "end": -1}
    body |= {"pull_number": PAGE, "is_positive": False}
    while True:
        reply = await client.post(f"{base}/users/{user}/messageroaming", json=body)
        data = msgspec.json.decode(reply.content, type=Envelope).data
        rows = [_row(name, row.msg) for row in data.msgs]
        with database:
            database.executemany("INSERT OR IGNORE INTO message VALUES (?,?,?,?,?,?,?)", rows)
        if data.is_last or not data.msgs:
            return
        body["start"] = data.next_key


def _row(conversation: str, raw: bytes) -> tuple[object, ...]:
    meta = Meta.FromString(raw)
    content = MessageBody.FromString(meta.payload).contents[0]
    sender = getattr(meta, "from").name
    return (conversation, str(meta.id), sender, meta.timestamp, content.type, content.text, raw)


async def serve(url: str, fetchers: int, app_key: str, user: str, password: str) -> int:
    """The emulator alone: pages over raw sockets, counted and thrown away."""
    base = f"{url}/{app_key.replace('#', '/')}"
    async with httpx.AsyncClient(timeout=30) as client:
        credentials = {"grant_type": "password", "username": user, "password": password}
        token = (await client.post(f"{base}/token", json=credentials)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        waiting = await _list(client, base, user)
    served = await asyncio.gather(
        *(_drain(urlsplit(base), user, token, waiting) for _ in range(fetchers))
    )
    return sum(served)


async def _drain(base: Any, user: str, token: str, waiting: list[tuple[str, str]]) -> int:
    reader, writer = await asyncio.open_connection(base.hostname, base.port)
    served = 0
    while waiting:
        name, kind = waiting.pop()
        host = "easemob.com" if kind == "chat" else "conference.easemob.com"
        start = "-1"
        while True:
            body = (
                f'{{"queue":"{name}@{host}","start":{start},"end":-1,"pull_number":{PAGE},'
                f'"is_positive":false}}'
            )
            writer.write(
                f"POST {base.path}/users/{user}/messageroaming HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            data = await reader.readexactly(length)
            served += data.count(b'{"msg"')
            tail = data[-400:] + data[:400]
            if b'"is_last":true' in tail or b'"is_last": true' in tail:
                break
            key = data.partition(b'"next_key":"')[2].partition(b'"')[0].decode()
            if key in ("", "undefined"):
                break
            start = f'"{key}"'
    writer.close()
    return served


PROGRAMS: dict[str, Callable[..., Coroutine[Any, Any, int]]] = {
    "engine": engine,
    "floor": floor,
    "serve": serve,
    "trusting": trusting,
}


def main() -> None:
    """Run one program and print its figures."""
    program, arguments = sys.argv[1], json.loads(sys.argv[2])
    started, cpu = time.perf_counter(), time.process_time()
    messages = asyncio.run(PROGRAMS[program](**arguments))
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - started,
                "cpu_seconds": time.process_time() - cpu,
                "messages": messages,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "file_mb": _size(arguments.get("path")),
            }
        )
    )


def _size(path: str | None) -> float:
    return Path(path).stat().st_size / 1e6 if path else 0.0


if __name__ == "__main__":
    main()
