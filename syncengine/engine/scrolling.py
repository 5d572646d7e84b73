"""Reads for a window that scrolls: what is missing there is fetched first."""

from collections.abc import Awaitable, Callable
from functools import partial

from syncengine.engine.parts import AWAY, Parts
from syncengine.errors import ConfigError
from syncengine.models import ConversationKey, Hole, Kind, Loaded, Slice, Source
from syncengine.reader import conversation_key
from syncengine.sync.filling import fill_gap

_MOST_PAGES = 4
"""Pages that one call asks for; a larger gap stays one, and is shown."""


class Scrolling(Parts):
    """The part of the engine that closes the gap that a person looks at."""

    async def load_messages(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        before: str | None = None,
        after: str | None = None,
        around: str | None = None,
        at: int | None = None,
        limit: int = 20,
        deadline: float | None = None,
    ) -> Loaded:
        """The messages of `reader.messages`; where a gap lies among them or next to them, a
        few pages are fetched into it first, ahead of any sync that is under way.

        After `deadline` seconds (None: as configured), or where the server cannot be
        reached or refuses, it is what is held, with the error. A gap that is larger than
        those pages is smaller then, and still shown. A conversation that is not known here
        is asked for, too. Raises ConfigError as `reader.messages` does.
        """
        key = conversation_key(conversation_id, kind)
        seconds = self._deadline(deadline)
        read = partial(
            self.reader.messages,
            conversation_id,
            kind,
            before=before,
            after=after,
            around=around,
            at=at,
            limit=limit,
        )
        part = await read()
        if not part.gaps:
            return Loaded(part, Source.LOCAL)
        try:
            await self._within(seconds, self._fill(key, part, read, lowest=after is not None))
        except AWAY as error:
            return Loaded(await _again(read, part), Source.LOCAL, error)
        return Loaded(await _again(read, part), Source.SERVER)

    async def _fill(
        self,
        key: ConversationKey,
        part: Slice,
        read: Callable[[], Awaitable[Slice]],
        *,
        lowest: bool,
    ) -> None:
        """Fetch into the gaps of a slice, until it has none or nothing more is proved."""
        self._online()
        for _ in range(_MOST_PAGES):
            if not part.gaps:
                return
            gap = part.gaps[0 if lowest else -1]
            place = (key, gap.newer_id)
            if not await self._scrolls.run(place, partial(self._fill_once, key, gap)):
                return
            part = await _again(read, part)

    async def _fill_once(self, key: ConversationKey, gap: Hole) -> bool:
        with self._under_way.fetch():
            return await fill_gap(self._asking(), key, gap.newer_id, self._config.page_size)


async def _again(read: Callable[[], Awaitable[Slice]], part: Slice) -> Slice:
    """What is there now; the message that was named may be gone meanwhile."""
    try:
        return await read()
    except ConfigError:
        return part
