"""The async engine in Qt's event loop."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from syncengine.emulator import Emulator, demo_world
from tests.cli.command import PATIENCE, serving
from tests.embedding.silence import silent_server


def window(what: str, url: str, path: Path) -> dict[str, Any]:
    """Run the Qt program to its end; what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.embedding.qt_window", what, url, path],
        capture_output=True,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_qt_program_pulls_and_stays_alive(tmp_path: Path) -> None:
    """Nothing of the engine needs asyncio's own loop, and Qt's timers tick meanwhile."""
    with serving(Emulator(demo_world())) as url:
        found = window("show", url, tmp_path / "alice.db")
    assert (found["added"], found["held"]) == (1479, 12)
    assert found["ticks"] > 10


def test_a_window_can_be_closed_while_a_sync_waits(tmp_path: Path) -> None:
    """The process ends, though the server never answers."""
    with silent_server() as silence:
        assert window("quit", silence.url, tmp_path / "alice.db") == {"cancelled": True}
