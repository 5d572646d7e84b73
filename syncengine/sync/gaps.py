"""The one idea, as plain integers: history is messages plus gaps. No I/O, no await.

    [m1 m2 m3]  ?gap?  [m8 m9]  ?gap at the head?

A *run* is what a chain of pages proved to stand next to each other on the server,
newest first. `weave` works a run into what is held:

1. Messages of the run that are held already, in falling order of position, are its
   anchors. (Any others are held in an order that the server contradicts: they move.)
2. New messages get positions between their neighbours of the run.
3. The run proves that nothing else lies within it, so it is cut out of every gap. What
   remains of a gap below it gets the run's cursor. A run that ends in the unknown opens
   a gap there; a run that reached the start of history closes what lies below, or turns
   it into a seam where older messages are held (law 2).
4. New messages at a run's end stand directly below the message above them, or below what
   is held there and was sent later; and the gap
   that parts them from older ones held there is *guessed*: no page has shown both. Where a
   run passes by and does not show them, they may stand further down: they are not missing,
   and that gap stays until a chain has looked for them.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise

from attrs import evolve, frozen

from syncengine.store.batch import HEAD, START, Gap, Shift

STEP = 1 << 16
"""Distance between neighbours: sixteen halvings of room for what is imported later."""
JUMP = 1 << 36
"""Distance across a gap whose size is not known: room for a million messages."""


@frozen
class Run:
    """Messages that stand next to each other on the server, newest first."""

    ids: Sequence[str]
    head: bool = False
    """Nothing on the server was newer than the first; else the first is held here."""
    open_above: bool = False
    """Of the head, but something newer may be there all the same."""
    end: bool = False
    """Nothing on the server is older than the last, and that counts (law 2)."""
    cursor: str | None = None
    """Continues below the last."""
    proved: bool = False
    """The page was seen to begin at the message it was expected to begin at: where it
    contradicts the order held, the order held is wrong."""


@frozen
class Local:
    """What is held, as far as a run can touch it."""

    held: Mapping[str, int]
    """The positions of those messages of the run that are held."""
    gaps: Sequence[Gap]
    below: Callable[[int], int | None]
    """The highest position held that is lower than the given one."""
    newer: Callable[[int, str], int] = lambda position, _: position
    """How far down from a position all that is held was sent after a message of the run, and
    in that order by id, too: the lowest position of those; the same one where nothing was."""


@frozen
class Woven:
    """Where a run's messages stand, and what is still missing."""

    places: Sequence[int]
    """A position for each message of the run."""
    gaps: Sequence[Gap]
    frontier: Gap | None
    """The gap directly below the run that can still be fetched."""
    unproved: Sequence[tuple[int, int]] = ()
    """From one position up to, not including, another: messages that may stand below the run."""


def weave(run: Run, local: Local) -> Woven | Shift | None:
    """Work `run` into what is held.

    Returns a `Shift` where there is no room between two positions: apply it and ask
    again. Returns None where the run proves nothing: its first message is not held, or
    it shows messages as older that are held as newer than it (law 2), unless it is proved
    (law 3).
    """
    known = [local.held.get(message_id) for message_id in run.ids]
    if run.proved:
        known = _below_first(known)
    if not run.head and not _attached(known):
        return None
    anchors = _anchors(known)
    places = _places(run, anchors, local)
    if isinstance(places, Shift):
        return places
    gaps, frontier = _remaining(run, places, anchors, local)
    if run.end:
        return Woven(places, gaps, frontier)  # nothing stands further down
    kept = dict(_unproved(run, places, local))
    if kept:
        gaps = _merged([*gaps, *kept])
    unproved = [(gap.high, upper) for gap, upper in kept.items()]
    return Woven(places, gaps, frontier, unproved)


def _unproved(run: Run, places: Sequence[int], local: Local) -> Iterator[tuple[Gap, int]]:
    """Guessed gaps within the run above which something is held that the run does not show,
    and the upper end of that."""
    high = _upper_end(run, places, local)
    low_end = places[-1] if places else START
    for gap in local.gaps:
        if not gap.guessed or gap.low < low_end or gap.high > high:
            continue
        upper = min((place for place in places if place >= gap.high), default=high)
        below = local.below(upper)
        if upper > gap.high and below is not None and below >= gap.high:
            low = max((place for place in places if place < gap.high), default=gap.low)
            yield evolve(gap, low=max(low, gap.low), cursor=None), upper


def _attached(known: Sequence[int | None]) -> bool:
    """The first message is held, and all that is held of the others is older."""
    if not known or known[0] is None:
        return False
    first, *others = [position for position in known if position is not None]
    return all(position < first for position in others)


def _below_first(known: Sequence[int | None]) -> list[int | None]:
    """What is held above the first message has to move below it: its place is unknown."""
    first = known[0] if known else None
    return [
        p if i == 0 or (p is not None and first is not None and p < first) else None
        for i, p in enumerate(known)
    ]


def _anchors(known: Sequence[int | None]) -> list[int | None]:
    """Keep the longest falling sequence of positions; the rest becomes unknown."""
    rising = [-p for p in known if p is not None]
    if all(a < b for a, b in pairwise(rising)):
        return list(known)
    indexes = [i for i, position in enumerate(known) if position is not None]
    keep = {indexes[i] for i in _longest_rising(rising)}
    return [position if i in keep else None for i, position in enumerate(known)]


def _longest_rising(values: Sequence[int]) -> list[int]:
    """Indexes of a longest strictly rising subsequence (patience sorting)."""
    tails: list[int] = []
    tail_index: list[int] = []
    before: list[int] = []
    for i, value in enumerate(values):
        pile = bisect_left(tails, value)
        before.append(tail_index[pile - 1] if pile else -1)
        tails[pile : pile + 1] = [value]
        tail_index[pile : pile + 1] = [i]
    chain: list[int] = []
    i = tail_index[-1] if tail_index else -1
    while i >= 0:
        chain.append(i)
        i = before[i]
    return chain[::-1]


def _places(run: Run, anchors: Sequence[int | None], local: Local) -> list[int] | Shift:
    """Positions for the whole run, given those of its anchors."""
    places: list[int] = []
    for stop, lower in enumerate([*anchors, None]):
        if lower is None and stop < len(anchors):
            continue
        if stop > len(places):
            ids = run.ids[len(places) : stop]
            stretch = _stretch(ids, places[-1] if places else None, lower, local)
            if isinstance(stretch, Shift):
                return stretch
            places += stretch
        if lower is not None:
            places.append(lower)
    return places


def _stretch(
    ids: Sequence[str], upper: int | None, lower: int | None, local: Local
) -> list[int] | Shift:
    """Positions for new neighbours, between two of the run or at an end of it.

    What is held there and not shown may be gone, and may come back: it keeps the place that
    its id and its time give it, where these agree.
    """
    above = HEAD if upper is None else upper
    if _is_lowest(above, local) or _top(ids[-1], above, lower, local) == above:
        return _neighbours(len(ids), upper, lower, local)
    places: list[int] = []
    for top, group in groupby(ids, key=lambda each: _top(each, above, lower, local)):
        top = min([top, *places[-1:]])
        neighbours = _neighbours(len(list(group)), None if top == HEAD else top, lower, local)
        if isinstance(neighbours, Shift):
            return neighbours
        places += neighbours
    return places


def _is_lowest(position: int, local: Local) -> bool:
    """Whether the gaps alone tell that nothing is held below."""
    return any(gap.low == START and gap.high >= position for gap in local.gaps)


def _top(message_id: str, above: int, lower: int | None, local: Local) -> int:
    """Below which position a new message belongs."""
    top = local.newer(above, message_id)
    return above if lower is not None and top <= lower else top


def _neighbours(
    count: int, upper: int | None, lower: int | None, local: Local
) -> list[int] | Shift:
    if upper is None:
        newest = local.below(HEAD)
        lowest = 0 if newest is None else newest + (JUMP if lower is None else STEP)
        return [lowest + STEP * i for i in range(count - 1, -1, -1)]
    top, floor = _room(upper, lower, local)
    step = STEP if floor is None else min(STEP, (top - floor - 1) // (count + 1))
    if step < 1:
        return Shift(top, JUMP)
    return [top - step * (i + 1) for i in range(count)]


def _room(upper: int, lower: int | None, local: Local) -> tuple[int, int | None]:
    """Where to put new messages below `upper`: from which position down, to which.

    Into a gap where one is known to be there: before `lower`, or directly below `upper`.
    Otherwise directly below `upper`. Where something else is held there it may be gone from
    the server, or may follow later: the pages below tell, until then a gap parts them.
    """
    for gap in reversed(local.gaps):
        if gap.seam or gap.high > upper or (lower is not None and gap.high <= lower):
            continue
        if lower is not None or _touches(gap, upper, local):
            return gap.high, None if gap.low == START else gap.low
    return upper, local.below(upper)


def _touches(gap: Gap, upper: int, local: Local) -> bool:
    """Whether nothing is held from a gap's upper end to just below `upper`."""
    if gap.high == upper:
        return True  # the usual page, and no look at the store
    below = local.below(upper)
    return below is None or below < gap.high


def _remaining(
    run: Run, places: Sequence[int], anchors: Sequence[int | None], local: Local
) -> tuple[list[Gap], Gap | None]:
    """The conversation's gaps after the run, and the one at its lower end."""
    high = _upper_end(run, places, local)
    low = places[-1] if places else high
    beneath = _Beneath(local, low)
    gaps: list[Gap] = []
    touched = False
    for gap in local.gaps:
        if gap.high > high:
            gaps.append(evolve(gap, low=max(gap.low, high)))
        if gap.low >= low:
            continue
        # Nothing is held inside a gap, so one that reaches above the run's end touches it.
        touching = gap.high > low or beneath.is_at_most(gap.low)
        touched |= touching
        rest = _rest(gap, low, touching, run)
        if rest is not None:
            gaps.append(rest)
    if places and anchors[-1] is None and not touched:
        guessed = any(anchor is not None for anchor in anchors)
        gaps += _opened(run, beneath.position(), low, guessed=guessed)
    if run.open_above and not any(gap.high == HEAD for gap in gaps):
        newest = local.below(HEAD)
        gaps.append(Gap(max(high, START if newest is None else newest), HEAD))
    gaps = _merged(gaps)
    return gaps, _frontier(gaps, low)


def _merged(gaps: Sequence[Gap]) -> list[Gap]:
    """Gaps in order. Where what stood between two of them was deleted they can overlap:
    such a pair is one gap, fetched as one."""
    merged: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: (gap.low, gap.high)):
        if merged and gap.low < merged[-1].high:
            last = merged.pop()
            upper = gap if gap.high >= last.high else last
            open_one = not (gap.seam and last.seam)
            guessed = gap.guessed or last.guessed
            gap = evolve(upper, low=last.low, seam=not open_one, guessed=guessed and open_one)
        merged.append(gap)
    return merged


def _opened(run: Run, below: int, low: int, *, guessed: bool) -> list[Gap]:
    """What lies below a run that met nothing: unknown; or where history starts with it, what
    may have expired between it and the older messages held."""
    if not run.end:
        return [Gap(below, low, run.cursor, guessed=guessed and below != START)]
    return [] if below == START else [Gap(below, low, seam=True)]


class _Beneath:
    """The highest position held below a run, looked up only where it decides something."""

    def __init__(self, local: Local, low: int) -> None:
        self._local = local
        self._low = low

    def position(self) -> int:
        """Where it is; the start of history where nothing is held."""
        found = self._local.below(self._low)
        return START if found is None else found

    def is_at_most(self, position: int) -> bool:
        """Whether nothing is held between `position` and the run."""
        return self.position() <= position


def _upper_end(run: Run, places: Sequence[int], local: Local) -> int:
    """Up to where the run proves that nothing else is there."""
    if not run.head:
        return places[0]
    if not run.open_above:
        return HEAD
    return places[0] if places else START


def _rest(gap: Gap, low: int, touching: bool, run: Run) -> Gap | None:
    """What remains of `gap` below a run whose lowest position is `low`."""
    high = min(gap.high, low)
    if run.end:
        return None if touching and gap.low == START else Gap(gap.low, high, seam=True)
    if not touching or (gap.seam and gap.high <= low):
        return evolve(gap, high=high)
    return evolve(gap, high=high, cursor=run.cursor, seam=False)


def _frontier(gaps: Sequence[Gap], low: int) -> Gap | None:
    return next((gap for gap in gaps if gap.high == low and not gap.seam), None)
