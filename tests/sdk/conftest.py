"""The web SDK and the emulators it is run against."""

from collections.abc import Iterator

import pytest

from tests.sdk.driver import Account, WebSdk, emulator, installed


@pytest.fixture(scope="session")
def websdk() -> WebSdk:
    """The official web SDK under Node; tests that ask for it are left out where it is missing."""
    return installed()


@pytest.fixture(scope="session")
def reading(websdk: WebSdk) -> Iterator[Account]:
    """An emulator for tests that change nothing on it. Asks for the SDK first: without it, none."""
    with emulator() as account:
        yield account


@pytest.fixture
def writing(websdk: WebSdk) -> Iterator[Account]:
    """An emulator of the test's own, to change."""
    with emulator() as account:
        yield account
