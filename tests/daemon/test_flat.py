"""A service that runs for long has what it had at first: descriptors, threads and memory.

`make test` lets it run for a thousand cycles and more; FLAT_CYCLES=10000 for so many:

    FLAT_CYCLES=10000 .venv/bin/python -m pytest tests/daemon/test_flat.py -s
"""

import asyncio
import gc
import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from syncengine.daemon import Pace, SyncService
from syncengine.store.database import connect_threaded
from tests.daemon.virtual import Machine, gone, run

ACCOUNTS = 4
WARM = 100
CYCLES = int(os.environ.get("FLAT_CYCLES") or 0)
GROWTH = 150_000
"""Bytes: about twice what Python's own pools and caches were seen to move by in thousands of
cycles; a report that is kept for each cycle is more."""


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def cycles(service: SyncService) -> int:
    return sum(account.cycles for account in service.accounts.values())


async def lived(machine: Machine, service: SyncService, number: int) -> None:
    """So many cycles, in the last of which a server was away for a while, and came back."""
    end = cycles(service) + number
    while cycles(service) < end:
        await asyncio.sleep(60)
        machine.line.asked.clear()
    machine.line.answer = gone
    await asyncio.sleep(300)
    machine.line.answer = None
    await machine.until(lambda: not any(a.fault for a in service.accounts.values()), within=1e4)
    machine.line.asked.clear()


async def rested(machine: Machine, service: SyncService) -> int:
    """When nothing is under way: how much memory is held."""
    await machine.until(lambda: not service._turns and not service._looks)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
@pytest.mark.timeout(200 + CYCLES)
@pytest.mark.parametrize(("keep_open", "number"), [(0.001, 400), (1e6, 1200)])
def test_thousands_of_cycles_leave_nothing_behind(
    machine: Machine, keep_open: float, number: int
) -> None:
    """Law 11: whether files stay open between polls or not, and whatever the server does."""
    machine.settings = {
        "pace": Pace(floor=30, ceiling=60, spread=1, backoff_ceiling=60),
        "keep_open": keep_open,
        "look_every": 10.0,
    }
    machine.connect = connect_threaded

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(ACCOUNTS)]
        for account in accounts:
            machine.write(account.name)
        async with machine.service(*accounts) as service:
            await lived(machine, service, WARM)
            tracemalloc.start()
            try:
                await lived(machine, service, WARM)
                memory, files = await rested(machine, service), descriptors()
                threads = threading.active_count()
                await lived(machine, service, CYCLES or number)
                grown = await rested(machine, service) - memory
            finally:
                tracemalloc.stop()
            print(f"\n{grown} bytes more, {descriptors()} descriptors, before {files}")
            assert grown < GROWTH
            assert descriptors() <= files
            assert threading.active_count() <= threads

    run(test())
