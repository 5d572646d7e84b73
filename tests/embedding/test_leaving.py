"""A process ends when its program does, whatever the engine had under way."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from syncengine.blocking import PATIENCE
from tests.embedding.silence import Silence, silent_server
from tests.harness import Side, dump


@pytest.fixture
def silence() -> Iterator[Silence]:
    """A server that never answers."""
    with silent_server() as found:
        yield found


@pytest.mark.parametrize("how", ["unclosed", "syncing", "failing", "forgotten", "forked"])
async def test_the_process_ends(side: Side, silence: Silence, how: str) -> None:
    """Within a bounded time, with no word on the error stream, and the copy as it was (law 1)."""
    side.send("m1")
    await side.sync()
    before = dump(side.path)
    _end(how, silence, str(side.path))
    assert dump(side.path) == before


def _end(how: str, silence: Silence, path: str) -> None:
    line = [sys.executable, "-m", "tests.embedding.leaving", how, silence.url, path]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE + 20, check=False)
    assert done.stdout == "leaving\n"
    assert done.returncode == (3 if how == "failing" else 0), done.stderr
    assert done.stderr == ""
