"""Which of two messages was sent first, by ids and times."""

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from syncengine.sync.order import any_higher, number

IDS = st.one_of(
    st.integers(0, 2**64 - 1).map(str),
    st.integers(0, 30).map(str),
    st.integers(0, 30).map(lambda n: f"0{n}"),
    st.just("raw:1f"),
    st.just("٣"),
    st.just(""),
)


@given(st.lists(IDS, max_size=5), IDS)
@example(["9"], "10")
@example(["10"], "9")
@example(["8"], "007")
@example([], "")
def test_a_higher_id_is_a_higher_number(message_ids: Sequence[str], than_id: str) -> None:
    """Law 2: what is looked at in a hurry, as strings, says the same as all numbers do."""
    numbers = [found for found in map(number, message_ids) if found is not None]
    bound = number(than_id)
    expected = bound is not None and any(found > bound for found in numbers)
    assert any_higher(message_ids, than_id) is expected
