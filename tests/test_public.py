"""What the package promises to programs that embed it."""

import subprocess
import sys

import attrs
import pytest

import syncengine
from syncengine import errors
from syncengine.errors import SyncEngineError


def test_the_public_names_are_one_sorted_list() -> None:
    """`__all__` is sorted, and everything in it exists."""
    assert syncengine.__all__ == sorted(syncengine.__all__)
    assert all(hasattr(syncengine, name) for name in syncengine.__all__)


def test_every_error_is_public_and_answers_both_questions() -> None:
    """How much is broken and when to try again; and it carries a hint."""
    found = [
        e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, SyncEngineError)
    ]
    for error in found:
        assert error.__name__ in syncengine.__all__
        assert isinstance(error.scope, errors.Scope)
        assert isinstance(error.patience, errors.Patience)
        assert error("what happened", hint="do this").hint == "do this"


def test_models_are_frozen() -> None:
    """Values do not change under whoever holds them."""
    for name in ("Conversation", "Message", "Report", "Slice", "Config", "Hole"):
        model = getattr(syncengine, name)
        assert attrs.has(model)
        assert model.__setattr__ is not object.__setattr__
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        syncengine.Hole("1", "2").older_id = "3"  # type: ignore[misc]  # it is refused


def test_importing_the_core_needs_no_extra() -> None:
    """The core installs little, and reading offline loads no HTTP library either."""
    code = (
        "import sys, syncengine\n"
        "extras = {'httpx', 'click', 'rich', 'starlette', 'uvicorn', 'platformdirs'}\n"
        "loaded = extras & set(sys.modules)\n"
        "sys.exit(repr(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
