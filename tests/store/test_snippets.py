"""The piece of a text that shows why it was found."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.store.snippets import WIDTH, snippet
from syncengine.store.words import spaced, terms_of


def marked(text: str, query: str) -> str:
    """The snippet, its highlights in brackets."""
    piece, spans = snippet(text, terms_of(query))
    for first, last in reversed(spans):
        piece = f"{piece[:first]}[{piece[first:last]}]{piece[last:]}"
    return piece


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("see you at noon", "noon", "see you at [noon]"),
        ("Le CAFÉ du café", "cafe", "Le [CAFÉ] du [café]"),
        ("Le cafe\u0301!", "café", "Le [cafe\u0301]!"),
        ("明天上午开会", "上午", "明天[上午]开会"),
        ("明天，上午", "天上", "明天，上午"),
        ("用iPhone拍的", "拍 iphone", "用[iPhone拍]的"),
        ("a a-b a", "a-b a", "[a] [a-b] [a]"),
        ("ok 👍🏽 fine", "👍", "ok [👍🏽] fine"),
        ("İİ stop", "stop", "İİ [stop]"),
        ("ﬁne ﬁsh", "fish", "ﬁne [ﬁsh]"),
        ("nothing", "", "nothing"),
    ],
)
def test_what_is_shown(text: str, query: str, shown: str) -> None:
    """The words as they are written, also where folding changes their length."""
    assert marked(text, query) == shown


def test_a_long_text_is_cut_around_the_first_match() -> None:
    """Some words before it, and no half of a character with what belongs to it."""
    text = "word " * 5000 + "here it is " + "more " * 5000
    shown = marked(text, "here")
    assert "word [here] it is more" in shown
    assert len(shown) <= WIDTH + 2
    assert snippet("x" * 500, terms_of("no"))[0] == "x" * WIDTH


@given(st.text("ab中é\u0301👍\u200d ,", max_size=400), st.text("ab中é👍 ", max_size=6))
def test_highlights_are_matches(text: str, query: str) -> None:
    """A piece of the text; the spans in order, apart, inside, each of which finds itself."""
    terms = terms_of(query)
    piece, spans = snippet(text, terms)
    assert piece in text
    ends = 0
    for first, last in spans:
        assert ends <= first < last <= len(piece)
        ends = last
    if len(text) <= WIDTH and terms:
        assert bool(spans) == any(term.matches(spaced(text)) for term in terms)


@pytest.mark.parametrize("filling", ["plain words ", "中文的句子，", "ça va là "])
def test_a_message_of_megabytes_takes_no_seconds(filling: str) -> None:
    """5 MB are read as far as the first match, piece by piece."""
    text = filling * (5_000_000 // len(filling.encode())) + " needle"
    started = time.process_time()
    assert "[needle]" in marked(text, "needle")
    assert time.process_time() - started < 3
