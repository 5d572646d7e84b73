"""`syncengine demo`: the whole story in ten seconds, with no account anywhere."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import click

from syncengine.cli.conversations import print_conversations
from syncengine.cli.emulator import load_emulator
from syncengine.cli.messages import slice_lines
from syncengine.cli.options import json_option, option
from syncengine.cli.output import print_json
from syncengine.cli.sync import print_report, progress_bar, report_json
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.models import Kind, Report, Slice
from syncengine.remote.easemob.client import EasemobRemote

USER = "alice"
PEER = "bob"
_NEWS = ("Are you coming on Saturday?", "我们星期六去爬山，你来吗？", "🏔️ 👍")


@click.command()
@option(
    "--db",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="Keep the copy in this file. Default: a new file in the temporary folder.",
)
@json_option
def demo(db: Path | None, as_json: bool) -> None:
    """Pull an account from a stand-in server, sync again, and read it with no server.

    Nothing leaves this machine. The copy stays, so that you can look at it with the
    other commands afterwards.
    """
    path = db or Path(tempfile.mkdtemp(prefix="syncengine-demo-")) / f"{USER}.db"
    results = asyncio.run(Story(path, quiet=as_json).tell())
    if as_json:
        print_json(results)


class Story:
    """Tells it, step by step."""

    def __init__(self, path: Path, *, quiet: bool) -> None:
        self._path = path
        self._quiet = quiet

    async def tell(self) -> dict[str, Any]:
        """Run all steps; returns their figures."""
        emulator = load_emulator()
        world = emulator.demo_world()
        async with emulator.running(emulator.Emulator(world)) as url:
            self._say("1. A stand-in for the chat service is running on this machine.")
            self._say("   Pulling alice's account from it:\n")
            first = await self._pull(url, world.app_key)
            await self._show()
            self._say(f"\n3. Meanwhile {PEER} writes {len(_NEWS)} messages. Syncing again:\n")
            for text in _NEWS:
                world.send(PEER, USER, Kind.CHAT, text)
            second = await self._pull(url, world.app_key)
            self._say("   And once more, with nothing new:\n")
            third = await self._pull(url, world.app_key)
        self._say("\n4. The server is stopped. Everything is still here:\n")
        await self._read_offline()
        self._say(f"\nWhat next?\n\n{_commands(self._path)}")
        reports = [report_json(report) for report in (first, second, third)]
        return {"db": str(self._path), "syncs": reports}

    async def _pull(self, url: str, app_key: str) -> Report:
        remote = EasemobRemote(url, app_key=app_key, user=USER, password=USER)
        async with SyncEngine.open(self._path, remote, config=Config()) as engine:
            with progress_bar(not self._quiet) as listener:
                report = await engine.sync(progress=listener)
        if not self._quiet:
            print_report(report)
        return report

    async def _show(self) -> None:
        self._say("\n2. The conversations, from the local file:\n")
        async with SyncEngine.open(self._path) as engine:
            if not self._quiet:
                print_conversations(await engine.load_all_conversations())

    async def _read_offline(self) -> None:
        async with SyncEngine.open(self._path) as engine:
            self._print(await engine.reader.messages(PEER, Kind.CHAT, limit=8))

    def _print(self, part: Slice) -> None:
        for line in slice_lines(part):
            self._say(f"   {line}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            click.echo(text)


def _commands(path: Path) -> str:
    return "\n".join(
        (
            f"  syncengine conversations --db {path}",
            f"  syncengine messages {PEER} --db {path}",
            f"  syncengine status --db {path}",
            "  syncengine emulator               # a server to try your own program against",
            "  syncengine sync --help            # pull a real account",
        )
    )
