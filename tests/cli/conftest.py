"""A server with the readable world, and copies of what was pulled from it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from syncengine.emulator import Emulator, Faults, World, demo_world
from tests.cli.command import Person, copy, serving

Serve = Callable[..., Person]


@pytest.fixture(scope="session")
def demo_url() -> Iterator[str]:
    """A server of the readable world that nothing is changed on."""
    with serving(Emulator(demo_world())) as url:
        yield url


@pytest.fixture(scope="session")
def pulled(demo_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The readable world, pulled once. Read only copies of it."""
    alice = Person.at(tmp_path_factory.mktemp("pulled"), demo_url)
    assert alice.call("sync").code == 0
    return alice.db


@pytest.fixture
def newcomer(demo_url: str, tmp_path: Path) -> Person:
    """Alice, who has pulled nothing yet."""
    return Person.at(tmp_path, demo_url)


@pytest.fixture
def alice(demo_url: str, pulled: Path, tmp_path: Path) -> Person:
    """Alice, who has pulled everything."""
    person = Person.at(tmp_path, demo_url)
    copy(pulled, person.db)
    return person


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a world of one's own, or an emulator; gives its alice."""
    with ExitStack() as stack:

        def start(world: World | Emulator, faults: Faults | None = None) -> Person:
            emulator = world if isinstance(world, Emulator) else Emulator(world, faults=faults)
            return Person.at(tmp_path, stack.enter_context(serving(emulator)))

        yield start


@pytest.fixture
def world() -> World:
    """Alice and bob, who have said nothing yet."""
    world = World()
    world.add_user("alice")
    world.add_user("bob")
    return world


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1.5 MB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(mounted)]
    if os.name != "posix" or os.getuid() != 0:
        pytest.skip("a small file system can be mounted by root only")
    if subprocess.run(line, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)
