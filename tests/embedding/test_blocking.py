"""The engine without an event loop: calls, threads, iterators, and the end."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from syncengine import (
    ConfigError,
    EasemobRemote,
    EngineClosed,
    Environment,
    Progress,
    State,
    StoreCorrupt,
    SyncEngine,
)
from syncengine.blocking import PATIENCE, BlockingEngine, BlockingIterator
from syncengine.changes import Update
from syncengine.export import export_history
from tests.embedding.silence import Silence, silent_server
from tests.export.reading import assert_sound
from tests.harness import Side, numbered

BOUND = PATIENCE + 5
"""Seconds, in which everything has to end."""


@pytest.fixture
def silence() -> Iterator[Silence]:
    """A server that never answers."""
    with silent_server() as found:
        yield found


def assert_ended(before: set[threading.Thread]) -> None:
    """Every thread that was started since ends, in bounded time; a store's own a moment later."""
    for thread in set(threading.enumerate()) - before:
        thread.join(BOUND)
        assert not thread.is_alive(), thread


def remote_at(url: str) -> EasemobRemote:
    """A way to a server that does not answer before the test's patience ends."""
    return EasemobRemote(url, app_key="org#app", user="alice", password="alice", timeout=600)


@contextmanager
def opened(side: Side, *, online: bool = True) -> Iterator[BlockingEngine]:
    """A blocking engine on virtual time."""
    environment = Environment(now=side.time.now, sleep=side.time.sleep)
    remote = side.remote() if online else None
    with BlockingEngine.open(side.path, remote, environment=environment) as engine:
        yield engine


def test_the_whole_story_without_an_event_loop(side: Side) -> None:
    """Pull, read, delete, deliver: each call is over when it returns."""
    ids = side.send(*numbered(1, 120))
    seen: list[Progress] = []
    with opened(side) as engine:
        assert engine.state is State.IDLE
        report = engine.sync(progress=seen.append)
        assert (report.messages_added, report.gaps_open) == (120, 0)
        part = engine.reader.messages("bob", "chat", limit=3)
        assert [message.text for message in part.messages] == numbered(118, 120)
        assert [each.conversation_id for each in engine.load_all_conversations()] == ["bob"]
        engine.delete_remote_messages_with_ids("bob", "chat", ids[:2])
        assert len(engine.outbox()) == 1
        engine.deliver()
        assert engine.outbox() == []
        assert engine.status().messages == 118
    assert seen
    side.assert_same()


def test_errors_are_the_engines(side: Side, tmp_path: Path) -> None:
    """As they are where calls are awaited; a file that cannot be opened leaves no thread."""
    before = set(threading.enumerate())
    with opened(side, online=False) as engine:
        with pytest.raises(ConfigError, match="no remote"):
            engine.sync()
        with pytest.raises(ConfigError, match="is no kind"):
            engine.reader.messages("bob", "room")
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all " * 100)
    with pytest.raises(StoreCorrupt):
        BlockingEngine.open(broken)
    assert_ended(before)


def test_a_remote_can_be_made_where_it_is_used(side: Side) -> None:
    """A function is called in the engine's own thread."""
    side.send("m1")
    made_in: list[str] = []

    def make() -> EasemobRemote:
        made_in.append(threading.current_thread().name)
        return side.remote()

    with BlockingEngine.open(side.path, make) as engine:
        assert engine.sync().messages_added == 1
    assert made_in == ["syncengine"]


def test_several_threads_call_at_once(side: Side) -> None:
    """Reads from eight threads while a sync is under way: each gets its own answer."""
    side.send(*numbered(1, 500))
    with opened(side) as engine, ThreadPoolExecutor(8) as pool:
        engine.sync()
        side.send(*numbered(1, 500), peer="carol")
        syncing = pool.submit(engine.sync)

        def text(number: int) -> str:
            before = side.held()[number]
            (message,) = engine.reader.messages("bob", "chat", before=before, limit=1).messages
            return message.text

        assert list(pool.map(text, range(1, 200))) == numbered(1, 199)
        assert syncing.result(BOUND).messages_added == 500


async def test_a_call_inside_an_event_loop_is_refused(side: Side) -> None:
    """It would hold the loop up; the error says what to use there, and nothing is left over."""
    with pytest.raises(ConfigError, match="inside an event loop") as caught:
        BlockingEngine.open(side.path)
    assert "SyncEngine" in caught.value.hint
    engine = await asyncio.to_thread(BlockingEngine.open, side.path)
    with pytest.raises(ConfigError, match="inside an event loop"):
        engine.status()
    await asyncio.to_thread(engine.close)


def test_a_callback_that_calls_the_engine_is_refused(side: Side) -> None:
    """It runs in the engine's thread, and would wait for itself for ever."""
    side.send("m1")
    refused: list[Exception] = []
    with opened(side) as engine:

        def call(progress: Progress) -> None:
            try:
                engine.status()
            except ConfigError as error:
                refused.append(error)

        engine.sync(progress=call)
    assert refused


def test_ctrl_c_cancels_the_call(side: Side, silence: Silence) -> None:
    """And only the call: what was being fetched is given up, the engine goes on."""
    silence.then = lambda: os.kill(os.getpid(), signal.SIGINT)
    with BlockingEngine.open(side.path, remote_at(silence.url)) as engine:
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            engine.sync()
        while engine.state is State.SYNCING:
            assert time.monotonic() - begun < BOUND
            engine.status()
        assert engine.load_all_conversations() == []
    assert time.monotonic() - begun < BOUND


def test_closing_ends_a_sync_that_waits_for_a_dead_server(side: Side, silence: Silence) -> None:
    """Whoever waits in another thread gets EngineClosed at once; no thread is left."""
    before = set(threading.enumerate())
    engine = BlockingEngine.open(side.path, remote_at(silence.url))
    with ThreadPoolExecutor(2) as pool:
        waiting: list[Future[Any]] = [pool.submit(engine.sync), pool.submit(engine.verify)]
        assert silence.asked.wait(BOUND)
        begun = time.monotonic()
        engine.close()
        for each in waiting:
            with pytest.raises(EngineClosed):
                each.result(BOUND)
        assert time.monotonic() - begun < PATIENCE
    assert_ended(before)
    assert engine.state is State.CLOSED
    with pytest.raises(EngineClosed):
        engine.status()
    engine.close()


def test_a_callback_that_never_returns_hangs_nobody_else(side: Side) -> None:
    """It holds the engine's thread: who waits is told at once, and closing gives it up."""
    side.send("m1")
    held, go = threading.Event(), threading.Event()
    before = set(threading.enumerate())

    def hold(progress: Progress) -> None:
        held.set()
        go.wait(3 * BOUND)

    with opened(side) as engine, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(engine.sync, progress=hold)
        assert held.wait(BOUND)
        try:
            engine._loop.close(patience=0.01)
            with pytest.raises(EngineClosed):
                waiting.result(BOUND)
            assert any(thread.name == "syncengine" for thread in threading.enumerate())
        finally:
            go.set()
    assert_ended(before)


def test_closing_while_reads_are_under_way_hangs_nobody(side: Side) -> None:
    """From several threads at once: each read is answered, or says that the engine is closed."""
    side.send(*numbered(1, 200))
    ended: list[str] = []
    with opened(side) as engine:
        engine.sync()

        def read() -> None:
            try:
                while True:
                    engine.reader.messages("bob", "chat", limit=200)
            except EngineClosed:
                ended.append("closed")

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        closers = [threading.Thread(target=engine.close) for _ in range(3)]
        for closer in closers:
            closer.start()
        for thread in (*threads, *closers):
            thread.join(BOUND)
            assert not thread.is_alive()
    assert ended == ["closed"] * 4


async def three() -> AsyncIterator[int]:
    """Three values, and then silence."""
    for number in range(3):
        yield number
    await asyncio.Event().wait()


async def two() -> AsyncIterator[int]:
    """Two values."""
    yield 0
    yield 1


def test_what_is_iterated_there_is_iterated_here(side: Side) -> None:
    """To its end; errors on the way come out of it."""

    async def failing() -> AsyncIterator[int]:
        yield 0
        raise ConfigError("no more")

    with opened(side, online=False) as engine:
        assert list(engine.iterate(lambda _: two())) == [0, 1]
        values = engine.iterate(lambda _: failing())
        assert next(values) == 0
        with pytest.raises(ConfigError, match="no more"):
            next(values)


def test_an_iterator_can_be_asked_for_a_while(side: Side) -> None:
    """A program that polls misses nothing: what comes later is the next value."""
    go: list[asyncio.Event] = []

    async def later() -> AsyncIterator[int]:
        go.append(asyncio.Event())
        await go[0].wait()
        yield 7

    with opened(side, online=False) as engine:
        with engine.iterate(lambda _: later()) as values:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    values.next(timeout=0.01)
            engine._loop._loop.call_soon_threadsafe(go[0].set)
            assert values.next(timeout=BOUND) == 7
        with engine.iterate(lambda _: three()) as values:
            assert [values.next(BOUND) for _ in range(3)] == [0, 1, 2]
            with pytest.raises(TimeoutError):
                values.next(timeout=0)


def test_closing_wakes_who_waits_for_a_value(side: Side) -> None:
    """Nobody waits for ever on what will not come."""
    engine = BlockingEngine.open(side.path)
    values = engine.iterate(lambda _: three())
    assert [next(values) for _ in range(3)] == [0, 1, 2]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(values.next)
        engine.close()
        with pytest.raises(EngineClosed):
            waiting.result(BOUND)
    values.close()


def test_an_error_of_the_source_is_raised_once(side: Side) -> None:
    """A source that can go on does; one that cannot has ended."""

    class Stumbling(AsyncIterator[int]):
        """Every second value is an error; one of them looks like a wait that was too long."""

        count = 0

        async def __anext__(self) -> int:
            self.count += 1
            if self.count % 2:
                raise TimeoutError(f"value {self.count}")
            return self.count

    async def failing() -> AsyncIterator[int]:
        yield 0
        raise ConfigError("no more")

    with opened(side, online=False) as engine:
        values = engine.iterate(lambda _: Stumbling())
        for number in (1, 3):
            with pytest.raises(TimeoutError, match=f"value {number}"):
                values.next(timeout=BOUND)
            assert values.next(timeout=BOUND) == number + 1
        ended = engine.iterate(lambda _: failing())
        assert next(ended) == 0
        with pytest.raises(ConfigError):
            next(ended)
        with pytest.raises(StopIteration):
            next(ended)


@pytest.mark.parametrize("timeout", [None, 3 * BOUND])
def test_closing_an_iterator_ends_it_for_who_waits(side: Side, timeout: float | None) -> None:
    """From another thread: StopIteration, at once, and from then on."""
    with opened(side, online=False) as engine, ThreadPoolExecutor(1) as pool:
        values = engine.changes()
        waiting = pool.submit(lambda: list(iter_with(values, timeout)))
        while values._step is None:
            threading.Event().wait(0.001)
        values.close()
        assert waiting.result(BOUND) == []
        with pytest.raises(StopIteration):
            values.next(timeout)


def iter_with(values: BlockingIterator[Update], timeout: float | None) -> Iterator[Update]:
    """To the end, by `next(timeout)`."""
    while True:
        try:
            yield values.next(timeout)
        except StopIteration:
            return


def test_an_iterator_that_was_closed_has_ended(side: Side) -> None:
    """Also where nobody had begun to wait; after the engine it says that this is closed."""
    with opened(side, online=False) as engine:
        values, other = engine.changes(), engine.changes()
        values.close()
        for _ in range(2):
            with pytest.raises(StopIteration):
                values.next(timeout=0.5)
        with pytest.raises(TimeoutError):
            other.next(timeout=0.01)
    for each in (values, other):
        for _ in range(2):
            with pytest.raises(EngineClosed):
                each.next(timeout=0.5)


def test_anything_that_is_awaited_can_be_run(side: Side, tmp_path: Path) -> None:
    """An export, for example."""
    side.send(*numbered(1, 3))
    with opened(side) as engine:
        engine.sync()

        async def export(inner: SyncEngine) -> int:
            return (await export_history(inner.reader, tmp_path / "out")).messages

        assert engine.run(export) == 3
    assert_sound(tmp_path / "out")
