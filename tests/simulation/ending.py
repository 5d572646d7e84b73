"""How every run ends: all faults stop, everything is audited, and the final oracles look."""

from collections.abc import Sequence
from typing import Any

from tests.harness import VirtualTime, dump
from tests.simulation import oracles
from tests.simulation.devices import HAS_VERIFY, Device
from tests.simulation.server import Server
from tests.simulation.trace import Violation

ROUNDS = 5
"""Of audits. One device's late deletion is another's news."""
SETTLING, IDLE = 2, 1
"""Syncs that may still write something, and those that may not."""
_FREE = {"account", "audit"}
"""Tables in which an idle sync may write: when was what last done."""


async def end_well(server: Server, devices: Sequence[Device], time: VirtualTime) -> None:
    """Faults stop, time passes, and what is called whole equals the server's view."""
    server.trace.step("the end")
    _calm(server, devices)
    time.seconds += 2 * 3_600  # young messages may be on some replicas only
    for device in devices:
        await _reopen(device)
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
    """With a network, whatever it was."""
    await device.close()
    device.link.begin()
    await device.run(device.open())
    assert device.engine is not None
    await device.run(device.engine.sync())
    device.server.observe()
    oracles.check_step(device)


async def _round(device: Device, time: VirtualTime) -> list[Violation]:
    device.link.begin()
    await device.run(_verify(device, time))
    device.server.observe()
    oracles.check_step(device)
    violation = oracles.converged(device)
    return [] if violation is None else [violation]


async def _verify(device: Device, time: VirtualTime) -> None:
    engine: Any = device.engine
    time.seconds += 11
    if HAS_VERIFY:
        device.accepted = True
        await engine.verify(accept=True)
        return
    for _ in range(3):
        time.seconds += 11  # doubts are settled by a second look, some seconds later
        report = await engine.sync()
    if report.errors:
        raise Violation("liveness", f"{device.name}: {report.errors}")


async def _idle(device: Device, time: VirtualTime) -> None:
    """Law 11, *idle is free*: a sync with nothing new writes its bookkeeping and no more.

    Some things are looked at a few times before they are settled, so a few may still write.
    """
    assert device.engine is not None
    paid: list[str] = []
    for _ in range(SETTLING + IDLE):
        before = dump(device.path)
        time.seconds += 11
        device.link.begin()
        await device.run(device.engine.sync())
        words = _difference(before, dump(device.path))
        if words:
            paid.append(words)
            await device.run(_verify(device, time))
        if len(paid) > SETTLING:
            raise Violation("idle is free", f"{device.name}, {paid}")


def _difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    for table in sorted(before.keys() | after.keys()):
        was, now = set(before.get(table, [])), set(after.get(table, []))
        if table not in _FREE and was != now:
            return f"{table}: {_rows(was - now)} became {_rows(now - was)}"
    return ""


def _rows(rows: set[tuple[Any, ...]]) -> list[list[Any]]:
    """Without the messages' bytes."""
    return [[value for value in row if not isinstance(value, bytes)] for row in rows]
