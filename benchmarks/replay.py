"""The requests of a cycle, written down and sent once more with no engine: its floor."""

import asyncio
import time
from collections.abc import Sequence

import httpx
from attrs import define, field

from syncengine.remote.easemob.failures import Reply
from syncengine.remote.easemob.lanes import Lane, Question, Transport, as_lane

_LIST = "/user_channels"
_ONCE = ("host", "content-length", "accept-encoding")
"""Headers that the client of the floor writes itself."""


@define
class Recorder:
    """Opens the engine's connections, and remembers what is asked over them."""

    _lane: Transport
    asked: list[Question] = field(factory=list)

    def lane(self) -> Lane:
        """One more."""
        return _Lane(as_lane(self._lane()), self.asked)

    def taken(self) -> Sequence[Question]:
        """What was asked since the last time."""
        found = list(self.asked)
        self.asked.clear()
        return found


class _Lane:
    def __init__(self, inner: Lane, asked: list[Question]) -> None:
        self._inner, self._asked = inner, asked

    async def ask(self, question: Question) -> Reply:
        """Pass it on."""
        self._asked.append(question)
        return await self._inner.ask(question)

    async def aclose(self) -> None:
        """End the connection."""
        await self._inner.aclose()


async def replayed(client: httpx.AsyncClient, asked: Sequence[Question], fetchers: int) -> float:
    """Seconds for the same requests over a client that all share: the list's pages one after
    the other, since each names the next, then all others, so many at once."""
    started = time.perf_counter()
    pages = [each for each in asked if _LIST in each.url.path]
    others = [each for each in asked if _LIST not in each.url.path]
    for question in pages:
        await _again(client, question)

    async def some() -> None:
        while others:
            await _again(client, others.pop())

    await asyncio.gather(*(some() for _ in range(fetchers)))
    return time.perf_counter() - started


async def _again(client: httpx.AsyncClient, question: Question) -> None:
    headers = [each for each in question.headers if each[0].decode() not in _ONCE]
    reply = await client.request(
        question.method, question.url, headers=headers, content=question.body
    )
    assert reply.status_code == 200, reply.text
