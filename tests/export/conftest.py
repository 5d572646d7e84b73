"""A browser, for those tests that look at pages as a person does."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.export.chromium import Browser, browser, program


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; its tests are left out where it is missing, but never in CI."""
    if program() is None:
        missing = "left out: Chromium is not installed (apt-get install chromium)"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(chromium: Browser) -> Browser:
    """The browser, with nothing noted yet."""
    chromium.open("about:blank#")
    chromium.requests.clear()
    chromium.console.clear()
    return chromium


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "exported"
