"""Real death: a process that pulls is killed at random moments, and goes on."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncengine.emulator import sized_world
from tests.engine.pulling import FETCHERS, PAGE_SIZE
from tests.harness import USER

WORLD = "20x800"
KILLS = 30


@pytest.fixture
def server() -> Iterator[str]:
    """An emulator in a process of its own; its URL."""
    command = [sys.executable, "-m", "syncengine.emulator", "--world", WORLD, "--seed", "7"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"]
    process.terminate()
    process.wait()
    process.stdout.close()


def pulling(url: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.engine.pulling", url, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_after(url: str, path: Path, lines: int) -> bool:
    """Pull, and kill after so many lines; whether it was still pulling then."""
    with pulling(url, path) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        os.kill(process.pid, signal.SIGKILL)
    return process.returncode == -signal.SIGKILL and "done\n" not in said


def counters(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/_emulator/state") as reply:
        state: dict[str, Any] = json.loads(reply.read())["counters"]
        return state


def held(path: Path) -> dict[tuple[str, str], list[str]]:
    """The ids of every conversation, in order."""
    found: dict[tuple[str, str], list[str]] = {}
    with closing(sqlite3.connect(path)) as database:
        for name, kind, message_id in database.execute(
            "SELECT conversation_id, kind, message_id FROM message"
            " JOIN conversation USING (conversation) ORDER BY conversation, position"
        ):
            found.setdefault((name, kind), []).append(message_id)
    return found


def expected() -> dict[tuple[str, str], list[str]]:
    world = sized_world(WORLD, 7)
    keys = [listed.entry.key for listed in world.conversations(USER)]
    return {
        (key.conversation_id, str(key.kind)): [
            str(m.message_id) for m in world.history(USER, key.conversation_id, key.kind)
        ]
        for key in keys
    }


@pytest.mark.timeout(300)
def test_a_pull_killed_thirty_times_ends_with_exactly_the_servers_messages(
    server: str, tmp_path: Path
) -> None:
    """Law 1: SIGKILL at any instant costs the pages in flight, and never a message.

    Replay with KILL_SEED=… . Beyond the pages in flight at each death, a resumed
    conversation asks once more for the one message that it hangs on (law 2).
    """
    seed = int(os.environ.get("KILL_SEED") or random.randrange(1 << 32))
    print(f"KILL_SEED={seed}")
    moments = random.Random(seed)
    path = tmp_path / "alice.db"
    deaths = sum(kill_after(server, path, moments.randint(1, 24)) for _ in range(KILLS))
    before_the_end = sum(map(len, held(path).values()))
    with pulling(server, path) as last:
        assert last.stdout is not None
        assert last.stdout.read().endswith("done\n")
    assert deaths == KILLS, "the world is too small: a pull ended before it was killed"
    assert held(path) == expected()
    served = counters(server)
    print(f"held after the last death: {before_the_end}")
    print(f"rows served {served['rows']}, twice {served['rows_twice']}")
    in_flight = 2 * FETCHERS * PAGE_SIZE  # one page on its way, one waiting for its commit
    assert served["rows_twice"] <= KILLS * in_flight
