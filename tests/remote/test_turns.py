"""Work that holds the event loop goes one at a time."""

import asyncio

from syncengine.remote.turns import Turns


async def test_between_two_turns_everything_else_gets_its_own() -> None:
    """Law 9: while many answers are decoded, a read that is ready waits for one of them."""
    turns, order = Turns(), list[str]()

    async def decode(name: str) -> None:
        await turns.take()
        order.append(name)

    async def read() -> None:
        for _ in range(3):
            order.append("read")
            await asyncio.sleep(0)

    await asyncio.gather(*(decode(f"page {n}") for n in range(4)), read())
    pages = [index for index, name in enumerate(order) if name != "read"]
    assert [order[index] for index in pages] == [f"page {n}" for n in range(4)]
    assert order.index("read") < pages[1]
    assert order[pages[1] + 1] == "read" or order[pages[1] - 1] == "read"


async def test_one_who_gives_up_waiting_takes_nobodys_turn() -> None:
    """A fetch that is cancelled while it waits leaves the way free."""
    turns, order = Turns(), list[str]()

    async def decode(name: str) -> None:
        await turns.take()
        order.append(name)

    tasks = [asyncio.create_task(decode(name)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await decode("d")
    assert order == ["a", "c", "d"]
