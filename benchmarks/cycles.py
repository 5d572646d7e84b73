"""Cycles of an account that is pulled already: quiet ones, and ones with new messages."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from attrs import define, frozen

from benchmarks.processes import Server
from benchmarks.replay import Recorder, replayed
from benchmarks.transports import TRANSPORTS, USUAL
from syncengine import Config, EasemobRemote, SyncEngine

NEAR, FAR = 8, Config().fetchers
"""Fetchers of the bare requests: near the server a shared client is fastest with a few; over a
distance as many are best, and as fair, as the engine has."""
_NEWS_IN, _NEWS_EACH = 20, 5
NEWS = _NEWS_IN * _NEWS_EACH
"""New messages of a cycle that is not quiet, in 20 conversations."""


@frozen
class Seen:
    """One cycle."""

    seconds: float
    bare: float
    """Seconds of its requests alone."""
    requests: int
    rows: int
    """Rows that were inserted, changed or deleted."""
    added: int
    """Messages."""
    faults: str


@define
class Account:
    """A copy that is whole, its engine, its server, and a client for the bare requests."""

    engine: SyncEngine
    _remote: EasemobRemote
    _server: Server
    _recorder: Recorder
    _client: httpx.AsyncClient
    _conversations: int

    async def cycle(self, fetchers: int = NEAR) -> Seen:
        """One `sync`, and its requests once more, so many of them at once."""
        self._recorder.taken()
        before = await self._rows()
        started = time.perf_counter()
        report = await self.engine.sync()
        seconds = time.perf_counter() - started
        rows = await self._rows() - before
        asked = self._recorder.taken()
        bare = await replayed(self._client, asked, fetchers)
        faults = ", ".join(map(str, report.errors)) or ("gaps" if report.gaps_open else "")
        return Seen(seconds, bare, len(asked), rows, report.messages_added, faults)

    async def _rows(self) -> int:
        return await self.engine._store.tend(lambda connection: connection.total_changes)

    async def news(self) -> None:
        """Somebody writes in 20 conversations, spread over the list."""
        # Every fifth conversation is a group, where anybody may write; these are not.
        apart = max(5, self._conversations // _NEWS_IN // 5 * 5)
        for place in range(_NEWS_IN):
            number = place * apart % self._conversations
            order = {"from": f"user{number:04d}", "to": self._server.user, "count": _NEWS_EACH}
            reply = await self._client.post(
                f"{self._server.url}/_emulator/send", json=order | {"content": "something new"}
            )
            reply.raise_for_status()


@asynccontextmanager
async def account(
    server: Server, path: Path, conversations: int, transport: str = USUAL
) -> AsyncIterator[Account]:
    """Pull it first. Nothing is indexed meanwhile: that is done between cycles."""
    chosen = TRANSPORTS[transport]
    recorder = Recorder(chosen.lanes(server.url))
    remote = EasemobRemote(
        server.url,
        app_key=server.app_key,
        user=server.user,
        password=server.password,
        transport=recorder.lane,
    )
    config = Config(index_search=False)
    async with (
        chosen.client(server.url) as client,
        SyncEngine.open(path, remote, config=config) as engine,
    ):
        report = await engine.sync()
        assert not report.errors, report.errors
        yield Account(engine, remote, server, recorder, client, conversations)


def faults(seen: Sequence[Seen], expected: int) -> str:
    """What is wrong with cycles that should have brought so many messages each."""
    found = {each.faults for each in seen if each.faults}
    found |= {
        f"{each.added} messages instead of {expected}" for each in seen if each.added != expected
    }
    return ", ".join(sorted(found))
