"""What the system's signals ask of a daemon.

    SIGTERM, SIGINT   end: the first lets the work under way finish, the second does not
    SIGHUP            read the configuration again
    SIGUSR1           sync now

For a program that owns its process; nothing else here touches signals.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from attrs import define, field

LONGEST_END = 5.0
"""Seconds from the first signal to the end of the process, whatever hangs."""
_log = logging.getLogger("syncengine.daemon.signals")
_ENDING = ("SIGTERM", "SIGINT")


@define
class Ending:
    """Whether the process was told to end."""

    told: asyncio.Event = field(factory=asyncio.Event)
    _timer: threading.Timer | None = None

    def begin(self, number: int) -> None:
        """The first time: end in order, in bounded time. The second: end at once."""
        if self.told.is_set():
            _die(number)
        _log.info("ending: %s", signal.Signals(number).name)
        self._timer = threading.Timer(LONGEST_END, os._exit, args=(0,))
        self._timer.daemon = True
        self._timer.start()
        self.told.set()


@contextmanager
def heard(actions: Mapping[str, Callable[[], None]]) -> Iterator[Ending]:
    """Hear signals for as long as the block lasts: those that end, and `actions` by the name
    of theirs. Called inside the event loop, which calls the actions.

    Names that this system does not know are passed over. An ending that takes longer than
    `LONGEST_END` is cut short: what was committed is safe, the rest is repeated next time.
    """
    ending = Ending()
    wanted: dict[int, Callable[[], None]] = {}
    for name in _ENDING:
        number = int(getattr(signal, name))
        wanted[number] = lambda number=number: ending.begin(number)  # type: ignore[misc]  # mypy infers no default of a lambda
    for name, action in actions.items():
        if hasattr(signal, name):
            wanted[int(getattr(signal, name))] = action
    restore = [_listen(number, action) for number, action in wanted.items()]
    try:
        yield ending
    finally:
        if not ending.told.is_set():  # else the process is ending: a second signal counts
            for undo in restore:
                undo()


def _listen(number: int, action: Callable[[], None]) -> Callable[[], object]:
    """Hear one; gives what undoes that."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(number)
    try:
        loop.add_signal_handler(number, action)
    except NotImplementedError:  # Windows

        def handler(_: int, __: FrameType | None) -> None:
            loop.call_soon_threadsafe(action)

        signal.signal(number, handler)
        return lambda: signal.signal(number, before)
    return lambda: loop.remove_signal_handler(number)


def _die(number: int) -> None:
    """As if nobody had listened: the exit status names the signal."""
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
