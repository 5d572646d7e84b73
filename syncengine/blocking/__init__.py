"""The engine for programs without an event loop: the same calls, and each waits for its end.

    with BlockingEngine.open("copy.db", remote) as engine:
        engine.sync()
        part = engine.reader.messages("bob", "chat")

The engine lives in an event loop of its own, in a thread of its own. Calls may come from
any thread, several at once. What a call is given to call back, a `progress` for example, is
called in the engine's thread: it must be quick, and must not call the engine. A call from a
running event loop would hold that loop up and is refused: there, use `SyncEngine`.

Closing takes at most `PATIENCE` seconds, whatever is under way: calls that wait elsewhere end
with EngineClosed. An engine that was never closed does not keep the process alive; what it
had under way is cut off as if the power had failed, which loses nothing (law 1).
"""

from syncengine.blocking.engine import BlockingEngine
from syncengine.blocking.loop import PATIENCE, BlockingIterator
from syncengine.blocking.reader import BlockingReader

__all__ = ["PATIENCE", "BlockingEngine", "BlockingIterator", "BlockingReader"]
