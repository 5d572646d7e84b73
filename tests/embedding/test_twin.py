"""The twin has every method of what it is a twin of, with the same signature."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, get_args, get_origin

import pytest

from syncengine import SyncEngine
from syncengine.blocking import BlockingEngine, BlockingIterator, BlockingReader
from syncengine.reader import Reader

OWN = {"open", "close", "run", "iterate"}
"""What is the twin's own: how it is opened and closed, and the way to all else."""
PAIRS = ((SyncEngine, BlockingEngine), (Reader, BlockingReader))


def methods(kind: type[Any]) -> dict[str, Callable[..., Any]]:
    """The public methods, inherited ones too."""
    return {
        name: method
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def waited_for(annotation: Any) -> Any:
    """What a blocking call gives in place of what an async one gives."""
    if get_origin(annotation) in (AsyncIterator, AsyncGenerator):
        generic: Any = BlockingIterator
        return generic[get_args(annotation)[0]]
    return annotation


@pytest.mark.parametrize(("original", "twin"), PAIRS)
def test_no_method_is_forgotten(original: type[Any], twin: type[Any]) -> None:
    """Whoever adds one to the engine or the reader adds it here, or this fails."""
    assert set(methods(original)) - OWN == set(methods(twin)) - OWN


@pytest.mark.parametrize(("original", "twin"), PAIRS)
def test_signatures_are_the_same(original: type[Any], twin: type[Any]) -> None:
    """Parameters, defaults and types; what is iterated there is iterated here."""
    for name in set(methods(original)) - OWN:
        theirs = inspect.signature(methods(original)[name])
        ours = inspect.signature(methods(twin)[name])
        assert ours.parameters == theirs.parameters, name
        assert ours.return_annotation == waited_for(theirs.return_annotation), name


@pytest.mark.parametrize(("original", "twin"), PAIRS)
def test_properties_are_the_same(original: type[Any], twin: type[Any]) -> None:
    """What is looked at, and not called."""
    found = [
        {name for name, value in inspect.getmembers(kind) if isinstance(value, property)}
        for kind in (original, twin)
    ]
    assert found[0] == found[1]


def test_opening_takes_the_same() -> None:
    """Apart from the way to open a file, which is the tests' own."""
    theirs = set(inspect.signature(SyncEngine.open).parameters) - {"connect"}
    assert set(inspect.signature(BlockingEngine.open).parameters) == theirs


def test_the_check_sees_what_is_missing() -> None:
    """A method that only one has, and one with another signature, are found."""

    class Longer(Reader):
        async def more(self) -> int:
            return 1

        async def kinds(self, conversation_id: str, extra: int = 1) -> list[Any]:
            return []

    with pytest.raises(AssertionError):
        test_no_method_is_forgotten(Longer, BlockingReader)
    with pytest.raises((AssertionError, KeyError)):
        test_signatures_are_the_same(Longer, BlockingReader)
