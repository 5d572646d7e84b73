"""While the window is open it asks for news by itself, and leaves that to who does it already."""

import asyncio
from contextlib import ExitStack
from time import monotonic

import pytest

from syncengine import Report, ServerFault, Unauthorized, Unreachable, WriterLock
from syncengine.models import SummaryPage
from syncengine.reports import Problem
from syncengine.tui.polling import Polling
from tests.harness import USER, Side, WatchedRemote, numbered
from tests.tui.driving import EAGER, Person, browsing


def report(*errors: Problem, added: int = 0) -> Report:
    """Of a cycle that ended."""
    return Report(1, 0, added, 0, 0, 0, 0.1, errors)


class Unplugged(WatchedRemote):
    """The way to a server, with the cable out."""

    plugged = False

    async def fetch_summaries(self, cursor: str = "", *, limit: int = 50) -> SummaryPage:
        """The list, once the cable is in."""
        if not self.plugged:
            raise Unreachable("no network")
        return await super().fetch_summaries(cursor, limit=limit)


def unplugged(side: Side) -> Unplugged:
    """Alice's, for now."""
    return Unplugged(
        "http://127.0.0.1:1",
        app_key=side.world.app_key,
        user=USER,
        password=USER,
        transport=side.emulator.transport,
        now=side.time.now,
    )


async def is_due(polling: Polling, within: float) -> bool:
    """Whether there is a turn in so many seconds, that nobody asked for."""
    try:
        return not await asyncio.wait_for(polling.wait(), within)
    except TimeoutError:
        return False


async def test_news_come_in_by_themselves(side: Side) -> None:
    """Nobody presses a key: what a friend writes now is in the open conversation soon."""
    side.send(*numbered(1, 3))
    async with browsing(side, sync=True, pace=EAGER) as person:
        await person.sees("3 new messages")
        await person.open()
        for number in (4, 5):
            side.send(f"m{number}")
            await person.until(lambda: len(person.texts) == number)  # noqa: B023 - awaited here
        await person.sees("1 new message", "online")


async def test_a_sync_that_nobody_asked_for_takes_no_words_away(side: Side) -> None:
    """What the window said last stays, until there is something new to say."""
    side.send(*numbered(1, 3))
    async with browsing(side, sync=True, pace=EAGER) as person:
        await person.sees("3 new messages")
        await person.press("u")
        await person.sees("nothing to undo")
        asked = side.emulator.counters.requests["list"]
        await person.until(lambda: side.emulator.counters.requests["list"] > asked + 3)
        assert "nothing to undo" in person.status


async def test_a_server_that_comes_back_is_found_without_a_key(side: Side) -> None:
    """Away, it is asked now and then; back, the window says so and goes on."""
    side.send("m1")
    remote = unplugged(side)
    async with browsing(side, remote=remote, sync=True, pace=EAGER) as person:
        await person.sees("server not reached", "no network")
        remote.plugged = True
        await person.sees("online", "1 new message")
        assert not person.app.standing.wrong


async def test_another_program_that_syncs_the_file_is_followed(side: Side) -> None:
    """Law 9: the window asks nothing while the other has the lock, shows what that one writes,
    and goes on itself when it is gone."""
    side.send("m1")
    await side.sync()
    lock = WriterLock(side.path, program="another")
    with ExitStack() as others:
        others.enter_context(lock.held())
        async with browsing(side, sync=True, pace=EAGER) as person:
            await person.sees("another program syncs it")
            assert (person.app.standing.note, person.app.standing.hint) == ("", "")
            await person.open()
            side.send("m2")
            async with side.engine(lock=lock) as other:
                await other.sync()
            await person.until(lambda: person.texts == ["m1", "m2"])
            await person.sees("another program syncs it")
            others.close()
            side.send("m3")
            await person.until(lambda: person.texts == ["m1", "m2", "m3"])
            await person.sees("online")


async def test_what_can_be_undone_is_not_sent_by_a_sync_of_the_windows_own(side: Side) -> None:
    """Law 8: a deletion has its whole time; only a sync that a person asks for is sooner."""
    side.send(*numbered(1, 3))
    async with browsing(side, sync=True, pace=EAGER) as person:
        await person.sees("3 new messages")
        await person.open()
        await delete(person)
        side.send("m4")
        end = monotonic() + 10 * EAGER.ceiling
        await person.until(lambda: monotonic() > end)
        assert len(side.world.history(USER, "bob", "chat")) == 4
        await person.press("u")
        await person.sees("undone")
        await delete(person)
        await person.press("s")
        await person.until(lambda: len(side.world.history(USER, "bob", "chat")) == 3)


async def delete(person: Person) -> None:
    """The message under the cursor."""
    await person.press("d")
    await person.sees("Delete this message?")
    await person.press("y")
    await person.sees("1 deletion to send")


async def test_a_refusal_is_not_tried_again_by_itself() -> None:
    """A wrong password stays wrong: only a person asks again."""
    polling = Polling(EAGER)
    polling.ended(report(Problem(Unauthorized.__name__, "refused", "check it")))
    assert not await is_due(polling, within=0.3)
    polling.ask()
    assert await polling.wait()
    polling.failed(ServerFault("down"))
    assert await is_due(polling, within=5)


@pytest.mark.parametrize("added", [0, 5])
async def test_without_a_pace_it_waits_for_a_key(added: int) -> None:
    """Whatever a sync brought, there is none by itself."""
    polling = Polling(None)
    polling.ended(report(added=added))
    assert not await is_due(polling, within=0.2)
    polling.ask()
    assert await polling.wait()
