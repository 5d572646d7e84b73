"""How every run ends: all faults stop, everything is audited, and the final oracles look."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from syncengine import Config, Verification
from tests.harness import VirtualTime, dump
from tests.simulation import oracles
from tests.simulation.devices import Device
from tests.simulation.server import Server
from tests.simulation.trace import Violation

ROUNDS = 5
"""Of audits. One device's late deletion is another's news."""
SETTLING = 2
"""More audits that may be needed until nothing is news any more."""
_FREE = {"account", "audit"}
"""Tables in which an idle sync may write: when was what last done."""


async def end_well(server: Server, devices: Sequence[Device], time: VirtualTime) -> None:
    """Faults stop, time passes, and what is called whole equals the server's view."""
    server.trace.step("the end")
    _calm(server, devices)
    time.seconds += 2 * 3_600  # young messages may be on some replicas only
    for device in devices:
        await _reopen(device)
    await _unaccepted(server.random.choice(devices), time)
    left: list[Violation] = []
    for _ in range(ROUNDS):
        left = [violation for device in devices for violation in await _round(device, time)]
        if not left:
            break
    if left:
        raise left[0]
    for device in devices:
        oracles.check_ledger(device)
        await _idle(device, time)


def _calm(server: Server, devices: Sequence[Device]) -> None:
    server.fail("none")
    server.switch(roaming="enabled")
    for device in devices:
        device.link.online = True
        device.link.surprises = device.link.cursors_refused = 0


async def _reopen(device: Device) -> None:
    """With a network, whatever it was, and no more patience than usual."""
    await device.close()
    device.config = evolve(device.config, confirm_absence_after=Config().confirm_absence_after)
    device.link.begin()
    await device.run(device.open())
    assert device.engine is not None
    await device.run(device.engine.sync())
    oracles.check_step(device)


async def _unaccepted(device: Device, time: VirtualTime) -> None:
    """Law 10: what a full audit finds and may not remove is reported."""
    engine = device.engine
    assert engine is not None
    time.seconds += 11
    device.link.begin()
    found: list[Verification] = []

    async def verify() -> None:
        found.append(await engine.verify())

    await device.run(verify())
    oracles.check_step(device)
    oracles.check_report(device, found[0].held_back, found[0].errors)
    oracles.check_verified(device, found[0].held_back + found[0].suspects)


async def _round(device: Device, time: VirtualTime) -> list[Violation]:
    await _verify(device, time)
    assert device.engine is not None
    listed = await device.engine.load_all_conversations()
    violation = oracles.converged(device, listed)
    return [] if violation is None else [violation]


async def _verify(device: Device, time: VirtualTime) -> None:
    """A full audit; a person agrees to whatever it finds."""
    assert device.engine is not None
    time.seconds += 11
    device.link.begin()
    device.books.accepting = True
    await device.run(device.engine.verify(accept=True))
    device.books.accept()
    oracles.check_step(device)


async def _idle(device: Device, time: VirtualTime) -> None:
    """Law 11, *idle is free*: a sync with nothing new writes its bookkeeping and no more."""
    words = ""
    for _ in range(SETTLING + 1):
        words = await _idle_sync(device, time)
        if not words:
            return
        await _verify(device, time)
    raise Violation("idle is free", f"{device.name}, {words}")


async def _idle_sync(device: Device, time: VirtualTime) -> str:
    assert device.engine is not None
    before = dump(device.path)
    time.seconds += 11
    device.link.begin()
    await device.run(device.engine.sync())
    oracles.check_step(device)
    return _difference(before, dump(device.path))


def _difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    for table in sorted(before.keys() | after.keys()):
        was, now = set(before.get(table, [])), set(after.get(table, []))
        if table not in _FREE and was != now:
            return f"{table}: {_rows(was - now)} became {_rows(now - was)}"
    return ""


def _rows(rows: set[tuple[Any, ...]]) -> list[list[Any]]:
    """Without the messages' bytes."""
    return [[value for value in row if not isinstance(value, bytes)] for row in rows]
