"""The pure parts: what anything looks like, for any text and any width."""

import unicodedata
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from syncengine.models import Conversation, Hit, Hole, Kind, Message, MessageType, Slice
from syncengine.tui import looks
from syncengine.tui.looks import conversation_lines
from syncengine.tui.text import LONGEST, MOST_LINES, body_lines, clean, fit_name, spread
from syncengine.tui.window import EDGE, SIZE, EntryKind, View, around, entries, gap_to_fill

ACTING = "\x1b\x07\x00\x9b\r\n\t\u2028\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
LAYING = "\u0301\u0489\u200d\u200b\ufe0f国🏽👩ن[]"
PIECES = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(ACTING + LAYING)
ANY = st.lists(PIECES, max_size=30).map("".join)
EMOJI = "👩👧❤✈☎👍🏽🏿🇩🇪🏴\U000e0067\U000e007f\u200d\ufe0e\ufe0f\u20e3\u00ad1aक्षन"
WIDTHS = st.integers(8, 120)
NOON = 1_700_000_000_000


def message(text: str = "hello", number: int = 1, **changes: Any) -> Message:
    """Bob's."""
    made = Message(str(number), "bob", Kind.CHAT, "bob", NOON, MessageType.TEXT, text)
    return evolve(made, **changes)


@given(ANY)
def test_a_clean_text_has_nothing_in_it_that_acts(text: str) -> None:
    """No control character, no line break, nothing that turns the direction, no towers."""
    shown = clean(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert not any(c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for c in shown)
    assert clean(shown) == shown


@given(ANY | st.text(EMOJI, max_size=12))
def test_every_terminal_finds_a_text_as_wide(text: str) -> None:
    """Some give joined emoji the width of one, others of each: of what is shown, both agree."""
    shown = clean(text)
    assert cell_len(shown) == sum(cell_len(character) for character in shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("👩\u200d👩\u200d👧\u200d👦 we", "👩👩👧👦 we"),
        ("👍🏽, ❤\ufe0f, 1\ufe0f\u20e3", "👍, ❤, 1\u20e3"),
        ("👨🏽\u200d🚀", "👨🚀"),
        ("🏽", "\N{REPLACEMENT CHARACTER}"),
        ("🇩🇪 今天 مرحبا", "🇩🇪 今天 مرحبا"),
    ],
)
def test_emoji_are_taken_apart(text: str, shown: str) -> None:
    """A family is its people, a skin has no colour; flags and letters stay as they are."""
    assert clean(text) == shown


@given(ANY, ANY, WIDTHS)
def test_a_message_is_as_wide_as_the_pane(text: str, sender: str, width: int) -> None:
    """Whatever is in it, and however long it is, it has a bounded number of lines."""
    shown = message(text * 40, sender=sender)
    lines = looks.message_lines(shown, width, own=False, unverified=True)
    assert all(cell_len(line.plain) <= width for line in lines)
    assert all("\n" not in line.plain for line in lines)
    assert len(lines) <= 1 + MOST_LINES + 40


@given(ANY, WIDTHS)
def test_entries_and_results_have_two_lines(text: str, width: int) -> None:
    """The lists draw rows of two lines without looking."""
    said = message(text, sender=text, conversation_id=text)
    held = Conversation(text, Kind.CHAT, 7, True, (), said, True, False, 1, 1)
    hit = Hit(said, text[:160], ((0, min(3, len(text))),))
    for lines in (
        looks.conversation_lines(held, width, NOON),
        looks.hit_lines(hit, width, NOON),
    ):
        assert len(lines) == 2
        assert all(cell_len(line.plain) <= width for line in lines)


@given(ANY, st.integers(1, 120))
def test_a_name_is_cut_in_its_middle(text: str, width: int) -> None:
    """Never wider than it may be; what fits is whole, and of what does not both ends are left."""
    name = clean(text)
    shown = fit_name(name, width)
    assert cell_len(shown) <= width
    if cell_len(name) <= width:
        assert shown == name
    elif width >= 8:
        cuts = [at for at, character in enumerate(shown) if character == "…"]
        assert any(name.startswith(shown[:at]) and name.endswith(shown[at + 1 :]) for at in cuts)


def test_groups_are_told_apart_in_a_small_list() -> None:
    """Their ids are long, and differ in the last digits."""
    last = message(text="hello " * 9)
    for pinned, gaps in ((True, 0), (False, 1)):
        lines = {
            conversation_lines(
                Conversation(
                    f"24910810349568{number}",
                    Kind.GROUPCHAT,
                    0,
                    pinned,
                    (),
                    last,
                    True,
                    not gaps,
                    gaps,
                    0,
                ),
                23,
                NOON,
            )[0].plain
            for number in (1, 2, 3)
        }
        assert len(lines) == 3
        assert {cell_len(line) for line in lines} == {23}


@given(st.text(max_size=40), st.text(max_size=40), WIDTHS)
def test_two_texts_share_a_line(left: str, right: str, width: int) -> None:
    """It is exactly as wide as it should be."""
    shown = spread(Text(clean(left)), Text(clean(right)), width)
    assert shown.cell_len == width


def test_a_long_text_says_how_long_it_is() -> None:
    """What is left out is not hidden."""
    lines = body_lines("x" * (LONGEST + 1), 60)
    assert f"{LONGEST + 1:,} characters" in looks.joined(lines)
    assert "characters" not in looks.joined(body_lines("x" * 60, 60))


def test_times_that_no_calendar_has_are_shown_all_the_same() -> None:
    """Law 3: an absurd timestamp is a number, never an error."""
    absurd = message(timestamp=1 << 62)
    assert looks.message_lines(absurd, 40, own=True, unverified=False)
    assert looks.day(1 << 62).endswith("ms")
    assert looks.when(1 << 62, NOON) == ""


IDS = st.lists(st.integers(1, 9), unique=True, max_size=9).map(sorted)


@st.composite
def slices(draw: st.DrawFn) -> Slice:
    """Messages with holes anywhere among them and at both ends."""
    ids = [str(n) for n in draw(IDS)]
    ends = [None, *ids, None]
    pairs = [Hole(a, b) for a, b in pairwise(ends)]
    kinds = [draw(st.sampled_from(["", "gap", "seam"])) for _ in pairs]
    gaps = [hole for hole, kind in zip(pairs, kinds, strict=True) if kind == "gap"]
    seams = [hole for hole, kind in zip(pairs, kinds, strict=True) if kind == "seam"]
    whole = pairs[0] not in (*gaps, *seams)
    return Slice([message(number=int(n)) for n in ids], gaps, seams, whole, None)


@given(slices())
def test_every_hole_is_shown_between_its_neighbours(part: Slice) -> None:
    """Laws 2 and 9: gaps and seams stand where they are, once each, and keys are unique."""
    shown = [entry for entry in entries(part) if entry.kind is not EntryKind.DAY]
    holes = [entry.hole for entry in shown if entry.hole is not None]
    assert sorted(map(str, holes)) == sorted(map(str, [*part.gaps, *part.seams]))
    for at, entry in enumerate(shown):
        if entry.hole is not None:
            above = shown[at - 1] if at else None
            below = shown[at + 1] if at + 1 < len(shown) else None
            assert entry.hole.older_id == (above.key if above and above.message else None)
            assert entry.hole.newer_id == (below.key if below else None)
    keys = [entry.key for entry in entries(part)]
    assert len(keys) == len(set(keys))


@given(slices(), st.integers(0, 12), st.integers(0, 6))
def test_the_gap_to_fill_is_one_that_was_not_tried(part: Slice, first: int, more: int) -> None:
    """A seam is never asked for (law 2), and what failed not again by itself."""
    shown = entries(part)
    hole = gap_to_fill(shown, first, first + more, frozenset())
    assert hole is None or hole in part.gaps
    assert gap_to_fill(shown, 0, len(shown), frozenset(part.gaps)) is None
    if part.gaps:
        assert gap_to_fill(shown, 0, len(shown), frozenset()) == part.gaps[-1]


@given(st.integers(1, 600), st.integers(0, 599))
def test_a_read_around_a_message_knows_the_newest_end(held: int, at: int) -> None:
    """Never called the end where newer messages are held; nor missed where few follow."""
    at = min(at, held - 1)
    below = max(SIZE // 2, SIZE - (held - at))
    first = max(0, at - below)
    ids = range(first, min(held, first + SIZE))
    part = Slice([message(number=n) for n in ids], (), (), first == 0, None, anchor=str(at))
    view = around(part, SIZE)
    assert not view.at_newest or ids[-1] == held - 1
    assert view.at_newest or ids[-1] - at >= SIZE // 2 - 1


def test_the_window_moves_near_its_ends_only() -> None:
    """And not where nothing lies beyond."""
    part = Slice([message(number=n) for n in range(SIZE)], (), (), False, None)
    assert View(part, at_newest=True).must_move(EDGE - 1, EDGE + 10)
    assert not View(part, at_newest=True).must_move(SIZE - 10, SIZE - 1)
    assert View(part, at_newest=False).must_move(SIZE - 10, SIZE - 1)
    assert not View(part, at_newest=False).must_move(EDGE, EDGE + 10)
    start = evolve(part, reached_start=True)
    assert not View(start, at_newest=True).must_move(0, 10)
