"""A world of two people at a clock that stands still until it is moved."""

from collections.abc import AsyncIterator

import pytest

from syncengine.emulator import Emulator, World
from tests.emulator.caller import NOW, Caller, signed_in


@pytest.fixture
def world() -> World:
    """Alice and Bob, who have not talked yet, and a group of theirs."""
    world = World(clock=lambda: NOW)
    for name in ("alice", "bob", "carol"):
        world.add_user(name)
    world.add_group("g1", ["alice", "bob"])
    return world


@pytest.fixture
def emulator(world: World) -> Emulator:
    """That world behind the service's calls, without faults."""
    return Emulator(world)


@pytest.fixture
async def alice(emulator: Emulator) -> AsyncIterator[Caller]:
    """Alice, signed in."""
    caller = await signed_in(emulator)
    yield caller
    await caller.http.aclose()


@pytest.fixture
async def operator(emulator: Emulator) -> AsyncIterator[Caller]:
    """Whoever holds the app's own token."""
    caller = await signed_in(emulator, None)
    yield caller
    await caller.http.aclose()
