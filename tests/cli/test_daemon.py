"""`syncengine daemon` as a process: it syncs, obeys signals, and says how it is."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from syncengine.emulator import Emulator, World
from syncengine.models import Kind
from tests.cli.command import PATIENCE, opened, serving
from tests.cli.house import CONFIG, House, wait_for


@pytest.fixture
def world() -> World:
    """Alice and bob, who wrote to each other."""
    world = World()
    for user in ("alice", "bob"):
        world.add_user(user)
    for text in ("one", "two", "three"):
        world.send("bob", "alice", Kind.CHAT, text)
    return world


@pytest.fixture
def house(world: World, tmp_path: Path) -> Iterator[House]:
    """A machine beside the server of that world."""
    with serving(Emulator(world)) as url:
        yield House.at(tmp_path, url)


def texts(file: Path) -> list[str]:
    """What the copy holds, oldest first."""
    if not file.exists():
        return []
    with opened(file) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if "message" not in tables:
            return []
        found = database.execute(
            "SELECT text FROM message WHERE hidden IS NULL ORDER BY position"
        ).fetchall()
    return [text for (text,) in found]


def ended(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Wait for its end; the lines of its log."""
    out, err = process.communicate(timeout=PATIENCE)
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_syncs_until_it_is_told_to_end(house: House, world: World, number: int) -> None:
    """What was there and what comes is in the file; a signal ends it in time, with 0; its state
    stays and says that it is gone."""
    file = house.add("alice")
    with house.daemon() as process:
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: texts(file) == ["one", "two", "three"])
        world.send("bob", "alice", Kind.CHAT, "four")
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: texts(file)[3:] == ["four"])
        wait_for(lambda: (s := house.standing("alice")) is not None and s.cycles >= 2)
        began = time.monotonic()
        process.send_signal(number)
        log = ended(process)
    assert process.returncode == 0
    assert time.monotonic() - began < 5.5
    assert [line for line in log if line["level"] in ("warning", "error")] == []
    assert log[0]["message"] == "started, 1 account; Ctrl-C ends it"
    (first,) = [line for line in log if line["message"] == "first sync since the start finished"]
    assert (first["level"], first["account"], first["gaps"]) == ("info", "alice", 0)
    found = house.look()
    assert not found.alive
    assert found.snapshot is not None
    assert found.snapshot.pid == process.pid
    (alice,) = found.snapshot.accounts
    assert (alice.name, alice.messages, alice.gaps, alice.error) == ("alice", 4, 0, None)
    assert alice.requests_today >= 2


def test_hanging_up_rereads_the_configuration(house: House, world: World) -> None:
    """SIGHUP: a new account is synced, one that is gone is let go; nonsense changes nothing."""
    house.add("alice")
    with house.daemon() as process:
        wait_for(lambda: house.standing("alice"))
        house.write("\n[accounts.eve]\nserver = 3\n")
        process.send_signal(signal.SIGHUP)
        house_log: list[str] = []
        assert process.stderr is not None
        while not house_log or "not taken over" not in house_log[-1]:
            house_log.append(process.stderr.readline())
        assert "eve" in house_log[-1]
        file = house.add("bob")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: house.standing("bob"))
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: texts(file) == ["one", "two", "three"])
        house.config = house.config.replace("[accounts.alice]", "[accounts.alice2]").replace(
            "alice.db", "alice2.db"
        )
        house.write()
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: house.standing("alice2"))
        wait_for(lambda: house.standing("alice") is None)
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_new_account_is_synced_at_once(house: House) -> None:
    """Law 12: who starts it for the first time waits seconds, with no signal, not a minute."""
    file = house.add("alice")
    with house.daemon() as process:
        began = time.monotonic()
        wait_for(lambda: texts(file) == ["one", "two", "three"])
        assert time.monotonic() - began < 10
        process.terminate()
        process.communicate(timeout=PATIENCE)


def test_a_deletion_that_waits_is_the_daemons(house: House) -> None:
    """Law 8: who asks for it without a way to the server is told who delivers it."""
    file = house.add("alice")
    away = ("delete", "bob", "--all", "--yes", "--user", "alice", "--db", str(file))
    nobody = house.person.but(XDG_CONFIG_HOME=str(house.home / "none"))
    with house.daemon() as process:
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: texts(file) == ["one", "two", "three"])
        wait_for(lambda: house.standing("alice"))
        done = nobody.run(*away)
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert (done.code, done.err) == (0, "")
    assert "; the daemon does it\n" in done.out


def test_a_server_that_hangs_holds_no_end_up(house: House) -> None:
    """In the middle of a request that is never answered: within five seconds all the same."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        house.add("alice", url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with house.daemon() as process:
            process.send_signal(signal.SIGUSR1)
            silent.settimeout(PATIENCE)
            connection, _ = silent.accept()
            began = time.monotonic()
            process.terminate()
            process.communicate(timeout=PATIENCE)
            assert time.monotonic() - began < 5.5
            connection.close()
    assert process.returncode == 0


HANGING = """
import time
from keyring.backend import KeyringBackend

class Hanging(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        open(username.replace("#", "_"), "w").close()
        time.sleep(600)

    def set_password(self, service, username, password):
        pass
"""


def test_a_keyring_that_hangs_holds_no_end_up(house: House) -> None:
    """It waits for a window that nobody sees, in a thread that nobody can end."""
    house.add("alice")
    house.config = re.sub('secret = "file:.*"', 'secret = "keyring"', house.config)
    house.write()
    (house.home / "hanging.py").write_text(HANGING)
    env = {
        "PYTHON_KEYRING_BACKEND": "hanging.Hanging",
        "PYTHONPATH": f"{house.home}:{Path(__file__).parents[2]}",
    }
    with house.daemon(cwd=house.home, **env) as process:
        process.send_signal(signal.SIGUSR1)
        wait_for((house.home / "org_app:alice").exists)
        began = time.monotonic()
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert time.monotonic() - began < 5.5


def test_a_second_signal_ends_it_at_once(house: House) -> None:
    """Whoever is in a hurry; the exit status names the signal."""
    house.add("alice")
    with house.daemon() as process:
        wait_for(lambda: house.standing("alice"))
        os.kill(process.pid, signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode in (-signal.SIGTERM, -signal.SIGINT)
    assert not house.look().alive


def test_one_account_that_fails_disturbs_no_other(house: House, tmp_path: Path) -> None:
    """A wrong password, a missing secret: they wait for a person, and say how to go on."""
    house.add("bob", password="wrong")
    file = house.add("alice")
    house.config += CONFIG.format(
        name="eve", user="eve", url=house.url, file=tmp_path / "eve.db", secret=tmp_path / "no"
    )
    house.write()
    with house.daemon() as process:
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: texts(file) == ["one", "two", "three"])
        wait_for(lambda: (s := house.standing("bob")) is not None and s.error)
        wait_for(lambda: (s := house.standing("eve")) is not None and s.error)
        bob, eve = house.standing("bob"), house.standing("eve")
        assert bob is not None
        assert eve is not None
        assert (bob.error, bob.state) == ("Unauthorized", "unauthorized")
        assert (eve.error, bool(eve.hint)) == ("ConfigError", True)
        (house.home / "bob.secret").write_text("bob")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: texts(house.home / "bob.db") == ["one", "two", "three"])
        process.terminate()
        log = process.communicate(timeout=PATIENCE)[1]
    assert "wrong" not in log.replace("is wrong", "")


def test_one_daemon_is_enough(house: House) -> None:
    """A second one says who is there, and ends with 5."""
    house.add("alice")
    with house.daemon() as process:
        wait_for(lambda: house.standing("alice"))
        house.person.run("daemon").refused(5, f"another daemon is running (process {process.pid})")


def test_metrics_and_health(house: House) -> None:
    """Where the configuration says; a port in use is a clear error."""
    house.add("alice")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    house.config += f'\n[daemon]\nmetrics = "127.0.0.1:{port}"\n'
    house.write()
    with house.daemon() as process:
        wait_for(lambda: house.standing("alice"))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as reply:
            assert reply.read().startswith(b"ok: 1 accounts")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
            shown = reply.read().decode()
        other = house.person.but(XDG_STATE_HOME=str(house.home / "other"))
        other.run("daemon").refused(2, f"another program listens on 127.0.0.1:{port}")
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert 'syncengine_account_state{account="alice",state=' in shown
    assert "process_open_fds" in shown


def test_systemd_hears_of_it(house: House) -> None:
    """READY when it runs, signs of life, RELOADING and READY, STOPPING at the end."""
    house.add("alice")
    path = house.home / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(PATIENCE)
        heard: list[str] = []

        def until(word: str) -> None:
            while not any(word in each for each in heard):
                heard.append(manager.recv(4096).decode())

        with house.daemon(NOTIFY_SOCKET=str(path), WATCHDOG_USEC="200000") as process:
            until("READY=1\nSTATUS=1 account")
            until("WATCHDOG=1")
            heard.clear()
            process.send_signal(signal.SIGHUP)
            until("RELOADING=1\n")
            until("READY=1")
            process.terminate()
            until("STOPPING=1")
            process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[accounts.alice\n", "line 1"),
        ("[daemon]\nmetrics = '0.0.0.0:9464'\n", "no address of this machine"),
        ("[daemon]\nlog_level = 'loud'\n", "log_level"),
    ],
)
def test_a_configuration_that_cannot_be_used(house: House, config: str, words: str) -> None:
    """Exit 2: another start would not help, and systemd makes none."""
    house.config = config
    house.write()
    house.person.run("daemon").refused(2, words)


def test_no_configuration_at_all(house: House) -> None:
    """Says how to make one."""
    done = house.person.run("daemon")
    done.refused(2, "there is no configuration in", "syncengine account add")


def test_the_unit(house: House) -> None:
    """Printed, or written with the lines that enable it; it may write its own folders only."""
    file = house.add("alice")
    printed = house.person.run("daemon", "install", "--print")
    assert (printed.code, printed.err) == (0, "")
    unit = house.home / "config" / "systemd" / "user" / "syncengine.service"
    assert not unit.exists()
    assert f"ReadWritePaths={file.parent}\n" in printed.out
    done = house.person.run("daemon", "install")
    assert done.code == 0
    assert unit.read_text() == printed.out
    assert "systemctl --user enable --now syncengine.service" in done.out
    again = house.person.run("daemon", "install", "--json").object
    assert (again["unit"], again["changed"]) == (str(unit), False)
    assert len(again["commands"]) == 3


def test_the_daemon_owns_the_files_it_syncs(house: House) -> None:
    """Law 1: `syncengine sync` beside it is refused and says who syncs; reading is not, and
    when the daemon has ended the file is free."""
    file = house.add("alice")
    with house.daemon() as process:
        wait_for(lambda: texts(file) == ["one", "two", "three"])
        told = house.person.call("sync", "--account", "alice")
        told.refused(5, "syncengine daemon", str(process.pid))
        assert house.person.call("messages", "bob", "--account", "alice").code == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert house.person.call("sync", "--account", "alice").code == 0


def test_a_damaged_file_is_set_aside_and_pulled_again(house: House) -> None:
    """Law 10: the daemon makes a new file, with all that can be read of the old one, which is
    kept."""
    file = house.add("alice")
    assert house.person.call("sync", "--account", "alice").code == 0
    content = bytearray(file.read_bytes())
    content[100:4000] = bytes(3900)  # the tables' own page, behind its first line
    file.write_bytes(content)
    with house.daemon():
        wait_for(lambda: list(file.parent.glob("alice.db.damaged-*")))
        wait_for(lambda: healthy(file))
    assert texts(file) == ["one", "two", "three"]


def healthy(file: Path) -> bool:
    """Whether all is here, while it may just be changed for another."""
    with suppress(sqlite3.DatabaseError, OSError):
        return texts(file) == ["one", "two", "three"]
    return False


RARELY = ("poll_floor = 1\npoll_ceiling = 2", "poll_floor = 3600\npoll_ceiling = 7200")


def test_a_deletion_asked_for_beside_it_is_delivered(house: House, world: World) -> None:
    """Law 8: `syncengine delete` without any secret leaves its intent in the file; the daemon
    sees that the file was written and sends it, hours before its next poll."""
    file = house.add("alice")
    house.config = house.config.replace(*RARELY)
    house.write()
    with house.daemon() as process:
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: (s := house.standing("alice")) is not None and s.last_sync)
        line = ("delete", "bob", "--all", "--yes", "--db", str(file))
        assert house.person.call(*line, "--json").object["state"] == "pending"
        wait_for(lambda: not world.history("alice", "bob", Kind.CHAT))
        wait_for(lambda: (s := house.standing("alice")) is not None and s.pending == 0)
        assert texts(file) == []


def test_what_only_a_person_can_mend_is_told_for_its_account(house: House) -> None:
    """Bad input: a keyring that is locked, a folder that cannot be written: these accounts wait
    with an error and a hint, the status of all says so with exit 1, and the others go on."""
    file = house.add("alice")
    house.add("bob")
    last = house.config.rindex('secret = "file:')
    house.config = house.config[:last] + re.sub(
        'secret = "file:.*"', 'secret = "keyring"', house.config[last:]
    )
    (house.home / "letter").write_text("Dear Alice")
    house.config += CONFIG.format(
        name="eve",
        user="alice",
        url=house.url,
        file=house.home / "letter" / "eve.db",
        secret=house.home / "alice.secret",
    )
    house.write()
    env = {
        "PYTHON_KEYRING_BACKEND": "tests.accounts.backends.Locked",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    with house.daemon(cwd=house.home, **env) as process:
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: texts(file) == ["one", "two", "three"])
        wait_for(lambda: (s := house.standing("bob")) is not None and s.error)
        wait_for(lambda: (s := house.standing("eve")) is not None and s.error)
        bob, eve = house.standing("bob"), house.standing("eve")
        done = house.person.call("status")
    assert bob is not None
    assert eve is not None
    assert (bob.error, bob.state) == ("ConfigError", "stopped")
    assert "locked" in bob.message
    assert "nlock it" in bob.hint
    assert str(house.home / "letter") in eve.message
    assert eve.hint
    assert done.code == 1
    for words in (bob.message, bob.hint, eve.message, eve.hint):
        assert words in done.out
