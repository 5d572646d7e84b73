"""The floors do the same work as the engine, and a wrong result is seen."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from attrs import asdict, evolve

from benchmarks import cycles, floors, pages, pull
from benchmarks.holds import Holds, clocked
from benchmarks.processes import Figures, Server, emulator, measure
from benchmarks.stages import STAGES, Clocks
from benchmarks.transports import USUAL

EACH = 120


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A small account, with a group in it."""
    with emulator(f"6x{EACH}") as found:
        yield found


@pytest.fixture(scope="module")
def figures(server: Server) -> dict[str, Figures]:
    """Of every program."""
    names = ["network", "decode", "insert", "loop", "engine", "indexed", "trusting"]
    return {name: measure(name, fetchers=3, **asdict(server)) for name in names}


def test_floors_and_engine_pull_the_same_messages(figures: dict[str, Figures]) -> None:
    """Each counts all of them; what keeps a file holds the same ids."""
    assert {each.messages for each in figures.values()} == {6 * EACH}
    kept = {each.digest for name, each in figures.items() if name not in ("network", "decode")}
    assert len(kept) == 1
    assert figures["network"].digest == figures["decode"].digest == ""


def test_a_pull_of_other_messages_is_wrong(figures: dict[str, Figures]) -> None:
    """As many, but not the same: no time is believed."""
    runs = {name: [each] for name, each in figures.items()}
    assert pull._wrong(runs, 6 * EACH) == ""
    other = evolve(figures["engine"], digest="others")
    assert "differ" in pull._wrong(runs | {"engine": [figures["engine"], other]}, 6 * EACH)
    short = evolve(figures["insert"], messages=6 * EACH - 1)
    assert "insert" in pull._wrong(runs | {"insert": [short]}, 6 * EACH)


def test_a_digest_tells_messages_apart() -> None:
    """In any order the same; another id is seen, and so is one that is there twice."""
    ids = [("9223372036854775809",), ("5",), ("7",)]
    assert floors.digest(iter(ids)) == floors.digest(iter(ids[::-1]))
    assert floors.digest(iter(ids)) != floors.digest(iter([*ids[:2], ("8",)]))
    assert floors.digest(iter(ids)) != floors.digest(iter([*ids, ids[0]]))


def test_the_scan_finds_all_the_words(tmp_path: Path) -> None:
    """The floor of a search: texts that hold each of them."""
    with closing(sqlite3.connect(tmp_path / "it.db")) as connection:
        connection.execute("CREATE TABLE message (text)")
        texts = [("station 天气",), ("天气",), ("station",)]
        connection.executemany("INSERT INTO message VALUES (?)", texts)
        assert floors.scan(connection, "station 天气") == 1
        assert floors.scan(connection, "天气") == 2


def test_the_clocks_miss_nothing_of_a_pull(server: Server, tmp_path: Path) -> None:
    """Every stage takes time, and together with the clocks they are the process's: what is left
    for the last is more than nothing, so none is counted twice."""
    how = {**asdict(server), "path": str(tmp_path / "copy.db"), "fetchers": 3}
    command = [sys.executable, "-m", "benchmarks.stages", json.dumps(how)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["messages"] == 6 * EACH
    assert list(found["stages"]) == list(STAGES)
    assert min(found["stages"].values()) > 0
    assert found["clocks"] > 0
    assert sum(found["stages"].values()) + found["clocks"] == pytest.approx(found["whole"])


def test_how_long_a_pull_holds_its_loop(server: Server, tmp_path: Path) -> None:
    """Every callback of it is seen, and the longest is told."""
    how = {**asdict(server), "path": str(tmp_path / "copy.db"), "transport": USUAL}
    command = [sys.executable, "-m", "benchmarks.holds", json.dumps(how)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = Holds(**json.loads(done.stdout))
    assert found.callbacks > 6 * EACH / floors.PAGE
    assert 0 < found.p99 <= found.longest


def test_a_callback_that_holds_the_loop_is_counted() -> None:
    """One that takes 3 ms among quick ones is the longest, and over the goal."""
    taken: list[float] = []
    loop = asyncio.new_event_loop()
    run = clocked(taken)
    for busy in (0.0, 0.003, 0.0):
        run(asyncio.Handle(_work, (busy,), loop))
    loop.close()
    found = Holds.of(taken)
    assert (found.callbacks, found.over) == (3, 1)
    assert found.longest >= 3


def _work(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_clock_leaves_itself_out() -> None:
    """Else a stage that is entered often would seem to cost what its clocks do, and so would
    the one from which it is entered."""

    class Door:
        def nothing(self) -> None:
            pass

    clocks, times = Clocks(), 50_000
    clocks.weigh()
    clocks.around(Door, "nothing", "inner")
    with clocks.stage("outer"):
        for _ in range(times):
            Door().nothing()
    assert clocks.passed["inner"] == times
    assert abs(clocks.spent["inner"]) < clocks.own / 3
    assert clocks.spent["outer"] < clocks.own * 0.45


def test_a_clock_leaves_out_what_an_inner_one_counts() -> None:
    """Else the stages would be more than the process; also where the inner block fails."""
    clocks = Clocks()
    with clocks.stage("outer"), suppress(ValueError), clocks.stage("inner"):
        sum(range(3_000_000))
        raise ValueError
    assert 0 < clocks.spent["outer"] < clocks.spent["inner"] / 10


async def test_a_clock_around_steps_counts_no_waits() -> None:
    """What other tasks do while a coroutine waits is not its own."""

    class Door:
        async def send(self, turns: int) -> int:
            for _ in range(turns):
                await asyncio.sleep(0)
            return turns

    async def hungry(turns: int) -> None:
        for _ in range(turns):
            sum(range(300_000))
            await asyncio.sleep(0)

    clocks = Clocks()
    clocks.around_steps(Door, "send", "request")
    started = time.thread_time()
    found, _ = await asyncio.gather(Door().send(10), hungry(10))
    assert found == 10
    assert 0 < clocks.spent["request"] < (time.thread_time() - started) / 10


async def test_a_cycle_of_news_brings_them(tmp_path: Path) -> None:
    """A hundred messages in the conversations that there are, for as many as there should be;
    then a quiet cycle asks little, and its requests are sent once more."""
    with emulator(f"6x{EACH}") as own:
        async with cycles.account(own, tmp_path / "copy.db", 6) as account:
            await account.cycle()
            await account.news()
            seen = await account.cycle()
            quiet = await account.cycle()
    assert cycles.faults([seen], cycles.NEWS) == ""
    assert cycles.faults([quiet], 0) == ""
    assert "instead of 0" in cycles.faults([seen], 0)
    assert quiet.requests < seen.requests
    assert quiet.rows < seen.rows
    assert min(seen.bare, quiet.bare) > 0


def test_prepared_pages_are_those_of_a_pull(tmp_path: Path) -> None:
    """Placed and written they take time in both ways, and read again bring nothing new."""
    from contextlib import nullcontext

    found = pages.costs({"it": nullcontext}, 2, pages.newest(again=True), pages.newest())
    assert len(found["it"]) == 2
    assert min(found["it"]) > 0
    assert asyncio.run(_held(tmp_path)) == pages._MANY * pages.PAGE


async def _held(folder: Path) -> int:
    """How many messages there are after the newest pages were read twice."""
    from syncengine.store.database import connect_inline
    from syncengine.store.migrate import migrate

    opened = await connect_inline(folder / "copy.db", False)

    def job(connection: sqlite3.Connection) -> int:
        migrate(connection)
        pages._apply(connection, [*pages.newest(), *pages.newest(again=True)], {})
        (count,) = connection.execute("SELECT count(*) FROM message").fetchone()
        return int(count)

    try:
        return await opened.run(job)
    finally:
        await opened.close()
