"""The engine in a Qt program: `python -m tests.embedding.qt_window WHAT URL PATH`.

There is one event loop, Qt's, which qasync lends to asyncio. A timer of Qt's stands for all
that a window does meanwhile: where the engine held the loop up, it would not tick.
"""

import asyncio
import gc
import json
import sys

import qasync
from PySide6.QtCore import QCoreApplication, QTimer

from syncengine import EasemobRemote, SyncEngine

app_key, user = "org#app", "alice"


class Window:
    """What a window would show."""

    def __init__(self) -> None:
        self.ticks = 0
        self.shown = asyncio.Event()
        self.timer = QTimer()
        self.timer.timeout.connect(self._tick)
        self.timer.start(1)

    def close(self) -> None:
        """As a window does that goes."""
        self.timer.stop()

    def _tick(self) -> None:
        self.ticks += 1
        if self.ticks == 50:
            self.shown.set()


async def show(url: str, path: str) -> None:
    """Sync while the window lives, and read what there is."""
    window = Window()
    remote = EasemobRemote(url, app_key=app_key, user=user, password=user)
    async with SyncEngine.open(path, remote) as engine:
        report = await engine.sync()
        held = await engine.load_all_conversations()
    window.close()
    print(json.dumps({"added": report.messages_added, "held": len(held), "ticks": window.ticks}))


async def quit_while_syncing(url: str, path: str) -> None:
    """Close the window while a sync waits for a server that never answers."""
    window = Window()
    remote = EasemobRemote(url, app_key=app_key, user=user, password=user, timeout=600)
    async with SyncEngine.open(path, remote) as engine:
        syncing = asyncio.create_task(engine.sync())
        await window.shown.wait()
        syncing.cancel()
        await asyncio.gather(syncing, return_exceptions=True)
    window.close()
    print(json.dumps({"cancelled": syncing.cancelled()}))


def main(what: str, url: str, path: str) -> None:
    """Qt's objects end here, in order; at the interpreter's end they would end in any."""
    application = QCoreApplication([])
    work = {"show": show, "quit": quit_while_syncing}[what]
    with qasync.QEventLoop(application) as loop:
        loop.run_until_complete(work(url, path))
    del loop
    gc.collect()  # what Qt made lies in circles, and must not outlive the application
    application.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
