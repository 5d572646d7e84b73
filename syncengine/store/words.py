"""What a text is found by, pure: the one rule for texts that are indexed and for queries.

    用iPhone拍的, Café  ──fold──▶  用iphone拍的, cafe  ──spaced──▶  用·iphone·拍·的·  cafe

Folding makes equal what people take for equal: case, accents, full and half width, skin
tones. Spacing makes tokens: a run of letters and digits is one; a character of a script
that is written without spaces is one, and so is a symbol. Between tokens that stand side
by side there is a `JOINT`, where something lies between them a space: the index does not
tell one from the other, a `Term` does, so that 中国 is not found in "中, 国".
"""

import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

from attrs import field, frozen

JOINT = "\x1f"
"""Between two tokens with nothing in between; to the index a separator like any other."""

_ENCODED = "\ue000"
"""Begins the token of a symbol, followed by its number in hex: SQLite's own tables need not
know it. Characters of this private range in a text are symbols themselves."""
_RULES = 2
_BETWEEN = re.compile(f"[ {JOINT}]+")
_SHORT = 64
"""Tokens of a term."""

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf"  # Thai to Tai Tham
    "\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff"  # Hangul by its parts
    "\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar's extensions
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u303c\u3400-\u4dbf\u4e00-\u9fff"  # Han
    "\u3040-\u318f\u31a0-\u31ff\uff66-\uff9f"  # Kana, Bopomofo, parts of Hangul
    "\ua000-\ua4cf\uac00-\ud7af\uf900-\ufaff]"  # Yi, Hangul, Han for compatibility
)
"""Scripts that are written without spaces: each character is a token."""
_DROPPED = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # accents
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\xad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # invisible
    "\ufe00-\ufe0f\U000e0000-\U000e0fff\U0001f3fb-\U0001f3ff]"  # how a symbol looks
)
"""Characters that nobody searches for: the one before them is the same without."""
_COMPOSING = re.compile(
    "[\u0900-\u109f\u1160-\u11ff\u1700-\u1cff\u3099\u309a\ua800-\uabff\ud7b0-\ud7ff"
    "\uff9e\uff9f\U00010a00-\U00011fff\U0001d100-\U0001d1ff]"
)
"""What may become one character with the one before it, and is not an accent."""
_PLAIN = "\u3005\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff、。《》「」！（），：；？‘’“”…—"
"""Characters of Han and Kana, and what stands between them: folding changes none of these,
and each is one token, or none."""
_PARTS = re.compile(f"([\x00-\x7f]*+)(?:([{_PLAIN}]++)|(.*[^\x00-\x7f]))([\x00-\x7f]*+)", re.DOTALL)
"""Of a text that is not ASCII: what is before, plain ones or any, what is after."""
_MARKS = str.maketrans("™℠", "  ")
"""They would become letters of the word before."""


class _Dropping(dict[int, int | None]):
    def __missing__(self, code: int) -> int | None:
        self[code] = None if _DROPPED.match(chr(code)) else code
        return self[code]


class _Spacing(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = _token_of(code)
        return self[code]


class _Whole(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = fold(chr(code)).translate(_SPACING)
        return self[code]


def _token_of(code: int) -> str:
    """What a folded character is among tokens."""
    character = chr(code)
    category = unicodedata.category(character)
    if code < 128:
        return character if character.isalnum() else " "
    if code > 0xFFFF or category[0] == "S" or category == "Co":
        return f"{JOINT}{_ENCODED}{code:x}{JOINT}"
    if category[0] not in "LNM":
        return " "
    return f"{JOINT}{character}{JOINT}" if _UNSPACED.match(character) else character


_DROPPING = _Dropping()
_SPACING = _Spacing()
_WHOLE = _Whole()
"""A character's tokens: right wherever it does not form one with its neighbours."""


def rules() -> str:
    """Names what is done to texts here. An index made by other rules is made anew."""
    return f"{_RULES}/{unicodedata.unidata_version}"


def fold(text: str) -> str:
    """The text without case, accents, width and what cannot be seen."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.translate(_MARKS)).casefold()
    # Folding a letter may give it an accent that it did not have.
    bare = unicodedata.normalize("NFKD", parts).translate(_DROPPING)
    return unicodedata.normalize("NFC", bare)


def spaced(text: str) -> str:
    """The text as tokens: between two of them a space, or joints where nothing lies between."""
    if _COMPOSING.search(text):
        return fold(text).translate(_SPACING)
    return text.translate(_WHOLE)


def indexable(text: str) -> str:
    """The text as it is given to the index, which separates and folds ASCII itself: so what
    is ASCII at its ends is left as it is. Otherwise as `spaced`, but for what separates."""
    if text.isascii():
        return text
    found = _PARTS.fullmatch(text)
    assert found is not None, "there is a character that is not ASCII"
    before, plain, any_, after = found.groups()
    return f"{before} {' '.join(plain)} {after}" if plain else f"{before}{spaced(any_)}{after}"


@lru_cache(4096)
def tags(conversation: int, kind: str, sender: str) -> str:
    """Tokens by which the messages of a conversation, a kind and a sender are found."""
    return f"{conversation_tag(conversation)} {sender_tag(sender)} {kind}"


def conversation_tag(conversation: int) -> str:
    """The token of a conversation's row."""
    return f"c{conversation}"


def sender_tag(sender: str) -> str:
    """The token of a sender; two may share one, so what is found is compared."""
    return f"s{zlib.crc32(sender.encode('utf-8', 'replace')):08x}"


@frozen
class Term:
    """What stands between two spaces of a query: tokens that follow one another."""

    tokens: Sequence[str]
    joined: Sequence[bool] = ()
    """Whether a token and the next stand side by side."""
    prefix: bool = False
    """The last token may be the beginning of a longer one."""
    _cache: dict[str, re.Pattern[str]] = field(factory=dict, init=False, eq=False, repr=False)

    @property
    def exact(self) -> bool:
        """Whether the index decides alone: it does not see what lies between tokens."""
        return len(self.tokens) == 1

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds the term in a text that is `spaced`."""
        if "" not in self._cache:
            self._cache[""] = re.compile(self._expression)
        return self._cache[""]

    @property
    def _expression(self) -> str:
        between = [f"{JOINT}+" if joined else f"[ {JOINT}]+" for joined in self.joined]
        body = "".join(
            re.escape(token) + gap for token, gap in zip(self.tokens, (*between, ""), strict=True)
        )
        return f"(?<![^ {JOINT}]){body}" + ("" if self.prefix else f"(?![^ {JOINT}])")

    def beginning(self, tokens: int) -> "Term":
        """The same, or its first tokens, where it has more than so many."""
        if len(self.tokens) <= tokens:
            return self
        return Term(self.tokens[:tokens], self.joined[: tokens - 1])

    def matches(self, text: str) -> bool:
        """Whether a text that is `spaced` has it."""
        return self._may_match(text) and self.pattern.search(text) is not None

    def _may_match(self, text: str) -> bool:
        """Whether the tokens stand there, whatever lies between: for a long term in a text
        that repeats itself the pattern alone would compare each place of one with all of
        the other."""
        if len(self.tokens) <= _SHORT:
            return True
        return " ".join(self.tokens) in _BETWEEN.sub(" ", text)


def terms_of(text: str, *, prefix: bool = False) -> list[Term]:
    """The terms of a query: all must be found. None: it has nothing that can be found.

    With `prefix` the last one, where it ends in a letter or a digit and is not followed by a
    space, is also found as the beginning of a longer word.
    """
    terms = (_term(spaced(word)) for word in text.split())
    found = [term for term in terms if term is not None]
    if prefix and found and _is_open(text, found[-1]):
        last = found[-1]
        found[-1] = Term(last.tokens, last.joined, prefix=True)
    return found


def _term(text: str) -> Term | None:
    parts = re.findall(f"([^ {JOINT}]+)([ {JOINT}]*)", text)
    if not parts:
        return None
    return Term([token for token, _ in parts], [" " not in gap for _, gap in parts[:-1]])


def _is_open(text: str, last: Term) -> bool:
    """Whether the last word of a text is still being typed."""
    return spaced(text)[-1:].strip(f" {JOINT}") != "" and not last.tokens[-1].startswith(_ENCODED)


def clusters(text: str) -> Iterator[tuple[int, int]]:
    """Pieces of a text that can be `spaced` by themselves: a character with what belongs to
    it. Begin and end of each."""
    if text.isascii():
        yield from zip(range(len(text)), range(1, len(text) + 1), strict=True)
        return
    start = 0
    for index in range(1, len(text)):
        if not belongs(text[index]):
            yield start, index
            start = index
    if text:
        yield start, len(text)


def belongs(character: str) -> bool:
    """Whether a character is a part of the one before it: an accent, a joiner, a later part
    of a Hangul syllable."""
    return not character.isascii() and _BELONGING[ord(character)]


class _Belonging(dict[int, bool]):
    def __missing__(self, code: int) -> bool:
        mark = unicodedata.category(chr(code))[0] == "M"
        self[code] = mark or any(each.match(chr(code)) for each in (_DROPPED, _TAILS))
        return self[code]


_BELONGING = _Belonging()
_TAILS = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff\uff9e\uff9f]")
"""Later parts of a Hangul syllable, and voice marks of half-width Kana."""
