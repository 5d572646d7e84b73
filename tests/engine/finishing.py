"""A process that syncs and delivers what is left: `python -m tests.engine.finishing URL PATH`.

Says `done` where nothing is left to do; else what is.
"""

import asyncio
import sys

from syncengine import EasemobRemote, SyncEngine
from tests.engine.deleting import CONFIG


async def finish(url: str, path: str) -> None:
    """One cycle, and one delivery."""
    remote = EasemobRemote(url, app_key="org#app", user="alice", password="alice")
    async with SyncEngine.open(path, remote, config=CONFIG) as engine:
        report = await engine.sync()
        delivery = await engine.deliver()
        outbox = await engine.outbox()
    left = (*report.errors, *outbox, *([delivery.error] if delivery.error else []))
    print(f"{report} {delivery} {outbox}" if left or report.gaps_open else "done", flush=True)


if __name__ == "__main__":
    asyncio.run(finish(sys.argv[1], sys.argv[2]))
