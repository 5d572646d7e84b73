"""A machine with configured accounts, and the real `syncengine daemon` on it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from attrs import define, field, frozen

from syncengine.daemon.runtime import look
from syncengine.daemon.standing import Snapshot

ROOT = Path(__file__).parent.parent
_PATIENCE = 120.0
"""Seconds for a daemon to be ready."""
_STOPS_WITHIN = 10.0
"""Seconds, twice what it promises: later it is killed."""
_ACCOUNT = """
[accounts.{name}]
server = "{url}"
app_key = "org#app"
user = "{name}"
file = "{file}"
secret = "file:{secret}"
"""


class Ended(Exception):
    """The daemon ended, and was not told to."""


@frozen
class Figures:
    """What a process takes at one moment."""

    rss: float
    """MB."""
    descriptors: int
    threads: int
    cpu: float
    """Seconds since it started."""


@define
class Daemon:
    """One that runs."""

    process: "subprocess.Popen[bytes]"
    log: Path
    started_within: float
    """Seconds from its start until it said READY."""
    _watched: psutil.Process = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._watched = psutil.Process(self.process.pid)

    def figures(self) -> Figures:
        """As it stands now. Raises Ended."""
        if self.process.poll() is not None:
            raise Ended(self.words())
        with self._watched.oneshot():
            cpu = self._watched.cpu_times()
            return Figures(
                self._watched.memory_info().rss / 1e6,
                self._watched.num_fds(),
                self._watched.num_threads(),
                cpu.user + cpu.system,
            )

    def sync_now(self) -> None:
        """Ask for a sync of all."""
        self.process.send_signal(signal.SIGUSR1)

    def reload(self) -> None:
        """Ask it to read its configuration again."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> tuple[int, float]:
        """Tell it to end: its exit code, and the seconds that it took. One that does not is
        killed."""
        began = time.perf_counter()
        self.process.terminate()
        try:
            code = self.process.wait(_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return code, time.perf_counter() - began

    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    def words(self) -> str:
        """How it ended, for people."""
        end = "\n".join(self.log.read_text("utf-8").splitlines()[-5:])
        return f"the daemon ended with {self.process.returncode}:\n{end}"


class Machine:
    """Everything is below one folder: configuration, secrets, files, state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Path] = {}
        """Of the accounts, by name."""
        self._config = ""
        self._starts = 0
        names = ("config", "data", "state", "cache")
        homes = {f"XDG_{each.upper()}_HOME": str(folder / each) for each in names}
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self.environment = {"HOME": str(folder), "LANG": "C.UTF-8", **homes, **kept}
        (folder / "config" / "syncengine").mkdir(mode=0o700, parents=True)

    def add(self, name: str, url: str, **settings: Any) -> Path:
        """Configure an account whose password is its name; gives its file."""
        secret = self.folder / f"{name}.secret"
        secret.touch(0o600)
        secret.write_text(name)
        file = self.files[name] = self.folder / f"{name}.db"
        table = _ACCOUNT.format(name=name, url=url, file=file, secret=secret)
        self._config += table + "".join(f"{key} = {value}\n" for key, value in settings.items())
        return file

    def snapshot(self) -> Snapshot | None:
        """How the daemon says that everything stands."""
        return look(self.folder / "state" / "syncengine").snapshot

    @contextmanager
    def daemon(self) -> Iterator[Daemon]:
        """One that is ready; it is killed where it still runs at the end. Raises Ended."""
        config = self.folder / "config" / "syncengine" / "config.toml"
        config.touch(0o600)
        config.write_text(self._config)
        self._starts += 1
        log = self.folder / f"daemon-{self._starts}.log"
        with self._manager() as manager:
            began = time.perf_counter()
            process = self._start(manager.getsockname(), log)
            try:
                _until_ready(manager, process, log)
                yield Daemon(process, log, time.perf_counter() - began)
            finally:
                process.kill()
                process.wait()

    @contextmanager
    def _manager(self) -> Iterator[socket.socket]:
        """What systemd is to a service."""
        path = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            try:
                yield manager
            finally:
                path.unlink()

    def _start(self, manager: str, log: Path) -> "subprocess.Popen[bytes]":
        with log.open("wb") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", "syncengine", "daemon"],
                env={**self.environment, "NOTIFY_SOCKET": manager},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,  # a Ctrl-C at the terminal is not meant for it
            )


def _until_ready(manager: socket.socket, process: "subprocess.Popen[bytes]", log: Path) -> None:
    manager.settimeout(0.2)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            if b"READY=1" in manager.recv(4096):
                return
        except TimeoutError:
            if process.poll() is not None:
                break
    raise Ended(f"it is not ready (exit code {process.poll()}):\n{log.read_text('utf-8')}")
