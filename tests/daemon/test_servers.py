"""A server that is away, fails, or asks to wait: what all of its accounts do (law 12)."""

import asyncio
import logging
from itertools import pairwise

import pytest

from syncengine.daemon import AccountState, CircuitState, Pace, ServerStatus, SyncService
from tests.daemon.virtual import Machine, gone, hung, run, says
from tests.harness import picture

OUTAGE = 600
REQUEST = 60
"""Seconds that a request for an answer, however slow, waits at most."""


async def outage(machine: Machine, service: object, seconds: float = OUTAGE) -> float:
    """It is over; when it began."""
    began = machine.time.monotonic()
    await asyncio.sleep(seconds)
    machine.line.answer = None
    return began


@pytest.mark.parametrize("answer", [gone, says(503), says(500), hung])
def test_ten_minutes_away_cost_a_handful_of_requests(machine: Machine, answer: object) -> None:
    """The envelope: the failures that open the circuit, and those under way then; after that
    one probe a wait, and these grow. Ten accounts ask no more often than one."""

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(10)]
        async with machine.service(*accounts) as service:
            await asyncio.sleep(120)
            machine.line.answer = answer  # type: ignore[assignment]  # an Answer
            began = await outage(machine, service)
            asked = machine.line.times(since=began)
            pace = Pace()
            assert len(asked) <= pace.failures_to_open + 8 + 12
            late = [at for at in asked if at > began + OUTAGE / 2]
            assert len(late) <= 5
            await machine.until(
                lambda: all(
                    found.state is AccountState.WAITING and found.last_sync is not None
                    for found in service.accounts.values()
                ),
                within=1500,
            )

    run(test())


def test_network_gone_is_a_state_and_one_line_in_the_log(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """Twenty accounts that cannot reach their server are one event, and so is its return."""

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(20)]
        told: list[CircuitState] = []
        async with machine.service(*accounts) as service:

            async def listen() -> None:
                heard = [each async for each in service.changes()]
                told.extend(each.circuit for each in heard if isinstance(each, ServerStatus))

            listening = asyncio.create_task(listen())
            await asyncio.sleep(100)
            caplog.clear()
            machine.line.answer = gone
            await outage(machine, service, 900)
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            found = service.servers["main"]
            assert found.circuit is CircuitState.OPEN
            assert found.fault is not None
            assert found.accounts == 20
            states = {each.state for each in service.accounts.values()}
            assert states == {AccountState.AWAY}
            assert all(each.fault is not None for each in service.accounts.values())
            caplog.clear()
            await machine.until(
                lambda: all(
                    each.state is AccountState.WAITING for each in service.accounts.values()
                )
            )
            assert [record.levelname for record in caplog.records] == ["INFO"]
        await listening
        assert told == [CircuitState.OPEN, CircuitState.CLOSED]

    caplog.set_level(logging.INFO, "syncengine.daemon")
    run(test())


def test_who_comes_back_does_not_come_together(machine: Machine) -> None:
    """After a return the accounts come one after the other, within the window."""

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(40)]
        async with machine.service(*accounts) as service:
            await asyncio.sleep(100)
            machine.line.answer = gone
            await outage(machine, service)
            back = machine.time.monotonic()
            await machine.until(
                lambda: service.servers["main"].circuit is CircuitState.CLOSED, within=700
            )
            back = machine.time.monotonic()
            await asyncio.sleep(130)
            firsts = sorted(machine.line.times(a.name, since=back - 1)[0] for a in accounts)
            in_a_second = max(sum(at <= other < at + 1 for other in firsts) for at in firsts)
            assert in_a_second <= 6

    run(test())


def test_a_turn_whose_server_does_not_answer_says_so(machine: Machine) -> None:
    """Law 9: its requests are tried again for minutes, and a deletion waits meanwhile: from the
    first of them on that ends without an answer, nobody is told that it is syncing."""

    async def test() -> None:
        machine.write("alice")
        account = machine.account("alice")
        async with machine.service(account) as service:
            await asyncio.sleep(130)
            machine.line.answer = hung
            service.sync_now()
            await machine.until(lambda: stands(service) is AccountState.SYNCING)
            took = await machine.until(lambda: stands(service) is AccountState.AWAY)
            assert took <= REQUEST + 1
            found = service.accounts["alice"]
            assert (found.next_sync, found.failures) == (None, 0)  # the turn goes on
            assert found.fault is not None
            assert found.fault.error == "Unreachable"
            machine.line.answer = None
            await machine.until(lambda: stands(service) is AccountState.WAITING)
            assert service.accounts["alice"].cycles == found.cycles
            assert service.accounts["alice"].fault is None

    run(test())


def test_an_account_that_waits_says_that_its_server_is_away(machine: Machine) -> None:
    """Law 9: another account found nobody there; this one, whose turn is later, says so too, and
    to whoever listens, until somebody is there again."""

    async def test() -> None:
        for name in ("alice", "carol"):
            machine.write(name)
        accounts = [machine.account("alice"), machine.account("carol")]
        async with machine.service(*accounts) as service:
            await asyncio.sleep(130)
            told: list[AccountState] = []

            async def listen() -> None:
                async for each in service.changes():
                    if each.name == "carol":
                        assert not isinstance(each, ServerStatus)
                        told.append(each.state)

            listening = asyncio.create_task(listen())
            await asyncio.sleep(0)
            machine.line.answer = gone
            cycles = service.accounts["carol"].cycles
            service.sync_now("alice")
            await machine.until(lambda: stands(service) is AccountState.AWAY, within=20)
            carol = service.accounts["carol"]
            assert (carol.cycles, carol.state) == (cycles, AccountState.AWAY)
            assert carol.fault is not None
            assert carol.fault.error == "Unreachable"
            assert carol.next_sync is not None
            machine.line.answer = None
            service.sync_now("alice")
            await machine.until(lambda: stands(service) is AccountState.WAITING, within=20)
            carol = service.accounts["carol"]
            assert (carol.state, carol.fault) == (AccountState.WAITING, None)
            assert told[0] is AccountState.AWAY
            assert told[-1] is AccountState.WAITING
        await listening

    run(test())


def stands(service: SyncService) -> AccountState:
    """How alice's account does."""
    return service.accounts["alice"].state


@pytest.mark.parametrize("number", [2, 5, 30])
def test_when_one_account_is_answered_the_others_soon_are_too(
    machine: Machine, number: int
) -> None:
    """Law 12: nobody waits a minute for a server that is known to be back; whoever waits for
    a person waits on."""

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(number)]
        machine.passwords["other"] = "wrong"
        async with machine.service(*accounts, machine.account("other")) as service:
            await asyncio.sleep(130)
            machine.line.answer = gone
            await outage(machine, service)
            await machine.until(lambda: service.servers["main"].fault is None, within=700)
            took = await machine.until(
                lambda: all(service.accounts[each.name].fault is None for each in accounts)
            )
            assert took <= number * Pace().return_every + 1
            assert service.accounts["other"].state is AccountState.UNAUTHORIZED
            assert service.accounts["other"].cycles == 1

    run(test())


def test_a_wait_that_a_server_asks_for_is_obeyed_by_all_its_accounts(machine: Machine) -> None:
    """`Retry-After` in seconds: nobody asks before, and another server's accounts go on."""

    async def test() -> None:
        other = machine.other_line()
        accounts = [machine.account(f"user{n}") for n in range(6)]
        there = machine.account("there", server="other", line=other)
        async with machine.service(*accounts, there) as service:
            await asyncio.sleep(100)
            machine.line.answer = says(429, retry_after="200")
            began = machine.time.monotonic()
            await machine.until(
                lambda: service.servers["main"].circuit is CircuitState.OPEN, within=400
            )
            machine.line.answer = None
            asked = machine.time.monotonic()
            await asyncio.sleep(600)
            assert len(machine.line.times(since=began)) > 1
            assert not [at for at in machine.line.times(since=asked + 0.1) if at < asked + 199]
            assert len(other.times("there", since=began)) >= 2
            assert all(e.state is AccountState.WAITING for e in service.accounts.values())

    run(test())


def test_a_short_wait_is_sat_out(machine: Machine) -> None:
    """Asked to wait a second, a pull waits for a second and goes on: it is not ended."""

    async def test() -> None:
        for n in range(30):
            machine.write("alice", f"m{n}")
        machine.side.fail("throttle-after", probability=0.5)
        account = machine.account("alice", page_size=5)
        async with machine.service(account) as service:
            await machine.until(lambda: service.accounts["alice"].last_sync is not None)
            assert service.accounts["alice"].cycles == 1
            assert picture(account.path, "bob") == f"[{' '.join(f'm{n}' for n in range(30))}]"

    run(test())


def test_the_budget_holds_for_all_accounts_together(machine: Machine) -> None:
    """First pulls of many conversations, of several accounts: the server sees at most the
    burst and the rate."""

    async def test() -> None:
        pace = Pace(requests_per_second=5, burst=10, spread=1)
        machine.settings = {"pace": pace}
        names = ["carol", "dave", "erin"]
        accounts = [machine.account(name, page_size=2) for name in names]
        for name in names:
            for n in range(60):
                machine.write(name, f"m{n}")
        async with machine.service(*accounts) as service:
            await machine.until(lambda: all(a.last_sync for a in service.accounts.values()))
        times = machine.line.times()
        assert len(times) > 90
        for index, first in enumerate(times):
            inside = sum(at < first + 4 for at in times[index:])
            assert inside <= pace.burst + 4 * pace.requests_per_second + 1

    run(test())


def test_a_probe_is_one_request(machine: Machine) -> None:
    """While it is not known whether a server is back, no two requests are under way."""

    async def test() -> None:
        accounts = [machine.account(f"user{n}") for n in range(10)]
        async with machine.service(*accounts):
            await asyncio.sleep(100)
            machine.line.answer = hung
            began = machine.time.monotonic()
            await asyncio.sleep(1800)
            late = [at for at in machine.line.times(since=began) if at > began + 300]
            assert late
            assert all(b - a >= 15 for a, b in pairwise(late))

    run(test())
