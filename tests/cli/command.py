"""Runs the command as a person would: as a process, on a terminal, or in this process."""

import asyncio
import json
import os
import pty
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

from attrs import define, evolve, frozen
from click.testing import CliRunner

from syncengine.cli.app import syncengine
from syncengine.emulator import Emulator, running

Env = Mapping[str, str]
PATIENCE = 60.0
"""Seconds, after which a test fails instead of waiting."""


@frozen
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The output as one object a line."""
        return [json.loads(line) for line in self.out.split("\n") if line]

    @property
    def object(self) -> dict[str, Any]:
        """The output as one object."""
        (found,) = self.lines
        return found

    @property
    def problem(self) -> dict[str, Any]:
        """The errors as one object."""
        found: dict[str, Any] = json.loads(self.err)
        return found

    def refused(self, code: int, *words: str) -> None:
        """It ended with this code, an error with these words, a hint, and no traceback."""
        assert self.code == code, self
        assert "Traceback" not in self.err
        assert self.err.startswith("error: "), self.err
        assert "\nhint: " in self.err, self.err
        for word in words:
            assert word in self.err, self.err


@frozen
class Person:
    """Somebody at a machine of their own, who runs commands."""

    home: Path
    env: Env
    db: Path

    @classmethod
    def at(cls, home: Path, url: str = "", **more: str) -> "Person":
        """Alice, with her account in her environment."""
        db = home / "alice.db"
        account = {
            "SYNCENGINE_SERVER": url,
            "SYNCENGINE_APP_KEY": "org#app",
            "SYNCENGINE_USER": "alice",
            "SYNCENGINE_PASSWORD": "alice",
            "SYNCENGINE_DB": str(db),
        }
        return cls(home, _bare(home) | account | more, db)

    def but(self, **changes: str | None) -> "Person":
        """The same with another environment; None takes a variable away."""
        env = {name: value for name, value in {**self.env, **changes}.items() if value is not None}
        return evolve(self, env=env)

    def call(self, *arguments: str) -> Outcome:
        """Run in this process: where streams and signals do not matter."""
        strangers = dict.fromkeys(name for name in os.environ if name.startswith("SYNCENGINE"))
        with _given_back():
            result = CliRunner().invoke(syncengine, arguments, env={**strangers, **self.env})
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def run(self, *arguments: str, **settings: Any) -> Outcome:
        """Run as a process of its own."""
        return outcome(command(*arguments), self.env, **settings)

    def start(self, *arguments: str, **settings: Any) -> subprocess.Popen[str]:
        """Start a process, and leave it running."""
        streams = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        given: dict[str, Any] = {**streams, "text": True, "env": self.env, **settings}
        return subprocess.Popen(command(*arguments), **given)


@contextmanager
def _given_back() -> Iterator[None]:
    """What a command changes in its process is put back."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def command(*arguments: str) -> list[str]:
    """The real command."""
    return [sys.executable, "-m", "syncengine", *arguments]


def outcome(line: list[str], env: Env, **settings: Any) -> Outcome:
    """Run any command line to its end, with nothing to read from."""
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "timeout": PATIENCE, **settings}
    done = subprocess.run(line, capture_output=True, env=env, check=False, **given)
    return Outcome(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode())


def _bare(home: Path) -> dict[str, str]:
    """An environment with nothing of ours in it; a warning in a command is a failure."""
    return {
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "xterm-256color",
        "PYTHONWARNINGS": "error",
    }


@contextmanager
def serving(emulator: Emulator) -> Iterator[str]:
    """The emulator on a real socket, in a thread; gives the URL."""
    started: list[str] = []
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with running(emulator) as url:
            started.append(url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        loop.close()


@define
class Terminal:
    """A process that believes a person sits at its terminal."""

    process: subprocess.Popen[bytes]
    screen: int
    """The person's end: what is shown is read here, what is typed is written here."""
    shown: bytes = b""

    def wait_for(self, text: str) -> None:
        """Read until it shows this."""
        while text.encode() not in self.shown:
            assert self._read(), f"ended without {text!r}: {self.shown!r}"

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self.screen, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C; once more where it came just before the prompt listened."""
        shown: list[int] = []
        while not shown:
            self.process.send_signal(signal.SIGINT)
            shown, _, _ = select.select([self.screen], [], [], 1.0)

    def finish(self) -> Outcome:
        """Read to the end; a terminal has no separate error stream."""
        while self._read():
            pass
        return Outcome(self.process.wait(PATIENCE), self.shown.decode(), "")

    def _read(self) -> bool:
        readable, _, _ = select.select([self.screen], [], [], PATIENCE)
        assert readable, f"nothing more came after {self.shown!r}"
        try:
            piece = os.read(self.screen, 65536)
        except OSError:  # how Linux says that the other end was closed
            return False
        self.shown += piece
        return bool(piece)


@contextmanager
def terminal(
    person: Person,
    *arguments: str,
    size: tuple[int, int] = (24, 80),
    errors: IO[bytes] | None = None,
) -> Iterator[Terminal]:
    """Run a command on a terminal of so many rows and columns; its error stream elsewhere, if
    that is given."""
    screen, inside = pty.openpty()
    termios.tcsetwinsize(inside, size)
    process = subprocess.Popen(
        command(*arguments),
        stdin=inside,
        stdout=inside,
        stderr=inside if errors is None else errors,
        env=person.env,
        start_new_session=True,
    )
    os.close(inside)
    try:
        yield Terminal(process, screen)
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def until_served(
    emulator: Emulator, number: int, process: subprocess.Popen[str], call: str = "history"
) -> None:
    """Wait until the server answered so many requests of this process."""
    end = time.monotonic() + PATIENCE
    while emulator.counters.requests[call] < number:
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        threading.Event().wait(0.002)


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The file itself, to look at and to change; what was changed is committed."""
    with closing(sqlite3.connect(file)) as database, database:
        yield database


def copy(source: Path, target: Path) -> None:
    """A store that nobody has open is one file."""
    assert not source.with_name(source.name + "-wal").exists()
    shutil.copy(source, target)
