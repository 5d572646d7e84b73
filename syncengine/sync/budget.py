"""How many pages may be read again, shared by places that are read at the same time.

first pages ── second tries ── proofs of an end     counted: they are what a cycle may cost
pages past rows that are no messages                one place after the other: may be many
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from syncengine.models import ConversationKey

TO_THE_END = 2
"""Pages that confirm where history seems to end, beside the one that shows it."""


class OutOfPages(Exception):
    """A place has to stop at rows that are no messages, and keeps its turn."""


class Budget:
    """Pages that may still be asked for, by all who read at the same time."""

    def __init__(self, pages: int, end: Callable[[], bool]) -> None:
        """`end`: whether as many pages came as may be asked for, those past rows included."""
        self.left = pages
        self._end = end
        self._gate = asyncio.Lock()
        self._passing: ConversationKey | None = None
        self._nobody_passed = True

    def page(self) -> bool:
        """Whether there is one more; then it is taken."""
        return self._take(1)

    def proof(self) -> bool:
        """Whether there are those that confirm an end; then they are taken."""
        return self._take(TO_THE_END)

    def give_back(self) -> None:
        """One was refused, and costs nothing."""
        self.left += 1

    @asynccontextmanager
    async def place(self, key: ConversationKey) -> AsyncIterator[None]:
        """While a place of this conversation is read."""
        try:
            yield
        finally:
            if self._passing == key:
                self._passing = None
                self._gate.release()

    async def rows(self, key: ConversationKey) -> None:
        """Before one more page past rows that are no messages, which are not counted here: there
        may be many. So one place passes them after the other; the first one whatever it takes, or
        it would never be read, others while pages are left. Raises OutOfPages."""
        if self._passing == key:
            return
        await self._gate.acquire()
        if self._end() and not self._nobody_passed:
            self._gate.release()
            raise OutOfPages
        self._passing, self._nobody_passed = key, False

    def _take(self, pages: int) -> bool:
        if pages > self.left:
            return False
        self.left -= pages
        return True
