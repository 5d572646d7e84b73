"""What a person does with their devices."""

import asyncio
from contextlib import suppress
from typing import Any

from syncengine import ConversationKey, SyncEngine, SyncEngineError
from syncengine.errors import StoreError
from tests.simulation import oracles
from tests.simulation.deleting import Deleting
from tests.simulation.devices import Device


class Acts(Deleting):
    """All acts. Each takes a device by chance."""

    # Syncing

    async def sync(self) -> None:
        """One device syncs."""
        device = self._device()
        engine = await self._online(device)
        self._say(device, "sync")
        await device.run(self._sync(device, engine))

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

    async def edit_while_reading(self) -> None:
        """Pages are asked for at the same time, change meanwhile, and come in any order."""
        device = self._device()
        engine = await self._online(device)
        key = self.random.choice(self.server.keys)

        async def reads() -> None:
            for _ in range(3):
                self.server.edit_newest(key)
                self.server.time.seconds += 0.01
                await self._fetch_page(device, engine, key, "", 20)

        async def both() -> None:
            await asyncio.gather(reads(), reads())

        device.books.late = 60
        await device.run(both())
        device.books.late = 0
        device.books.edits.clear()

    async def fetch_below_the_dead(self) -> None:
        """Somebody scrolls up from a message that is gone, while others write."""
        device = self._device()
        engine = await self._online(device)
        key = self._held(device)
        if key is not None:
            start = device.shown_ids(key)[-1]
            self.server.web_delete_one(key, start)
            self.server.arrive_in(key, 3)
            await device.run(self._fetch_page(device, engine, key, start, 2))

    async def _fetch_page(
        self, device: Device, engine: SyncEngine, key: ConversationKey, start: str, size: int
    ) -> None:
        self._say(device, f"fetches {key} below {start!r}, {size}")
        with suppress(SyncEngineError):
            await engine.fetch_history_messages(
                key.conversation_id, key.kind, page_size=size, start_message_id=start
            )

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
