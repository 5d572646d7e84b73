"""A machine with a configuration and a daemon on it, for tests of real processes."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define

from syncengine.daemon.runtime import Found, look
from syncengine.daemon.standing import Standing
from tests.cli.command import PATIENCE, Person

CONFIG = """
[accounts.{name}]
server = "{url}"
app_key = "org#app"
user = "{user}"
file = "{file}"
secret = "file:{secret}"
poll_floor = 1
poll_ceiling = 2
"""


@define
class House:
    """A machine with a configuration, and a daemon on it."""

    home: Path
    person: Person
    url: str
    config: str = ""

    @classmethod
    def at(cls, home: Path, url: str) -> "House":
        """A machine beside that server; nothing is configured on it."""
        person = Person.at(home).but(
            XDG_STATE_HOME=str(home / "state"),
            SYNCENGINE_SERVER=None,
            SYNCENGINE_APP_KEY=None,
            SYNCENGINE_USER=None,
            SYNCENGINE_DB=None,
            SYNCENGINE_PASSWORD=None,
        )
        return cls(home, person, url)

    @property
    def file(self) -> Path:
        """The configuration."""
        return self.home / "config" / "syncengine" / "config.toml"

    @property
    def state(self) -> Path:
        """Where the daemon says how it is."""
        return self.home / "state" / "syncengine"

    def add(
        self,
        user: str,
        *,
        password: str | None = None,
        url: str | None = None,
        file: Path | None = None,
    ) -> Path:
        """Configure an account; gives its file, by default one of its own in this home."""
        secret, file = self.home / f"{user}.secret", file or self.home / f"{user}.db"
        secret.touch(0o600)
        secret.write_text(password or user)
        self.config += CONFIG.format(
            name=user, user=user, url=url or self.url, file=file, secret=secret
        )
        self.write()
        return file

    def write(self, more: str = "") -> None:
        """Put the configuration in its place."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.file.touch(0o600)
        self.file.write_text(self.config + more)

    def look(self) -> Found:
        """What the daemon's state says."""
        return look(self.state)

    def standing(self, name: str) -> Standing | None:
        """How an account stands, as far as it is known."""
        snapshot = self.look().snapshot
        return next((a for a in snapshot.accounts if a.name == name), None) if snapshot else None

    @contextmanager
    def daemon(self, *, cwd: Path | None = None, **env: str) -> Iterator[subprocess.Popen[str]]:
        """One that runs; it is killed where the test left it."""
        process = self.person.but(**env).start("daemon", cwd=cwd)
        with process:
            try:
                wait_for(lambda: self.look().alive or process.poll() is not None)
                yield process
            finally:
                if process.poll() is None:
                    process.kill()


def wait_for(holds: Callable[[], Any]) -> None:
    """Until it does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
