"""Processes that tests start and kill: an emulator, and whatever talks to it."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field


@define
class Server:
    """An emulator in a process of its own, which can end and come back at the same address."""

    world: str
    seed: int
    switches: Mapping[str, object] = field(factory=dict)
    memory: Path | None = None
    """A file that its world outlives it in; None: what happened is forgotten when it ends."""
    url: str = ""
    """Where it answers, once it was started."""
    process: "subprocess.Popen[str] | None" = None

    def start(self) -> None:
        """Without a memory its world is as at the first start."""
        command = [sys.executable, "-m", *self._arguments(self.url.rpartition(":")[2] or "0")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]

    def _arguments(self, port: str) -> list[str]:
        switches = [f"{name}={value}" for name, value in self.switches.items()]
        if self.memory is not None:
            known = (str(self.memory), port, self.world, str(self.seed))
            return ["tests.engine.lasting", *known, *switches]
        named = ["--port", port, "--world", self.world, "--seed", str(self.seed)]
        return ["syncengine.emulator", *named, *(f"--set={each}" for each in switches)]

    def end(self) -> None:
        """As a person ends it; also where it is stopped."""
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            process.send_signal(signal.SIGCONT)
            process.communicate()


@contextmanager
def server(
    world: str, seed: int, *, memory: Path | None = None, **switches: Any
) -> Iterator[Server]:
    """One that runs, until the block ends."""
    found = Server(world, seed, switches, memory)
    try:
        found.start()
        yield found
    finally:
        found.end()


@contextmanager
def serving(world: str, seed: int, **switches: Any) -> Iterator[str]:
    """An emulator in a process of its own; its URL."""
    with server(world, seed, **switches) as found:
        yield found.url


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
