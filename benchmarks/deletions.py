"""How long does deleting many messages take with no network, and how many requests later?

One conversation is pulled from an emulator in another process. Then everything in it is
deleted with the server out of reach: that is the call a person waits for. Then it is
delivered; the floor is as many requests as the service's limit of 50 ids a call allows.
"""

import argparse
import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks.processes import Server, emulator
from benchmarks.pull import machine
from syncengine import EasemobRemote, SyncEngine
from syncengine.models import Conversation

IDS_A_CALL = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 where something is left, or took more requests than needed."""
    console = Console()
    console.print(machine())
    fewest = -(-options.messages // IDS_A_CALL)
    table = Table("run", "deleted offline, s", "delivered, s", "requests", f"fewest: {fewest}")
    right = True
    for number in range(options.runs):
        with emulator(f"1x{options.messages}") as server, TemporaryDirectory() as folder:
            offline, online, requests, left = asyncio.run(_once(server, Path(folder) / "copy.db"))
        right = right and requests == fewest and not left
        ratio = f"{requests / fewest:.2f}"
        table.add_row(str(number + 1), f"{offline:.2f}", f"{online:.2f}", str(requests), ratio)
    console.print(table)
    return 0 if right else 1


async def _once(server: Server, path: Path) -> tuple[float, float, int, int]:
    """Seconds to delete, seconds and requests to deliver, and what is left in the outbox."""
    async with SyncEngine.open(path, _remote(server)) as engine:
        await engine.sync()
    async with SyncEngine.open(path) as engine:
        (conversation,) = await engine.load_all_conversations()
        ids = await _ids(engine, conversation)
        started = time.perf_counter()
        await engine.delete_remote_messages_with_ids(
            conversation.conversation_id, conversation.kind, ids
        )
        offline = time.perf_counter() - started
    remote = _remote(server)
    async with SyncEngine.open(path, remote) as engine:
        started = time.perf_counter()
        await engine.deliver()
        online = time.perf_counter() - started
        return offline, online, remote.requests, len(await engine.outbox())


async def _ids(engine: SyncEngine, conversation: Conversation) -> list[str]:
    found = await engine.reader.messages(
        conversation.conversation_id, conversation.kind, limit=1 << 30
    )
    return [message.message_id for message in found.messages]


def _remote(server: Server) -> EasemobRemote:
    return EasemobRemote(
        server.url, app_key=server.app_key, user=server.user, password=server.password
    )
