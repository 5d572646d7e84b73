"""A process that pulls and deletes at the same time, for ever.

`python -m tests.engine.deleting URL PATH` waits for a line with a seed, and says what it does
in lines of JSON: `asking` before each deletion is asked for, `asked` when the call has
returned. What is asked, and when, is drawn from the seed, from what was read so far.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Sequence
from random import Random
from typing import Any

from attrs import define, field

from syncengine import Config, Conversation, EasemobRemote, Message, Progress, SyncEngine

CONFIG = Config(page_size=20, fetchers=4, retention_days=36_500)
"""Nothing expires in a hundred years: what is missing was deleted."""


def say(did: str, **more: Any) -> None:
    """One line, out of this process before anything else happens."""
    print(json.dumps({"did": did, **more}), flush=True)


@define
class Life:
    """One life of the process: its pull, and the person who deletes meanwhile."""

    engine: SyncEngine
    random: Random
    asked: int = 0
    moved: asyncio.Event = field(factory=asyncio.Event)
    """Something was pulled: there may be something to delete."""
    looking: asyncio.Event = field(factory=asyncio.Event)
    """So there may be something to look at."""
    wanted: asyncio.Event = field(factory=asyncio.Event)
    """Something is to be delivered."""

    async def live(self) -> None:
        """Until somebody kills it."""
        if self.random.random() < 0.5:
            say("delivering")
            await self.engine.deliver()
        async with asyncio.TaskGroup() as tasks:
            for each in (self.pull(), self.scroll(), self.delete(), self.deliver()):
                tasks.create_task(each)

    async def pull(self) -> None:
        """Cycle after cycle."""
        while True:
            report = await self.engine.sync(progress=self._progress)
            say("cycle", errors=[problem.error for problem in report.errors])
            self.moved.set()

    def _progress(self, progress: Progress) -> None:
        say("page")
        self.moved.set()
        self.looking.set()

    async def scroll(self) -> None:
        """A person looks at what is there, page by page; no cycle knows of it."""
        while True:
            await self.looking.wait()
            self.looking.clear()
            conversation = self.random.choice(await self.engine.load_all_conversations())
            name, kind = conversation.conversation_id, conversation.kind
            held = await self._held(name, kind, 200, oldest=self.random.random() < 0.5)
            start = self.random.choice(held).message_id if held else ""
            await self.engine.fetch_history_messages(name, kind, start_message_id=start)
            say("scrolled")

    async def deliver(self) -> None:
        """In turn with the cycles."""
        while True:
            await self.wanted.wait()
            self.wanted.clear()
            delivery = await self.engine.deliver()
            say("delivered", settled=delivery.settled)

    async def delete(self) -> None:
        """One deletion after another, as fast as pages arrive."""
        while True:
            for _ in range(self.random.randint(1, 4)):
                await self.moved.wait()
                self.moved.clear()
            conversations = await self.engine.load_all_conversations()
            if conversations:
                await self._delete_in(self.random.choice(conversations))

    async def _delete_in(self, conversation: Conversation) -> None:
        name, kind = conversation.conversation_id, conversation.kind
        draw = self.random.random()
        if draw < 0.85:
            await self._some(name, kind)
        elif draw < 0.96:
            await self._oldest(name, kind)
        else:
            held = await self._held(name, kind, 10_000)
            delete = self.engine.delete_remote_conversation(name, kind)
            await self._ask("conversation", name, kind, held, delete)

    async def _some(self, name: str, kind: str) -> None:
        held = await self._held(name, kind, 200, oldest=self.random.random() < 0.5)
        some = self.random.sample(held, min(len(held), self.random.choice([1, 4, 60])))
        ids = [message.message_id for message in some]
        delete = self.engine.delete_remote_messages_with_ids(name, kind, ids)
        await self._ask("ids", name, kind, some, delete)

    async def _oldest(self, name: str, kind: str) -> None:
        held = await self._held(name, kind, self.random.randint(1, 20))
        if held:
            last = max(held, key=lambda message: message.timestamp)
            delete = self.engine.delete_remote_messages_before(name, kind, last.timestamp)
            await self._ask("before", name, kind, held, delete, last=last.message_id)

    async def _held(
        self, name: str, kind: str, limit: int, *, oldest: bool = True
    ) -> Sequence[Message]:
        """What was read so far, the oldest or the newest part of it."""
        found = await self.engine.reader.messages(name, kind, oldest=oldest, limit=limit)
        return found.messages

    async def _ask(
        self,
        call: str,
        name: str,
        kind: str,
        covered: Sequence[Message],
        delete: Awaitable[None],
        **more: str,
    ) -> None:
        self.asked += 1
        ids = [message.message_id for message in covered]
        say("asking", number=self.asked, call=call, name=name, kind=kind, ids=ids, **more)
        await delete
        say("asked", number=self.asked, at=time.time_ns() // 1_000_000)
        if self.random.random() < 0.3:
            self.wanted.set()


async def main(url: str, path: str) -> None:
    """Open alice's copy, and live."""
    seed = sys.stdin.readline()
    if not seed:
        return
    say("starting")
    remote = EasemobRemote(url, app_key="org#app", user="alice", password="alice")
    async with SyncEngine.open(path, remote, config=CONFIG) as engine:
        say("opened", pending=len(await engine.outbox()))
        await Life(engine, Random(seed)).live()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
