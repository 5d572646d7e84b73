"""Runs the emulator and the measured programs, each in a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from attrs import frozen

from benchmarks.results import CannotRun

NO_ROOM = 5
"""The exit code of a program that has no room for its file."""


@frozen
class Server:
    """An emulator that is running."""

    url: str
    app_key: str
    user: str
    password: str


@contextmanager
def emulator(world: str, *options: str, elsewhere: bool = False) -> Iterator[Server]:
    """An emulator in another process, for as long as the block lasts. A Ctrl-C does not reach
    it before the block is left. One that stands for a server `elsewhere` has the lowest
    priority: it takes what processors have left over."""
    command = [sys.executable, "-m", "syncengine.emulator", "--world", world, *options]
    if elsewhere:
        command = ["nice", "-n", "19", *command]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise CannotRun("the emulator does not start: it needs the extra `emulator`")
        yield Server(**json.loads(line))
    finally:
        process.terminate()
        process.communicate()  # which closes its output too


@frozen
class Town:
    """A `benchmarks.town` that is running."""

    url: str
    users: Sequence[str]
    _process: "subprocess.Popen[str]"

    def order(self, do: str, **how: Any) -> Any:
        """Have it do something; its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **how}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())["answer"]


@contextmanager
def town(users: Sequence[str], **size: Any) -> Iterator[Town]:
    """A town in another process, for as long as the block lasts. A Ctrl-C does not reach it;
    it ends with the pipe, so also when this process is killed."""
    command = [sys.executable, "-m", "benchmarks.town", json.dumps({"users": users, **size})]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        yield Town(json.loads(process.stdout.readline())["url"], users, process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM is an interruption as Ctrl-C: blocks are left, and take away what they made."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@frozen
class Figures:
    """What a program took."""

    seconds: float
    cpu_seconds: float
    messages: int
    peak_mb: float
    file_mb: float
    digest: str
    """Which messages its file holds; empty where it has none."""

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu(self) -> float:
        """Microseconds of the processor a message."""
        return self.cpu_seconds / self.messages * 1e6

    @property
    def bytes_each(self) -> float:
        """Of the file, a message."""
        return self.file_mb / self.messages * 1e6


def measure(program: str, **arguments: Any) -> Figures:
    """Run a program of `benchmarks.programs` in a fresh process; its file goes away again.

    Raises CannotRun where there is no room for it.
    """
    with TemporaryDirectory() as folder:
        how = {"path": str(Path(folder) / "copy.db"), **arguments}
        command = [sys.executable, "-m", "benchmarks.programs", program, json.dumps(how)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, start_new_session=True
        )
    if done.returncode == NO_ROOM:
        raise CannotRun(done.stderr.strip())
    if done.returncode:
        raise RuntimeError(f"{program} failed: {done.stderr}")
    return Figures(**json.loads(done.stdout))
