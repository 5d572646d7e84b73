"""What is read again in several conversations at the same time."""

import asyncio
from collections.abc import Sequence

import pytest
from attrs import define, field

from syncengine import Kind, Unauthorized
from tests.harness import USER, Side, numbered

PEERS = ("bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan")


@define
class Meeting:
    """Holds each request back until so many others were asked for, too."""

    number: int
    _here: list[str] = field(factory=list)
    _complete: asyncio.Event = field(factory=asyncio.Event)

    async def join(self, conversation: str) -> None:
        """Wait for the others."""
        self._here.append(conversation)
        if len(self._here) >= self.number:
            self._complete.set()
        async with asyncio.timeout(20):
            await self._complete.wait()


@define
class Watch:
    """Counts what is asked for at the same time."""

    asked: list[str] = field(factory=list)
    most: int = 0

    async def begin(self, conversation: str, _: str) -> None:
        """Before a page is asked for."""
        assert conversation not in self.asked
        self.asked.append(conversation)
        self.most = max(self.most, len(self.asked))

    async def end(self, conversation: str, _: str) -> None:
        """When it is here."""
        self.asked.remove(conversation)


async def pulled(side: Side, peers: Sequence[str] = PEERS) -> None:
    """A copy of conversations of several pages, old enough that no replica lags."""
    side.page_size = 10
    for peer in peers:
        side.send(*numbered(1, 35), peer=peer)
    side.time.seconds += 7200
    await side.sync()
    side.time.seconds += 11


@pytest.mark.parametrize("pages", [2, 4, 8])
async def test_newest_pages_are_read_again_at_once(side: Side, pages: int) -> None:
    """Law 11: as many as the budget allows, in conversations that differ."""
    await pulled(side)
    remote, watch, meeting = side.remote(), Watch(), Meeting(pages)

    async def begin(conversation: str, start: str) -> None:
        await watch.begin(conversation, start)
        await meeting.join(conversation)

    remote.before, remote.after = begin, watch.end
    async with side.engine(remote=remote, audit_pages=pages) as engine:
        report = await engine.sync()
    assert (report.errors, report.pages, watch.most) == ((), pages, pages)


async def test_the_end_of_history_is_proved_where_many_are_read_at_once(side: Side) -> None:
    """Law 2: places further down are begun only where there are pages left to prove an end, so
    passes over whole conversations come to their ends."""
    await pulled(side, PEERS[:3])
    began = side.time.now()
    for _ in range(20):
        async with side.engine(audit_pages=4) as engine:
            report = await engine.sync()
            assert report.pages <= 4
            verified = (await engine.status()).verified_since
        side.time.seconds += 11
    assert verified is not None
    assert verified > began


async def test_one_request_at_a_time_is_kept_to(side: Side) -> None:
    """Law 11: where only one request at a time is wanted, what is read again keeps to it."""
    await pulled(side)
    remote, watch = side.remote(), Watch()
    remote.before, remote.after = watch.begin, watch.end
    async with side.engine(remote=remote, audit_pages=8, fetchers=1) as engine:
        report = await engine.sync()
    assert (report.errors, report.pages, watch.most) == ((), 8, 1)


async def test_a_verification_takes_its_second_looks_together(side: Side) -> None:
    """Law 7: what is missing in many conversations takes one more round trip, not one each."""
    await pulled(side, PEERS[:4])
    for peer in PEERS[:4]:
        side.world.delete_messages(USER, peer, side.held(peer)[1:4], Kind.CHAT)
    remote, meeting, began = side.remote(), Meeting(4), side.time.seconds

    async def second_look(conversation: str, start: str) -> None:
        if side.time.seconds > began + 5:
            await meeting.join(conversation)

    remote.before = second_look
    async with side.engine(remote=remote, retention_days=7.0) as engine:
        found = await engine.verify()
    assert (found.errors, found.messages_removed, found.suspects) == ((), 12, 0)
    for peer in PEERS[:4]:
        assert side.held(peer) == side.served(peer)


async def test_a_fault_of_the_account_ends_all_that_is_read_again(side: Side) -> None:
    """Law 12: nobody goes on with a token that is refused; the next cycle is as any other."""
    await pulled(side)
    remote, never = side.remote(), asyncio.Event()
    ended: list[str] = []

    async def fail(conversation: str, start: str) -> None:
        if conversation == "dave":
            raise Unauthorized("no")
        try:
            await never.wait()
        finally:
            ended.append(conversation)

    remote.before = fail
    async with side.engine(remote=remote, audit_pages=16) as engine:
        report = await engine.sync()
    assert [problem.error for problem in report.errors] == ["Unauthorized"]
    assert len(ended) == 7
    side.time.seconds += 11
    report = await side.sync(audit_pages=16)
    assert (report.errors, report.pages) == ((), 8)
