"""What is not surely here after a file was damaged, as gaps. Pure: no I/O.

    held  m1 m2 .. m5 m6        the rows of m3 and m4 cannot be read
    gaps        ?               so it is not known what lies between m2 and m5 (law 2)

Where not even that is known, nothing proves that two neighbours are neighbours: a gap lies
between any two messages, and pages close many of them at once.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from syncengine.store.batch import HEAD, START, Gap


def with_losses(gaps: Sequence[Gap], kept: Sequence[int], lost: Iterable[int]) -> list[Gap]:
    """The gaps of a conversation of which the messages at `lost` are gone.

    `kept` are the positions that are left, in order. A gap that grew is asked for anew.
    """
    edges = [START, *kept, HEAD]
    holes = {_around(edges, position) for position in lost}
    return _merged([*gaps, *(Gap(low, high) for low, high in holes)])


def all_unsure(kept: Sequence[int]) -> list[Gap]:
    """A gap wherever one can be."""
    return [Gap(low, high) for low, high in pairwise([START, *kept, HEAD])]


def contradict(gaps: Sequence[Gap], kept: Sequence[int]) -> bool:
    """Whether these can be no gaps of a conversation with messages at `kept`."""
    ordered = sorted(gaps, key=lambda gap: gap.low)
    overlap = any(gap.high > above.low for gap, above in pairwise(ordered))
    return overlap or any(
        not START <= gap.low < gap.high <= HEAD or _first_above(kept, gap.low) < gap.high
        for gap in gaps
    )


def _around(edges: Sequence[int], position: int) -> tuple[int, int]:
    """The neighbours of a place that is no edge."""
    index = _index_above(edges, position)
    below = index - 1 if edges[index - 1] < position else index - 2
    return edges[below], edges[index]


def _first_above(kept: Sequence[int], position: int) -> int:
    index = _index_above(kept, position)
    return kept[index] if index < len(kept) else HEAD


def _index_above(values: Sequence[int], position: int) -> int:
    return bisect_right(values, position)


def _merged(gaps: Sequence[Gap]) -> list[Gap]:
    """In order; those that overlap are one, which has to be fetched, and has no cursor."""
    merged: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: (gap.low, gap.high)):
        if merged and gap.low < merged[-1].high:
            last = merged.pop()
            guessed = gap.guessed or last.guessed
            gap = Gap(last.low, max(last.high, gap.high), guessed=guessed)
        merged.append(gap)
    return merged
