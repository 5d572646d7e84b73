"""A file that another program syncs: the daemon leaves it alone, and goes on when it is free."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from syncengine import SyncEngine, WriterLock, holder
from syncengine.daemon import AccountState, Pace, Settings, SyncService
from syncengine.store.database import connect_inline
from tests.cli.command import PATIENCE
from tests.cli.house import House, wait_for
from tests.daemon.beside import ACCOUNT
from tests.daemon.virtual import Machine, run
from tests.engine.processes import control, serving
from tests.harness import picture

LONG = 2000.0
"""Seconds, after which the waits between two tries are minutes."""
FAR_MS = 20_000
"""A next try that a test can tell from one that comes within seconds."""


def for_good(path: Path) -> AbstractContextManager[WriterLock]:
    """As a daemon holds its files: from the first turn to the end."""
    return WriterLock(path).held()


async def delete(path: Path, message_id: str) -> None:
    """By a program that has no way to the server."""
    async with SyncEngine.open(path, connect=connect_inline) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", [message_id])


def tries(service: SyncService) -> int:
    """How many there were so far, all of them in vain."""
    found = service.accounts[ACCOUNT]
    assert found.state is AccountState.RETRYING
    assert found.fault is not None
    assert found.fault.error == "StoreLocked"
    return found.cycles


def test_it_goes_on_within_seconds_after_the_file_is_free(machine: Machine) -> None:
    """Laws 8 and 12: another program has the file for half an hour, and is asked rarely
    whether it still does, also though deletions are written down; then all is done at once."""
    account = machine.account(ACCOUNT)
    first, second, third = (machine.write(ACCOUNT, f"m{n}") for n in range(3))
    machine.hold = for_good

    async def test() -> None:
        async with machine.service(account) as service:
            await machine.until(lambda: service.accounts[ACCOUNT].last_sync is not None)
        with WriterLock(account.path).held():
            service = machine.service(account)
            await service.start()
            await asyncio.sleep(LONG)
            before = tries(service)
            for message_id in (first, second):
                await delete(account.path, message_id)
                await asyncio.sleep(3)
            assert tries(service) <= before + 1
            assert before < 20
        took = await machine.until(lambda: served(machine) == [third])
        assert took < Pace().let_in_within + 1
        await service.stop()

    run(test())


def served(machine: Machine) -> list[str]:
    """What the server shows of the conversation."""
    return [str(m.message_id) for m in machine.side.world.history(ACCOUNT, "bob", "chat")]


async def test_a_service_that_owns_its_file_for_a_cycle_alone_goes_on_as_well(
    machine: Machine,
) -> None:
    """Law 12: as a program that embeds one has it: its next try would be in ten minutes."""
    machine.write(ACCOUNT)
    account, pace = machine.account(ACCOUNT), Pace(spread=0.01, backoff_least=600)
    async with SyncService([account], settings=Settings(pace=pace)) as service:
        with WriterLock(account.path).held():
            await machine.until(lambda: service.accounts[ACCOUNT].failures > 0, within=PATIENCE)
            assert tries(service) == 1
        await machine.until(lambda: service.accounts[ACCOUNT].last_sync is not None)
    assert picture(account.path, "bob") == "[hello]"


@contextmanager
def syncing(house: House) -> "Iterator[subprocess.Popen[str]]":
    """`syncengine sync`."""
    process = house.person.start("sync", "--account", ACCOUNT)
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def polling(house: House) -> "Iterator[subprocess.Popen[str]]":
    """A daemon, that has its first turn at once."""
    with house.daemon() as process:
        process.send_signal(signal.SIGUSR1)
        yield process


def hang(process: "subprocess.Popen[str]", file: Path) -> None:
    """As soon as it has the file."""
    wait_for(lambda: (found := holder(file)) is not None and found.pid == process.pid)
    process.send_signal(signal.SIGSTOP)


def let_go(process: "subprocess.Popen[str]") -> None:
    """It ends as it should."""
    process.terminate()
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("owning", [syncing, polling], ids=["sync", "daemon"])
def test_a_daemon_goes_on_when_another_program_has_ended(
    tmp_path: Path, owning: "Callable[[House], AbstractContextManager[subprocess.Popen[str]]]"
) -> None:
    """Law 12, with real processes: refused again and again, its next try is far; when the
    other program, a sync or another daemon, ends, it does not wait for that."""
    with serving("2x20", 1, list_cap=0) as url:
        control(url, "faults", profile="latency", latency_ms=(300, 300))
        house = House.at(tmp_path / "one", url)
        other = House.at(tmp_path / "other", url)
        for each in (house, other):
            each.home.mkdir()
            file = each.add(ACCOUNT, file=tmp_path / "alice.db")
        with owning(other) as process:
            hang(process, file)
            with house.daemon() as daemon:
                planned = refused_for_long(house, daemon)
                let_go(process)
                wait_for(lambda: synced(house))
                assert synced(house) < planned
                daemon.terminate()
                _, log = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0, log
    assert log.count("is synced by") == 1, log


def refused_for_long(house: House, daemon: "subprocess.Popen[str]") -> int:
    """Ask it to sync, in vain, until its next try is far; when that is to be, ms."""
    failures = planned = 0

    def is_refused() -> bool:
        nonlocal failures, planned
        found = house.standing(ACCOUNT)
        if found is None or found.next_sync is None or found.failures <= failures:
            return False
        assert found.error == "StoreLocked"
        failures, planned = found.failures, found.next_sync
        return True

    while planned < time.time() * 1000 + FAR_MS:
        daemon.send_signal(signal.SIGUSR1)
        wait_for(is_refused)
    return planned


def synced(house: House) -> int:
    """When it did, ms; 0: it did not, or an error is left."""
    found = house.standing(ACCOUNT)
    return found.last_sync or 0 if found is not None and found.error is None else 0
