"""Where a time lies in a conversation whose order is not by time."""

import random
import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncengine.store.batch import HEAD
from syncengine.store.migrate import migrate
from syncengine.store.slices import place_of_time
from syncengine.sync.gaps import JUMP, STEP

TIMES = st.lists(st.integers(-5, 30), max_size=40)


def store(times: Sequence[int], steps: Sequence[int]) -> tuple[sqlite3.Connection, list[int]]:
    """A conversation of messages sent at these times, with room between them as it comes."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    places = [place - 1000 for place in accumulate(steps[: len(times)])]
    rows = [(p, f"m{p}", t) for p, t in zip(places, times, strict=True)]
    connection.executemany(
        "INSERT INTO message (conversation, position, message_id, sender, timestamp, type, text,"
        " raw) VALUES (1, ?, ?, 'bob', ?, 'text', '', x'')",
        rows,
    )
    return connection, places


@settings(deadline=None)  # a busy machine is no fault
@given(TIMES, st.lists(st.sampled_from([1, 2, 1 << 16, 1 << 36]), min_size=40), st.integers(-9, 35))
def test_times_change_there_from_before_to_after(
    times: list[int], steps: list[int], at: int
) -> None:
    """Law 3: whatever the times are, the message found was sent then or later, and the one
    before it earlier; where times only grow, it is the first such message."""
    connection, places = store(times, steps)
    found = place_of_time(connection, 1, at)
    connection.close()
    index = places.index(found) if found != HEAD else len(places)
    assert index == len(places) or times[index] >= at
    assert index == 0 or times[index - 1] < at
    if times == sorted(times):
        assert index == sum(time < at for time in times)


def looks_for(connection: sqlite3.Connection, at: int, place: int) -> int:
    """In how many statements a time is found to be at this place."""
    looks: list[str] = []
    connection.set_trace_callback(looks.append)
    assert place_of_time(connection, 1, at) == place
    connection.set_trace_callback(None)
    return len(looks)


@pytest.mark.parametrize("step", [1, STEP, JUMP])
@pytest.mark.parametrize("count", [100, 10_000])
def test_times_that_grow_evenly_cost_few_looks(count: int, step: int) -> None:
    """Law 9: where messages came evenly a time is found in two statements, however many they
    are and however far apart their positions."""
    connection, places = store(range(0, 60 * count, 60), [step] * count)
    for number in range(7, count, count // 7):
        assert looks_for(connection, 60 * number - 30, places[number]) <= 2
        assert looks_for(connection, 60 * number, places[number]) <= 2
    connection.close()


@pytest.mark.parametrize("step", [1, STEP])
def test_times_of_bursts_cost_few_looks(step: int) -> None:
    """Law 9: people write some messages in a few seconds and are silent then."""
    chance = random.Random(1)
    starts = [40 * n + chance.randrange(30) for n in range(1000)]
    times = [start + n // 4 for start in starts for n in range(32)]
    connection, places = store(times, [step] * len(times))
    for at in chance.sample(times, 100):
        assert looks_for(connection, at, places[bisect_left(times, at)]) <= 8
    connection.close()


def test_an_absurd_time_costs_the_logarithm() -> None:
    """Law 9: one message far in the future draws every look to the oldest ones; each fourth look
    halves what is left."""
    connection, places = store([*range(10_000), 1 << 62], [STEP] * 10_001)
    for number in (17, 4000, 9000):
        assert looks_for(connection, number, places[number]) <= 1 + 4 * 14
    connection.close()


def test_times_that_double_cost_the_logarithm() -> None:
    """Law 9: where the steps in time double, no look goes far, but for each fourth one."""
    times = [1 << n for n in range(1000)]
    times = [min(each, 1 << 62) + n for n, each in enumerate(times)]
    connection, places = store(times, [STEP] * len(times))
    for number in (3, 17, 40, 55, 900):
        assert looks_for(connection, times[number], places[number]) <= 1 + 4 * 10
    connection.close()
