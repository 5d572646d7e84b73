"""Many accounts on one machine: each in its turn, and none disturbs another (laws 11, 12)."""

import asyncio
import logging
from functools import partial
from itertools import pairwise

import pytest
from attrs import evolve

from syncengine import ConfigError, EngineClosed
from syncengine.daemon import AccountState, Pace, ServiceAccount, SyncService
from tests.daemon.virtual import Machine, hung, run
from tests.harness import picture

FLOOR, CEILING = 30.0, 300.0


def all_synced(service: SyncService) -> bool:
    """Whether every account was, by this service."""
    return all(each.last_sync is not None for each in service.accounts.values())


def test_every_account_is_synced_within_the_window_of_a_start(machine: Machine) -> None:
    """All soon, and not all at once."""

    async def test() -> None:
        names = [f"user{n}" for n in range(20)]
        accounts = [machine.account(name) for name in names]
        for name in names:
            machine.write(name)
        async with machine.service(*accounts) as service:
            await machine.until(lambda: all_synced(service), within=70)
            for name in names:
                assert picture(machine.folder / f"{name}.db", "bob") == "[hello]"
                assert service.accounts[name].state is AccountState.WAITING
        began = machine.time.monotonic()
        async with machine.service(*accounts) as service:
            await machine.until(lambda: all_synced(service), within=70)
        firsts = sorted(machine.line.times(name, since=began)[0] for name in names)
        assert firsts[-1] - firsts[0] > 30
        assert max(b - a for a, b in pairwise(firsts)) < 20

    run(test())


@pytest.mark.parametrize("number", [1, 4])
def test_an_account_that_was_never_synced_starts_at_once(machine: Machine, number: int) -> None:
    """Law 12: who starts it and waits sees it work; beside others that synced before."""

    async def test() -> None:
        old, *new = [machine.account(f"user{n}") for n in range(number + 1)]
        async with machine.service(old) as service:
            await machine.until(lambda: all_synced(service), within=70)
        async with machine.service(old, *new) as service:
            await machine.until(
                lambda: all(service.accounts[each.name].last_sync for each in new),
                within=number + 2,
            )
        assert service.accounts[old.name].cycles == 0

    run(test())


def test_an_account_whose_first_sync_was_interrupted_goes_on_at_once(machine: Machine) -> None:
    """Law 12: its file is there, and somebody waits for it all the same."""

    async def test() -> None:
        for number in range(300):
            machine.write("alice", f"m{number}")
        account = machine.account("alice", page_size=5)
        machine.side.fail("latency", latency_ms=(500, 500))
        async with machine.service(account) as service:
            await machine.until(lambda: len(machine.line.asked) > 10)
            assert service.accounts["alice"].last_sync is None
        began = machine.time.monotonic()
        async with machine.service(account) as service:
            await machine.until(lambda: bool(machine.line.times("alice", since=began)), within=3)

    run(test())


def test_a_quiet_account_costs_one_request_a_poll_and_ever_fewer_polls(machine: Machine) -> None:
    """Law 11: nothing new costs one request; the interval grows to the ceiling."""

    async def test() -> None:
        async with machine.service(machine.account("alice")) as service:
            await asyncio.sleep(3600)
            times = machine.line.times("alice")
            waits = [b - a for a, b in pairwise(times)]
            assert len(times) == service.accounts["alice"].cycles
            assert min(waits) >= FLOOR
            assert all(CEILING <= wait <= CEILING * 1.25 + 1 for wait in waits[8:])
            assert service.accounts["alice"].requests == len(times)
            assert service.accounts["alice"].received > 0

    run(test())


def test_each_account_is_asked_at_its_own_pace(machine: Machine) -> None:
    """Law 11: one may be asked every few seconds, another twice an hour; the third, which says
    nothing, as the service does; what one is allowed, its neighbours do not get."""

    async def test() -> None:
        often, rarely = Pace(floor=2, ceiling=4), Pace(floor=1800, ceiling=1800)
        accounts = [
            evolve(machine.account("often"), pace=often),
            evolve(machine.account("rarely"), pace=rarely),
            machine.account("usual"),
        ]
        async with machine.service(*accounts):
            await asyncio.sleep(3600)
        waits = {
            each.name: [b - a for a, b in pairwise(machine.line.times(each.name))]
            for each in accounts
        }
        assert all(2 <= wait <= 4 * 1.25 + 1 for wait in waits["often"])
        assert all(1800 <= wait <= 1800 * 1.25 + 1 for wait in waits["rarely"])
        assert all(FLOOR <= wait <= CEILING * 1.25 + 1 for wait in waits["usual"])
        assert min(map(len, waits.values())) >= 1

    run(test())


def more_cycles(service: SyncService, than: int) -> bool:
    return service.accounts["alice"].cycles > than


def test_an_active_account_is_asked_at_the_floor(machine: Machine) -> None:
    """Where each poll brings something, the next comes as soon as may be, and never sooner."""

    async def test() -> None:
        async with machine.service(machine.account("alice")) as service:
            await machine.until(lambda: service.accounts["alice"].cycles == 1)
            for _ in range(20):
                machine.write("alice")
                await machine.until(partial(more_cycles, service, service.accounts["alice"].cycles))
            polls = machine.line.times("alice")
            starts = [b - a for a, b in pairwise(polls) if b - a > 1]
            assert all(FLOOR <= wait <= FLOOR * 1.25 + 1 for wait in starts[2:])

    run(test())


def test_a_failing_account_does_not_disturb_the_others(machine: Machine) -> None:
    """One is refused, one's file is no store, one's server hangs, one breaks the program: the
    others are asked as if they were alone, and each of those says what is wrong with it."""
    logging.getLogger("syncengine.daemon").disabled = True

    async def test() -> None:
        other = machine.other_line()
        other.answer = hung
        good = [machine.account(f"user{n}") for n in range(5)]
        refused = machine.account("mallory")
        machine.passwords["mallory"] = "wrong"
        broken = machine.account("broken")
        broken.path.write_bytes(b"this is no database at all" * 100)
        slow = [machine.account(f"slow{n}", server="slow", line=other) for n in range(20)]

        def bug() -> object:
            raise ZeroDivisionError

        mad = ServiceAccount("mad", machine.folder / "mad.db", bug)  # type: ignore[arg-type]  # what is wrong with it
        async with machine.service(*good, refused, broken, *slow, mad) as service:
            await asyncio.sleep(1800)
            for account in good:
                found = service.accounts[account.name]
                assert found.state is AccountState.WAITING
                times = machine.line.times(account.name)
                waits = [b - a for a, b in pairwise(times)]
                assert len(times) >= 8
                assert max(waits) <= CEILING * 1.25 + 2
            states = {name: found.state for name, found in service.accounts.items()}
            assert states["mallory"] is AccountState.UNAUTHORIZED
            assert states["broken"] is AccountState.STOPPED
            assert states["mad"] is AccountState.RETRYING
            assert states["slow1"] in (AccountState.AWAY, AccountState.SYNCING)
            for name in ("mallory", "broken", "mad"):
                fault = service.accounts[name].fault
                assert fault is not None
                assert fault.hint

    try:
        run(test())
    finally:
        logging.getLogger("syncengine.daemon").disabled = False


@pytest.mark.timeout(400)  # it opens and closes files a thousand times
def test_five_hundred_accounts_are_visited_on_schedule(machine: Machine) -> None:
    """Each poll of each comes within its interval, its jitter and two seconds."""

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(500)]
        async with machine.service(*accounts) as service:
            opened = 0
            for _ in range(12):
                await asyncio.sleep(10)
                opened = max(opened, sum(k.is_open for k in service._all()))
            assert opened <= 16 + 8
            for account in accounts:
                times = machine.line.times(account.name)
                assert times[0] <= 62
                waits = [b - a for a, b in pairwise(times)]
                assert len(waits) >= 1
                for wait, bound in zip(waits, (45.0, 67.5), strict=False):
                    assert bound <= wait + 0.01
                    assert wait <= bound * 1.25 + 2

    run(test())


def test_at_most_so_many_cycles_run_at_once(machine: Machine) -> None:
    """However many are due."""

    async def test() -> None:
        machine.settings = {"at_once": 3}
        machine.line.answer = hung
        async with machine.service(*(machine.account(f"user{n}") for n in range(9))) as service:
            await asyncio.sleep(31)  # all are due, and no request was given up
            syncing = [a for a in service.accounts.values() if a.state is AccountState.SYNCING]
            assert len(syncing) == 3

    run(test())


def test_a_long_first_pull_gives_way(machine: Machine) -> None:
    """A cycle that takes long is cut where others wait, goes on later, and loses nothing."""

    async def test() -> None:
        machine.settings = {
            "at_once": 1,
            "longest_turn": 5.0,
            "pace": Pace(requests_per_second=2, spread=1),
        }
        big = machine.account("big", page_size=5)
        texts = [f"m{n}" for n in range(400)]
        for text in texts:
            machine.write("big", text)
        small = [machine.account(f"user{n}") for n in range(3)]
        async with machine.service(big, *small) as service:
            await machine.until(lambda: service.accounts["big"].last_sync is not None, within=1000)
            assert service.accounts["big"].cycles > 1
            assert all(service.accounts[a.name].cycles >= 1 for a in small)
            assert picture(big.path, "bob") == f"[{' '.join(texts)}]"

    run(test())


def test_who_listens_is_told_how_accounts_stand(machine: Machine) -> None:
    """The newest of each account, in the order of its states, until the service ends."""

    async def test() -> None:
        service = machine.service(machine.account("alice"))
        heard = []

        async def listen() -> None:
            heard.extend([told.state async for told in service.changes()])  # type: ignore[union-attr]  # no server changes

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        async with service:
            await asyncio.sleep(100)
        await listening
        assert heard[:3] == [AccountState.WAITING, AccountState.SYNCING, AccountState.WAITING]

    run(test())


def test_two_accounts_on_one_file_are_refused(machine: Machine) -> None:
    """Also where one reaches it by a link; and so are two of one name."""
    alice, bob = machine.account("alice"), machine.account("carol")
    link = machine.folder / "link.db"
    alice.path.touch()
    link.symlink_to(alice.path)
    for second in (
        ServiceAccount("carol", link, bob.remote),
        ServiceAccount("alice", bob.path, bob.remote),
    ):
        with pytest.raises(ConfigError) as refused:
            machine.service(alice, second)
        assert refused.value.hint


def test_a_service_lives_once(machine: Machine) -> None:
    """It is not started again after its end; to stop twice does no harm."""

    async def test() -> None:
        service = machine.service()
        async with service:
            with pytest.raises(EngineClosed):
                await service.start()
        await service.stop()
        with pytest.raises(EngineClosed):
            await service.start()

    run(test())


def test_the_copy_is_told_in_figures(machine: Machine) -> None:
    """Gaps, outbox and since when it is verified, without opening the file."""

    async def test() -> None:
        machine.write("alice")
        async with machine.service(machine.account("alice", audit_pages=4)) as service:
            await machine.until(lambda: service.accounts["alice"].last_sync is not None)
            found = service.accounts["alice"]
            assert found.copy is not None
            assert (found.copy.messages, found.copy.gaps, found.copy.pending) == (1, 0, 0)
            assert found.copy.verified_since is not None
            assert found.report is not None
            assert found.next_sync is not None
            assert found.last_sync is not None
            assert found.next_sync > found.last_sync

    run(test())


def test_what_is_held_is_read_again_now_and_then(machine: Machine) -> None:
    """An audit every quarter of an hour finds what another device deleted; the polls between
    cost one request (law 5 decides after the second look)."""

    async def test() -> None:
        ids = [machine.write("alice", f"m{n}") for n in range(3)]
        account = machine.account("alice", audit_pages=4)
        async with machine.service(account) as service:
            await machine.until(lambda: service.accounts["alice"].last_sync is not None)
            machine.side.world.delete_messages("alice", "bob", ids[1:2], "chat")
            await asyncio.sleep(3600)
            assert picture(account.path, "bob") == "[m0 m2]"
            assert service.accounts["alice"].requests < 2 * service.accounts["alice"].cycles

    run(test())
