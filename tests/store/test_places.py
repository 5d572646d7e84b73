"""Where a time lies in a conversation whose order is not by time."""

import sqlite3
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncengine.store.batch import HEAD
from syncengine.store.migrate import migrate
from syncengine.store.slices import place_of_time

TIMES = st.lists(st.integers(-5, 30), max_size=40)


def store(times: Sequence[int], steps: Sequence[int]) -> tuple[sqlite3.Connection, list[int]]:
    """A conversation of messages sent at these times, with room between them as it comes."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    places = [sum(steps[: n + 1]) - 1000 for n in range(len(times))]
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


@pytest.mark.parametrize("count", [100, 10_000])
def test_times_that_grow_evenly_cost_few_looks(count: int) -> None:
    """Where messages came evenly, a time is found in ten statements, however many they are."""
    connection, places = store(range(0, 60 * count, 60), [1] * count)
    looks: list[str] = []
    connection.set_trace_callback(looks.append)
    for number in range(7, count, count // 7):
        looks.clear()
        assert place_of_time(connection, 1, 60 * number - 30) == places[number]
        assert place_of_time(connection, 1, 60 * number) == places[number]
        assert len(looks) <= 20
    connection.close()


def test_times_that_double_cost_the_logarithm() -> None:
    """Where the steps in time double, every other look halves what is left."""
    times = [1 << n for n in range(1000)]
    times = [min(each, 1 << 62) + n for n, each in enumerate(times)]
    connection, places = store(times, [1] * len(times))
    looks: list[str] = []
    connection.set_trace_callback(looks.append)
    for number in (3, 17, 40, 55, 900):
        looks.clear()
        assert place_of_time(connection, 1, times[number]) == places[number]
        assert len(looks) <= 2 + 2 * 11
    connection.close()
