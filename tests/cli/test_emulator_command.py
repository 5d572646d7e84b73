"""`syncengine emulator`: the stand-in as a process."""

import json
import shlex
import signal
import socket
import subprocess
import urllib.request

import pytest

from tests.cli.command import PATIENCE, Person, outcome, terminal


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
    done = newcomer.call("emulator", *flags)
    done.refused(2, words)
    error = done.err.splitlines()[0].removeprefix("error: ")
    assert not error[0].isupper()
    assert not error.endswith(".")


def test_a_switch_without_a_value(newcomer: Person) -> None:
    """The error says what is wrong with it."""
    newcomer.call("emulator", "--set", "list_cap").refused(2, "--set list_cap has no value\n")


def test_a_person_is_told_how_to_use_it(newcomer: Person) -> None:
    """On a terminal one line says how to stop it, and what to type: it works as it stands."""
    with terminal(newcomer, "emulator", "--port", "0") as screen:
        screen.wait_for("--user alice")
        screen.process.send_signal(signal.SIGINT)
        shown = screen.finish()
        assert shown.code == 0
    told, guide = shown.out.splitlines()
    assert guide.startswith("Serving; stop with Ctrl-C. Try: SYNCENGINE_PASSWORD=alice ")
    line = shlex.split(guide.partition("Try: ")[2])
    assert "'org#app'" in guide
    assert line[line.index("--server") + 1] == json.loads(told)["url"]


def test_what_a_person_is_told_can_be_typed(newcomer: Person) -> None:
    """The command line, given to a shell, pulls the account."""
    env = {name: value for name, value in newcomer.env.items() if name != "SYNCENGINE_PASSWORD"}
    with terminal(newcomer, "emulator") as screen:
        screen.wait_for("--user alice\r\n")
        line = screen.shown.decode().partition("Try: ")[2].strip()
        done = outcome(["sh", "-c", line], env)
    assert (done.code, done.err) == (0, "")
    assert "1,479 new messages" in done.out


def test_a_port_that_is_taken(newcomer: Person) -> None:
    """Exit 2 and a hint, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = newcomer.call("emulator", "--port", port)
        done.refused(
            2, f"error: port {port} of 127.0.0.1 is in use\n", "another emulator", "--port"
        )
