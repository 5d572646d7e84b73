"""Deletions that another process writes into a file are delivered at once (law 8)."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest

from syncengine import Environment, SyncEngine
from syncengine.daemon.watching import Watch
from syncengine.store.database import Connection, connect_inline
from tests.daemon.virtual import Machine, gone, run
from tests.harness import picture


@asynccontextmanager
async def another_program(machine: Machine, path: Path) -> AsyncIterator[SyncEngine]:
    """One that has the file, and no server."""
    clocks = Environment(now=machine.time.now, monotonic=machine.time.monotonic)
    async with SyncEngine.open(path, connect=connect_inline, environment=clocks) as engine:
        yield engine


async def delete(machine: Machine, path: Path, *ids: str, undo_seconds: float = 0) -> None:
    """What `syncengine delete` does, and with `undo_seconds` the window."""
    async with another_program(machine, path) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids, undo_seconds=undo_seconds)


def served(machine: Machine) -> list[str]:
    """What the server shows alice."""
    return [str(m.message_id) for m in machine.side.world.history("alice", "bob", "chat")]


def is_gone(machine: Machine, message_id: str) -> bool:
    return message_id not in served(machine)


@pytest.mark.parametrize("idle", [100, 1800])
def test_a_deletion_is_delivered_within_a_second(machine: Machine, idle: float) -> None:
    """Whether the file is open at the time or not, and however long the next poll is off."""

    async def test() -> None:
        ids = [machine.write("alice", f"m{n}") for n in range(3)]
        account = machine.account("alice")
        async with machine.service(account):
            await asyncio.sleep(idle)
            for message_id in ids[:2]:
                await delete(machine, account.path, message_id)
                took = await machine.until(partial(is_gone, machine, message_id), within=5)
                assert took < 1
            assert picture(account.path, "bob") == "[m2]"

    run(test())


@pytest.mark.parametrize("idle", [100, 1800])
def test_what_can_be_taken_back_waits_and_goes_when_its_time_is_over(
    machine: Machine, idle: float
) -> None:
    """Law 8: a person who deletes in the window has all of the time that it promises; then the
    deletion is sent within a second, also where the window is gone and nobody writes."""

    async def test() -> None:
        ids = [machine.write("alice", f"m{n}") for n in range(3)]
        account = machine.account("alice")
        async with machine.service(account):
            await asyncio.sleep(idle)
            await delete(machine, account.path, ids[0], undo_seconds=10)
            await delete(machine, account.path, ids[1])
            assert await machine.until(partial(is_gone, machine, ids[1]), within=5) < 1
            assert ids[0] in served(machine)
            took = await machine.until(partial(is_gone, machine, ids[0]), within=20)
            assert 8.9 < took < 11

    run(test())


def test_what_is_taken_back_in_time_is_never_sent(machine: Machine) -> None:
    """Law 8: nothing asks the server for it, and the file is not looked at for ever."""

    async def test() -> None:
        message_id = machine.write("alice", "m0")
        account = machine.account("alice")
        async with machine.service(account) as service:
            await asyncio.sleep(100)
            await delete(machine, account.path, message_id, undo_seconds=10)
            await asyncio.sleep(5)
            async with another_program(machine, account.path) as engine:
                await engine.drop_intents([each.number for each in await engine.outbox()])
            await asyncio.sleep(100)
            assert served(machine) == [message_id]
            assert picture(account.path, "bob") == "[m0]"
            assert not any(keeper.watch.changed() for keeper in service._all())

    run(test())


def test_who_does_not_want_it_back_does_not_wait(machine: Machine) -> None:
    """What the window does when it is closed: it is sent within a second."""

    async def test() -> None:
        message_id = machine.write("alice", "m0")
        account = machine.account("alice")
        async with machine.service(account):
            await asyncio.sleep(100)
            await delete(machine, account.path, message_id, undo_seconds=60)
            await asyncio.sleep(5)
            async with another_program(machine, account.path) as engine:
                await engine.retry_intents([each.number for each in await engine.outbox()])
            assert await machine.until(partial(is_gone, machine, message_id), within=5) < 1

    run(test())


def test_a_clock_that_is_set_back_holds_nothing_back(machine: Machine) -> None:
    """Law 8: what seems to wait for longer than a minute is sent."""

    async def test() -> None:
        message_id = machine.write("alice", "m0")
        account = machine.account("alice")
        async with machine.service(account):
            await asyncio.sleep(100)
            machine.time.seconds += 3600
            await delete(machine, account.path, message_id)
            machine.time.seconds -= 3600
            assert await machine.until(partial(is_gone, machine, message_id), within=5) < 1

    run(test())


def test_a_deletion_in_the_middle_of_a_long_pull_goes_first(machine: Machine) -> None:
    """The pull is cut, the deletion delivered, and the pull goes on where it was."""

    async def test() -> None:
        texts = [f"m{n}" for n in range(300)]
        ids = [machine.write("alice", text) for text in texts]
        account = machine.account("alice", page_size=5)
        machine.side.fail("latency", latency_ms=(500, 500))
        async with machine.service(account) as service:
            await machine.until(lambda: len(machine.line.asked) > 20)
            await delete(machine, account.path, ids[-1])
            took = await machine.until(lambda: ids[-1] not in served(machine), within=20)
            assert took < 1.6  # half a second of it is the server's
            assert service.accounts["alice"].last_sync is None
            await machine.until(lambda: service.accounts["alice"].last_sync is not None)
        assert picture(account.path, "bob") == f"[{' '.join(texts[:-1])}]"

    run(test())


def test_a_deletion_while_the_server_is_away_waits_for_it(machine: Machine) -> None:
    """It is tried with the next probe, not again and again; and it is never lost."""

    async def test() -> None:
        ids = [machine.write("alice", f"m{n}") for n in range(2)]
        account = machine.account("alice")
        async with machine.service(account) as service:
            await asyncio.sleep(200)
            machine.line.answer = gone
            await asyncio.sleep(300)
            since = machine.time.monotonic()
            await delete(machine, account.path, ids[0])
            await asyncio.sleep(1200)
            assert len(machine.line.times(since=since)) < 12
            machine.line.answer = None
            await machine.until(lambda: ids[0] not in served(machine), within=700)
            await asyncio.sleep(5)
            copy = service.accounts["alice"].copy
            assert copy is not None
            assert copy.pending == 0

    run(test())


def test_not_all_files_are_looked_into_at_once(machine: Machine) -> None:
    """At a start every file might hold a deletion: they are opened a few at a time."""

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(40)]
        async with machine.service(*accounts) as service:
            most = 0
            for _ in range(50):
                most = max(most, len(service._looks))
                await asyncio.sleep(0)
            assert 1 <= most <= 8
            await asyncio.sleep(0.1)
            assert not any(keeper.watch.changed() for keeper in service._all())

    run(test())


def test_own_writes_wake_nobody(machine: Machine) -> None:
    """News that are written here are no reason to ask again."""

    async def test() -> None:
        account = machine.account("alice")
        async with machine.service(account) as service:
            await asyncio.sleep(1800)
            machine.write("alice")
            cycles = service.accounts["alice"].cycles
            service.sync_now()
            await asyncio.sleep(29)
            assert service.accounts["alice"].cycles == cycles + 1

    run(test())


def test_a_poll_opens_its_file_once(machine: Machine) -> None:
    """Law 11: a look before it is opened, a writer and a reader; no other look after it is
    closed, which would be one more thread for each poll."""
    opened = 0

    async def counted(path: Path, read_only: bool) -> Connection:
        nonlocal opened
        opened += 1
        return await connect_inline(path, read_only)

    async def test() -> None:
        machine.write("alice")
        machine.connect, account = counted, machine.account("alice")
        async with machine.service(account) as service:
            await asyncio.sleep(1800)
            before, cycles = opened, service.accounts["alice"].cycles
            await asyncio.sleep(3600)
            polls = service.accounts["alice"].cycles - cycles
            assert polls >= 8
            assert opened - before == 3 * polls

    run(test())


def commit(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute("INSERT INTO t VALUES (1)")


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (n)")
    return connection


@pytest.mark.parametrize("writes", [0, 1])
def test_a_watch_takes_its_own_closing_for_no_change(tmp_path: Path, writes: int) -> None:
    """Also where that moves the log into the file: nothing wakes the account for it."""
    path = tmp_path / "alice.db"
    opened(path).close()
    watch, own = Watch(path), opened(path)
    for _ in range(writes):
        commit(own)
    watch.changed()
    with watch.closing():
        own.close()
    assert not watch.changed()
    with closing(opened(path)) as other:
        commit(other)
    assert watch.changed()


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize("within", [True, False])
def test_a_watch_sees_who_writes_while_it_is_closed(
    tmp_path: Path, within: bool, stays: bool
) -> None:
    """Law 8: a deletion of another process that falls between the last look and the closing
    is not lost in it, whether that process is gone by then or not."""
    path = tmp_path / "alice.db"
    watch, own, other = Watch(path), opened(path), opened(path)
    commit(own)
    watch.changed()
    if not within:
        commit(other)
    with watch.closing():
        if within:
            commit(other)
        if not stays:
            other.close()
        own.close()
    assert watch.changed()
    other.close()


def test_a_watch_sees_commits_and_nothing_else(tmp_path: Path) -> None:
    """A write into the file or into its log; not that an empty log comes or goes."""
    path = tmp_path / "alice.db"
    watch, log = Watch(path), path.with_name("alice.db-wal")
    assert watch.changed()
    path.write_bytes(b"a page")
    assert watch.changed()
    log.touch()
    assert not watch.changed()
    log.write_bytes(b"a commit")
    assert (watch.changed(), watch.changed()) == (True, False)
    os.utime(log, ns=(1, 1))  # a log that is begun anew keeps its size
    assert watch.changed()
    log.unlink()
    assert watch.changed()
    path.unlink()
    assert watch.changed()
