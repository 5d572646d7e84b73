"""The floors: the same work with the same libraries and no engine.

A pull is a walk through pages; what is done with a page's bytes is the floor's step:

    network   find where it goes on, count the rows, throw them away
    decode    msgspec and protobuf, to the tuples that would be inserted
    insert    those tuples into a table, inline, a transaction a page

All three share one client, as anybody would write it. `loop` takes the step `insert` with raw
sockets and many pages a transaction: the physical limit, for context. None keeps gaps, order
or law: interrupted it starts again, and what is deleted on the server stays in its file.
Below are the bare statements that reads are measured against.
"""

import asyncio
import socket
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from syncengine.remote.easemob.roaming_pb2 import MessageBody, Meta

PAGE = 49
PAGES_A_COMMIT = 100
"""Of `loop`."""
_INSERT = "INSERT OR IGNORE INTO message VALUES (?,?,?,?,?,?,?)"

Conversation = tuple[str, str]
"""Id and kind."""


# What is done with a page


class Step(Protocol):
    """Takes pages."""

    count: int
    """Messages so far."""

    def take(self, conversation: str, body: bytes) -> str | None:
        """The page's key for the next one; None where it is the last."""
        ...

    def end(self) -> None:
        """No more pages."""
        ...


class Network:
    """Looks at no more than it needs to go on."""

    def __init__(self) -> None:
        self.count = 0

    def take(self, conversation: str, body: bytes) -> str | None:
        """Count the rows."""
        self.count += body.count(b'{"msg"')
        return next_key(body)

    def end(self) -> None:
        """Nothing to do."""


def next_key(body: bytes) -> str | None:
    """Where a page goes on, without decoding it: both fields stand at its beginning or end."""
    ends = body[-400:] + body[:400]
    if b'"is_last":true' in ends or b'"is_last": true' in ends:
        return None
    key = body.partition(b'"next_key":"')[2].partition(b'"')[0].decode()
    return None if key in ("", "undefined") else key


class _Row(msgspec.Struct):
    msg: bytes  # base64 on the wire; decoded on the way


class _Data(msgspec.Struct):
    is_last: bool
    next_key: str = ""
    msgs: list[_Row] = []


class _Envelope(msgspec.Struct):
    data: _Data


class Decode:
    """Makes rows, and throws them away."""

    def __init__(self) -> None:
        self.count = 0

    def take(self, conversation: str, body: bytes) -> str | None:
        """Decode the page."""
        data = msgspec.json.decode(body, type=_Envelope).data
        rows = [_row(conversation, each.msg) for each in data.msgs]
        self.keep(rows)
        self.count += len(rows)
        return None if data.is_last or not rows else data.next_key

    def keep(self, rows: list[tuple[object, ...]]) -> None:
        """Not here."""

    def end(self) -> None:
        """Nothing to do."""


def _row(conversation: str, raw: bytes) -> tuple[object, ...]:
    meta = Meta.FromString(raw)
    content = MessageBody.FromString(meta.payload).contents[0]
    sender = getattr(meta, "from").name
    return (conversation, str(meta.id), sender, meta.timestamp, content.type, content.text, raw)


class Insert(Decode):
    """Keeps the rows in a table; a transaction has so many pages."""

    def __init__(self, path: str, pages: int = 1) -> None:
        super().__init__()
        self._pages, self._since = pages, 0
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE message (conversation TEXT, message_id TEXT, sender TEXT, timestamp"
            " INTEGER, type INTEGER, text TEXT, raw BLOB, UNIQUE (conversation, message_id))"
        )

    def keep(self, rows: list[tuple[object, ...]]) -> None:
        """Insert them."""
        self._database.executemany(_INSERT, rows)
        self._since += 1
        if self._since >= self._pages:
            self._database.commit()
            self._since = 0

    def end(self) -> None:
        """Commit what is left, and close."""
        self._database.commit()
        self._database.close()


# The walk, with a client that all share


async def walk(
    client: httpx.AsyncClient, base: str, user: str, password: str, fetchers: int, step: Step
) -> None:
    """Sign in, read the list, then every conversation's pages, so many at once."""
    client.headers["Authorization"] = f"Bearer {await _token(client, base, user, password)}"
    waiting = await _list(client, base, user)
    address = f"{base}/users/{user}/messageroaming"

    async def fetch() -> None:
        while waiting:
            await _pull(client, address, waiting.pop(), step)

    await asyncio.gather(*(fetch() for _ in range(fetchers)))


async def _token(client: httpx.AsyncClient, base: str, user: str, password: str) -> str:
    credentials = {"grant_type": "password", "username": user, "password": password}
    token: str = (await client.post(f"{base}/token", json=credentials)).json()["access_token"]
    return token


async def _list(client: httpx.AsyncClient, base: str, user: str) -> list[Conversation]:
    found: list[Conversation] = []
    cursor = ""
    while True:
        address = f"{base}/sdk/user/{user}/user_channels/list?limit=50&cursor={quote(cursor)}"
        data = (await client.get(address)).json()["data"]
        found += [(i["session_to"], i["session_type"]) for i in data["channel_infos"]]
        cursor = data.get("cursor") or ""
        if cursor in ("", "undefined"):
            return found


async def _pull(
    client: httpx.AsyncClient, address: str, conversation: Conversation, step: Step
) -> None:
    start: str | int | None = -1
    while start is not None:
        reply = await client.post(address, json=_asked(conversation, start))
        start = step.take(conversation[0], reply.content)


def _asked(conversation: Conversation, start: str | int) -> dict[str, Any]:
    name, kind = conversation
    host = "easemob.com" if kind == "chat" else "conference.easemob.com"
    return {
        "queue": f"{name}@{host}",
        "start": start,
        "end": -1,
        "pull_number": PAGE,
        "is_positive": False,
    }


# The same walk over raw sockets


async def loop(
    client: httpx.AsyncClient, base: str, user: str, password: str, fetchers: int, step: Step
) -> None:
    """The pages over blocking sockets, in turn: while one is taken, the server makes the
    others. Only the list comes through the client."""
    token = await _token(client, base, user, password)
    client.headers["Authorization"] = f"Bearer {token}"
    waiting = await _list(client, base, user)
    lines = [_Line(base, user, token, waiting) for _ in range(min(fetchers, len(waiting)))]
    while lines:
        lines = [line for line in lines if line.turn(step)]


class _Line:
    """A connection, and the conversation that comes over it."""

    def __init__(self, base: str, user: str, token: str, waiting: list[Conversation]) -> None:
        parts = urlsplit(base)
        self._socket = socket.create_connection((parts.hostname, parts.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._head = (
            f"POST {parts.path}/users/{user}/messageroaming HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: "
        )
        self._waiting = waiting
        self._conversation = waiting.pop()
        self._ask(-1)

    def turn(self, step: Step) -> bool:
        """Take the page that was asked for, after the next one was; whether there is one."""
        name, body = self._conversation[0], self._answer()
        start = next_key(body)
        more = start is not None or bool(self._waiting)
        if more:
            if start is None:
                self._conversation = self._waiting.pop()
            self._ask(-1 if start is None else start)
        step.take(name, body)
        if not more:
            self._file.close()
            self._socket.close()
        return more

    def _ask(self, start: str | int) -> None:
        body = msgspec.json.encode(_asked(self._conversation, start))
        self._socket.sendall(f"{self._head}{len(body)}\r\n\r\n".encode() + body)

    def _answer(self) -> bytes:
        length = 0
        for line in iter(self._file.readline, b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return self._file.read(length)


# Reads


BARE_LIST = """
    SELECT c.conversation_id, c.kind, c.unread_count, c.pinned, c.marks, c.activity,
           m.message_id, m.sender, m.timestamp, m.type, m.text, m.edited_at, m.raw
    FROM conversation c LEFT JOIN message m ON m.message = c.newest
    ORDER BY c.pinned DESC, c.activity DESC, c.conversation DESC
"""
"""What all conversations with their newest messages cost without an engine."""


def scan(connection: sqlite3.Connection, words: str) -> int:
    """How many texts hold all the words: reads every one, as a program without an index."""
    parts = words.split()
    where = " AND ".join("text LIKE ?" for _ in parts)
    found = connection.execute(
        f"SELECT count(*) FROM message WHERE {where}", [f"%{word}%" for word in parts]
    )
    return int(found.fetchone()[0])


STEPS: dict[str, Callable[[str], Step]] = {
    "network": lambda path: Network(),
    "decode": lambda path: Decode(),
    "insert": Insert,
}


def digest(rows: Iterator[tuple[str]]) -> str:
    """Of message ids in any order: two copies of the same messages have the same."""
    count = total = 0
    for (message_id,) in rows:
        count += 1
        total += int(message_id)
    return f"{count} messages, their ids {total % (1 << 64):016x}"
