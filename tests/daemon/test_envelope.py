"""What a server that fails gets is bounded, and the bound follows from the schedule's constants
(law 12). It is stated in `syncengine/daemon/breaker.py`."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate, count, takewhile
from random import Random

import pytest

from syncengine.daemon import CircuitState, Pace, Settings, breaker
from syncengine.errors import ServerFault
from tests.daemon.virtual import Machine, gone, hung, run

OUTAGE = 600.0
ACCOUNTS = 5
FETCHERS = 8


def probes(pace: Pace, seconds: float) -> int:
    """On average: waits are drawn from nothing up to bounds that double, under the ceiling."""
    bounds = (min(pace.backoff_base * 2.0**n, pace.backoff_ceiling) for n in count())
    return sum(1 for _ in takewhile(lambda at: at <= seconds, accumulate(b / 2 for b in bounds)))


def envelope(pace: Pace, settings: Settings, seconds: float) -> int:
    """The most requests in so many seconds."""
    under_way = settings.at_once * FETCHERS
    return pace.failures_to_open + under_way + 2 * probes(pace, seconds)


def stopped(machine: Machine) -> None:
    machine.line.answer = gone


def hanging(machine: Machine) -> None:
    machine.line.answer = hung


def answering_503(machine: Machine) -> None:
    machine.side.fail("down")


async def asked_while(machine: Machine, fail: Callable[[Machine], None]) -> tuple[int, int]:
    """How many requests are sent while it fails, in all and in its second half; it
    comes back afterwards and all accounts are well."""
    accounts = [machine.account(f"user{n}", fetchers=FETCHERS) for n in range(ACCOUNTS)]
    async with machine.service(*accounts) as service:
        await asyncio.sleep(130)
        began = machine.time.monotonic()
        for account in accounts:
            for n in range(4):
                machine.write(account.name, f"m{n}")
        fail(machine)
        await asyncio.sleep(OUTAGE)
        asked, late = (len(machine.line.times(since=began + after)) for after in (0, OUTAGE / 2))
        machine.line.answer = None
        machine.side.fail("none")
        cycles = {name: each.cycles for name, each in service.accounts.items()}
        await machine.until(
            lambda: all(
                each.cycles > cycles[name] and each.fault is None
                for name, each in service.accounts.items()
            ),
            within=3600,
        )
        assert service.servers["main"].circuit is CircuitState.CLOSED
    return asked, late


@pytest.mark.parametrize("fail", [stopped, hanging, answering_503])
def test_ten_minutes_without_an_answer_stay_inside_the_envelope(
    machine: Machine, fail: Callable[[Machine], None]
) -> None:
    """Gone, hung, or answering 503: the failures that open the circuit, what is under way, and
    a probe a wait; afterwards everybody is well again."""

    async def test() -> None:
        asked, late = await asked_while(machine, fail)
        assert 3 <= asked <= envelope(Pace(), Settings(), OUTAGE)
        assert late <= 2 * probes(Pace(), OUTAGE)

    run(test())


@contextmanager
def planted(name: str) -> Iterator[None]:
    """A bug in the circuit breaker."""
    bugs: dict[str, tuple[str, Callable[..., object]]] = {
        "no back-off": ("backoff_wait", lambda pace, failures, chance: pace.backoff_least),
        "the breaker never opens": ("refused", lambda pace, circuit, *_, **__: circuit),
    }
    what, wrong = bugs[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(breaker, what, wrong)
        yield


@pytest.mark.parametrize("bug", ["no back-off", "the breaker never opens"])
def test_the_envelope_is_broken_by_a_planted_bug(machine: Machine, bug: str) -> None:
    """It is no bound that anything would keep."""

    async def test() -> None:
        with planted(bug):
            asked, late = await asked_while(machine, answering_503)
        assert asked > envelope(Pace(), Settings(), OUTAGE)
        assert late > 2 * probes(Pace(), OUTAGE)

    run(test())


@pytest.mark.parametrize("seconds", [60.0, 600.0, 3600.0])
def test_probes_are_never_more_than_twice_as_many_as_on_average(seconds: float) -> None:
    """However the waits are drawn: three thousand draws."""
    pace, chance = Pace(), Random(1)
    most = 0
    for _ in range(3000):
        circuit = breaker.Circuit(failures=pace.failures_to_open - 1)
        circuit = breaker.refused(pace, circuit, ServerFault, 0, chance.random())
        number = 0
        while circuit.retry_at <= seconds:
            number += 1
            at = circuit.retry_at
            circuit = breaker.probing(circuit)
            circuit = breaker.refused(pace, circuit, ServerFault, at, chance.random())
        most = max(most, number)
    assert probes(pace, seconds) <= most <= 2 * probes(pace, seconds)
