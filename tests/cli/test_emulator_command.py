"""`syncengine emulator`: the stand-in as a process."""

import json
import signal
import socket
import subprocess
import urllib.request

import pytest

from tests.cli.command import PATIENCE, Person


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_who_and_where_and_ends_when_told(newcomer: Person, number: int) -> None:
    """The first line is JSON, an account can be pulled with it, a signal ends it cleanly."""
    with newcomer.start("emulator") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert set(told) == {"url", "app_key", "user", "password"}
        person = newcomer.but(
            SYNCENGINE_SERVER=told["url"],
            SYNCENGINE_APP_KEY=told["app_key"],
            SYNCENGINE_USER=told["user"],
            SYNCENGINE_PASSWORD=told["password"],
        )
        assert person.call("sync").code == 0
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")


def test_everything_can_come_from_the_environment(newcomer: Person) -> None:
    """World, seed, faults and several switches at once."""
    server = newcomer.but(
        SYNCENGINE_WORLD="3x20",
        SYNCENGINE_SEED="7",
        SYNCENGINE_FAULTS="expired",
        SYNCENGINE_SET="list_cap=2 retention_days=0",
    )
    with server.start("emulator", stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with urllib.request.urlopen(f"{url}/_emulator/state") as reply:
            state = json.load(reply)
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert (state["seed"], state["faults"]["profile"]) == (7, "expired")
    assert state["switches"]["list_cap"] == 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--world", "huge"), "200x1000"),
        (("--world", "0x5"), "200x1000"),
        (("--faults", "gremlins"), "flaky"),
        (("--set", "gravity=0"), "list_cap"),
        (("--set", "list_cap=many"), "number"),
        (("--set", "list_cap"), "NAME=VALUE"),
        (("--set", "roaming=perhaps"), "disabled-403"),
        (("--seed", "x"), "--help"),
        (("--host", "192.0.2.1"), "--host"),
    ],
)
def test_values_that_it_cannot_use(newcomer: Person, flags: tuple[str, ...], words: str) -> None:
    """Exit 2, and the hint lists what can be used."""
    newcomer.call("emulator", *flags).refused(2, words)


def test_a_port_that_is_taken(newcomer: Person) -> None:
    """Exit 2 and a hint, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        newcomer.call("emulator", "--port", port).refused(2, "--port")
