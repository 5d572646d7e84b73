"""Processes that tests start and kill: an emulator, and whatever talks to it."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def serving(world: str, seed: int, **switches: object) -> Iterator[str]:
    """An emulator in a process of its own; its URL."""
    command = [sys.executable, "-m", "syncengine.emulator", "--world", world, "--seed", str(seed)]
    command += [f"--set={name}={value}" for name, value in switches.items()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def started(module: str, *arguments: object) -> subprocess.Popen[str]:
    """A program of the tests, with its lines to be read and written."""
    command = [sys.executable, "-m", f"tests.engine.{module}", *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def control(url: str, verb: str, **arguments: Any) -> dict[str, Any]:
    """Let the emulator do something on behalf of anyone; its answer."""
    body = json.dumps(arguments).encode()
    with urllib.request.urlopen(f"{url}/_emulator/{verb}", data=body) as reply:
        answer: dict[str, Any] = json.loads(reply.read())
        return answer
