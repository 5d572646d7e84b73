"""Trying again: full jitter, one ceiling, one brake (law 12)."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from syncengine.errors import Gone, Rejected, ServerFault, SyncEngineError, Throttled, Unreachable
from syncengine.retry import Retrier
from tests.harness import VirtualTime


def retrier(time: VirtualTime, **settings: Any) -> Retrier:
    given: dict[str, Any] = {
        "attempts": 6,
        "base": 1.0,
        "ceiling": 8.0,
        "monotonic": time.monotonic,
        "sleep": time.sleep,
        "random": Random(1),
    }
    return Retrier(**(given | settings))


def failing(*errors: SyncEngineError) -> Callable[[], Awaitable[str]]:
    """A request that fails like this, one error after the other, and then works."""
    left = list(errors)

    async def request() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return request


async def test_a_request_that_works_takes_no_time() -> None:
    """Law 12: nothing is waited for when nothing fails."""
    time = VirtualTime()
    before = time.seconds
    assert await retrier(time).call(failing()) == "answer"
    assert time.seconds == before


async def test_passing_faults_are_tried_again_under_one_ceiling() -> None:
    """Law 12: no single wait is longer than the ceiling."""
    time = VirtualTime()
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await time.sleep(seconds)

    errors = [Unreachable("x"), ServerFault("x"), Throttled("x")] * 5
    assert await retrier(time, attempts=20, sleep=sleep).call(failing(*errors)) == "answer"
    assert len(waits) == 15
    assert 4 < max(waits) <= 8
    assert len(set(waits)) == 15  # jittered


async def test_the_last_error_is_raised_when_no_attempt_is_left() -> None:
    """Law 12: attempts are bounded, and the error is the server's own."""
    with pytest.raises(ServerFault):
        await retrier(VirtualTime(), attempts=3).call(failing(*[ServerFault("x")] * 3))


@pytest.mark.parametrize("error", [Gone("x"), Rejected("x")])
async def test_what_does_not_pass_is_not_tried_again(error: SyncEngineError) -> None:
    """Law 12: an error that trying again cannot mend comes back at once."""
    time = VirtualTime()
    before = time.seconds
    with pytest.raises(type(error)):
        await retrier(time).call(failing(error))
    assert time.seconds == before


async def test_retry_after_is_kept_to_and_holds_back_others() -> None:
    """Law 12: where the server asks one request to wait, a new one waits too."""
    time = VirtualTime()
    before = time.seconds
    shared = retrier(time)
    with pytest.raises(Throttled):
        await retrier(time, attempts=1).call(failing(Throttled("x", retry_after=50)))
    assert time.seconds == before
    assert await shared.call(failing(Throttled("x", retry_after=50))) == "answer"
    assert time.seconds - before >= 50


async def test_the_same_randomness_gives_the_same_waits() -> None:
    """Determinism: a run is a function of its seed."""
    times = [VirtualTime(), VirtualTime()]
    for time in times:
        await retrier(time).call(failing(Unreachable("x"), Unreachable("x")))
    assert times[0].seconds == times[1].seconds
