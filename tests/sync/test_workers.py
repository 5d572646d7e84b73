"""Who works on a conversation, and what becomes of what is done at the same time."""

import asyncio

import pytest

from syncengine.models import ConversationKey, Kind
from syncengine.sync.tally import Tally
from syncengine.sync.workers import DEPTH_PHASE, HEAD_PHASE, Work, Workers, together

BOB = ConversationKey("bob", Kind.CHAT)
CAROL = ConversationKey("carol", Kind.CHAT)


async def test_one_that_is_alone_waits_for_the_worker_and_puts_off_what_comes_meanwhile() -> None:
    """Law 11: a page is read again neither while the cycle reads from that conversation, nor
    in place of what is to be read there."""
    order: list[str] = []
    go_on = asyncio.Event()

    async def step(work: Work) -> None:
        order.append(f"{work.key.conversation_id} {work.phase}")
        await go_on.wait()

    workers = Workers(2, step, Tally())

    async def cycle() -> None:
        workers.put(BOB, HEAD_PHASE)
        await asyncio.sleep(0)
        go_on.set()
        async with workers.alone(BOB):
            order.append("alone")
            workers.put(BOB, HEAD_PHASE)
            workers.put(CAROL, HEAD_PHASE)
            await workers.join()
            order.append("carol done")
        await workers.join()

    await workers.run(cycle())
    assert order == [
        f"bob {HEAD_PHASE}",
        "alone",
        f"carol {HEAD_PHASE}",
        "carol done",
        f"bob {DEPTH_PHASE}",
    ]


async def test_those_who_want_to_be_alone_take_turns() -> None:
    """No two of them read from one conversation at the same time."""
    workers = Workers(0, lambda work: asyncio.sleep(0, None), Tally())
    inside: list[int] = []

    async def visit(number: int) -> int:
        async with workers.alone(BOB):
            inside.append(number)
            for _ in range(3):
                await asyncio.sleep(0)
            assert inside == [number]
            inside.clear()
        return number

    assert await together(*(visit(number) for number in range(4))) == [0, 1, 2, 3]


async def test_the_first_error_ends_what_is_done_beside() -> None:
    """It is raised, and nothing goes on behind the back of who waits."""
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def failing() -> None:
        await asyncio.sleep(0)
        raise LookupError("it is not there")

    with pytest.raises(LookupError):
        await together(endless(), failing())
    assert ended == ["endless"]
    assert await together() == []
