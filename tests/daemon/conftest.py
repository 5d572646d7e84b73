"""A machine for each test."""

from pathlib import Path

import pytest

from tests.daemon.virtual import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """No accounts yet, one server."""
    return Machine(tmp_path)
