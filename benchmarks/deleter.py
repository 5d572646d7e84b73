"""A process that deletes from a copy: `python -m benchmarks.deleter PATH CONVERSATION`.

For every message id on its input it says when its deletion was committed: nanoseconds, by a
clock that all processes of the machine share.
"""

import asyncio
import sys
import time

from syncengine import SyncEngine


async def delete(path: str, conversation: str) -> None:
    """Until its input ends."""
    async with SyncEngine.open(path) as engine:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await engine.delete_remote_messages_with_ids(conversation, "chat", [line.strip()])
            print(time.monotonic_ns(), flush=True)


if __name__ == "__main__":
    asyncio.run(delete(sys.argv[1], sys.argv[2]))
