"""A server that speaks a peer's own protocol: `python -m benchmarks.peers.shelf NAME SOURCE`.

It pulls the account first, so that a peer is given the very same messages, and makes its
answers, or the parts of them, before anybody asks: serving should cost little. Its first line
is the JSON of its address. It ends with its input.
"""

import asyncio
import base64
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qsl, unquote, urlsplit

from benchmarks.peers import couch, pulls, stream
from benchmarks.peers.answers import Answer, Record, Reply, Request, Shelf
from benchmarks.peers.hand import Row, client, conversations, pages
from benchmarks.peers.peer import Source

SHELVES: Mapping[str, Shelf] = {
    "pouchdb": couch.shelf,
    "rxdb": pulls.rxdb,
    "powersync": stream.shelf,
    "watermelondb": pulls.watermelon,
}
"""What answers for which peer."""


async def records(source: Source) -> list[Record]:
    """All messages of the account. Fails where an id is there twice."""
    found: list[Record] = []
    async with client(source) as http:
        for queue in await conversations(http, source):
            async for rows in pages(http, source, queue):
                found += map(_record, rows)
    assert len({each["id"] for each in found}) == len(found)
    return found


def _record(row: Row) -> Record:
    conversation, message_id, sender, timestamp, kind, text, raw = row
    return Record(
        id=message_id,
        conversation=conversation,
        sender=sender,
        timestamp=timestamp,
        type=kind,
        text=text,
        raw=base64.b64encode(raw).decode(),
    )


async def serve(answer: Answer) -> None:
    """Until the input ends."""
    listening = await asyncio.start_server(partial(_converse, answer), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def _converse(
    answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            reply = answer(await _read(reader))
            await _write(writer, reply)
            if reply.stays:
                await reader.read()
                break
    writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    named = (line.partition(":")[::2] for line in lines if line)
    headers = {name.lower(): value.strip() for name, value in named}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    return Request(method, unquote(parts.path), dict(parse_qsl(parts.query)), body)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    length = sum(map(len, reply.parts))
    extent = "Connection: close" if reply.stays else f"Content-Length: {length}"
    writer.write(
        f"HTTP/1.1 {reply.status}\r\nContent-Type: {reply.kind}\r\n{extent}\r\n"
        "Access-Control-Allow-Origin: *\r\n\r\n".encode()
    )
    for part in reply.parts:
        writer.write(part)
        await writer.drain()


async def main() -> None:
    """Pull, prepare, serve."""
    name, source = sys.argv[1], Source(**json.loads(sys.argv[2]))
    await serve(SHELVES[name](await records(source)))


if __name__ == "__main__":
    asyncio.run(main())
