"""What a pull is measured with: the engine, its floors, and the emulator's own speed.

Each runs alone in its process, `python -m benchmarks.programs PROGRAM ARGUMENTS`, and prints
the `Figures` of `benchmarks.processes` as one JSON object. Exit code 5: no room for its file.
Python's collector spares each what it loaded, as it does our own commands.
"""

import asyncio
import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import floors
from benchmarks.processes import NO_ROOM
from benchmarks.transports import SLOWEST, TRANSPORTS
from syncengine import Config, EasemobRemote, SyncEngine
from syncengine.cli.collector import spare_what_is_here
from syncengine.errors import StoreFull
from syncengine.sync import placing


async def engine(
    url: str,
    path: str,
    fetchers: int,
    app_key: str,
    user: str,
    password: str,
    transport: str = SLOWEST,
    index: bool = False,
) -> int:
    """The whole engine, all laws on; with `index` until a search finds every message."""
    lanes = TRANSPORTS[transport].lanes(url)
    remote = EasemobRemote(url, app_key=app_key, user=user, password=password, transport=lanes)
    async with SyncEngine.open(path, remote, config=Config(fetchers=fetchers)) as opened:
        report = await opened.sync()
        assert not report.errors, report.errors
        assert not report.gaps_open
        if index:
            await opened.index()
        return report.messages_added


async def trusting(**arguments: Any) -> int:
    """The engine without law 5: it looks for nothing that a page should have shown."""
    for module, name, result in ((placing, "covered", None), (placing, "_longest_stay", 0)):
        setattr(module, name, partial(_always, result))
    return await engine(**arguments)


def _always(result: object, *_: object, **__: object) -> object:
    return result


async def floor(
    url: str,
    path: str,
    fetchers: int,
    app_key: str,
    user: str,
    password: str,
    transport: str = SLOWEST,
    step: str = "insert",
) -> int:
    """A step of `benchmarks.floors` over a client that all fetchers share."""
    taking = floors.STEPS[step](path)
    base = f"{url}/{app_key.replace('#', '/')}"
    async with TRANSPORTS[transport].client(url) as client:
        await floors.walk(client, base, user, password, fetchers, taking)
    taking.end()
    return taking.count


async def loop(url: str, path: str, fetchers: int, app_key: str, user: str, password: str) -> int:
    """The raw sockets of `benchmarks.floors`; without a path the pages are thrown away."""
    taking = floors.Insert(path, floors.PAGES_A_COMMIT) if path else floors.Network()
    base = f"{url}/{app_key.replace('#', '/')}"
    async with TRANSPORTS[SLOWEST].client(url) as client:
        await floors.loop(client, base, user, password, fetchers, taking)
    taking.end()
    return taking.count


PROGRAMS: dict[str, Callable[..., Coroutine[Any, Any, int]]] = {
    "engine": engine,
    "indexed": partial(engine, index=True),
    "trusting": trusting,
    "network": partial(floor, step="network"),
    "decode": partial(floor, step="decode"),
    "insert": floor,
    "loop": loop,
}


def main() -> int:
    """Run one program and print its figures."""
    program, arguments = sys.argv[1], json.loads(sys.argv[2])
    spare_what_is_here()
    started, cpu = time.perf_counter(), time.process_time()
    try:
        messages = asyncio.run(PROGRAMS[program](**arguments))
    except (StoreFull, OSError, sqlite3.OperationalError) as error:
        print(error, file=sys.stderr)
        return NO_ROOM
    found = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "messages": messages,
        "peak_mb": _peak_mb(),
    }
    print(json.dumps(found | _file(arguments["path"])))
    return 0


def _peak_mb() -> float:
    """The most memory of this process. What `getrusage` says begins with its parent's."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024


def _file(path: str) -> dict[str, Any]:
    """Its size, and which messages it holds."""
    if not path or not Path(path).exists():
        return {"file_mb": 0.0, "digest": ""}
    with closing(sqlite3.connect(path)) as database:
        ids: Iterator[tuple[str]] = database.execute("SELECT message_id FROM message")
        return {"file_mb": Path(path).stat().st_size / 1e6, "digest": floors.digest(ids)}


if __name__ == "__main__":
    sys.exit(main())
