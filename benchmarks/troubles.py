"""What befalls a daemon in a soak: failing servers, deletions by other programs, signals."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random

from attrs import define, field

from benchmarks.judging import Asked
from benchmarks.machines import ROOT, Daemon, Machine
from benchmarks.processes import Town
from syncengine import Config, Conversation, ConversationKey, SyncEngine
from syncengine.errors import SyncEngineError

_PROFILES = (
    "flaky", "latency", "expired", "throttle", "throttle-after", "unavailable",
    "drop-before", "drop-after", "truncated", "html", "repeat",
)  # fmt: skip
_CALM, _TROUBLE = (10.0, 30.0), (5.0, 20.0)
"""Seconds: the shortest and the longest."""
_DELETE_EVERY, _COMMAND_EVERY, _SIGNAL_EVERY = 2.0, 20.0, 45.0
"""Seconds, on average."""


def _acts() -> Mapping[str, Callable[[Town, float], object]]:
    """Each begins a trouble of so many seconds."""
    return {
        "503": lambda town, _: town.order("down"),
        "slow": lambda town, _: town.order("fail", profile="latency", latency_ms=[500, 3000]),
        "hung": lambda town, _: town.order("fail", profile="latency", latency_ms=[30e3, 60e3]),
        "restart": lambda town, seconds: town.order("away", seconds=seconds),
        "tokens end": lambda town, _: town.order("expire"),
    }


@define
class Troubles:
    """What was done, for the judges."""

    machine: Machine
    daemon: Daemon
    random: Random
    done: Counter[str] = field(factory=Counter)
    """How often what happened."""
    asked: list[Asked] = field(factory=list)
    """Deletions that were accepted here."""

    async def fail(self, town: Town) -> None:
        """The server fails in one way after another, with calm between."""
        acts = _acts()
        while True:
            await asyncio.sleep(self.random.uniform(*_CALM))
            seconds = self.random.uniform(*_TROUBLE)
            name = self.random.choice([*acts, *_PROFILES])
            if name in acts:
                acts[name](town, seconds)
            else:
                town.order("fail", profile=name)
            self.done[name] += 1
            await asyncio.sleep(seconds)
            town.order("fail")

    async def signal(self) -> None:
        """Somebody asks for a sync, or for the configuration to be read again."""
        while True:
            await self._pause(_SIGNAL_EVERY)
            name, send = self.random.choice(
                [("SIGUSR1", self.daemon.sync_now), ("SIGHUP", self.daemon.reload)]
            )
            send()
            self.done[name] += 1

    async def delete(self) -> None:
        """An embedding program deletes in the files that the daemon syncs."""
        while True:
            await self._pause(_DELETE_EVERY)
            account, file = self.random.choice(list(self.machine.files.items()))
            if not file.exists():
                continue
            try:
                async with SyncEngine.open(file, config=Config(index_search=False)) as engine:
                    await self._delete_somewhere(account, engine)
            except SyncEngineError as error:
                self.done[f"deletion: {type(error).__name__}"] += 1

    async def _delete_somewhere(self, account: str, engine: SyncEngine) -> None:
        conversations = await engine.load_all_conversations()
        if not conversations:
            return
        chosen = self.random.choice(conversations)
        shown = await self._shown(engine, chosen)
        if not shown:
            return
        name, kind = chosen.conversation_id, chosen.kind
        what = self.random.choices(["messages", "before", "conversation"], [8, 2, 1])[0]
        if what == "messages":
            gone = self.random.sample(list(shown), min(len(shown), self.random.randint(1, 5)))
            await engine.delete_remote_messages_with_ids(name, kind, gone)
        elif what == "before":
            until = list(shown.values())[self.random.randrange(len(shown) // 10 + 1)]
            gone = [each for each, at in shown.items() if at <= until]
            await engine.delete_remote_messages_before(name, kind, until)
        else:
            gone = list(shown)
            await engine.delete_remote_conversation(name, kind)
        self._note(f"deletion of {what}", account, chosen, gone)

    async def _shown(self, engine: SyncEngine, chosen: Conversation) -> dict[str, int]:
        """Ids and times, oldest first."""
        found = await engine.reader.messages(chosen.conversation_id, chosen.kind, limit=1 << 30)
        return {each.message_id: each.timestamp for each in found.messages}

    def _note(self, what: str, account: str, chosen: Conversation, gone: list[str]) -> None:
        key = ConversationKey(chosen.conversation_id, chosen.kind)
        self.asked.append(Asked(account, key, frozenset(gone)))
        self.done[what] += 1

    async def command(self) -> None:
        """A person deletes with `syncengine delete`."""
        while True:
            await self._pause(_COMMAND_EVERY)
            account, file = self.random.choice(list(self.machine.files.items()))
            if not file.exists():
                continue
            async with SyncEngine.open(file, config=Config(index_search=False)) as engine:
                conversations = await engine.load_all_conversations()
                if not conversations:
                    continue
                chosen = self.random.choice(conversations)
                shown = await self._shown(engine, chosen)
            if shown:
                gone = self.random.sample(list(shown), min(3, len(shown)))
                await self._run_delete(account, chosen, gone)

    async def _run_delete(self, account: str, chosen: Conversation, gone: list[str]) -> None:
        wish = ["delete", chosen.conversation_id, "--kind", chosen.kind, "--ids", ",".join(gone)]
        file = str(self.machine.files[account])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "syncengine", *wish, "--yes", "--json", "--db", file,
            env=self.machine.environment, cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            _, words = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        if process.returncode == 0:
            self._note("syncengine delete", account, chosen, gone)
        else:
            self.done[f"syncengine delete: {words.decode()[:200]}"] += 1

    async def _pause(self, average: float) -> None:
        await asyncio.sleep(self.random.uniform(0.5, 1.5) * average)
