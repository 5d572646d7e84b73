"""What waits for the next cycle: cheap to ask, for who decides when that is."""

from functools import partial

from syncengine.engine.parts import Parts
from syncengine.store.outbox import Undelivered, undelivered


class Waiting(Parts):
    """The part of the engine that says whether there is something to do."""

    async def undelivered(self) -> Undelivered:
        """The deletions that wait to be sent, whoever asked for them: the newest one's
        number, and how many there are. Raises StoreError."""
        return await self._store.read(partial(undelivered, now=self._environment.now()))
