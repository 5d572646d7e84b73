"""What happens in one run, drawn from its seed."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from attrs import evolve

from tests.harness import VirtualTime
from tests.simulation import oracles
from tests.simulation.acts import Acts
from tests.simulation.devices import Device
from tests.simulation.ending import end_well
from tests.simulation.islands import FIRST_SEED, PATIENCE, Islands
from tests.simulation.server import Server
from tests.simulation.trace import Trace

Act = Callable[[], Awaitable[None]]

GENTLE = ("none", "none", "none", "flaky", "repeat", "drop-after", "drop-before", "truncated")
ROUGH = ("expired", "throttle", "throttle-after", "unavailable", "html", "latency")
HOSTILE = ("stuck", "huge", "not-base64", "bad-protobuf")
WAITS = (0.5, 2, 10, 11, 60, 3_600, 7_200, 86_400, 7 * 86_400)


class Life:
    """One account's life: a server, some devices, and steps."""

    def __init__(self, seed: int, folder: Path, trace: Trace) -> None:
        self.seed = seed
        self.random = Random(f"life {seed}")
        self.trace = trace
        self.time = VirtualTime()
        self.server = Server(self.random, self.time, trace)
        self.devices = [
            Device(number, folder, self.server, self.time, oracles.check_commit)
            for number in range(1, self.random.choice([1, 2, 2, 3]) + 1)
        ]
        if seed >= FIRST_SEED and self.server.switches.replicas > 1:
            for device in self.devices:
                device.config = evolve(device.config, confirm_absence_after=PATIENCE)
        surprises = self.random.choice([0, 0, 0.03, 0.15])
        for device in self.devices:
            device.link.surprises = surprises
        self._large = self.random.random() < 0.2
        self._acts = self._drawn_acts()

    def _drawn_acts(self) -> list[tuple[str, Act]]:
        """Each run knows some of the acts only, so that rare ones meet often enough."""
        acts = Islands(self.random, self.server, self.devices)
        table: list[tuple[int, Act]] = [
            (12, self.arrive),
            (10, acts.sync),
            (3, acts.sync_all),
            (4, acts.interrupt),
            (4, acts.die),
            (2, acts.restart),
            (2, acts.network),
            (3, acts.read),
            (3, acts.fetch),
            (4, acts.delete_ids),
            (3, acts.delete_before),
            (3, acts.delete_conversation),
            (2, acts.delete_while_syncing),
            (2, acts.deliver),
            (1, acts.decide_refused),
            (2, acts.verify),
            (5, self.wait),
            (4, self.bad_network),
            (1, self.hostile),
            (1, self.roaming),
            (1, self.refuse_cursors),
            (4, self.web(self.server.web_delete)),
            (1, self.web(self.server.web_delete_all)),
            (1, self.web(self.server.web_touch)),
            (2, self.web(self.server.by_server)),
            (2, self.web(self.server.import_some)),
            (1, self.web(self.server.add_row)),
            (3, self.web(self.server.edit)),
            (2, self.web(self.server.recall)),
            (2, self.web(self.server.back_up)),
            (1, self.restore),
            (3, acts.flurry),
            (3, acts.delete_late),
            (2, acts.bites),
            (1, acts.undone),
            (2, acts.edit_while_reading),
            (2, acts.fetch_below_the_dead),
            (2, self.outlive),
            (1, self.long_silence),
        ]
        if self.seed >= FIRST_SEED:
            table.append((8, acts.islands))
        drawn: list[tuple[str, Act]] = []
        for weight, act in table:
            often = weight * self.random.choice([0, 1, 1, 2])
            drawn += [(getattr(act, "__name__", "web"), act)] * often
        return drawn or [("arrive", self.arrive)]

    async def run(self) -> None:
        """Live it, and end it well."""
        try:
            await self.begin()
            for _ in range(self.random.randint(10, 25)):
                await self.step()
            if self.random.random() < (0.5 if self._large else 0.1):
                await self.loss()
            await end_well(self.server, self.devices, self.time)
        finally:
            for device in self.devices:
                await device.close()

    async def step(self) -> None:
        """One thing happens, and everybody looks."""
        name, act = self.random.choice(self._acts)
        self.trace.step(f"{name} at {self.time.now()}")
        for device in self.devices:
            device.link.begin()
        await act()
        self.time.seconds += self.random.choice([0, 0.001, 1])
        for device in self.devices:
            oracles.check_step(device)

    # What happens around the devices

    def web(self, act: Callable[[], None]) -> Act:
        """Something on the server, as a step."""

        async def step() -> None:
            act()

        step.__name__ = act.__name__
        return step

    async def begin(self) -> None:
        """Messages are there; in some lives many in one conversation."""
        await self.arrive()
        if self._large:
            self.server.arrive_in(self.server.keys[0], self.random.randint(60, 80))

    async def outlive(self) -> None:
        """An edited message outlives what came after it; that is noticed."""
        days = self.server.switches.retention_days
        if days:
            acts = Acts(self.random, self.server, self.devices)
            await acts.sync_all()
            self.time.seconds += days * 43_200
            for message in self.server.served(self.random.choice(self.server.keys))[:1]:
                self.server.world.edit(message.message_id, "kept")
            self.time.seconds += days * 64_800
            for device in self.devices:
                device.link.begin()
            await acts.verify()

    async def long_silence(self) -> None:
        """Messages come and expire unseen, and then others come."""
        days = self.server.switches.retention_days
        if days:
            await self.arrive()
            self.time.seconds += days * 86_400 - self.random.choice([60, 86_400])
            await self.arrive()
            self.time.seconds += 43_200

    async def arrive(self) -> None:
        """Messages come, in some conversations."""
        for _ in range(self.random.choice([1, 1, 2, 4])):
            self.server.arrive()

    async def wait(self) -> None:
        """Time passes; what is hidden by age is noticed."""
        seconds = self.random.choice(WAITS)
        self.time.seconds += seconds
        self.trace.step(f"    {seconds} s pass")

    async def bad_network(self) -> None:
        """From now on the server fails in some way, or does not any more."""
        profile = self.random.choice(GENTLE + ROUGH)
        self.server.fail(profile)
        self.trace.step(f"    faults: {profile}")

    async def hostile(self) -> None:
        """For one sync the server makes no sense."""
        profile = self.random.choice(HOSTILE)
        self.trace.step(f"    faults: {profile}")
        self.server.lied = True
        self.server.fail(profile)
        await Acts(self.random, self.server, self.devices).sync()
        self.server.fail("none")

    async def roaming(self) -> None:
        """History is switched off for the app, or on again."""
        modes = ["disabled-400", "disabled-403"]
        off = self.server.world.switches.roaming != "enabled"
        self.server.switch(roaming="enabled" if off else self.random.choice(modes))

    async def refuse_cursors(self) -> None:
        """Cursors of some pages are refused from now on, or are not any more."""
        share = self.random.choice([0, 0.2, 1.0])
        for device in self.devices:
            device.link.cursors_refused = share
        self.trace.step(f"    cursors refused: {share}")

    async def loss(self) -> None:
        """At the end very much is gone at once: nobody agreed to that (law 10)."""
        for device in self.devices:
            device.link.begin()
            await Acts(self.random, self.server, [device]).sync()
        self.random.choice([self.server.restore, self.server.web_delete_all])()

    async def restore(self) -> None:
        """The server loses what came after its backup."""
        self.server.restore()
