"""Runs the emulator and the measured programs, each in a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from attrs import frozen


@frozen
class Server:
    """An emulator that is running."""

    url: str
    app_key: str
    user: str
    password: str


@contextmanager
def emulator(world: str, *options: str) -> Iterator[Server]:
    """An emulator in another process, for as long as the block lasts."""
    command = [sys.executable, "-m", "syncengine.emulator", "--world", world, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(**json.loads(process.stdout.readline()))
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


def measure(program: str, **arguments: Any) -> dict[str, Any]:
    """Run `benchmarks.programs.PROGRAM` in a fresh process; its figures."""
    command = [sys.executable, "-m", "benchmarks.programs", program, json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
