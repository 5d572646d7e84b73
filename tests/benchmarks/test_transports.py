"""What is measured over a transport goes over it, and is held against the floor over the same."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from attrs import asdict

from benchmarks import arguments, cycles, pull, transports
from benchmarks.processes import Figures, Server, emulator, measure
from benchmarks.results import CannotRun, Row
from benchmarks.transports import TRANSPORTS, USUAL, Shared, Transport, chosen, fast
from syncengine.remote.easemob.lanes import DirectLane, lanes_to
from syncengine.remote.easemob.parsers import WithHttptools


def parser_of(lane: object) -> object:
    """By what its answers are read."""
    assert isinstance(lane, DirectLane)
    return lane._new_parser


MESSAGES = 3 * 120
AFTERWARDS = """
import asyncio, json, sys
from benchmarks import programs, stages
from syncengine.remote.easemob.parsers import WithHttptools
read = []
feed = WithHttptools.feed
WithHttptools.feed = lambda self, data: read.append(data) or feed(self, data)
name, told = sys.argv[1], sys.argv.pop()
if name == "stages":
    sys.argv[1:] = [told]
    stages.main()
else:
    asyncio.run(programs.PROGRAMS[name](**json.loads(told)))
print(bool(read))
"""
"""Runs a program, and says whether httptools read anything."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A small account."""
    with emulator("3x120") as found:
        yield found


@pytest.mark.parametrize("name", ["engine", "insert", "stages"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_program_goes_over_its_transport(
    server: Server, tmp_path: Path, name: str, transport: str
) -> None:
    """The engine would take httptools by itself, and then `httpx` would say what it is not."""
    how = {**asdict(server), "path": str(tmp_path / "copy.db"), "fetchers": 3}
    told = json.dumps({**how, "transport": transport})
    command = [sys.executable, "-c", AFTERWARDS, name, told]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split()[-1] == str(transport == "speed")


@pytest.mark.parametrize("name", ["network", "decode", "insert", "engine"])
def test_over_every_transport_the_same_messages_come(server: Server, name: str) -> None:
    """A transport that loses some would be the fastest."""
    found = [measure(name, fetchers=3, transport=each, **asdict(server)) for each in TRANSPORTS]
    assert [each.messages for each in found] == [MESSAGES] * len(TRANSPORTS)
    assert len({each.digest for each in found}) == 1


async def test_shared_lanes_are_used_again(server: Server) -> None:
    """As many connections as there are requests at once, and no more for the next ones."""
    opened: list[httpx.AsyncBaseTransport] = []
    lanes = fast(server.url)

    def lane() -> httpx.AsyncBaseTransport:
        opened.append(lanes())
        return opened[-1]

    async with httpx.AsyncClient(transport=Shared(lane)) as client:
        for _ in range(3):
            replies = await asyncio.gather(*(client.get(server.url) for _ in range(4)))
            assert {each.status_code for each in replies} == {404}
    assert len(opened) == 4


async def test_a_shared_lane_outlives_a_failure(server: Server) -> None:
    """A request that fails takes no lane with it: the next one goes over the same."""
    opened: list[httpx.AsyncBaseTransport] = []

    def lane() -> httpx.AsyncBaseTransport:
        opened.append(fast(server.url)())
        return opened[-1]

    async with httpx.AsyncClient(transport=Shared(lane)) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://127.0.0.1:1/")
        assert (await client.get(server.url)).status_code == 404
    assert len(opened) == 1


def test_usual_is_what_the_engine_takes(server: Server) -> None:
    """Cycles are measured over what people have, and their bare requests over the same."""
    usual = TRANSPORTS[USUAL]
    taken, measured = lanes_to(server.url)(), usual.lanes(server.url)()
    assert parser_of(taken) is parser_of(measured)
    assert (parser_of(taken) is WithHttptools) == (USUAL == "speed")
    for case in ("catch-up", "idle"):
        assert arguments.defaults(case, "small")["transport"] == USUAL


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_bare_requests_go_the_way_of_their_cycle(
    server: Server, tmp_path: Path, transport: str
) -> None:
    """A floor over another transport would tell about that one."""
    async with cycles.account(server, tmp_path / "copy.db", 3, transport) as account:
        seen = await account.cycle()
        lane = account._recorder._lane()
        shared = account._client._transport
    assert seen.requests > 0
    fastest = parser_of(lane) is WithHttptools
    assert fastest == isinstance(shared, Shared) == (transport == "speed")


def test_a_transport_that_is_not_here_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for, it is an error with words for people; else it is left out, visibly."""
    other = TRANSPORTS["httpx"]
    absent = Transport(other.client, other.lanes, needs="nothing_of_this_name")
    monkeypatch.setattr(transports, "TRANSPORTS", {**TRANSPORTS, "absent": absent})
    assert chosen(None) == list(TRANSPORTS)
    with pytest.raises(CannotRun, match="absent needs nothing_of_this_name"):
        chosen("absent")


def made(rate: float) -> list[Figures]:
    """One run at so many messages a second."""
    return [Figures(1.0, 1.0, int(rate), 50.0, 1.0, "")]


def test_a_ratio_is_to_the_floor_over_the_same_transport() -> None:
    """Each goal stands at its own row, and the script is held against both engines."""
    rates = {"insert": 100, "network": 400, "decode": 200, "engine": 110, "indexed": 90}
    faster = {f"{name} over speed": 2 * rate for name, rate in rates.items()}
    figures = {name: made(rate) for name, rate in {**rates, **faster}.items()}
    figures |= {"loop": made(500), "script": made(50)}
    rows: list[Row] = [each for name in TRANSPORTS for each in pull._rows(figures, name)]
    rows += pull._others(figures, list(TRANSPORTS))
    found = {each.name: (each.floor, each.ratio and each.ratio.middle, each.goal) for each in rows}
    assert len(found) == len(rows)
    assert found["engine"] == ("insert", 1.1, 1.0)
    assert found["indexed"] == ("insert", 0.9, 0.85)
    assert found["engine over speed"] == ("insert over speed", 1.1, 0.8)
    assert found["indexed over speed"] == ("insert over speed", 0.9, None)
    assert found["loop"] == ("insert", 5.0, None)
    assert found["engine beside script"] == ("script", 2.2, 1.0)
    assert found["engine over speed beside script"] == ("script", 4.4, 3.0)
