"""`syncengine demo`: the whole story in ten seconds, with no account anywhere."""

import asyncio
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click

from syncengine.cli.conversations import print_conversations
from syncengine.cli.emulator import load_emulator
from syncengine.cli.messages import slice_lines
from syncengine.cli.options import db_option, json_option
from syncengine.cli.output import command_name, fit, print_json
from syncengine.cli.progress import progress_bar, syncing
from syncengine.cli.sync import print_report, report_json
from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError
from syncengine.models import Kind
from syncengine.remote.easemob.client import EasemobRemote
from syncengine.reports import Report

USER = "alice"
PEER = "bob"
_NEWS = ("Are you coming on Saturday?", "我们星期六去爬山，你来吗？", "🏔️ 👍")
_LINES = 8


@click.command(short_help="See it work, with no account anywhere.")
@db_option("Keep the copy in this new file. Default: one in the temporary folder.")
@json_option
def demo(db: Path | None, as_json: bool) -> None:
    """Pull an account from a stand-in server, sync again, and read it with no server.

    Nothing leaves this machine, and no account is needed. The copy stays, so that you can
    look at it with the other commands afterwards; the last lines say where, and how to
    remove it.
    """
    if db is not None and db.exists():
        raise ConfigError(f"{db} is there already", hint="Name a new file with --db.")
    load_emulator()
    folder = Path(tempfile.mkdtemp(prefix="syncengine-demo-")) if db is None else None
    path = db or (folder or Path()) / f"{USER}.db"
    results = asyncio.run(Story(path, folder, quiet=as_json).tell())
    if as_json:
        print_json(results)


class Story:
    """Tells it, step by step."""

    def __init__(self, path: Path, folder: Path | None, *, quiet: bool) -> None:
        """`folder`: made for the copy, and for nothing else."""
        self._path, self._folder = path, folder
        self._quiet = quiet

    async def tell(self) -> dict[str, Any]:
        """Run all steps; returns their figures."""
        reports = await self._with_server()
        self._say("\n4. The server is stopped. Everything is still here:\n")
        await self._read_offline()
        self._say(f"\nWhat next?\n\n{_commands(self._path)}")
        self._say(f"\n{self._where_it_stays()}")
        return {"db": str(self._path), "syncs": [report_json(report) for report in reports]}

    async def _with_server(self) -> list[Report]:
        emulator = load_emulator()
        world = emulator.demo_world()
        async with emulator.running(emulator.Emulator(world)) as url:
            self._say("1. A stand-in for the chat service is running on this machine.")
            self._say(f"   Pulling {USER}'s account from it:\n")
            first = await self._pull(url, world.app_key)
            await self._show()
            self._say(f"\n3. Meanwhile {PEER} writes {len(_NEWS)} messages. Syncing again:\n")
            for text in _NEWS:
                world.send(PEER, USER, Kind.CHAT, text)
            second = await self._pull(url, world.app_key)
            self._say("\n   And once more, with nothing new:\n")
            third = await self._pull(url, world.app_key)
        return [first, second, third]

    async def _pull(self, url: str, app_key: str) -> Report:
        remote = EasemobRemote(url, app_key=app_key, user=USER, password=USER)
        async with SyncEngine.open(self._path, remote) as engine:
            with progress_bar(not self._quiet, syncing) as listener:
                report = await engine.sync(progress=listener)
        if not self._quiet:
            print_report(report, indent="   ")
        return report

    async def _show(self) -> None:
        self._say("\n2. The conversations, from the local file:\n")
        async with SyncEngine.open(self._path) as engine:
            if not self._quiet:
                print_conversations(await engine.load_all_conversations())

    async def _read_offline(self) -> None:
        async with SyncEngine.open(self._path) as engine:
            part = await engine.reader.messages(PEER, Kind.CHAT, limit=_LINES)
        width = shutil.get_terminal_size().columns
        for line in slice_lines(part):
            self._say(fit(f"   {line}", width))

    def _where_it_stays(self) -> str:
        """It is nobody's to tidy up."""
        stays = f"The copy stays in {self._path}"
        if self._folder is None:
            return f"{stays}."
        return f"{stays}; when you are done:\n\n  rm -r {shlex.quote(str(self._folder))}"

    def _say(self, text: str) -> None:
        if not self._quiet:
            click.echo(text)


def _commands(path: Path) -> str:
    """What to type next, so that it works as it stands."""
    own, db = command_name(), f"--db {shlex.quote(str(path))}"
    return "\n".join(
        (
            f"  {own} conversations {db}",
            f"  {own} messages {PEER} {db}",
            f"  {own} status {db}",
            f"  {own} emulator     # a server to try your own program against",
            f"  {own} sync --help  # pull a real account",
        )
    )
