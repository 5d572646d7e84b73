"""What systemd is told, over a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncengine.daemon.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's socket: on a path, and in the abstract namespace."""
    name = str(tmp_path / "notify") if request.param == "path" else f"\0{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)
        listener.settimeout(10)
        yield listener


def named(manager: socket.socket) -> str:
    """The address as the environment has it."""
    found = manager.getsockname()
    return found if isinstance(found, str) else "@" + found[1:].decode()


def test_what_the_manager_hears(manager: socket.socket) -> None:
    """Each call is one datagram in the protocol's words."""
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": named(manager)})
    assert notifier.listening
    notifier.ready("2 accounts")
    assert manager.recv(4096) == b"READY=1\nSTATUS=2 accounts"
    notifier.status("1 account waits")
    assert manager.recv(4096) == b"STATUS=1 account waits"
    notifier.alive()
    assert manager.recv(4096) == b"WATCHDOG=1"
    notifier.stopping()
    assert manager.recv(4096) == b"STOPPING=1"
    notifier.reloading()
    first, second = manager.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdecimal()


def test_a_status_cannot_speak_for_the_daemon(manager: socket.socket) -> None:
    """A line break in it, as an account's name may have, begins no message of its own."""
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": named(manager)})
    notifier.status("alice\nSTOPPING=1\0\x1b[2J" + "x" * 5000 + "\udc00")
    (line,) = manager.recv(65536).split(b"\n")
    assert line.startswith(b"STATUS=alice STOPPING=1")
    assert len(line) < 300


@pytest.mark.parametrize("name", ["", "@", "relative", "/nowhere/at/all", "/" + "x" * 500])
def test_where_nobody_listens_nothing_happens(name: str) -> None:
    """No systemd, or one that is gone: the daemon goes on."""
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": name})
    notifier.ready("")
    notifier.alive()
    notifier.reloading()
    notifier.stopping()
    assert notifier.listening == name.startswith("/")


def test_a_manager_that_does_not_read_holds_nobody_up(manager: socket.socket) -> None:
    """Its queue is full after some messages; the rest is dropped, at once."""
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": named(manager)})
    for _ in range(3000):
        notifier.alive()
    assert manager.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("given", "every"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_how_often_a_sign_of_life_is_wanted(given: dict[str, str], every: float | None) -> None:
    """Twice as often as the manager asks, and only where this process is meant."""
    assert Notifier.from_environment({"NOTIFY_SOCKET": "/x", **given}).watchdog_every == every
    assert Notifier.from_environment(given).watchdog_every is None
