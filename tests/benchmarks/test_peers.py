"""The peers of the benchmarks: what they are given is whole, and what they do not have is seen."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from attrs import evolve

from benchmarks import beside
from benchmarks.peers import PEERS, Source, WrongCount, couch, pulls, source_of, stream
from benchmarks.peers.answers import Answer, Record, Request
from benchmarks.peers.children import output, python, shelf
from benchmarks.processes import emulator
from benchmarks.results import CannotRun
from syncengine.emulator.sized import Size


def record(number: int) -> Record:
    """A message of bob's."""
    return Record(
        id=f"m{number}",
        conversation="bob",
        sender="bob",
        timestamp=number,
        type=0,
        text="天气",
        raw="AA==",
    )


RECORDS = [record(number) for number in range(7)]


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    """An account with 2,000 messages."""
    with emulator("4x500") as server:
        yield source_of(server, conversations=4, each=500)


def asked(answer: Answer, target: str, body: Any = None, method: str = "GET") -> Any:
    """What a shelf says, as JSON."""
    path, _, query = target.partition("?")
    pairs = dict(pair.split("=") for pair in query.split("&") if pair)
    reply = answer(Request(method, path, pairs, json.dumps(body).encode()))
    return json.loads(b"".join(reply.parts))


def test_the_script_has_every_message(source: Source, tmp_path: Path) -> None:
    """As many as the account has, each once: its time is comparable to the engine's."""
    filled = PEERS["script"].run(tmp_path, tmp_path, source)
    assert filled.records == 2000
    assert filled.seconds > 0
    assert filled.peak_mb > 10
    with closing(sqlite3.connect(tmp_path / "copy.db")) as file:
        (found,) = file.execute("SELECT count(DISTINCT id) FROM message").fetchone()
    assert found == 2000


def test_a_wrong_count_is_refused(source: Source, tmp_path: Path) -> None:
    """A peer that has not all of it gives no time, but says how many it has."""
    larger = evolve(source, conversations=5)
    with pytest.raises(WrongCount, match=r"2,000 records, and the account has 2,500"):
        PEERS["script"].run(tmp_path, tmp_path, larger)


@pytest.mark.parametrize("name", [name for name in PEERS if name != "script"])
def test_what_is_missing_is_said(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Node or a browser a peer says so, before it fetches anything."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotRun, match=r"node and npm cannot|no browser"):
        PEERS[name].install(tmp_path)
    assert list(tmp_path.iterdir()) == []


NPM = """#!/bin/sh
echo "$PWD $1" >> {log}
if [ "$1" = ci ]; then
    for each in {packages}; do
        mkdir -p node_modules/$each
        echo '{{"version": "1.2.3"}}' > node_modules/$each/package.json
    done
else
    mkdir -p build/Release && touch build/Release/better_sqlite3.node
fi
"""
"""A stand-in that fetches nothing, and writes down where it was asked for what."""


def test_peers_share_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One folder for all of a run: fetched once and compiled once, which takes minutes; gone
    when the run ends."""
    log, tools = tmp_path / "log", tmp_path / "bin"
    tools.mkdir()
    packages = "pouchdb @powersync/node @nozbe/watermelondb better-sqlite3"
    (tools / "npm").write_text(NPM.format(log=log, packages=packages))
    (tools / "node").write_text("")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    names = ["pouchdb", "powersync", "watermelondb"]
    with emulator("1x50") as server, beside.peers(server, Size(1, 50), names) as found:
        assert list(found.programs) == ["script", *names]
        assert all("cannot run" not in each for each in found.notes)
    where, whats = zip(*(line.split() for line in log.read_text().splitlines()), strict=True)
    assert whats == ("ci", "run")
    assert not Path(where[0]).exists()


def test_the_script_is_always_beside() -> None:
    """It needs no Node, so no run has to do without it; the others come when asked for."""
    assert beside._wanted(None) == ["script"]
    assert beside._wanted(["rxdb"]) == ["script", "rxdb"]
    assert beside._wanted([]) == list(PEERS)


def test_that_it_cannot_run_is_seen() -> None:
    """By a person, in words, and by a program, in the exit code."""
    command = python("benchmarks.peers", "websdk")
    done = subprocess.run(
        command, env={**os.environ, "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "websdk: node and npm cannot be found" in done.stdout
    assert done.stderr == ""


def test_a_failure_says_why_and_no_token() -> None:
    """The last words of a program that fails, not what it was told."""
    command = [sys.executable, "-c", "raise SystemExit('no such table')", '{"token":"secret"}']
    with pytest.raises(CannotRun, match="no such table") as failure:
        output(command)
    assert "secret" not in str(failure.value)


def test_a_shelf_serves_the_account(source: Source) -> None:
    """The same messages that the account has, each once, over HTTP."""
    with shelf("rxdb", source) as served, httpx.Client(base_url=served["url"]) as client:
        answer = client.get("/pull", params={"updatedAt": 0, "limit": 3000}).json()
    assert len({each["id"] for each in answer["documents"]}) == 2000
    assert answer["checkpoint"]["updatedAt"] == 2000
    assert {len(each) for each in answer["documents"]} == {8}


def test_couch_gives_every_document() -> None:
    """By its changes, a few at a time, and then by their names."""
    answer, names, since = couch.shelf(RECORDS), [], 0
    for size in (3, 3, 1, 0):
        page = asked(answer, f"/copy/_changes?since={since}&limit=3")
        assert len(page["results"]) == size
        names += [each["id"] for each in page["results"]]
        since = page["last_seq"]
    wanted = {"docs": [{"id": name} for name in names]}
    results = asked(answer, "/copy/_bulk_get", wanted, "POST")["results"]
    assert [each["docs"][0]["ok"]["timestamp"] for each in results] == list(range(7))
    assert asked(answer, "/copy")["update_seq"] == 7


def test_couch_keeps_a_checkpoint() -> None:
    """What a puller writes down is what it reads, and before that there is none."""
    answer, place = couch.shelf(RECORDS), "/copy/_local/abc"
    assert asked(answer, place)["error"] == "not_found"
    assert asked(answer, place, {"last_seq": 3}, "PUT")["ok"]
    assert asked(answer, place)["last_seq"] == 3


def test_watermelon_gives_everything_once() -> None:
    """All of it at first, nothing after."""
    answer = pulls.watermelon(RECORDS)
    first = asked(answer, "/sync?last_pulled_at=0")
    assert first["changes"]["messages"]["created"] == RECORDS
    later = asked(answer, f"/sync?last_pulled_at={first['timestamp']}")
    assert later["changes"]["messages"]["created"] == []


def test_rxdb_goes_on_where_a_checkpoint_ends() -> None:
    """Every record once, in batches of which the last is short."""
    answer, found, place = pulls.rxdb(RECORDS), [], 0
    for size in (3, 3, 1, 0):
        batch = asked(answer, f"/pull?updatedAt={place}&limit=3")
        assert len(batch["documents"]) == size
        found += [each["id"] for each in batch["documents"]]
        place = batch["checkpoint"]["updatedAt"]
    assert found == [each["id"] for each in RECORDS]


def test_powersync_is_promised_what_it_is_given() -> None:
    """The checkpoint counts as many operations as follow it, and ends with the last."""
    reply = stream.shelf(RECORDS)(Request("POST", "/sync/stream", {}, b""))
    first, data, end, _ = reply.parts
    assert b"count\0" + (7).to_bytes(8, "little") in first
    assert data.count(b"op_id") == 7
    assert all(each["id"].encode() in data for each in RECORDS)
    assert b"checkpoint_complete" in end
    assert reply.stays


def test_bson() -> None:
    """The example of its specification, and what else the stream needs."""
    world = b"\x16\0\0\0\x02hello\0\x06\0\0\0world\0\0"
    assert stream.document({"hello": "world"}) == world
    nested = stream.document({"a": [True, 5], "b": {"hello": "world"}})
    array = b"\x08" + b"0\0\x01" + b"\x12" + b"1\0" + (5).to_bytes(8, "little") + b"\0"
    inner = b"\x04a\0" + (len(array) + 4).to_bytes(4, "little") + array + b"\x03b\0" + world
    assert nested == (len(inner) + 5).to_bytes(4, "little") + inner + b"\0"


def wait_for(holds: Callable[[], Any]) -> None:
    """Until it does."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_peer_leaves_nothing(tmp_path: Path, number: int) -> None:
    """Neither a process nor a file, and it says no more than that it was interrupted."""
    command = python("benchmarks.peers", "script", "--messages", "200000")
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    with process:
        watched = psutil.Process(process.pid)
        wait_for(lambda: list(tmp_path.glob("*/copy.db")) or process.poll() is not None)
        children = watched.children(recursive=True)
        assert len(children) == 2
        process.send_signal(number)
        _, words = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in words
    assert list(tmp_path.iterdir()) == []
    assert not any(child.is_running() for child in children)
