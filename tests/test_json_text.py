"""What leaves the program as JSON is JSON for every reader, whatever a sender wrote."""

import json
from math import inf, nan
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncengine.json_text import json_text

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def strictly_read(text: str) -> Any:
    """Parse as every other language does: the names of Python's odd numbers are no JSON."""

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_numbers_that_json_does_not_have_are_text() -> None:
    """At any depth; all else is as it was, and text that says NaN is no number."""
    value = {"a": [nan, {"b": (inf, -inf)}], "c": 1.5, "NaN": "NaN"}
    read = strictly_read(json_text(value))
    assert read == {"a": ["NaN", {"b": ["Infinity", "-Infinity"]}], "c": 1.5, "NaN": "NaN"}
    assert strictly_read(json_text({nan: 1})) == {"NaN": 1}


@given(VALUES, st.booleans(), st.none() | st.just(1))
def test_everything_is_valid_json(value: Any, ascii_only: bool, indent: int | None) -> None:
    """Whatever the value; without such numbers it is what `json` itself writes."""
    written = json_text(value, ensure_ascii=ascii_only, indent=indent)
    strictly_read(written)
    usual = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    if not any(word in usual for word in ("NaN", "Infinity")):
        assert written == usual
