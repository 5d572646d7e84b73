"""The piece of a text that shows why it was found, pure. A text of megabytes is read only
as far as its first match."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from syncengine.store.words import Term, belongs, clusters, spaced

WIDTH = 160
"""Characters of a snippet."""
_BEFORE = 50
"""Of them before the first match."""
_STEP = 16_384
_OVERLAP = 512
"""A match that is longer, between two steps, is not seen: the snippet is the beginning."""
_EDGE = 64
"""Characters beside the snippet that are looked at: words may be cut."""

Span = tuple[int, int]


def snippet(text: str, terms: Sequence[Term]) -> tuple[str, tuple[Span, ...]]:
    """A piece of the text around the first match, and where in the piece terms stand.

    The spans do not overlap, and are in order. Nothing found: the beginning, no spans.
    """
    start = 0 if len(text) <= WIDTH else _window_start(text, _first_match(text, terms))
    end = min(len(text), start + WIDTH)
    while start < end < len(text) and belongs(text[end]):
        end -= 1
    return text[start:end], tuple(_highlights(text, start, end, terms))


def _first_match(text: str, terms: Sequence[Term]) -> int | None:
    for begin in range(0, len(text), _STEP):
        low = max(0, begin - _OVERLAP)
        spans = _matches(text, low, min(len(text), begin + _STEP), terms)
        if spans:
            return spans[0][0]
    return None


def _window_start(text: str, match: int | None) -> int:
    if match is None or match <= _BEFORE:
        return 0
    start = match - _BEFORE
    space = text.find(" ", start, match - _BEFORE // 2)  # a whole word looks better
    start = start if space < 0 else space + 1
    while start > 0 and belongs(text[start]):
        start -= 1
    return start


def _highlights(text: str, start: int, end: int, terms: Sequence[Term]) -> Iterator[Span]:
    low, high = max(0, start - _EDGE), min(len(text), end + _EDGE)
    for first, last in _merged(_matches(text, low, high, terms)):
        if first < end and last > start:
            yield max(first, start) - start, min(last, end) - start


def _matches(text: str, low: int, high: int, terms: Sequence[Term]) -> list[Span]:
    """Where terms stand between two places, in order of their beginning. What touches a
    place where the text was cut may be a part of a longer word, and does not count."""
    tokens, pieces = _mapped(text[low:high], terms)
    found = []
    for term in terms:
        for match in term.pattern.finditer(tokens):
            first, last = pieces(match.start())[0] + low, pieces(match.end() - 1)[1] + low
            if (first > low or low == 0) and (last < high or high == len(text)):
                found.append((first, last))
    return sorted(found)


def _mapped(text: str, terms: Sequence[Term]) -> tuple[str, Callable[[int], Span]]:
    """The text as tokens, and what gives the piece of it that a place in them came from."""
    tokens = spaced(text)
    if text.isascii() or not any(term.matches(tokens) for term in terms):
        return tokens, lambda place: (place, place + 1)
    spans = list(clusters(text))
    forms = [spaced(text[begin:end]) for begin, end in spans]
    starts = list(accumulate(map(len, forms), initial=0))
    return "".join(forms), lambda place: spans[bisect_right(starts, place) - 1]


def _merged(spans: Sequence[Span]) -> Iterator[Span]:
    current: Span | None = None
    for first, last in spans:
        if current is None or first > current[1]:
            if current is not None:
                yield current
            current = (first, last)
        else:
            current = (current[0], max(current[1], last))
    if current is not None:
        yield current
