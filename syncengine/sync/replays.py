"""Tells an answer that was already given to another question.

Two starts that are both alive never get the same page: the page of the upper one shows the
lower. So a page that repeats the one before, asked for from elsewhere, comes from a cache,
or from a start that is gone: what it leaves out says nothing (law 5).
"""

from attrs import evolve

from syncengine.models import ConversationKey, Page


class Replays:
    """Remembers the last answer of every conversation; an engine has one for all its requests."""

    def __init__(self) -> None:
        self._last: dict[ConversationKey, tuple[str, int]] = {}

    def checked(self, key: ConversationKey, start: str, page: Page) -> Page:
        """The page, marked where it repeats the answer to another question.

        If the same question gets it once more, it is believed.
        """
        mark = hash(tuple(message.message_id for message in page.messages))
        last, self._last[key] = self._last.get(key), (start, mark)
        repeated = last is not None and last[0] != start and last[1] == mark
        return evolve(page, repeated=True) if repeated else page
