"""A server that ends, or hangs, as a process of its own, under a real daemon."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from syncengine.daemon.standing import Standing
from tests.cli.command import PATIENCE, opened
from tests.cli.house import House, wait_for
from tests.daemon.beside import ACCOUNT
from tests.engine.judging import visible
from tests.engine.processes import Server, control, server
from tests.harness import USER

WORLD, SEED = "6x120", 3
SETTINGS = """
page_size = 10
fetchers = 2
attempts = 1
retention_days = 36500
"""
"""How long a silence lasts before it is a failure is no setting: 15 seconds."""
MOST_LINES = 4
"""In the log, for an outage: of the account and of its server, that it is away, and back."""


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A machine; its server is not known yet."""
    return House.at(tmp_path, "")


def configured(house: House, found: Server) -> Path:
    """Alice's account there; her file."""
    control(found.url, "faults", profile="latency", latency_ms=(20, 40))
    house.url = found.url
    file = house.add(ACCOUNT)
    house.write(SETTINGS)
    return file


def in_the_middle(process: "subprocess.Popen[str]", file: Path) -> None:
    """Until a part of the history is here."""
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: file.exists() and 50 <= held(file) < 600)


def held(file: Path) -> int:
    """Messages that are shown; none before there are tables."""
    with opened(file) as database:
        if not database.execute("PRAGMA user_version").fetchone()[0]:
            return 0
    return sum(len(ids) for ids in visible(file, verified=False).values())


def same(found: Server, file: Path) -> bool:
    """Whether all that the server has is here, and nothing else."""
    there: set[str] = set()
    for number in range(6):
        name = ("249000000000004", "groupchat") if number == 4 else (f"user{number:04d}", "chat")
        there |= set(history(found, *name))
    return there == {m for ids in visible(file, verified=False).values() for m in ids}


def history(found: Server, name: str, kind: str) -> list[str]:
    """Of one conversation, as alice sees it."""
    ids: list[str] = control(found.url, "history", user=USER, conversation_id=name, kind=kind)[
        "message_ids"
    ]
    return ids


def standing(house: House) -> Standing | None:
    """How alice's account stands."""
    return house.standing(ACCOUNT)


def is_away(house: House) -> bool:
    """Whether the state tells that the server is, since when, and when it is tried again."""
    found = standing(house)
    return found is not None and bool(found.next_sync) and says_that_it_is_away(house)


def says_that_it_is_away(house: House) -> bool:
    """Whether the state tells so, and since when, also while it is tried."""
    found = standing(house)
    return (
        found is not None
        and found.error == "Unreachable"
        and found.state == "away"
        and bool(found.message and found.hint and found.error_since)
    )


def is_well(house: House) -> bool:
    """Whether no error is left in the state."""
    found = standing(house)
    return found is not None and found.error is None and found.failures == 0


def finished(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    """Tell it to end; what it logged, but for what it was asked."""
    assert process.poll() is None
    process.terminate()
    _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, log
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["level"] for line in lines} <= {"info", "warning"}, log
    return [
        line for line in lines if line["message"] not in ("asked to sync now", "ending: SIGTERM")
    ]


def deleted(house: House, file: Path, name: tuple[str, str]) -> set[str]:
    """Ask for the deletion of a conversation's newest messages here; it waits."""
    gone = visible(file, verified=False)[name][-3:]
    line = ("delete", name[0], "--kind", name[1], "--ids", ",".join(gone), "--yes")
    told = house.person.call(*line, "--db", str(file), "--json")
    assert told.object["state"] == "pending"
    return set(gone)


def test_a_server_that_hangs_and_goes_on(house: House) -> None:
    """Laws 9, 12 and 13: in the middle of a pull it says nothing any more, for longer than a
    request waits: the state says so, once in the log, deletions are taken meanwhile; when it
    goes on, so does the daemon, by itself, and has all that the server has."""
    with server(WORLD, SEED, list_cap=0) as found:
        file = configured(house, found)
        with house.daemon() as process:
            in_the_middle(process, file)
            assert found.process is not None
            os.kill(found.process.pid, signal.SIGSTOP)
            before, name = held(file), next(iter(visible(file, verified=False)))
            gone = deleted(house, file, name)
            wait_for(lambda: is_away(house))
            assert held(file) >= before - len(gone)
            os.kill(found.process.pid, signal.SIGCONT)
            wait_for(lambda: is_well(house) and same(found, file))
            assert not gone & set(history(found, *name))
            log = finished(process)
    assert 1 <= len(log) <= MOST_LINES, log


def test_a_server_that_hangs_while_a_deletion_waits(house: House) -> None:
    """Laws 8 and 9: each request is tried six times, which takes longer than anybody waits: the
    state says that the server is away after the first; then the deletion is delivered."""
    with server("2x20", SEED, list_cap=0) as found:
        house.url = found.url
        file = house.add(ACCOUNT)
        with house.daemon() as process:
            process.send_signal(signal.SIGUSR1)
            wait_for(lambda: file.exists() and held(file) == 40 and is_well(house))
            assert found.process is not None
            os.kill(found.process.pid, signal.SIGSTOP)
            name = next(iter(visible(file, verified=False)))
            gone = deleted(house, file, name)
            wait_for(lambda: says_that_it_is_away(house))
            os.kill(found.process.pid, signal.SIGCONT)
            wait_for(lambda: is_well(house) and not gone & set(history(found, *name)))
            log = finished(process)
    assert len(log) <= MOST_LINES, log


def test_a_server_that_ends_and_comes_back(house: House, tmp_path: Path) -> None:
    """Laws 9, 12 and 13: in the middle of a pull its process is told to end: the state says so,
    once in the log, and deletions are taken meanwhile. Another takes its port, with the same
    world and none of the tokens; the daemon signs in again and has all that the server has."""
    with server(WORLD, SEED, memory=tmp_path / "world", list_cap=0) as found:
        file = configured(house, found)
        with house.daemon() as process:
            in_the_middle(process, file)
            found.end()
            before, name = held(file), next(iter(visible(file, verified=False)))
            gone = deleted(house, file, name)
            wait_for(lambda: is_away(house))
            assert held(file) >= before - len(gone)
            found.start()
            wait_for(lambda: is_well(house) and same(found, file))
            assert not gone & set(history(found, *name))
            log = finished(process)
    assert 1 <= len(log) <= MOST_LINES, log
