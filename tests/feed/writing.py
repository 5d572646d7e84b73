"""A process that writes to a copy: `python -m tests.feed.writing PATH CONVERSATION`.

For every message id on its input it asks for the deletion, and says when that was committed:
nanoseconds, by a clock that all processes of the machine share.
"""

import asyncio
import sys
import time

from syncengine import SyncEngine


async def write(path: str, conversation: str) -> None:
    """Until its input ends."""
    async with SyncEngine.open(path) as engine:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await engine.delete_remote_messages_with_ids(conversation, "chat", [line.strip()])
            print(time.monotonic_ns(), flush=True)


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], sys.argv[2]))
