"""How long until the window shows a large copy?

A file is filled with a million messages. Then `syncengine browse` is started as a process on
a terminal, a key opens the longest conversation, and another goes to its first message: each
time is from the key, or the start, until the words stand on the screen. The floor is an
interpreter that imports Textual and shows nothing.
"""

import argparse
import os
import pty
import statistics
import subprocess
import sys
import termios
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks.facts import machine
from benchmarks.filling import Size, fill

_STEPS = (("the list", "", b"Conversations 200"), ("the newest", "\r", b"never synced"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    console = Console()
    console.print(machine())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        fill(path, Size(options.conversations, options.messages))
        runs = [_once(path) for _ in range(options.runs)]
    table = Table("until it shows", "median, s", "slowest, s")
    for name in runs[0]:
        seconds = [each[name] for each in runs]
        table.add_row(name, f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}")
    console.print(table)
    return 0


def _once(path: Path) -> dict[str, float]:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
    found = {"nothing (imports Textual)": time.perf_counter() - started}
    screen, inside = pty.openpty()
    termios.tcsetwinsize(inside, (30, 100))
    started = time.perf_counter()
    command = [sys.executable, "-m", "syncengine", "browse", "--offline", "--db", str(path)]
    process = subprocess.Popen(
        command, stdin=inside, stdout=inside, stderr=inside, env=_environment()
    )
    os.close(inside)
    try:
        for name, key, words in (*_STEPS, ("the first message", "\x1b[H", b"history starts")):
            started = time.perf_counter() if key else started
            os.write(screen, key.encode())
            _wait_for(screen, words)
            found[name] = time.perf_counter() - started
    finally:
        process.kill()
        process.wait()
        os.close(screen)
    return found


def _environment() -> dict[str, str]:
    return {**os.environ, "TZ": "UTC", "TERM": "xterm-256color"}


def _wait_for(screen: int, words: bytes) -> None:
    shown = b""
    while words not in shown:
        shown += os.read(screen, 65536)
