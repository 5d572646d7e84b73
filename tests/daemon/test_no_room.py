"""A disk that is full, or cannot be written: pulling pauses, reading goes on, and it resumes by
itself (laws 8, 9 and 10)."""

import asyncio
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field

from syncengine import StoreFull, SyncEngine
from syncengine.daemon import AccountState, ServiceAccount, SyncService
from syncengine.models import Intent
from syncengine.store.database import Connection, connect_inline
from tests.daemon.virtual import Machine, run

TEXT = "x" * 400


@define
class Disk:
    """A folder on a small file system of its own."""

    folder: Path

    def remount(self, options: str) -> None:
        """Make it larger, read-only, or writable again."""
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Of one megabyte; where nobody may mount one, the test is skipped and says so."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no small file system: {error}")
    if done.returncode:
        pytest.skip(f"no small file system: {done.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@define
class Room:
    """A limit on the size of files, for machines on which nothing can be mounted."""

    pages: int | None = None
    """Of 8 kB; None: no limit."""
    unlimited: int = field(default=1 << 30, init=False)

    async def connect(self, path: Path, read_only: bool) -> Connection:
        """A connection that has to live with it."""
        connection = await connect_inline(path, read_only)
        most = self.pages or self.unlimited

        def limit(database: sqlite3.Connection) -> None:
            database.execute(f"PRAGMA max_page_count = {most}")

        await connection.run(limit)
        return connection


async def state(machine: Machine, service: SyncService, wanted: AccountState) -> None:
    await machine.until(lambda: service.accounts["alice"].state is wanted)


async def held(path: Path) -> list[str]:
    """What a reader without a network sees of the newest messages."""
    async with SyncEngine.open(path, connect=connect_inline) as engine:
        found = await engine.reader.messages("bob", "chat", limit=10_000)
        return [message.message_id for message in found.messages]


async def outbox(path: Path) -> list[Intent]:
    async with SyncEngine.open(path, connect=connect_inline) as engine:
        return list(await engine.outbox())


async def delete(path: Path, *ids: str) -> None:
    async with SyncEngine.open(path, connect=connect_inline) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids)


async def full(machine: Machine, service: SyncService, ids: list[str], path: Path) -> None:
    """A deletion was accepted, the server is away, then there is no more room: what is told."""
    await state(machine, service, AccountState.FULL)
    fault = service.accounts["alice"].fault
    assert fault is not None
    assert fault.error == "StoreFull"
    assert fault.hint
    shown = await held(path)
    assert shown
    assert set(shown) < set(ids)
    before = len(machine.line.asked)
    await asyncio.sleep(600)
    assert service.accounts["alice"].state is AccountState.FULL
    assert len(machine.line.asked) - before < 60, "it pulls in vain"
    assert await held(path) == shown


async def well_again(machine: Machine, service: SyncService, ids: list[str], path: Path) -> None:
    """By itself, within two tries; nothing is lost and nothing deleted is back."""
    await machine.until(lambda: service.accounts["alice"].fault is None, within=200)
    await machine.until(lambda: service.accounts["alice"].state is AccountState.WAITING)
    assert await held(path) == ids
    assert await outbox(path) == []


def large(machine: Machine, number: int) -> list[str]:
    return [machine.write("alice", f"m{n} {TEXT}") for n in range(number)]


async def fills_up(machine: Machine, account: ServiceAccount, more_room: object) -> None:
    """Ten messages fit, and a deletion; two thousand more do not, until there is room."""
    ids = large(machine, 10)
    async with machine.service(account) as service:
        await machine.until(lambda: service.accounts["alice"].last_sync is not None)
        await delete(account.path, ids[0])
        await machine.until(lambda: ids[0] not in served(machine))
        ids = [*ids[1:], *large(machine, 2000)]
        await full(machine, service, ids, account.path)
        assert callable(more_room)
        more_room()
        await well_again(machine, service, ids, account.path)


def served(machine: Machine) -> list[str]:
    return [str(m.message_id) for m in machine.side.world.history("alice", "bob", "chat")]


@contextmanager
def an_account(machine: Machine, folder: Path) -> Iterator[ServiceAccount]:
    """Alice's, with her file in that folder."""
    made = machine.account("alice")
    yield ServiceAccount("alice", folder / "alice.db", made.remote, made.config, made.server)


def test_a_small_file_system_is_full(machine: Machine, disk: Disk) -> None:
    """Law 9: what fitted is readable meanwhile; there is room: all the rest comes."""
    with an_account(machine, disk.folder) as account:
        run(fills_up(machine, account, lambda: disk.remount("size=64m")))


def test_a_file_reaches_its_limit(machine: Machine) -> None:
    """The same where nothing can be mounted: SQLite itself says that there is no room."""
    room = Room(60)
    machine.connect = room.connect

    def more() -> None:
        room.pages = None

    with an_account(machine, machine.folder) as account:
        run(fills_up(machine, account, more))


def test_a_file_system_that_becomes_read_only(machine: Machine, disk: Disk) -> None:
    """As after an error of the disk: what is there is readable, a deletion that was accepted
    waits, one that cannot be stored is refused to whoever asks (law 8)."""
    machine.settings = {"keep_open": 0.001}  # closed between turns: no writer keeps it writable

    async def test() -> None:
        with an_account(machine, disk.folder) as account:
            ids = large(machine, 10)
            async with machine.service(account) as service:
                await machine.until(lambda: service.accounts["alice"].last_sync is not None)
                await asyncio.sleep(5)
                machine.side.fail("down")
                await delete(account.path, ids[0])
                await asyncio.sleep(5)
                disk.remount("ro")
                machine.side.fail("none")
                new = machine.write("alice", "new")
                await state(machine, service, AccountState.FULL)
                assert await held(account.path) == ids[1:]
                assert [list(i.message_ids) for i in await outbox(account.path)] == [[ids[0]]]
                with pytest.raises(StoreFull):
                    await delete(account.path, ids[1])
                await asyncio.sleep(300)
                assert service.accounts["alice"].state is AccountState.FULL
                disk.remount("rw")
                await well_again(machine, service, [*ids[1:], new], account.path)
                assert served(machine) == [*ids[1:], new]

    run(test())
