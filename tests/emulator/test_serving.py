"""Serving on a real socket: from Python, and as a program."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any

import httpx
import pytest

from syncengine import emulator as package
from syncengine.emulator import Emulator, World, run_emulator, running, serve
from syncengine.errors import ConfigError
from syncengine.models import Kind
from tests.emulator.caller import Caller, texts


async def test_running_serves_in_this_loop(emulator: Emulator, world: World) -> None:
    """A context manager gives a URL; the world can be changed while it is served."""
    async with running(emulator) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        alice = Caller(http)
        await alice.sign_in()
        world.send("bob", "alice", Kind.CHAT, "over a socket")
        assert texts(await alice.page("bob")) == ["over a socket"]
        answer = await alice.history("bob")
    assert answer.headers.get_list("date") == ["Mon, 21 Sep 2026 14:13:20 GMT"]


async def test_serve_announces_and_ends_when_cancelled(emulator: Emulator) -> None:
    """The first line is JSON that says how to sign in; cancelling frees the port."""
    announced: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(serve(emulator, announce=announced.put_nowait))
    hello = json.loads(await announced.get())
    assert (hello["app_key"], hello["user"], hello["password"]) == ("org#app", "alice", "alice")
    async with httpx.AsyncClient(base_url=hello["url"], trust_env=False) as http:
        await Caller(http).sign_in()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with httpx.AsyncClient(base_url=hello["url"], trust_env=False) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("/_emulator/state")


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "syncengine.emulator", *arguments, stdout=PIPE, stderr=PIPE
    )


async def test_the_program() -> None:
    """It says where it is in its first line, takes switches and faults, ends on a signal."""
    process = await start("--world", "3x20", "--faults", "html", "--set", "list_cap=2")
    assert process.stdout is not None
    hello = json.loads(await process.stdout.readline())
    async with httpx.AsyncClient(base_url=hello["url"], trust_env=False) as http:
        state: dict[str, Any] = (await http.get("/_emulator/state")).json()
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()
    assert state["switches"]["list_cap"] == 2
    assert state["faults"]["profile"] == "html"
    assert errors == b""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--world", "huge"), b"200x1000"),
        (("--faults", "gremlins"), b"drop-before"),
        (("--set", "nothing=1"), b"list_cap"),
        (("--set", "replicas=0"), b"replicas from 1"),
        (("--host", "192.0.2.1"), b"--host"),
    ],
)
async def test_bad_arguments(arguments: tuple[str, str], words: bytes) -> None:
    """What cannot be used is one line that says what is right, and exit code 2."""
    process = await start(*arguments)
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert words in errors
    assert b"Traceback" not in errors


def test_a_port_in_use() -> None:
    """A taken port is an error with a hint."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            run_emulator(port=port, world="1x1")
    assert "--port" in caught.value.hint


def test_public_names_are_sorted() -> None:
    """The names are in one sorted list, and all are there."""
    assert sorted(package.__all__) == package.__all__
    assert all(hasattr(package, name) for name in package.__all__)
