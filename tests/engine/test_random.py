"""Random histories against the whole engine: whatever happens, nothing is missed.

A failing seed is printed in the test's name; `pytest "tests/engine/test_random.py" -k SEED`
repeats it.
"""

import os
from random import Random

import pytest

from syncengine import Kind, State
from syncengine.emulator import Switches, World
from syncengine.store.database import connect_inline
from tests.harness import USER, Side

CORPUS = (120, 140, 305, 428, 494, 1169, 1216, 1375, 1588, 2025)
"""Seeds that once found a fault."""
SEEDS = sorted(
    {*range(int(os.environ.get("RANDOM_START", "0")), int(os.environ.get("RANDOM_END", "60")))}
    | {*CORPUS}
)
PEERS = ("bob", "carol", "dave")


class Life:
    """What happens to one account, drawn from a seed."""

    def __init__(self, side: Side, seed: int) -> None:
        self.random = Random(seed)
        self.side = side
        side.seed = seed
        side.connect = connect_inline  # no threads: the seed decides everything
        side.page_size = self.random.choice([2, 3, 7, 49])
        world = World(seed=seed, clock=side.time.now, switches=self._switches())
        for name in (USER, *PEERS):
            world.add_user(name)
        side.serve(world)
        # A stale replica is told from a fresh one by the clock: not both go wrong at once.
        self.clock_errors = [0] if world.switches.replicas > 1 else [0, 0, 0, 50_000]
        self.sent = 0
        self.deleted: set[str] = set()
        """Deleted on another device: what is held of these may stay."""
        self.buried: set[str] = set()
        """Deleted here: never to be seen again."""

    def _switches(self) -> Switches:
        return Switches(
            start_gone=self.random.choice(["nothing", "head", "honour"]),
            full_page_is_last=self.random.random() < 0.3,
            replicas=self.random.choice([1, 1, 2]),
            replica_lag_ms=2_000,
        )

    async def step(self) -> None:
        """One thing happens."""
        actions = (
            self.arrive,
            self.arrive,
            self.interrupt,
            self.sync,
            self.delete,
            self.wait,
            self.delete_here,
        )
        await self.random.choice(actions)()
        await self.see_nothing_buried()

    async def arrive(self) -> None:
        """Messages, sometimes with a clock that runs backwards."""
        peer = self.random.choice(PEERS)
        for _ in range(self.random.randint(1, 30)):
            self.sent += 1
            at = self.side.time.now() - self.random.choice(self.clock_errors)
            self.side.world.send(peer, USER, Kind.CHAT, f"m{self.sent}", at=at)
            self.side.time.seconds += self.random.choice([0.001, 1])

    async def delete(self) -> None:
        """Another device deletes some of alice's messages."""
        peer = self.random.choice(PEERS)
        served = self.side.served(peer)
        gone = self.random.sample(served, min(len(served), self.random.randint(0, 4)))
        self.side.world.delete_messages(USER, peer, gone, Kind.CHAT)
        self.deleted |= set(gone)

    async def delete_here(self) -> None:
        """Alice deletes some of what she sees, or all of a conversation, perhaps offline."""
        peer = self.random.choice(PEERS)
        seen = await self.seen(peer)
        if not seen:
            return
        async with self.side.engine(online=self.random.random() < 0.5) as engine:
            if self.random.random() < 0.3:
                # What a lagging replica shows of the rest later may stay, as long as
                # nothing compares it with the server again.
                self.deleted |= set(self.side.served(peer))
                await engine.delete_remote_conversation(peer, "chat")
                self.buried |= set(seen)
            else:
                some = self.random.sample(seen, min(len(seen), 3))
                await engine.delete_remote_messages_with_ids(peer, "chat", some)
                self.buried |= set(some)
            if engine.state is not State.OFFLINE:
                await engine.deliver()

    async def seen(self, peer: str) -> list[str]:
        """What a read of a conversation shows."""
        async with self.side.engine(online=False) as engine:
            found = await engine.reader.messages(peer, "chat", limit=1000)
            return [message.message_id for message in found.messages]

    async def see_nothing_buried(self) -> None:
        """Law 4: what was deleted here is never visible here again."""
        for peer in PEERS:
            assert not self.buried & set(await self.seen(peer))

    async def wait(self) -> None:
        """The replicas catch up."""
        self.side.time.seconds += 10

    async def interrupt(self) -> None:
        """A pull is cut off after some pages."""
        enough = self.random.randint(1, 8)
        async with self.side.engine(fetchers=self.random.choice([1, 3])) as engine:
            import asyncio

            def look(progress: object) -> None:
                if getattr(progress, "pages", 0) >= enough:
                    task.cancel()

            task = asyncio.create_task(engine.sync(progress=look))
            await asyncio.gather(task, return_exceptions=True)

    async def sync(self) -> None:
        """A whole cycle, perhaps through a bad network."""
        self.side.fail(self.random.choice(["none", "none", "flaky", "repeat"]))
        await self.side.sync()
        self.side.fail("none")


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_nothing_is_missed(side: Side, seed: int) -> None:
    """Laws 2, 3, 4, 8 and 13: what the server has is held, in its order, with no gap left;
    what was deleted here is gone, there too."""
    life = Life(side, seed)
    for _ in range(life.random.randint(3, 14)):
        await life.step()
    side.time.seconds += 7200  # young messages may be on some replicas only
    for _ in range(6):
        side.time.seconds += 11  # doubts are settled by a second look, some seconds later
        report = await side.sync()
    assert report.errors == ()
    assert report.gaps_open == 0
    for listed in side.world.conversations(USER):
        peer = listed.entry.key.conversation_id
        side.picture(peer)
        served = side.served(peer)
        assert [m for m in side.held(peer) if m in served or m not in life.deleted] == served
        assert not life.buried & set(side.served(peer))
