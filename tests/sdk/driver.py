"""Runs the official web SDK under Node, and the emulator it talks to.

`run.cjs` takes a plan and performs it; here are the words to write a plan with, and the
two programs as fixtures need them. Nothing here knows what a test expects.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen

HERE = Path(__file__).parent
VERSION = "4.21.1"
DEVICE = "proof_device"
INSTALL_SECONDS = 240
RUN_SECONDS = 60
SETTLE_MS = 10_000
"""How long a call of the SDK may take; some never end (schema/wire/README.md, Errors)."""
STOP_SECONDS = 10
# What npm says when it cannot reach its registry. Anything else, a wrong checksum above
# all, is a failure and not a reason to leave the tests out.
OFFLINE = (
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTCACHED",
    "ENOTFOUND",
    "ERR_SOCKET_TIMEOUT",
    "ETIMEDOUT",
)

Step = dict[str, Any]


def sign_in(user: str, password: str) -> Step:
    """Sign in by password; the socket is refused, which must not matter."""
    return {"open": {"user": user, "pwd": password}}


def sign_in_by_token(user: str, token: str) -> Step:
    """Sign in with a token that came from elsewhere."""
    return {"open": {"user": user, "accessToken": token}}


def call(method: str, **args: Any) -> Step:
    """One call of the SDK's connection."""
    return {"call": method, "args": args or None}


def pages(method: str, **args: Any) -> Step:
    """The same call again and again, until its cursor ends."""
    return {"pages": method, "args": args}


@frozen
class Account:
    """The first line that the emulator prints."""

    url: str
    app_key: str
    user: str
    password: str

    def sign_in(self) -> Step:
        """Sign in as the user that the emulator named."""
        return sign_in(self.user, self.password)

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        """One request to the emulator's control endpoint."""
        answer = httpx.request(method, f"{self.url}/_emulator/{path}", **arguments)
        assert answer.is_success, answer.text
        return answer.json()


@frozen
class Answer:
    """What a step ended with: one of the two is None."""

    result: Any = None
    error: dict[str, Any] | None = None

    @property
    def value(self) -> Any:
        """The result, where an error would be a surprise."""
        assert self.error is None, self.error
        return self.result

    @property
    def items(self) -> list[Any]:
        """The items of all pages in one list."""
        return [item for page in self.value for item in page["items"]]


@frozen
class Run:
    """All that Node printed."""

    answers: list[Answer]
    requests: list[dict[str, Any]]
    """As they went out: ``method``, ``target`` (raw), ``body``, and the ``status`` they got."""

    def targets(self, method: str, part: str) -> list[str]:
        """The raw targets of the requests with this method whose target contains `part`."""
        return [
            each["target"]
            for each in self.requests
            if each["method"] == method and part in each["target"]
        ]


@frozen
class WebSdk:
    """The SDK, installed."""

    node: str

    def run(
        self, account: Account, *steps: Step, settle_ms: int = SETTLE_MS, unhandled: int = 0
    ) -> Run:
        """Perform a plan, in which so many errors are none that the SDK handles."""
        plan = {
            "url": account.url,
            "app_key": account.app_key,
            "device": DEVICE,
            "settle_ms": settle_ms,
            "steps": list(steps),
        }
        said = _communicate([self.node, "run.cjs"], json.dumps(plan))
        assert said["sdk"] == VERSION
        assert len(said["unhandled"]) == unhandled, said["unhandled"]
        assert said["refused"] == [], "the SDK wanted to reach another server"
        return Run(answers=[Answer(**each) for each in said["steps"]], requests=said["requests"])

    def as_user(self, account: Account, *steps: Step) -> list[Answer]:
        """The answers to these steps, once signed in as the emulator's user."""
        signed_in, *answers = self.run(account, account.sign_in(), *steps).answers
        assert signed_in.error is None, signed_in.error
        return answers


def missing() -> str | None:
    """Why the tests are left out on this machine; None when they are not."""
    for tool, name in (("node", "Node"), ("npm", "npm")):
        if shutil.which(tool) is None:
            return f"left out: {name} is not installed"
    return None


def installed() -> WebSdk:
    """The SDK from its package registry, or a skip that says why it is left out."""
    if reason := missing():
        pytest.skip(reason)
    node, npm = shutil.which("node"), shutil.which("npm")
    assert node is not None
    assert npm is not None
    if not _is_installed():
        _install(npm)
    return WebSdk(node=node)


def _is_installed() -> bool:
    manifest = HERE / "node_modules" / "easemob-websdk" / "package.json"
    return manifest.is_file() and json.loads(manifest.read_text())["version"] == VERSION


def _install(npm: str) -> None:
    """`npm ci` writes no lock file, and checks what it got against the lock's checksum."""
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"]
    done = subprocess.run(
        [*command, *patience],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode == 0:
        return
    offline = any(each in done.stderr for each in OFFLINE)
    if offline and os.environ.get("CI") != "true":
        pytest.skip("left out: the SDK's package could not be fetched (no network?)")
    pytest.fail(f"npm could not install the SDK:\n{done.stderr}")


def _communicate(command: list[str], stdin: str) -> Any:
    done = subprocess.run(
        command,
        cwd=HERE,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def emulator(*options: str) -> Iterator[Account]:
    """The emulator in a process of its own, with its readable world."""
    command = [sys.executable, "-m", "syncengine.emulator", "--port", "0", "--world", "demo"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first = json.loads(process.stdout.readline())
            yield Account(**{key: first[key] for key in ("url", "app_key", "user", "password")})
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
