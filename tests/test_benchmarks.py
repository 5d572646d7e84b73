"""The benchmarks' judges can fail: what differs is found, what grows is seen."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from attrs import evolve

from benchmarks.fleet import Variant, simulated
from benchmarks.judging import Asked, compared
from benchmarks.samples import Sample, trend
from syncengine import ConversationKey, Kind
from tests.harness import USER, Side

KEY = ConversationKey("bob", Kind.CHAT)


def truth(side: Side) -> dict[str, list[dict[str, Any]]]:
    """As a town tells it."""
    seen = side.world.history(USER, KEY.conversation_id, KEY.kind)
    messages = [(str(each.message_id), str(each.body["msg"])) for each in seen]
    return {USER: [{"id": "bob", "kind": "chat", "listed": True, "messages": messages}]}


def change(path: Path, sql: str) -> None:
    """Somebody spoils the file."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(sql)


SPOILED = {
    "missing": "UPDATE message SET hidden = 1 WHERE text = 'two'",
    "left": "INSERT INTO message (conversation, position, message_id, sender, timestamp, type,"
    " text, raw, seen_at) SELECT conversation, position + 5, '7', sender, 0, type, 'five', raw, 0"
    " FROM message WHERE text = 'two'",
    "otherwise": "UPDATE message SET text = 'zwei' WHERE text = 'two'",
    "gaps": "INSERT INTO gap (conversation, low, high) SELECT conversation, max(position),"
    " max(position) + 9 FROM message",
    "unsound": "UPDATE conversation SET newest = NULL",
}


@pytest.fixture
def side(tmp_path: Path) -> Side:
    """A server where something was said."""
    side = Side(tmp_path / "alice.db")
    side.send("one", "two", "three")
    return side


async def test_a_soak_finds_no_fault_with_a_good_copy(side: Side) -> None:
    """Law 13, *convergence*: nothing differs, so nothing is found."""
    await side.sync()
    assert compared({USER: side.path}, truth(side), []).total == 0


@pytest.mark.parametrize("what", SPOILED)
async def test_a_soak_sees_what_differs(side: Side, what: str) -> None:
    """Law 13, *convergence*: each way to differ is counted under its name, and explained."""
    await side.sync()
    change(side.path, SPOILED[what])
    found = compared({USER: side.path}, truth(side), [])
    assert getattr(found, what) == 1
    assert found.total >= 1


async def test_a_soak_sees_another_order(side: Side) -> None:
    """Law 3, *order from pages*: the same messages in another order differ."""
    await side.sync()
    change(side.path, "UPDATE message SET position = 9999999999 WHERE text = 'two'")
    assert compared({USER: side.path}, truth(side), []).otherwise == 1


async def test_a_soak_sees_a_deletion_that_was_not_delivered(side: Side) -> None:
    """Law 8, *intents outlive everything*: what was accepted here has to be gone there."""
    await side.sync()
    first = side.held()[0]
    found = compared({USER: side.path}, truth(side), [Asked(USER, KEY, frozenset({first}))])
    assert found.undelivered == found.total == 1


def test_growth_is_what_stays_not_what_passes() -> None:
    """A peak in the middle is none; what is larger at the end is."""
    flat = Sample(0, 100, 10, 5, 0, 0, 0, 0, 0, 0)
    samples = [evolve(flat, at=second) for second in range(0, 100, 5)]
    samples[12] = evolve(samples[12], rss=500)
    found = trend(samples, "rss", 20, 25)
    assert (found.growth, found.peak) == (0, 500)
    grown = [evolve(each, rss=100 + each.at) for each in samples]
    assert trend(grown, "rss", 20, 25).growth > 0.3


def test_a_small_fleet_comes_back_gently() -> None:
    """Jitter and budget as the daemon has them; without jitter all come at once."""
    with_all = simulated((3_000, Variant(True, True), 1))
    without = simulated((3_000, Variant(False, True), 1))
    assert with_all.ratio < 3 < 50 < without.ratio


def wait_for(holds: Callable[[], Any]) -> None:
    """Until it does."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_soak_leaves_nothing(tmp_path: Path, number: int) -> None:
    """Neither a process nor a file, and it says no more than that it was interrupted."""
    command = [sys.executable, "-m", "benchmarks", "soak", "--accounts", "2", "--servers", "1"]
    env = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PATH": ""}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    with process:
        watched = psutil.Process(process.pid)
        wait_for(lambda: list(tmp_path.glob("*/person*.db")) or process.poll() is not None)
        children = watched.children(recursive=True)
        assert len(children) >= 2
        process.send_signal(number)
        _, words = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in words
    assert list(tmp_path.iterdir()) == []
    assert not any(child.is_running() for child in children)
