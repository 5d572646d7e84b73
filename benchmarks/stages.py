"""The processor's time of one pull by stage: `python -m benchmarks.stages ARGUMENTS`.

Clocks of the thread's processor time stand around the doors of the engine; what is done inside
another door is not counted twice. Prints one JSON object: messages, seconds a stage.

    request     from the request to its bytes: the transport, its callbacks, the selector
    decode      bytes to rows
    insert      the rows' statements, the transaction's begin and commit
    index       the search index
    range work  the laws: decisions, gaps, what is absent, the change rows
    the rest    of the process: tasks, queues, hops between threads, the list

`range work` and `the rest` are the engine's own. Nothing is sampled. A page passes about 14
clocks, which cost about a microsecond a message; what one costs is measured before, and stands
in no stage but beside them.
"""

import asyncio
import asyncio.selector_events
import json
import selectors
import sqlite3
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from statistics import median
from types import ModuleType
from typing import Any

from benchmarks.programs import engine
from syncengine.cli.collector import spare_what_is_here
from syncengine.engine import upkeeping
from syncengine.remote.easemob import client, door
from syncengine.store import store, writer

STAGES = ("request", "decode", "insert", "index", "range work", "the rest")


class Clocks:
    """Seconds of the processor by stage, of all threads."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.passed: defaultdict[str, int] = defaultdict(int)
        """How often each stage was left."""
        self._thread = threading.local()
        self._inside = self._outside = 0.0

    def weigh(self) -> None:
        """Measure what one clock costs, so that later ones count for nothing: `own`. Between
        its two looks at the time it costs the stage itself, besides whoever enters the stage."""
        whole, inside = zip(*(_weighed() for _ in range(_WEIGHINGS)), strict=True)
        self._inside = median(inside)
        self._outside = max(0.0, median(whole) - self._inside)

    @property
    def own(self) -> float:
        """Seconds that all clocks took for themselves; in no stage."""
        return sum(self.passed.values()) * (self._inside + self._outside)

    def stage(self, name: str) -> "_Stage":
        """A block: what is spent in it, less what inner blocks take for themselves."""
        return _Stage(self, name)

    def enter(self) -> tuple[float, float]:
        """What to leave with."""
        outer = getattr(self._thread, "inner", 0.0)
        self._thread.inner = 0.0
        return outer, time.thread_time()

    def leave(self, name: str, outer: float, started: float) -> None:
        """Count it."""
        taken = time.thread_time() - started
        self.spent[name] += taken - self._thread.inner - self._inside
        self.passed[name] += 1
        self._thread.inner = outer + taken + self._outside

    def around(self, where: type | ModuleType, name: str, stage: str) -> None:
        """Put a clock around a function."""
        inner = getattr(where, name)

        @wraps(inner)
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.stage(stage):
                return inner(*arguments, **named)

        setattr(where, name, timed)

    def around_steps(self, where: type, name: str, stage: str) -> None:
        """Put a clock around each step of a coroutine, not around its waits."""
        inner = getattr(where, name)

        @wraps(inner)
        async def timed(*arguments: Any, **named: Any) -> Any:
            return await _Steps(inner(*arguments, **named), lambda: self.stage(stage))

        setattr(where, name, timed)


_WEIGHINGS, _LOOPS = 5, 5000


def _weighed() -> tuple[float, float]:
    """Seconds that a clock around nothing takes, and those of them that it counts."""

    class Door:
        def bare(self) -> None:
            pass

        def timed(self) -> None:
            pass

    clocks, it = Clocks(), Door()
    clocks.around(Door, "timed", "nothing")
    began = time.thread_time()
    for _ in range(_LOOPS):
        it.bare()
    between = time.thread_time()
    for _ in range(_LOOPS):
        it.timed()
    whole = time.thread_time() - between - (between - began)
    return whole / _LOOPS, clocks.spent["nothing"] / _LOOPS


class _Stage:
    """A class and not a generator: one is entered many times a page."""

    __slots__ = ("_began", "_clocks", "_name")

    def __init__(self, clocks: Clocks, name: str) -> None:
        self._clocks, self._name = clocks, name

    def __enter__(self) -> None:
        self._began = self._clocks.enter()

    def __exit__(self, *_: object) -> None:
        self._clocks.leave(self._name, *self._began)


class _Steps:
    """Awaits a coroutine, each step in a block."""

    def __init__(self, work: Coroutine[Any, Any, Any], block: Callable[[], _Stage]) -> None:
        self._work, self._block = work, block

    def __await__(self) -> Generator[Any, Any, Any]:
        resume: Callable[[Any], Any] = self._work.send
        value: Any = None
        while True:
            try:
                with self._block():
                    waited = resume(value)
            except StopIteration as end:
                return end.value
            try:
                resume, value = self._work.send, (yield waited)
            except BaseException as error:
                resume, value = self._work.throw, error


def install(clocks: Clocks) -> None:
    """Around the doors of this process, for good."""
    clocks.around_steps(door.Door, "send", "request")
    transport = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]  # not public
    clocks.around(transport, "_read_ready", "request")
    clocks.around(selectors.DefaultSelector, "select", "request")
    clocks.around(client, "decode_page", "decode")
    clocks.around(upkeeping, "index_some", "index")
    clocks.around(store, "apply_all", "range work")
    clocks.around(writer, "_write_inserts", "insert")
    _around_transactions(clocks)


def _around_transactions(clocks: Clocks) -> None:
    inner = writer.transaction  # type: ignore[attr-defined]  # its name there is what counts

    @contextmanager
    def timed(connection: sqlite3.Connection) -> Iterator[None]:
        block = inner(connection)
        with clocks.stage("insert"):
            block.__enter__()
        try:
            yield
        except BaseException as error:
            block.__exit__(type(error), error, error.__traceback__)
            raise
        with clocks.stage("insert"):
            block.__exit__(None, None, None)

    writer.transaction = timed  # type: ignore[attr-defined]


def main() -> None:
    """Pull and index once, and print what was spent."""
    clocks = Clocks()
    clocks.weigh()
    install(clocks)
    spare_what_is_here()
    began = time.process_time()
    messages = asyncio.run(engine(**json.loads(sys.argv[1]), index=True))
    spent = dict(clocks.spent)
    whole = time.process_time() - began
    spent["the rest"] = whole - clocks.own - sum(spent.values())
    stages = {name: spent.get(name, 0.0) for name in STAGES}
    found = {"messages": messages, "stages": stages, "clocks": clocks.own, "whole": whole}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
