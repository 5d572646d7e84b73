"""What a person does with their devices."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from syncengine import ConversationKey, SyncEngine, SyncEngineError
from syncengine.errors import ConfigError, StoreError
from tests.simulation import oracles
from tests.simulation.books import Wish
from tests.simulation.devices import Device
from tests.simulation.server import Server

DAY_MS = 86_400_000


class Acts:
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

    # Syncing

    async def sync(self) -> None:
        """One device syncs."""
        device = self._device()
        engine = await self._online(device)
        self._say(device, "sync")
        await device.run(self._sync(device, engine))

    async def _sync(self, device: Device, engine: SyncEngine) -> None:
        report = await engine.sync()
        errors = sorted({problem.error for problem in report.errors})
        self._say(device, f"{report.requests} requests, {report.messages_added} new, {errors}")
        oracles.check_report(device, report.held_back, report.errors)

    async def sync_all(self) -> None:
        """All sync at the same time."""
        engines = [(device, await self._online(device)) for device in self.devices]

        async def together() -> None:
            await asyncio.gather(*(self._sync(*each) for each in engines))

        self.server.trace.step("    all sync")
        await self.devices[0].run(together())
        for device in self.devices:
            device.link.check()

    async def interrupt(self) -> None:
        """A sync is cut off in an orderly way after some pages."""
        device = self._device()
        engine = await self._online(device)
        enough = self.random.randint(1, 8)
        self._say(device, f"sync, stopped after {enough} pages")

        async def stopped() -> None:
            def look(progress: Any) -> None:
                if progress.pages >= enough:
                    task.cancel()

            task = asyncio.create_task(engine.sync(progress=look))
            await asyncio.gather(task, return_exceptions=True)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                raise error

        await device.run(stopped())

    async def verify(self) -> None:
        """A full audit, in the middle of life; now and then a person agrees to all of it."""
        device = self._device()
        await self._verify(device, accept=self.random.random() < 0.2)

    async def _verify(self, device: Device, *, accept: bool = False) -> None:
        engine = await self._online(device)
        self._say(device, f"verify, accept: {accept}")

        async def verify() -> None:
            found = await engine.verify(accept=accept)
            oracles.check_report(device, found.held_back, found.errors)

        device.books.accepting = accept
        await device.run(verify())
        if accept:
            device.books.accept()

    async def bites(self) -> None:
        """The web client deletes a little of a large conversation, again and again."""
        device = self._device()
        for _ in range(self.random.randint(2, 5)):
            self.server.bite()
            device.link.begin()
            await self._verify(device)

    async def undone(self) -> None:
        """What somebody deleted, and was noticed, comes back with a backup."""
        device = self._device()
        self.server.back_up()
        self.server.web_delete()
        await self._verify(device)
        self.server.restore()
        device.link.begin()
        await self._verify(device)

    async def read_while_syncing(self) -> None:
        """Pages are asked for at the same time, change meanwhile, and come in any order."""
        device = self._device()
        engine = await self._online(device)
        device.books.late = 60

        async def edits() -> None:
            for _ in range(4):
                for _ in range(15):
                    await asyncio.sleep(0)
                self.server.edit()
                await self._fetch(device, engine)

        async def both() -> None:
            await asyncio.gather(self._sync(device, engine), edits(), edits())

        await device.run(both())
        device.books.late = 0

    async def flurry(self) -> None:
        """Messages come, into the past too, and are read at once by all sorts of replicas."""
        device = self._device()
        engine = await self._online(device)
        key = self.random.choice(self.server.keys)
        for _ in range(self.random.randint(1, 2)):
            if self.random.random() < 0.5:
                self.server.import_some()
            else:
                self.server.arrive_in(key, 2)
            for _ in range(self.random.randint(1, 3)):
                await device.run(self._sync(device, engine))
                await device.run(self._fetch(device, engine))
                self.server.time.seconds += self.random.choice([0, 0.3, 1])

    async def deliver(self) -> None:
        """One device sends its deletions."""
        device = self._device()
        engine = await self._online(device)
        self._say(device, "deliver")
        await device.run(engine.deliver())

    # Dying

    async def die(self) -> None:
        """A device dies in the middle of something, or of being opened."""
        device = self._device()
        after = int(self.random.paretovariate(0.5) * 3) % 400 + 1
        self._say(device, f"is to die after {after} points")
        before = device.last_intent()
        await device.run(self._busy(device), die_after=after)
        if device.last_intent() > before:
            await self._note_durable(device, before)

    async def _note_durable(self, device: Device, before: int) -> None:
        """It died after its wish was stored, perhaps before the call returned."""
        if not any(n > before for asked in device.asked for n in asked.numbers):
            found = device.query(
                "SELECT conversation_id, c.kind FROM intent JOIN conversation c"
                " USING (conversation) WHERE intent > ? AND asked_at > 0 LIMIT 1",
                before,
            )
            for name, kind in found:
                device.note_asked("dying", ConversationKey(name, kind), before, ())

    async def _busy(self, device: Device) -> None:
        if device.engine is None:
            await device.open()
        engine = device.engine
        assert engine is not None
        if engine._remote is None:
            return
        if self.random.random() < 0.4:
            await self._ask_something(device, engine)
        await engine.sync()

    async def restart(self) -> None:
        """A device's program ends, or begins."""
        device = self._device()
        if device.engine is not None:
            self._say(device, "closes")
            await device.close()
        else:
            online = self.random.random() < 0.7
            self._say(device, f"opens, with a remote: {online}")
            await self._opened(device, online=online)

    async def network(self) -> None:
        """A device loses its network, or finds it."""
        device = self._device()
        device.link.online = not device.link.online
        self._say(device, f"network: {device.link.online}")

    # Reading

    async def read(self) -> None:
        """Somebody looks at the conversations and scrolls."""
        device = self._device()
        engine = await self._opened(device, online=self.random.random() < 0.7)
        key = self.random.choice(self.server.keys)
        buried = device.buried()
        for conversation in await engine.load_all_conversations():
            oracles.check_preview(device, conversation, buried)
        found = await engine.reader.messages(key.conversation_id, key.kind, limit=5)
        oracles.check_slice(device, key, found)

    async def fetch(self) -> None:
        """Somebody asks the server for one page."""
        device = self._device()
        engine = await self._online(device)
        await device.run(self._fetch(device, engine))

    async def _fetch(self, device: Device, engine: SyncEngine) -> None:
        key = self.random.choice(self.server.keys)
        known = [*device.shown_ids(key), *(str(m.message_id) for m in self.server.served(key)), ""]
        start = self.random.choice(known)
        size = self.random.choice([1, 2, 5, 20])
        what = self.random.choice(["history", "history", "list", "lists"])
        self._say(device, f"fetches {what}: {key} below {start!r}, {size}")
        try:
            if what == "history":
                await engine.fetch_history_messages(
                    key.conversation_id, key.kind, page_size=size, start_message_id=start
                )
            elif what == "list":
                await engine.fetch_conversation_list_from_server(1, size)
            else:
                await engine.get_conversations_from_server()
        except StoreError:
            raise
        except SyncEngineError as error:
            self._say(device, f"{type(error).__name__}")

    # Deleting

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
