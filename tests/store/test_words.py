"""What a text is found by: folding, tokens, terms. Pure, so properties say most of it."""

import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncengine.schema_files import schema_path
from syncengine.store import words
from syncengine.store.migrate import statements
from syncengine.store.words import (
    JOINT,
    clusters,
    fold,
    indexable,
    spaced,
    terms_of,
)

BASIC_PLANE = [*range(0x80, 0xD800), *range(0xE000, 0x10000)]
TRICKY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "aÉßİıﬁ①½™ 中国がｶﾞ한\u1112\u1161\u11ab👍🏽\u200d👨\ufe0f❤🇨🇳กำिके\u0301\u3099\u0640عَ_-"
        ),
    ),
    max_size=30,
)

MIXED = st.lists(
    st.one_of(
        TRICKY,
        st.text(st.characters(max_codepoint=127), max_size=8),
        st.text(st.sampled_from("中国々かがカガーｶﾞ，。“…”한국、🎂é"), max_size=8),
        st.sampled_from(["e\u0301", "\u0301", "\u3099", "K", "Å", "Station ", "don’t"]),
    ),
    max_size=6,
).map("".join)


def tokens(text: str) -> list[str]:
    return [token for token in spaced(text).replace(JOINT, " ").split(" ") if token]


def found(text: str, query: str, *, prefix: bool = False) -> bool:
    """Whether every term of a query is in a text."""
    terms = terms_of(query, prefix=prefix)
    return bool(terms) and all(term.matches(spaced(text)) for term in terms)


def new_index() -> sqlite3.Connection:
    """The index as the schema makes it, and a table of its tokens."""
    database = sqlite3.connect(":memory:")
    script = schema_path("store", "latest.sql").read_text(encoding="utf-8")
    database.execute(next(each for each in statements(script) if "VIRTUAL" in each))
    database.execute("CREATE VIRTUAL TABLE term USING fts5vocab(search, instance)")
    return database


@pytest.fixture
def index() -> Iterator[sqlite3.Connection]:
    with closing(new_index()) as database:
        yield database


def tokens_in_sqlite(database: sqlite3.Connection, texts: Sequence[str]) -> list[list[str]]:
    """What the index has of each text."""
    for number, text in enumerate(texts):
        database.execute(
            "INSERT INTO search (rowid, text) VALUES (?, ?)", (number, indexable(text))
        )
    seen: list[list[str]] = [[] for _ in texts]
    for number, term in database.execute("SELECT doc, term FROM term ORDER BY doc, offset"):
        seen[number].append(term)
    return seen


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("明天上午开会", "会"),
        ("明天上午开会", "天上"),
        ("明天上午开会", "明天上午"),
        ("今日はいい天気です", "天気"),
        ("今日はいい天気です", "は"),
        ("ｶﾞｯｺｳ", "ガッコウ"),
        ("학교에서 만나요", "학교"),
        ("학교에서 만나요", "교"),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국"),
        ("用iPhone拍的", "iphone"),
        ("用iPhone拍的", "用iPhone拍"),
        ("用iPhone拍的", "拍"),
        ("Le Café est là", "cafe"),
        ("Le cafe est la", "CAFÉ"),
        ("naïve Straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("Ещё один ёж", "еще"),
        ("order A-1234 is late", "a-1234"),
        ("order A-1234 is late", "1234"),
        ("see https://example.com/a?b=c&d=1", "example.com/a"),
        ("see https://example.com/a?b=c&d=1", "https://example.com/a?b=c"),
        ("see https://example.com/a?b=c&d=1", "d"),
        ("don’t", "don't"),
        ("nice 👍🏽!", "👍"),
        ("nice 👍!", "👍🏿"),
        ("the 👨‍👩‍👧 came", "👨‍👩‍👧"),
        ("the 👨‍👩‍👧 came", "👩"),
        ("I ❤️ it", "❤"),
        ("from 🇨🇳", "🇨🇳"),
        ("a new one 🫠", "🫠"),
        ("𠮷野家", "𠮷"),
        ("مَرْحَبًا بك", "مرحبا"),
        ("שָׁלוֹם לך", "שלום"),
        ("สวัสดีครับ", "ครับ"),
        ("हिन्दी भाषा", "हिन्दी"),
        ("ＡＢＣ１２３", "abc123"),
        ("Foo™ bar", "foo"),
        ("snake_case_name", "case"),
        ("中, 国", "中 国"),
        ("a+b", "b"),
    ],
)
def test_what_is_found(text: str, query: str) -> None:
    """Words of every script by what a person would type for them."""
    assert found(text, query)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("中, 国", "中国"),
        ("明天。上午", "天上"),
        ("iPhones", "iphone"),
        ("category", "cat"),
        ("concat", "cat"),
        ("हिन्दी", "हिन"),
        ("か", "が"),
        ("a1234", "a-1234"),
        ("anything", "!?。…"),
        ("anything", ""),
        ("anything", "\x00"),
        ("a\x00b", '"'),
    ],
)
def test_what_is_not_found(text: str, query: str) -> None:
    """Parts of words, and characters that do not stand side by side."""
    assert not found(text, query)


def test_the_last_word_may_be_a_beginning() -> None:
    """As it is typed: only the last one, and only while no space follows."""
    assert found("the station", "stat", prefix=True)
    assert found("用iPhone拍", "用iph", prefix=True)
    assert not found("the station", "stat ", prefix=True)
    assert not found("the station", "th stat", prefix=True)
    assert found("中国", "中", prefix=True)
    assert terms_of("👍", prefix=True) == terms_of("👍")


@given(TRICKY)
@example("é\u0301")
@example("か\u200d\u3099")
@example("\u1112\u200b\u1161")
def test_pieces_make_the_whole(text: str) -> None:
    """A text in pieces has the tokens of the text: so a match can be shown in the original."""
    pieces = list(clusters(text))
    assert "".join(spaced(text[a:b]) for a, b in pieces) == spaced(text)
    assert "".join(text[a:b] for a, b in pieces) == text


@given(TRICKY)
def test_the_short_way_is_the_long_way(text: str) -> None:
    """Character by character, where that is allowed, gives what folding all of it gives."""
    assert spaced(text) == fold(text).translate(words._SPACING)


@given(TRICKY)
def test_folding_again_changes_nothing(text: str) -> None:
    """Else a query that was copied from a result would not find it."""
    assert tokens(fold(text)) == tokens(text)


@given(TRICKY, st.data())
def test_a_text_is_found_by_its_own_words(text: str, data: st.DataObject) -> None:
    """Every piece between two spaces finds the text, if it has anything to be found by."""
    pieces = [word for word in text.split() if tokens(word)]
    if pieces:
        assert found(text, data.draw(st.sampled_from(pieces)))


@given(MIXED)
@example("cafe\u0301 e\u0301")
@example("か\u3099")
@example("a\u3099b か c")
@example("中\u0301国")
@example("Foo™ 中")
def test_sqlite_sees_the_same_tokens(text: str) -> None:
    """What is given to the index becomes these tokens there, whatever its Unicode is, also
    where only a part of the text had to be spaced."""
    text = text.encode("utf-8", "ignore").decode()
    with closing(new_index()) as database:
        assert tokens_in_sqlite(database, [text]) == [tokens(text)]


def test_plain_characters_are_tokens_by_themselves(index: sqlite3.Connection) -> None:
    """Those that are indexed as they are: folding changes none, and SQLite knows each."""
    plain = [chr(c) for c in BASIC_PLANE if re.match(f"[{words._PLAIN}]", chr(c))]
    assert len(plain) > 20_000
    wanted = [["中"] + [c for c in each if tokens(c)] + ["中"] for each in plain]
    assert tokens_in_sqlite(index, [f"中{each}中" for each in plain]) == wanted
    assert [tokens(f"中{each}中") for each in plain] == wanted


def test_every_letter_is_a_token_to_sqlite(index: sqlite3.Connection) -> None:
    """Every character of the basic plane that makes or joins a token does so in SQLite."""
    letters = [chr(code) for code in BASIC_PLANE if tokens(f"x{chr(code)}y")]
    seen = tokens_in_sqlite(index, [f"x{letter}y" for letter in letters])
    assert len(letters) > 50_000
    wrong = [c for n, c in enumerate(letters) if seen[n] != tokens(f"x{c}y")]
    assert wrong == []


def test_what_composes_goes_the_long_way() -> None:
    """No character that joins the one before it is missing from the list of those."""
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            second = chr(int(parts[1], 16))
            assert words._DROPPED.match(second) or words._COMPOSING.match(second), parts


@given(st.text(max_size=50), st.booleans())
def test_queries_are_made_of_nothing_but_tokens(text: str, prefix: bool) -> None:
    """Nothing in a query can be taken for the index's syntax."""
    for term in terms_of(text, prefix=prefix):
        assert len(term.joined) == len(term.tokens) - 1
        for token in term.tokens:
            assert token
            assert not set(token) & set("\"'*():^+-{} \x00\x1f")


def test_a_long_query_is_kept_whole() -> None:
    """Nothing of it is ignored."""
    assert sum(len(term.tokens) for term in terms_of("中" * 10_000)) == 10_000
    assert sum(len(term.tokens) for term in terms_of("ab " * 10_000)) == 10_000
    assert found("中" * 100, "中" * 100)
