"""Processes that end with the block that started them, and with all that they started."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

from attrs import asdict

from benchmarks.peers.peer import Source
from benchmarks.results import CannotRun

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 1800.0
"""Seconds for one program: a million records of the slowest peer take about eight minutes."""


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
    pipe = subprocess.PIPE
    with child(command, cwd, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
        try:
            said, complaint = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise CannotRun(f"{_named(command)} took over {PATIENCE:,.0f} s") from None
    if process.returncode:
        raise CannotRun(f"{_named(command)} failed: {_last(complaint or said)}")
    return said


def _named(command: Sequence[str]) -> str:
    """Without what it is told, in which there is a token."""
    return " ".join(takewhile(lambda word: not word.startswith("{"), command))


def _last(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return " / ".join(lines[-3:])


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this project."""
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def shelf(name: str, source: Source) -> Iterator[dict[str, str]]:
    """The shelf of a peer, for as long as the block lasts; gives its `url`. It ends with its
    input, so also when this process is killed. Raises CannotRun where it does not serve."""
    command = python("benchmarks.peers.shelf", name, json.dumps(asdict(source)))
    with child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise CannotRun(f"{_named(command)} ended before it served")
        yield json.loads(line)
