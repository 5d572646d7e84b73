"""Damaged files, in a service that repairs them: found at the start, and found on the way."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from syncengine import Kind, SyncEngine, recover
from syncengine.daemon import AccountState, Pace, ServiceAccount, Settings, SyncService
from syncengine.daemon.files import Files
from syncengine.reports import Recovery
from syncengine.store.lock import WriterLock
from tests.daemon.virtual import Machine, run
from tests.harness import picture
from tests.store.damaging import pages, roots, schema_pages, spoil

SETTINGS = Settings(
    pace=Pace(floor=3600, ceiling=3600, spread=0.01), keep_open=0.001, look_every=0.02
)


def served(account: ServiceAccount, *, repairs: bool = True) -> SyncService:
    """A service on the real clock, whose files are closed between two turns."""
    mending = (lambda file, lock: recover(file, lock=lock)) if repairs else None
    return SyncService([account], settings=SETTINGS, files=Files(recover=mending))


def set_aside(account: ServiceAccount) -> list[Path]:
    return list(account.path.parent.glob("alice.db.damaged-*"))


def rested(service: SyncService, cycles: int) -> Callable[[], bool]:
    """After so many cycles, and with its file closed."""

    def look() -> bool:
        (keeper,) = service._all()
        return keeper.cycles >= cycles and not keeper.is_open and not service._turns

    return look


async def test_damage_that_nothing_meets_is_found_at_the_start(machine: Machine) -> None:
    """Law 10: opening looks at a few pages; all are looked through at the first turn, the
    damaged file is kept, and what it held is here."""
    machine.write("alice")
    account = machine.account("alice")
    async with served(account) as service:
        await machine.until(rested(service, 1), within=60)
    spoil(account.path, roots(account.path, "intent_conversation"))
    async with served(account) as service:
        await machine.until(rested(service, 1), within=60)
        assert service.accounts["alice"].fault is None
    assert len(set_aside(account)) == 1
    assert picture(account.path, "bob") == "[hello]"


@pytest.mark.parametrize("all_of_them", [True, False])
async def test_a_file_that_does_not_open_is_mended(machine: Machine, all_of_them: bool) -> None:
    """Laws 8 and 10: the first page is lost, or all that say which tables there are: the daemon
    goes on in another file, with what it held, and a deletion that waited is delivered."""
    deleted = machine.write("alice", "to be deleted")
    kept = machine.write("alice")
    account = machine.account("alice")
    async with served(account) as service:
        await machine.until(rested(service, 1), within=60)
    async with SyncEngine.open(account.path) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", [deleted])
    spoil(account.path, schema_pages(account.path) | {1} if all_of_them else {1})
    async with served(account) as service:
        await machine.until(rested(service, 1), within=60)
        assert service.accounts["alice"].fault is None
    assert len(set_aside(account)) == 1
    # A seam where nobody knows whether more than the deleted message was there (law 2).
    assert picture(account.path, "bob") == ("~ [hello]" if all_of_them else "[hello]")
    left = machine.side.world.history("alice", "bob", Kind.CHAT)
    assert [str(message.message_id) for message in left] == [kept]


async def test_damage_that_a_cycle_meets_is_mended_in_its_turn(machine: Machine) -> None:
    """Law 10: a page that went bad since the start stops no account: the pages are looked
    through on that suspicion, another file is made, and the turn goes on in it."""
    machine.write("alice")
    account = machine.account("alice")
    async with served(account) as service:
        await machine.until(rested(service, 1), within=60)
        spoil(account.path, roots(account.path, "message_order"))
        machine.write("alice", "again")
        service.sync_now()
        await machine.until(rested(service, 2), within=60)
        assert service.accounts["alice"].state is AccountState.WAITING
    assert len(set_aside(account)) == 1
    assert picture(account.path, "bob") == "[hello again]"


@pytest.mark.parametrize("all_of_it", [False, True])
async def test_a_repair_is_told(
    machine: Machine, caplog: pytest.LogCaptureFixture, all_of_it: bool
) -> None:
    """Law 8: nobody asked for it, so the log says what is saved, and where the old file is; where
    nothing could be read, that deletions may be lost. No message's text."""
    machine.write("alice")
    account = machine.account("alice")
    async with served(account) as service:
        await machine.until(rested(service, 1), within=60)
    lost = range(2, pages(account.path) + 1)
    spoil(account.path, lost if all_of_it else roots(account.path, "intent_conversation"))
    async with served(account) as service:
        await machine.until(rested(service, 1), within=60)
    (told,) = [each.getMessage() for each in caplog.records if "damaged" in each.getMessage()]
    (kept,) = set_aside(account)
    assert told.startswith("account alice: its file was damaged")
    assert told.endswith(f"it is kept as {kept}")
    assert ("may be lost" in told, "1 message and 0 deletions" in told) == (
        all_of_it,
        not all_of_it,
    )
    assert "hello" not in told


def mending(machine: Machine) -> Callable[[Path, WriterLock | None], Recovery]:
    """By the machine's clock, which a thread cannot read by itself."""
    loop = asyncio.get_running_loop()

    def now() -> int:
        return int((machine.time.seconds + loop.time()) * 1000)

    return lambda file, lock: recover(file, lock=lock, now=now)


async def damaged_again(machine: Machine, service: SyncService, account: ServiceAccount) -> float:
    """A page goes bad, and a poll meets it; how long after that it is tried again."""
    await machine.until(lambda: not service._all()[0].is_open)
    spoil(account.path, roots(account.path, "message_order"))
    machine.write("alice", "again")
    cycles = service.accounts["alice"].cycles
    service.sync_now()
    await machine.until(partial(ended, service, cycles + 1))
    due = service._all()[0].turn.due
    return due - machine.time.monotonic()


def state(service: SyncService) -> AccountState:
    return service.accounts["alice"].state


def ended(service: SyncService, cycles: int) -> bool:
    return service.accounts["alice"].cycles >= cycles and not service._turns


def test_a_file_that_is_damaged_again_is_tried_once_more(machine: Machine) -> None:
    """Law 10: within ten minutes of a recovery there is no second one; the account waits, and
    goes on by itself. Once: a disk that fails is not filled with copies, night after night."""
    machine.settings = {"keep_open": 0.001}

    async def test() -> None:
        machine.recover = mending(machine)
        account = machine.account("alice")
        machine.write("alice")
        async with machine.service(account) as service:
            await machine.until(partial(ended, service, 1))
            await damaged_again(machine, service, account)
            assert len(set_aside(account)) == 1
            assert 400 <= await damaged_again(machine, service, account) <= 700
            cycles = service.accounts["alice"].cycles
            assert (state(service), len(set_aside(account))) == (AccountState.RETRYING, 1)
            service.sync_now()  # too soon: it is not the one more try
            await machine.until(partial(ended, service, cycles + 1))
            assert state(service) is AccountState.RETRYING
            await machine.until(lambda: service.accounts["alice"].fault is None, within=700)
            assert len(set_aside(account)) == 2
            await damaged_again(machine, service, account)
            await asyncio.sleep(7200)
            assert state(service) is AccountState.STOPPED
            assert len(set_aside(account)) == 2
            service.sync_now()  # a person may at any time
            await machine.until(lambda: service.accounts["alice"].fault is None)
        assert len(set_aside(account)) == 3
        assert picture(account.path, "bob") == "[hello again again again]"

    run(test())


async def test_where_nobody_repairs_it_stops_and_says_so(machine: Machine) -> None:
    """The file stays as it is, the account waits for a person, the hint names the command."""
    machine.write("alice")
    account = machine.account("alice")
    async with served(account, repairs=False) as service:
        await machine.until(rested(service, 1), within=60)
        spoil(account.path, roots(account.path, "message_order"))
        machine.write("alice", "again")
        service.sync_now()
        await machine.until(rested(service, 2), within=60)
        found = service.accounts["alice"]
    assert found.state is AccountState.STOPPED
    assert found.fault is not None
    assert found.fault.error == "StoreCorrupt"
    assert "syncengine recover" in found.fault.hint
    assert not set_aside(account)


@pytest.mark.parametrize("left", [b"Dear Alice" * 1000, b""])
async def test_what_is_no_store_is_left_alone(machine: Machine, left: bytes) -> None:
    """A file of somebody else's is neither moved nor written; an empty one is a new store."""
    machine.write("alice")
    account = machine.account("alice")
    account.path.write_bytes(left)
    async with served(account) as service:
        await machine.until(rested(service, 1), within=60)
        state = service.accounts["alice"].state
    assert not set_aside(account)
    if left:
        assert (state, account.path.read_bytes()) == (AccountState.STOPPED, left)
    else:
        assert picture(account.path, "bob") == "[hello]"
