"""What a person asks to be deleted, and what becomes of it."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from syncengine import ConversationKey, SyncEngine
from syncengine.errors import ConfigError
from tests.simulation import oracles
from tests.simulation.books import Wish
from tests.simulation.devices import Device
from tests.simulation.server import Server

DAY_MS = 86_400_000


class Deleting:
    """Each act takes a device by chance."""

    def __init__(self, random: Random, server: Server, devices: list[Device]) -> None:
        self.random = random
        self.server = server
        self.devices = devices

    def _say(self, device: Device, words: str) -> None:
        self.server.trace.step(f"    {device.name}: {words}")

    def _device(self) -> Device:
        return self.random.choice(self.devices)

    async def _opened(self, device: Device, *, online: bool = True) -> SyncEngine:
        """Its engine; one that is open stays as it is."""
        if device.engine is None:
            await device.run(device.open(online=online))
        assert device.engine is not None
        return device.engine

    async def _online(self, device: Device) -> SyncEngine:
        engine = await self._opened(device)
        if engine._remote is None:
            await device.close()
            engine = await self._opened(device)
        return engine

    async def _sync(self, device: Device, engine: SyncEngine) -> None:
        report = await engine.sync()
        errors = sorted({problem.error for problem in report.errors})
        self._say(device, f"{report.requests} requests, {report.messages_added} new, {errors}")
        oracles.check_report(device, report.held_back, report.errors)

    async def delete_ids(self) -> None:
        """Some messages that a device shows are deleted there; now and then unknown ones."""
        await self._deleting(self._ask_ids)

    async def delete_before(self) -> None:
        """Everything up to a time, also one in the future."""
        await self._deleting(self._ask_before)

    async def delete_conversation(self) -> None:
        """A conversation, with its messages or without."""
        await self._deleting(self._ask_conversation)

    async def _deleting(self, ask: Any) -> None:
        device = self._device()
        engine = await self._opened(device, online=self.random.random() < 0.7)
        await device.run(ask(device, engine))
        if engine._remote is not None and self.random.random() < 0.4:
            await device.run(engine.deliver())

    async def _ask_something(self, device: Device, engine: SyncEngine) -> None:
        asks = (self._ask_ids, self._ask_before, self._ask_conversation)
        await self.random.choice(asks)(device, engine)

    async def delete_late(self) -> None:
        """A deletion is asked for; it is sent when others have written again."""
        device = self._device()
        engine = await self._opened(device, online=False)
        await device.run(self._ask_something(device, engine))
        self.server.time.seconds += self.random.choice([1, 60, 3_600])
        for key in sorted({asked.key for asked in device.asked[-1:]}):
            self.server.arrive_in(key, self.random.randint(1, 3))
        if self.random.random() < 0.7:
            engine = await self._online(device)
            await device.run(engine.deliver())

    def _held(self, device: Device) -> ConversationKey | None:
        keys = sorted(device.screen)
        return self.random.choice(keys) if keys else None

    async def _ask_ids(self, device: Device, engine: SyncEngine) -> None:
        key = self._held(device)
        if key is None:
            return
        ids = device.shown_ids(key)
        some = self.random.sample(ids, min(len(ids), self.random.randint(1, 4)))
        if self.random.random() < 0.2:
            some += [str(m.message_id) for m in self.server.served(key)[-2:]]
        self._say(device, f"deletes in {key}: {' '.join(some)}")
        await self._ask(
            device,
            "messages",
            key,
            some,
            None,
            engine.delete_remote_messages_with_ids(key.conversation_id, key.kind, some),
        )

    async def _ask_before(self, device: Device, engine: SyncEngine) -> None:
        key = self._held(device)
        if key is None:
            return
        times = [message.timestamp for message in device.screen[key]]
        at = self.random.choice([*times, self.server.world.now() + DAY_MS])
        self._say(device, f"deletes up to {at} in {key}")
        await self._ask(
            device,
            "before",
            key,
            (),
            at,
            engine.delete_remote_messages_before(key.conversation_id, key.kind, at),
        )

    async def _ask_conversation(self, device: Device, engine: SyncEngine) -> None:
        key = self._held(device)
        if key is None:
            return
        whole = self.random.random() < 0.7
        self._say(device, f"deletes {key}, messages too: {whole}")
        await self._ask(
            device,
            "conversation",
            key,
            (),
            1 << 62 if whole else None,
            engine.delete_remote_conversation(key.conversation_id, key.kind, delete_messages=whole),
        )

    async def _ask(
        self,
        device: Device,
        what: str,
        key: ConversationKey,
        ids: Any,
        until: int | None,
        call: Coroutine[Any, Any, None],
    ) -> None:
        """Make the call, and write down what it took."""
        oracles.check_step(device)  # what it shows at this moment
        before = device.last_intent()
        wishes = device.books.wishes
        bound = None if until is None else min(until, device.books.heard)
        wishes.append(Wish(key, frozenset(ids), bound))
        try:
            await call
        except ConfigError as error:
            wishes.pop()
            self._say(device, f"refused: {error}")
            return
        device.note_asked(what, key, before, ids)
        oracles.check_asked(device, key, until)

    async def delete_while_syncing(self) -> None:
        """A deletion in the middle of a sync."""
        device = self._device()
        engine = await self._online(device)
        self._say(device, "syncs, and meanwhile")

        async def asks() -> None:
            for _ in range(self.random.randint(0, 60)):
                await asyncio.sleep(0)
            await self._ask_something(device, engine)

        async def both() -> None:
            await asyncio.gather(self._sync(device, engine), asks())

        await device.run(both())

    async def decide_refused(self) -> None:
        """A person gives up what the server refused, or tries it again."""
        device = self._device()
        refused = sorted(device.refused())
        if not refused:
            return
        engine = await self._opened(device)
        number = self.random.choice(refused)
        again = self.random.random() < 0.5
        self._say(device, f"intent {number}: {'again' if again else 'dropped'}")
        if again:
            await device.run(engine.retry_intents([number]))
            return
        await device.run(engine.drop_intents([number]))
        for asked in device.asked:
            if number in asked.numbers:
                asked.dropped = True
