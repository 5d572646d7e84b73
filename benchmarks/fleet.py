"""What does a server see of a million clients when it was away for ten minutes and comes back?

Clients on virtual time, in seconds. Every decision is the daemon's own: when a client asks
next, what a failure makes of that, whether its server may be asked, are functions of
`syncengine.daemon.schedule`. The model has no policy; it plays the server, which answers so
many requests a second and refuses the rest, and chance: who has something new.

All clients are switched on within the same second. A poll is one request, and one more where
something is new: most clients are quiet, some talk every minute. Without jitter chance always
draws 1. Without the budget of a server that fails (the circuit breaker) each try of a client
is the engine's six attempts, and its next turn comes by its own back-off alone. The bucket of
requests is not played: a client with one account, two requests a poll, never meets its bottom.
"""

import argparse
import gc
import math
import multiprocessing
import os
import random
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from benchmarks.drawing import pyplot
from benchmarks.results import Result, Row, Spread
from benchmarks.showing import steps
from syncengine import Config
from syncengine.daemon import breaker, schedule
from syncengine.daemon.breaker import CircuitState
from syncengine.daemon.pace import Pace
from syncengine.daemon.schedule import Outcome
from syncengine.errors import Unreachable

SCALES: Mapping[str, Mapping[str, Any]] = {"small": {"clients": 10_000}, "full": {}}
_WARM, _AWAY, _AFTER = 1800, 600, 1800
"""Seconds: until the load is steady, of the outage, and to look at after it."""
_END = _WARM + _AWAY + _AFTER
_STEADY = 600
"""The last so many seconds before the outage are the steady load."""
_MOST = 2.0
"""The peak after the return, in steady loads."""
_ACTIVE, _TALK, _REST = 0.1, 60.0, 4 * 3600.0
"""The share of active clients, and the seconds between two messages of an active and of a
quiet client."""
_SHOWN_EVERY = 10
"""Seconds: the picture shows the busiest second of so many."""
_ATTEMPTS = Config().attempts
_CAPACITY = 2.5
"""Of the server, in loads of the fleet at its longest interval and its active at the floor."""


@frozen
class Variant:
    """How clients behave."""

    jitter: bool
    budget: bool

    @property
    def name(self) -> str:
        """For people."""
        yes, no = ("with", "no"), ("without", "no")
        return f"{(yes if self.jitter else no)[0]} jitter, {(yes if self.budget else no)[0]} budget"


@frozen
class Seen:
    """What the server saw, second by second."""

    variant: Variant
    capacity: int
    """Requests a second that the server answers."""
    requests: Sequence[int]
    refused: Sequence[int]
    seconds: float
    """Of this machine."""

    @property
    def steady(self) -> float:
        """Requests a second before the outage."""
        return sum(self.requests[_WARM - _STEADY : _WARM]) / _STEADY

    @property
    def peak(self) -> int:
        """The most in a second after the return."""
        return max(self.requests[_WARM + _AWAY :])

    @property
    def ratio(self) -> float:
        """The peak in steady loads."""
        return self.peak / self.steady

    @property
    def away(self) -> float:
        """Requests a second in the second half of the outage."""
        half = _AWAY // 2
        return sum(self.requests[_WARM + half : _WARM + _AWAY]) / half


@frozen
class World:
    """The server, the fleet, and what was seen."""

    pace: Pace
    capacity: int
    chance: Callable[[], float]
    breaker: bool
    agenda: list[list[int]]
    """Clients that ask in each second."""
    requests: MutableSequence[int] = field(init=False)
    refused: MutableSequence[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        for name in ("requests", "refused"):
            object.__setattr__(self, name, array("l", [0]) * (_END + 1))

    def answers(self, second: int) -> bool:
        """One request; whether it is answered."""
        self.requests[second] += 1
        if not _WARM <= second < _WARM + _AWAY and self.requests[second] <= self.capacity:
            return True
        self.refused[second] += 1
        return False

    def plan(self, client: int, due: float) -> None:
        """It asks then."""
        if due < _END:
            self.agenda[int(due)].append(client)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--clients", type=int, default=1_000_000)
    parser.add_argument("--only", action="store_true", help="only as the daemon is")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="variants at once, each 0.5 kB a client",
    )


def run(options: argparse.Namespace) -> Result:
    """Simulate; the goal is for the peak after the return, as the daemon is."""
    variants = [Variant(True, True)]
    if not options.only:
        variants += [Variant(True, False), Variant(False, True), Variant(False, False)]
    found = list(steps(_all(options, variants), "fleet", len(variants)))
    if options.plot is not None:
        options.plot.mkdir(parents=True, exist_ok=True)
        _draw(found, options.clients, options.plot / "fleet.svg")
    return Result(
        case="fleet",
        setting=f"{options.clients:,} clients, seed {options.seed}; the server answers"
        f" {found[0].capacity:,} a second",
        rows=[each for seen in found for each in _rows(seen, goal=_goal(seen.variant))],
    )


def _goal(variant: Variant) -> float | None:
    return _MOST if variant == Variant(True, True) else None


def _all(options: argparse.Namespace, variants: Sequence[Variant]) -> Iterator[Seen]:
    """Several at once, each in a process of its own, which ends with this one's block."""
    work = [(options.clients, variant, options.seed) for variant in variants]
    fresh = multiprocessing.get_context("spawn")
    with fresh.Pool(min(options.jobs, len(work)), maxtasksperchild=1) as pool:
        yield from pool.imap(simulated, work, chunksize=1)


def simulated(work: tuple[int, Variant, int]) -> Seen:
    """So many clients, how they behave, and a seed: what their server sees."""
    gc.disable()  # a million clients and no cycles: its passes take longer than the rest
    clients, variant, seed = work
    started, chance = time.monotonic(), random.Random(f"fleet {seed}").random
    pace = Pace()
    active = clients * _ACTIVE
    load = clients / pace.ceiling + active / pace.floor
    drawn = chance if variant.jitter else (lambda: 1.0)
    agenda: list[list[int]] = [[] for _ in range(_END + 1)]
    world = World(pace, int(_CAPACITY * load), drawn, variant.budget, agenda)
    turns = [schedule.first_turn(pace, chance(), drawn()) for _ in range(clients)]
    for client, turn in enumerate(turns):
        world.plan(client, turn.due)
    _play(world, turns, active, chance)
    seconds = time.monotonic() - started
    return Seen(variant, world.capacity, world.requests, world.refused, seconds)


def _play(
    world: World, turns: list[schedule.Turn], active: float, chance: Callable[[], float]
) -> None:
    """Every second of it; the clients below `active` are the active ones."""
    circuits = [breaker.CLOSED] * len(turns)
    fresh = array("d", [0.0]) * len(turns)  # when each was last up to date
    for second in range(_END):
        clients, world.agenda[second] = world.agenda[second], []
        for client in clients:
            rest = _TALK if client < active else _REST
            turn, circuits[client] = _poll(
                world, turns[client], circuits[client], second, rest, fresh[client], chance
            )
            turns[client] = turn
            if not turn.failures:
                fresh[client] = second
            world.plan(client, max(turn.due, second + 1))


def _poll(
    world: World,
    turn: schedule.Turn,
    circuit: breaker.Circuit,
    second: int,
    rest: float,
    fresh: float,
    chance: Callable[[], float],
) -> tuple[schedule.Turn, breaker.Circuit]:
    """One client's turn, and what it made of its schedule and its view of the server."""
    pace, now = world.pace, float(second)
    if not breaker.admits(circuit, now):
        return schedule.deferred(pace, turn, circuit, now, world.chance()), circuit
    circuit = breaker.probing(circuit)
    failures = 0
    news = chance() < 1 - math.exp((fresh - now) / rest)
    for _ in range(1 + news):
        while not world.answers(second):
            failures += 1
            if not world.breaker:
                if failures < _ATTEMPTS:
                    continue
                return schedule.failed(pace, turn, Unreachable, now, world.chance()), circuit
            circuit = breaker.refused(pace, circuit, Unreachable, now, world.chance())
            if circuit.state is CircuitState.OPEN:
                return schedule.deferred(pace, turn, circuit, now, world.chance()), circuit
        circuit = breaker.answered(circuit)
    outcome = Outcome.NEWS if news else Outcome.QUIET
    return schedule.succeeded(pace, turn, outcome, now, world.chance()), circuit


def _rows(seen: Seen, goal: float | None) -> Iterator[Row]:
    """A model with a seed: no spread."""
    name = seen.variant.name
    figures = {"steady": seen.steady, "away": seen.away}
    for what, figure in figures.items():
        yield Row(name=f"{name}: {what}", value=_exactly(figure), unit="requests/s")
    yield Row(
        name=f"{name}: peak after",
        value=_exactly(seen.peak),
        unit="requests/s",
        ratio=_exactly(seen.ratio),
        floor="steady",
        goal=goal,
    )
    refused = sum(seen.refused[_WARM + _AWAY :])
    yield Row(name=f"{name}: refused after", value=_exactly(refused), unit="requests")


def _exactly(value: float) -> Spread:
    return Spread.of([value])


def _draw(found: Sequence[Seen], clients: int, file: Path) -> None:
    """On one scale, so that the variants can be compared: from one request to all at once."""
    plt = pyplot()
    figure, axes = plt.subplots(
        len(found), figsize=(9, 1.9 * len(found) + 0.5), sharex=True, sharey=True, squeeze=False
    )
    minutes = [second / 60 for second in range(0, _END, _SHOWN_EVERY)]
    top = 2 * max(max(seen.requests) for seen in found)
    for seen, (axis,) in zip(found, axes, strict=True):
        axis.plot(minutes, _busiest(seen.requests), linewidth=0.9)
        axis.axvspan(_WARM / 60, (_WARM + _AWAY) / 60, alpha=0.15, color="red")
        axis.axhline(_MOST * seen.steady, linestyle="--", linewidth=0.8, color="grey")
        axis.set(title=seen.variant.name, ylabel="requests/s", yscale="log", ylim=(1, top))
    axes[-1][0].set_xlabel(
        f"minutes; {clients:,} clients; red: the server is away; dashed: twice the steady load;"
        f" the busiest second of each {_SHOWN_EVERY}"
    )
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


def _busiest(requests: Sequence[int]) -> list[int]:
    """At least 1: the scale has no 0."""
    return [max(1, *requests[at : at + _SHOWN_EVERY]) for at in range(0, _END, _SHOWN_EVERY)]
