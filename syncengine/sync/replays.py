"""Tells an answer that was already given to another question.

Two starts that are both alive never get the same page: the page of the upper one shows the
lower. So a page that repeats the one before, asked for from elsewhere, comes from a cache,
or from a start that is gone: what it leaves out says nothing (law 5).
"""

from attrs import define, evolve

from syncengine.models import ConversationKey, Page


@define
class _Answers:
    """What a conversation's requests were answered with, as far as it is remembered."""

    start: str
    last: int
    head: int | None = None
    """The last answer of the newest end: a start that is gone may be answered with it."""


class Replays:
    """Remembers the last answers of every conversation; an engine has one for all requests."""

    def __init__(self) -> None:
        self._answers: dict[ConversationKey, _Answers] = {}

    def checked(self, key: ConversationKey, start: str, page: Page) -> Page:
        """The page, marked where it repeats the answer to another question.

        If the same question gets it once more, it is believed.
        """
        answer = hash(tuple([message.message_id for message in page.messages]))
        known = self._answers.setdefault(key, _Answers(start, answer))
        repeated = known.last == answer and known.start != start
        if not start:
            repeated = repeated and known.head != answer
            known.head = known.head if repeated else answer
        known.start, known.last = start, answer
        return evolve(page, repeated=True) if repeated else page
