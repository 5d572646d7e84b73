"""Sleep, wrong clocks, credentials, other accounts, the end (laws 8, 10, 12)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from syncengine import ConfigError, StoreLocked
from syncengine.daemon import AccountState, Pace, ServiceAccount
from syncengine.remote.port import Remote
from tests.daemon.virtual import Machine, gone, hung, run
from tests.harness import picture


async def quiet(machine: Machine, service: Any) -> None:
    """Until all accounts are at their longest interval."""
    await asyncio.sleep(1800)
    assert all(each.state is AccountState.WAITING for each in service.accounts.values())


# Sleep and clocks


def test_after_a_sleep_all_are_synced_soon_on_new_connections(machine: Machine) -> None:
    """The wall clock ran ahead of the monotonic one: each account within a window, not all
    at once, and none on a connection from before."""

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(10)]
        async with machine.service(*accounts) as service:
            await quiet(machine, service)
            assert set(machine.remotes.values()) == {1}
            machine.time.seconds += 8 * 3600
            woke = machine.time.monotonic()
            await asyncio.sleep(65)
            firsts = [machine.line.times(a.name, since=woke)[:1] for a in accounts]
            times = sorted(at for found in firsts for at in found)
            assert len(times) == 10
            assert times[-1] - times[0] > 20
            assert set(machine.remotes.values()) == {2}

    run(test())


def test_a_request_from_before_a_sleep_holds_nothing_up(machine: Machine) -> None:
    """Its connection is dead and says nothing: the cycle is cut, and begins anew."""

    async def test() -> None:
        async with machine.service(machine.account("alice")) as service:
            machine.line.answer = hung
            await machine.until(lambda: service.accounts["alice"].state is AccountState.SYNCING)
            machine.line.answer = None
            machine.time.seconds += 3600
            await machine.until(lambda: service.accounts["alice"].last_sync is not None, within=5)

    run(test())


def test_away_before_a_sleep_is_tried_soon_after(machine: Machine) -> None:
    """A laptop that had no network in the evening does not wait for last night's back-off."""

    async def test() -> None:
        async with machine.service(machine.account("alice")) as service:
            machine.line.answer = gone
            await asyncio.sleep(3600)
            machine.line.answer = None
            machine.time.seconds += 8 * 3600
            await machine.until(lambda: service.accounts["alice"].last_sync is not None, within=65)

    run(test())


@pytest.mark.parametrize("jump", [-30 * 365 * 86_400, -3600, 5])
def test_a_wrong_clock_changes_nothing(machine: Machine, jump: float) -> None:
    """Set back by years, by an hour, or corrected by seconds: the polls come as before."""

    async def test() -> None:
        account = machine.account("alice")
        async with machine.service(account) as service:
            await quiet(machine, service)
            machine.time.seconds += jump
            since = machine.time.monotonic()
            await asyncio.sleep(1200)
            assert 3 <= len(machine.line.times("alice", since=since)) <= 5
            assert machine.remotes["alice"] == 1

    run(test())


# Credentials


def test_refused_credentials_wait_for_new_ones(machine: Machine) -> None:
    """A revoked password is tried once, not for ever; the copy stays; new ones are taken."""

    async def test() -> None:
        account = machine.account("alice")
        machine.passwords["alice"] = "wrong"
        account = evolve(account, renewal="Say the magic word.")
        async with machine.service(account) as service:
            await machine.until(
                lambda: service.accounts["alice"].state is AccountState.UNAUTHORIZED
            )
            found = service.accounts["alice"]
            assert found.fault is not None
            assert found.fault.error == "Unauthorized"
            assert found.fault.hint.endswith(". Say the magic word.")
            assert found.next_sync is None
            cycles = found.cycles
            service.sync_now()
            machine.time.seconds += 8 * 3600
            await asyncio.sleep(3600)
            assert service.accounts["alice"].cycles == cycles
            machine.passwords["alice"] = "alice"
            machine.write("alice")
            service.credentials_changed("alice")
            await machine.until(lambda: service.accounts["alice"].last_sync is not None, within=2)
            assert service.accounts["alice"].fault is None
            assert picture(account.path, "bob") == "[hello]"

    run(test())


def test_what_waits_for_a_person_says_how_it_goes_on(machine: Machine) -> None:
    """A missing secret and a refused one: the hint ends with how to have them tried again; one
    whose server is away needs nobody, and says nothing of it."""

    def unset() -> Remote:
        raise ConfigError("no secret", hint="Set it.")

    async def test() -> None:
        machine.passwords["bob"] = "wrong"
        cut = machine.other_line()
        cut.answer = gone
        alice = evolve(machine.account("alice"), remote=unset)
        others = machine.account("bob"), machine.account("carol", server="other", line=cut)
        accounts = [
            evolve(each, renewal="Say the word.", again="Then knock.") for each in (alice, *others)
        ]
        hints: dict[str, str] = {}
        async with machine.service(*accounts) as service:
            await machine.until(lambda: all(a.fault for a in service.accounts.values()))
            for name, found in service.accounts.items():
                assert found.fault is not None
                hints[name] = found.fault.hint
        assert hints["alice"] == "Set it. Then knock."
        assert hints["bob"].endswith(". Say the word. Then knock.")
        assert "knock" not in hints["carol"]

    run(test())


def test_a_token_is_asked_for_once_a_process(machine: Machine) -> None:
    """Files are closed between turns; who was signed in stays so."""

    async def test() -> None:
        async with machine.service(machine.account("alice")):
            await asyncio.sleep(3600)
        counted = machine.side.emulator.counters.requests
        assert counted["token"] == 1
        assert counted["list"] > 10

    run(test())


# Asking


def test_who_asks_gets_a_sync_at_once(machine: Machine) -> None:
    """One account, or all; also where the network was away, which may be back."""

    async def test() -> None:
        async with machine.service(machine.account("alice"), machine.account("carol")) as service:
            await quiet(machine, service)
            for wanted in ("alice", None):
                cycles = {name: e.cycles for name, e in service.accounts.items()}
                service.sync_now(wanted)
                await asyncio.sleep(1)
                done = {n for n, e in service.accounts.items() if e.cycles > cycles[n]}
                assert done == ({"alice"} if wanted else {"alice", "carol"})
            machine.line.answer = gone
            await asyncio.sleep(3600)
            assert service.accounts["alice"].state == "away"
            machine.line.answer = None
            service.sync_now("alice")
            await asyncio.sleep(1)
            assert service.accounts["alice"].state == "waiting"
            with pytest.raises(ConfigError):
                service.sync_now("nobody")

    run(test())


# Accounts come and go


def test_accounts_come_and_go(machine: Machine) -> None:
    """A reload adds, removes, and replaces those that are otherwise now; all others go on,
    with the token and the schedule that they have."""

    async def test() -> None:
        stays, goes = machine.account("alice"), machine.account("carol")
        changes = machine.account("dave")
        async with machine.service(stays, goes, changes) as service:
            await quiet(machine, service)
            before = service.accounts["alice"].cycles
            told = []
            listener = service.changes()

            async def listen() -> None:
                told.extend([each async for each in listener])

            listening = asyncio.create_task(listen())
            since = machine.time.monotonic()
            again = machine.account("alice")  # the same, read anew
            otherwise = evolve(changes, pace=Pace(floor=5))
            await service.reload([again, otherwise, machine.account("erin")])
            assert set(service.accounts) == {"alice", "dave", "erin"}
            await asyncio.sleep(65)
            assert machine.remotes == {"alice": 1, "carol": 1, "dave": 2, "erin": 1}
            assert service.accounts["alice"].cycles in (before, before + 1)
            assert not machine.line.times("carol", since=since)
            assert machine.line.times("erin", since=since)
        await listening
        gone_ones = [each.name for each in told if getattr(each, "state", "") == "removed"]
        assert gone_ones == ["carol"]  # of dave the newest is told: he is here

    run(test())


def test_a_reload_that_cannot_be_changes_nothing(machine: Machine) -> None:
    """It is refused as a whole."""

    async def test() -> None:
        alice, carol = machine.account("alice"), machine.account("carol")
        async with machine.service(alice) as service:
            with pytest.raises(ConfigError):
                await service.reload([carol, ServiceAccount("other", carol.path, carol.remote)])
            assert set(service.accounts) == {"alice"}

    run(test())


def test_a_reload_tries_again_what_waited_for_somebody(machine: Machine) -> None:
    """Who was refused gets another chance, with the function that came with the reload."""

    async def test() -> None:
        machine.passwords["alice"] = "wrong"
        async with machine.service(machine.account("alice")) as service:
            await machine.until(
                lambda: service.accounts["alice"].state is AccountState.UNAUTHORIZED
            )
            machine.passwords["alice"] = "alice"
            await service.reload([machine.account("alice")])
            await machine.until(lambda: service.accounts["alice"].last_sync is not None, within=2)

    run(test())


def test_a_file_is_held_from_its_first_turn_to_the_end(machine: Machine) -> None:
    """Also while it is closed between turns; where another program has it, the account says
    so and tries again by itself."""
    held: set[str] = set()
    taken = {"carol.db"}

    @contextmanager
    def hold(path: Path) -> Iterator[None]:
        if path.name in taken:
            raise StoreLocked(f"{path} is synced by another program")
        held.add(path.name)
        yield
        held.remove(path.name)

    async def test() -> None:
        machine.hold = hold
        async with machine.service(machine.account("alice"), machine.account("carol")) as service:
            await asyncio.sleep(600)
            assert held == {"alice.db"}
            found = service.accounts["carol"]
            assert found.state is AccountState.RETRYING
            assert found.fault is not None
            assert found.fault.error == "StoreLocked"
            taken.clear()
            await asyncio.sleep(700)
            assert held == {"alice.db", "carol.db"}
            await service.reload([machine.account("carol")])
            assert held == {"carol.db"}
        assert held == set()

    run(test())


# The end


def test_stopping_ends_within_its_bound_also_where_the_server_hangs(machine: Machine) -> None:
    """Requests that are never answered are given up; the files are closed and whole."""

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(6)]
        service = machine.service(*accounts)
        async with service:
            await asyncio.sleep(61)
            machine.line.answer = hung
            service.sync_now()
            await asyncio.sleep(5)
            began = machine.time.monotonic()
        assert machine.time.monotonic() - began < 1
        assert not [k for k in service._all() if k.is_open]
        assert len(asyncio.all_tasks()) == 1
        for account in accounts:
            assert not account.path.with_name(account.path.name + "-wal").exists()

    run(test())


def test_what_does_not_end_is_left_to_itself(machine: Machine) -> None:
    """A remote that cannot even be closed costs the bound, not for ever."""

    async def test() -> None:
        account = machine.account("alice")
        make = account.remote

        def remote() -> Any:
            made: Any = make()

            async def never() -> None:
                await asyncio.Event().wait()

            made.close = never
            return made

        stubborn = ServiceAccount("alice", account.path, remote, account.config)
        async with machine.service(stubborn) as service:
            await machine.until(lambda: service.accounts["alice"].last_sync is not None)
            began = machine.time.monotonic()
        assert machine.time.monotonic() - began == pytest.approx(5, abs=0.1)

    run(test())


def test_a_first_pull_that_was_stopped_goes_on_in_the_next_life(machine: Machine) -> None:
    """What was committed before stays (law 1): the second life does not ask for it again."""

    async def test() -> None:
        texts = [f"m{n}" for n in range(200)]
        for text in texts:
            machine.write("alice", text)
        machine.side.fail("latency", latency_ms=(1000, 1000))
        account = machine.account("alice", page_size=10)
        async with machine.service(account):
            await machine.until(lambda: len(machine.line.asked) >= 10)
        first = len(machine.line.asked)
        async with machine.service(account) as service:
            await machine.until(lambda: service.accounts["alice"].last_sync is not None)
        assert picture(account.path, "bob") == f"[{' '.join(texts)}]"
        assert len(machine.line.asked) - first < 18

    run(test())
