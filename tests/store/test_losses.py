"""Gaps where rows were lost: nothing lost is outside of one, nothing held is inside."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from syncengine.store.batch import HEAD, START, Gap
from syncengine.store.losses import all_unsure, contradict, with_losses

PLACES = st.lists(st.integers(-50, 50), unique=True, max_size=12)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Gap], list[int], list[int]]:
    """Gaps between messages, of which some are lost."""
    places = sorted(draw(PLACES))
    edges = [START, *places, HEAD]
    pairs = list(pairwise(edges))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True))
    gaps = [
        Gap(low, high, draw(st.none() | st.just("c")), draw(st.booleans()), draw(st.booleans()))
        for low, high in sorted(chosen)
    ]
    lost = draw(st.lists(st.sampled_from(places), unique=True)) if places else []
    return gaps, [place for place in places if place not in lost], lost


@given(histories())
def test_what_is_lost_is_in_a_gap(history: tuple[list[Gap], list[int], list[int]]) -> None:
    """Law 2: every lost place lies in a gap that is asked for, every gap of before in one of
    now; nothing held does, and a gap that is not as it was has no cursor."""
    gaps, kept, lost = history
    found = with_losses(gaps, kept, lost)
    assert not contradict(found, kept)
    for place in lost:
        assert any(gap.low < place < gap.high and not gap.seam for gap in found)
    for gap in gaps:
        assert any(new.low <= gap.low and gap.high <= new.high for new in found)
    assert all(gap in gaps for gap in found if gap.cursor is not None or gap.seam)
    if not lost:
        assert found == gaps


@given(PLACES)
def test_where_nothing_is_known(places: list[int]) -> None:
    """Law 2: a gap lies between any two neighbours, and at both ends."""
    kept = sorted(places)
    found = all_unsure(kept)
    assert not contradict(found, kept)
    assert len(found) == len(kept) + 1
    assert (found[0].low, found[-1].high) == (START, HEAD)


def test_gaps_that_can_be_none() -> None:
    """A message inside, two that overlap, and ends the wrong way round are seen."""
    assert contradict([Gap(1, 5)], [1, 3, 5])
    assert contradict([Gap(1, 5), Gap(4, 8)], [1, 8])
    assert contradict([Gap(5, 1)], [1, 5])
    assert not contradict([Gap(START, 1), Gap(1, 5), Gap(5, HEAD)], [1, 5])
