"""What is read again in several conversations at the same time."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from attrs import define, field

from syncengine import (
    CursorExpired,
    Kind,
    RemoteError,
    ServerFault,
    ServiceNotEnabled,
    Unauthorized,
)
from syncengine.remote.easemob import roaming_pb2 as pb
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


async def pulled(side: Side, peers: Sequence[str] = PEERS, messages: int = 35) -> None:
    """A copy of conversations of several pages, old enough that no replica lags."""
    side.page_size = 10
    for peer in peers:
        side.send(*numbered(1, messages), peer=peer)
    side.time.seconds += 7200
    await side.sync()
    side.time.seconds += 11


def verified(side: Side) -> dict[str, int]:
    """Since when each conversation is verified."""
    with closing(sqlite3.connect(side.path)) as database:
        found = database.execute(
            "SELECT conversation_id, coalesce(verified_at, 0)"
            " FROM audit JOIN conversation USING (conversation)"
        )
        return dict(found.fetchall())


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


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("peers", "most"), [(2, 10), (3, 12)])
async def test_passes_come_to_their_ends(side: Side, seed: int, peers: int, most: int) -> None:
    """Laws 2 and 11: a place further down is begun where there are pages left to prove an end, and
    no other takes them; the first pass over five pages each takes no more cycles than places."""
    side.seed = seed
    await pulled(side, PEERS[:peers], messages=45)
    before, cycles = verified(side), 0
    async with side.engine(audit_pages=4) as engine:
        while any(at <= before[peer] for peer, at in verified(side).items()):
            cycles += 1
            report = await engine.sync()
            assert report.pages <= 4
            assert cycles <= most
            side.time.seconds += 11


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


async def test_a_fault_of_the_account_ends_the_cycle(side: Side) -> None:
    """Law 12: nothing more is begun with a token that is refused; the next cycle is as any other.
    What was under way is not lost: what it removed is counted (law 5)."""
    await pulled(side, PEERS[:2])
    for peer in PEERS[:2]:
        side.world.delete_messages(USER, peer, side.held(peer)[-5:-3], Kind.CHAT)
    await side.sync(audit_pages=16, retention_days=7.0)
    side.time.seconds += 11
    remote, answered = side.remote(), asyncio.Event()

    async def fail(conversation: str, start: str) -> None:
        if conversation == "carol":
            async with asyncio.timeout(20):
                await answered.wait()
            raise Unauthorized("no")

    async def note(conversation: str, start: str) -> None:
        if conversation == "bob":
            answered.set()

    remote.before, remote.after = fail, note
    async with side.engine(remote=remote, audit_pages=16, retention_days=7.0) as engine:
        report = await engine.sync()
    assert [problem.error for problem in report.errors] == ["Unauthorized"]
    assert report.messages_removed == 2
    assert side.held("bob") == side.served("bob")
    for _ in range(4):
        side.time.seconds += 11
        report = await side.sync(audit_pages=16, retention_days=7.0)
        assert report.errors == ()
    side.assert_same()


@pytest.mark.parametrize(
    ("bad", "fault", "settings"),
    [
        (("dave",), ServiceNotEnabled, {"audit_pages": 4}),
        (("dave",), ServiceNotEnabled, {"audit_pages": 16}),
        (("dave", "erin", "frank"), ServerFault, {"audit_pages": 16, "attempts": 1}),
    ],
)
async def test_broken_conversations_do_not_starve_the_others(
    side: Side, bad: Sequence[str], fault: type[RemoteError], settings: dict[str, Any]
) -> None:
    """Law 11: those that are read beside them, or after them, are verified all the same."""
    for peer in ("bob", "carol", *bad):
        side.send(*numbered(1, 5), peer=peer)
    side.time.seconds += 7200
    remote, broken = side.remote(), False

    async def fail(conversation: str, start: str) -> None:
        side.time.seconds += 0.05
        if broken and conversation in bad:
            raise fault("no")

    remote.before = fail
    async with side.engine(remote=remote) as engine:
        await engine.sync()
    before, broken, remote = verified(side), True, side.remote()
    remote.before = fail
    async with side.engine(remote=remote, **settings) as engine:
        for _ in range(12):
            side.time.seconds += 11
            await engine.sync()
    after = verified(side)
    assert {peer for peer in after if after[peer] > before[peer]} == {"bob", "carol"}


@pytest.mark.parametrize("pages", [4, 16])
async def test_rows_that_are_no_messages_are_passed_by_in_one_place(side: Side, pages: int) -> None:
    """Laws 11 and 13: only one conversation of a cycle goes beyond the budget to get past them,
    and each has its turn."""
    peers = [f"peer{number:02}" for number in range(6)]
    for peer in peers:
        side.send(*numbered(1, 5), peer=peer)
    side.time.seconds += 7200
    await side.sync()
    row = pb.Meta(id=7, ns=5).SerializeToString()
    for peer in peers:
        for _ in range(40):
            side.world.add_row(peer, USER, Kind.CHAT, row)
    side.time.seconds += 7200
    for _ in range(3):
        await side.sync(page_size=4)
    before = verified(side)
    for _ in range(2 * len(peers)):
        side.time.seconds += 11
        report = await side.sync(page_size=4, audit_pages=pages)
        assert report.pages <= pages + 13
    after = verified(side)
    assert all(after[peer] > before[peer] for peer in peers)


@pytest.mark.parametrize("pages", [2, 4])
async def test_starts_that_are_refused_cost_a_pass_nothing(side: Side, pages: int) -> None:
    """Law 11: the newest page is read in their place, and the pass goes on from there."""
    await pulled(side, PEERS[:1], messages=80)
    remote, refusing, downs = side.remote(), False, [sweep_down(side)]

    async def refuse(conversation: str, start: str) -> None:
        if refusing and start:
            raise CursorExpired("next_key")

    remote.before = refuse
    async with side.engine(remote=remote, audit_pages=pages) as engine:
        for _ in range(40):
            await engine.sync()
            side.time.seconds += 11
            if sweep_down(side) != downs[-1]:
                downs.append(sweep_down(side))
                if refusing:
                    break
            refusing = len(downs) > 4
    assert len(downs) > 5
    assert downs[-1] is not None


def sweep_down(side: Side) -> int | None:
    """How far the pass over the only conversation came."""
    with closing(sqlite3.connect(side.path)) as database:
        (down,) = database.execute("SELECT sweep_down FROM audit").fetchone()
    return None if down is None else int(down)
