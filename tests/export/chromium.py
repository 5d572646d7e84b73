"""Drives a headless Chromium over a pair of pipes: no port, no library, no page of ours changed.

Its protocol is one JSON object a message, with a null character after each.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import define, field

PATIENCE = 60.0
"""Seconds, after which a test fails instead of waiting."""
_COMMAND = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1000,900",
    "--remote-debugging-pipe",
)


def program() -> str | None:
    """Where the browser is; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for found in map(shutil.which, names) if found), None)


@define
class Browser:
    """One page, and what happened on it."""

    commands: int
    answers: int
    session: str = ""
    number: int = 0
    pending: bytes = b""
    requests: list[str] = field(factory=list)
    """Every address that anything was asked from."""
    console: list[str] = field(factory=list)
    """Errors, refusals by the policy among them."""

    def open(self, address: str) -> None:
        """Go there, and wait until it is loaded."""
        self.send("Page.navigate", url="about:blank")
        self.wait_for("location.href === 'about:blank'")
        self.send("Page.navigate", url=address)
        self.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'")

    def run(self, expression: str) -> Any:
        """What an expression is, on the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until this is true on the page."""
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(AssertionError):  # between two pages nothing can be asked
                if self.run(expression):
                    return
            assert time.monotonic() < end, f"never true: {expression}"

    def type(self, text: str) -> None:
        """Put the text into what has the focus, as a keyboard or an input method does."""
        self.send("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """A screenshot, to be looked at."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    def send(self, method: str, **params: Any) -> Any:
        """One command; returns its result."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        return self._answer(self.number)

    def _answer(self, number: int) -> Any:
        while True:
            message = self._next()
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._happened(message)

    def _happened(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            self.console.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.console.append(str(params["exceptionDetails"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.pending:
            readable, _, _ = select.select([self.answers], [], [], PATIENCE)
            assert readable, "the browser says nothing"
            piece = os.read(self.answers, 1 << 20)
            assert piece, "the browser ended"
            self.pending += piece
        found, _, self.pending = self.pending.partition(b"\0")
        message: dict[str, Any] = json.loads(found)
        return message


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with a fresh profile, on an empty page."""
    path = program()
    assert path is not None
    (inside_read, commands), (answers, inside_write) = os.pipe(), os.pipe()
    # The browser reads from 3 and writes to 4; so that neither is taken, ours go above them.
    high = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (inside_read, inside_write)]

    def connect() -> None:
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    process = subprocess.Popen(
        [path, *_COMMAND, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(3, 4),
        preexec_fn=connect,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for each in (inside_read, inside_write, *high):
        os.close(each)
    try:
        yield _attached(Browser(commands, answers))
    finally:
        process.kill()
        process.wait()
        os.close(commands)
        os.close(answers)


def _attached(found: Browser) -> Browser:
    (page,) = [
        each for each in found.send("Target.getTargets")["targetInfos"] if each["type"] == "page"
    ]
    attached = found.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
    found.session = attached["sessionId"]
    for domain in ("Page", "Runtime", "Network", "Log"):
        found.send(f"{domain}.enable")
    return found
