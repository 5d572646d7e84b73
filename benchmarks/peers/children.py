"""Processes that end with the block that started them, and with all that they started."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.peers.peer import CannotRun

ROOT = Path(__file__).parent.parent.parent
_PATIENCE = 1800.0
"""Seconds for one program: a million records of the slowest peer take about four minutes."""


@contextmanager
def child(
    command: Sequence[str], cwd: Path = ROOT, **streams: Any
) -> Iterator["subprocess.Popen[str]"]:
    """A process in a session of its own: a Ctrl-C does not reach it, the end of the block does,
    and whatever it started."""
    process = subprocess.Popen(command, cwd=cwd, text=True, start_new_session=True, **streams)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def output(command: Sequence[str], cwd: Path = ROOT) -> str:
    """What a program says. Raises CannotRun with its last words where it fails."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with child(command, cwd, **streams) as process:
        try:
            said, complaint = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            raise CannotRun(f"{command[0]} did not end within {_PATIENCE:,.0f} s") from None
    if process.returncode:
        raise CannotRun(f"{' '.join(command[:3])} failed: {_last(complaint or said)}")
    return said


def _last(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return " / ".join(lines[-3:])


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this project."""
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def server(command: Sequence[str]) -> Iterator[Any]:
    """A server for as long as the block lasts; gives the JSON of its first line. It ends with
    its input too, so also when this process is killed. Raises CannotRun where it says nothing."""
    with child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise CannotRun(f"{' '.join(command[:3])} ended before it served")
        yield json.loads(line)
