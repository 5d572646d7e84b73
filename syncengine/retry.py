"""Tries again: full jitter under one ceiling, one brake for the whole account (law 12)."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import tenacity

from syncengine.errors import Patience, Scope, SyncEngineError, Throttled

T = TypeVar("T")


def _passing(error: BaseException) -> bool:
    """Whether the fault is the account's and may pass by itself."""
    return (
        isinstance(error, SyncEngineError)
        and error.scope is Scope.ACCOUNT
        and error.patience is Patience.LATER
    )


class Retrier:
    """Calls what may fail for a while.

    One is shared by all requests of an account: where the server asks one of them to
    wait, all wait.
    """

    def __init__(
        self,
        *,
        attempts: int,
        base: float,
        ceiling: float,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Random,
    ) -> None:
        """`base` and `ceiling` in seconds: the first wait is up to `base`, each further
        one up to twice the one before, none longer than `ceiling` unless the server asks."""
        self._attempts = attempts
        self._base = base
        self._ceiling = ceiling
        self._monotonic = monotonic
        self._sleep = sleep
        self._random = random
        self._not_before = 0.0

    async def call(self, request: Callable[[], Awaitable[T]]) -> T:
        """The request's result; raises its last error when no attempt is left."""
        await self._brake()
        try:
            return await request()  # nearly always: no machinery for what does not fail
        except SyncEngineError as error:
            self._note(error)
            if not _passing(error) or self._attempts == 1:
                raise
            first = error
        return await self._again(request, first)

    async def _again(self, request: Callable[[], Awaitable[T]], first: SyncEngineError) -> T:
        pending: list[SyncEngineError] = [first]

        async def attempt() -> T:
            if pending:
                raise pending.pop()
            await self._brake()
            return await request()

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_passing),
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(attempt)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, Throttled) and error.retry_after is not None:
            self._note(error)
            return error.retry_after
        return self._full_jitter(state.attempt_number)

    def _note(self, error: SyncEngineError) -> None:
        """Where the server asks one request to wait, all wait."""
        if isinstance(error, Throttled) and error.retry_after is not None:
            self._not_before = max(self._not_before, self._monotonic() + error.retry_after)

    def _full_jitter(self, attempt: int) -> float:
        """Anything from nothing to the exponential bound: waiters do not come back together.

        Tenacity's own jitter cannot be given a source of randomness.
        """
        bound = min(self._ceiling, self._base * 2 ** (attempt - 1))
        return self._random.uniform(0, bound)

    async def _brake(self) -> None:
        wait = self._not_before - self._monotonic()
        if wait > 0:
            await self._sleep(wait)
