"""Fixtures that everything shares."""

from pathlib import Path

import pytest

from tests.harness import Side


@pytest.fixture
def side(tmp_path: Path) -> Side:
    """Alice's machine, nothing stored yet, and a server where nobody wrote to her yet."""
    return Side(tmp_path / "alice.db")
