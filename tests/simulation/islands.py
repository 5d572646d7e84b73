"""Acts that leave messages here and there, and then take away what is newest, or show what was."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from syncengine import ConversationKey, SyncEngine, SyncEngineError
from tests.simulation.acts import Acts
from tests.simulation.devices import Device

FIRST_SEED = 3_000_000
"""Lives from here on know these acts: those before find again what they once found."""
_LAG_MS = 3_000_000
"""Nearly the hour that replicas are given."""


PATIENCE = 2 * 3_600.0
"""Seconds between the two reads that remove what is absent: longer than any lag here."""


def is_patient(device: Device) -> bool:
    """Whether no replica lags for as long as it waits before it believes an absence."""
    return device.config.confirm_absence_after >= PATIENCE


class Islands(Acts):
    """All acts, and these."""

    async def islands(self) -> None:
        """Somebody looks at newest pages, while more comes than they show. Then what is newest
        here is deleted elsewhere, or all replicas lag, while the device syncs."""
        device = self._device()
        engine = await self._online(device)
        key = self.random.choice(self.server.keys)
        for _ in range(self.random.randint(1, 3)):
            self.server.arrive_in(
                key, self.random.randint(2, 15), self.random.choice([0.001, 1, 60])
            )
            if self.random.random() < 0.2:
                self.server.import_some()
            self.server.time.seconds += self.random.choice([0, 1, 600, 3_600, 7_200])
            await device.run(self._look(device, engine, key))
        if is_patient(device) and self.random.random() < 0.6:
            with self._lagging():
                await self._cycles(device, engine, key)
        else:
            self._delete_newest(device, key)
            await self._cycles(device, engine, key)

    async def _look(self, device: Device, engine: SyncEngine, key: ConversationKey) -> None:
        await self._fetch_page(device, engine, key, "", self.random.choice([1, 2, 3, 10]))

    def _delete_newest(self, device: Device, key: ConversationKey) -> None:
        """As many as an island has, or a few more or less."""
        here = {shown.message_id for shown in device.look().get(key, [])}
        both = [str(m.message_id) for m in self.server.served(key) if str(m.message_id) in here]
        for message_id in both[-self.random.choice([1, 2, 3, 10, 12, 30]) :]:
            self.server.web_delete_one(key, message_id)

    async def _cycles(self, device: Device, engine: SyncEngine, key: ConversationKey) -> None:
        for _ in range(self.random.randint(1, 4)):
            self.server.time.seconds += self.random.choice([1, 11, 11, 60])
            device.link.begin()
            await device.run(self._sync(device, engine))
            if self.random.random() < 0.3:
                await device.run(self._scroll(device, engine, key))

    async def _scroll(self, device: Device, engine: SyncEngine, key: ConversationKey) -> None:
        held = [shown.message_id for shown in device.look().get(key, [])]
        start = self.random.choice([*held, ""])
        with suppress(SyncEngineError):
            await self._fetch_page(device, engine, key, start, self.random.choice([2, 5, 10]))

    @contextmanager
    def _lagging(self) -> Iterator[None]:
        """No replica is up to date."""
        usual = self.server.switches
        self.server.switch(replicas=1_000_000, replica_lag_ms=_LAG_MS)
        yield
        self.server.switch(replicas=usual.replicas, replica_lag_ms=usual.replica_lag_ms)
