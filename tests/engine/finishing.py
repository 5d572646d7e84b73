"""A process that delivers what is left, pulls, and reads everything again:
`python -m tests.engine.finishing URL PATH RETENTION`.

Says `done` where nothing is left to do; else what is. It does not wait: the server's clock is
moved on instead. What may have expired is no work left, unless it is to be removed as well
(`mirror`).
"""

import asyncio
import sys

from attrs import evolve

from syncengine import EasemobRemote, Environment, SyncEngine
from syncengine.models import Retention
from tests.engine.deleting import CONFIG
from tests.engine.processes import control


async def finish(url: str, path: str, retention: str) -> None:
    """One full audit, what it finds accepted."""

    async def sleep(seconds: float) -> None:
        control(url, "advance", ms=int(seconds * 1000) + 1)

    remote = EasemobRemote(url, app_key="org#app", user="alice", password="alice")
    config, environment = evolve(CONFIG, retention=retention), Environment(sleep=sleep)
    async with SyncEngine.open(path, remote, config=config, environment=environment) as engine:
        found = await engine.verify(accept=True)
        outbox = await engine.outbox()
    kept = found.unverified if retention == Retention.MIRROR else 0
    left = (found.gaps_open, found.incomplete, found.suspects, found.held_back, kept)
    done = not any(left) and not found.errors and not outbox
    print("done" if done else f"{found} {outbox}", flush=True)


if __name__ == "__main__":
    asyncio.run(finish(*sys.argv[1:]))
