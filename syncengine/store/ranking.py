"""How well a text answers a query, pure: BM25 without the rarity of words.

All results have all terms, so rarity would only weigh one term of a query against another,
and to know it the whole index must be read: the larger the copy, the slower.
"""

from collections.abc import Sequence

from syncengine.store.words import JOINT, Term, spaced

_USUAL = 20
"""Tokens of a message: what is longer counts for less."""
_SATURATION = 1.2
_LENGTH = 0.75
_LOOKED_AT = 10_000
"""Characters of a text."""


def score(text: str, terms: Sequence[Term]) -> float:
    """Higher is better; 0 where no term stands in the first 10,000 characters."""
    tokens = spaced(text[:_LOOKED_AT])
    length = len(tokens.replace(JOINT, " ").split())
    damping = _SATURATION * (1 - _LENGTH + _LENGTH * length / _USUAL)
    counts = [sum(1 for _ in term.pattern.finditer(tokens)) for term in terms]
    return sum(count * (_SATURATION + 1) / (count + damping) for count in counts)
