"""A process that pulls, and says how far it is: `python -m tests.engine.pulling URL PATH`.

Prints a line for every piece of progress, so that whoever kills it knows when.
"""

import asyncio
import sys

from syncengine import Config, EasemobRemote, Progress, SyncEngine

PAGE_SIZE = 20
FETCHERS = 4


def _say(progress: Progress) -> None:
    print(progress.messages_added, flush=True)


async def pull(url: str, path: str) -> None:
    """One cycle of alice's account."""
    remote = EasemobRemote(url, app_key="org#app", user="alice", password="alice")
    config = Config(page_size=PAGE_SIZE, fetchers=FETCHERS)
    async with SyncEngine.open(path, remote, config=config) as engine:
        report = await engine.sync(progress=_say)
    print("done" if not report.errors and not report.gaps_open else report, flush=True)


if __name__ == "__main__":
    asyncio.run(pull(sys.argv[1], sys.argv[2]))
