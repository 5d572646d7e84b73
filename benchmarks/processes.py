"""Runs the emulator and the measured programs, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
        process.wait()


def measure(program: str, **arguments: Any) -> dict[str, Any]:
    """Run `benchmarks.programs.PROGRAM` in a fresh process; its figures."""
    command = [sys.executable, "-m", "benchmarks.programs", program, json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
