"""Pages that were already given as the answer to another question."""

from syncengine.models import ConversationKey, Kind, MessageRow, Page
from syncengine.sync.replays import Replays

BOB = ConversationKey("bob", Kind.CHAT)


def page(*ids: str) -> Page:
    """A page that shows these."""
    rows = [MessageRow(m, "bob", 0, "text", "", None, b"") for m in ids]
    return Page(rows, None, end=False)


def asked(*exchanges: tuple[str, tuple[str, ...]]) -> list[bool]:
    """Whether each answer counts as the repetition of another question's."""
    replays = Replays()
    return [replays.checked(BOB, start, page(*ids)).repeated for start, ids in exchanges]


def test_an_answer_to_another_question_is_told() -> None:
    """Law 5: from a cache; the same question again is answered likewise."""
    assert asked(("", ("3", "2")), ("2", ("3", "2"))) == [False, True]
    assert asked(("", ("3", "2")), ("", ("3", "2"))) == [False, False]
    assert asked(("", ("3", "2")), ("2", ("1",))) == [False, False]


def test_a_deeper_page_given_as_the_newest_is_believed_the_second_time() -> None:
    """Law 5: it may be true, if all that stood above was deleted."""
    assert asked(("", ("9", "8")), ("8", ("3", "2")), ("", ("3", "2")), ("", ("3", "2"))) == [
        False,
        False,
        True,
        False,
    ]


def test_the_newest_page_is_itself_after_a_start_that_is_gone_was_answered_with_it() -> None:
    """Law 2: some servers answer a start that is gone with the head."""
    head = ("9", "8")
    assert asked(("", head), ("5", head), ("", head)) == [False, True, False]


def test_conversations_do_not_mix() -> None:
    """Two empty conversations answer alike."""
    replays = Replays()
    carol = ConversationKey("carol", Kind.CHAT)
    assert not replays.checked(BOB, "", page()).repeated
    assert not replays.checked(carol, "7", page()).repeated
