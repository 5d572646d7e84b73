"""What happens while a daemon lives and dies: on the server, and in its file beside it."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field

from syncengine import Message, SyncEngine
from syncengine.emulator import World
from tests.cli.house import House
from tests.engine.deleting import Life
from tests.engine.ledger import Deletion, Ledger, Words
from tests.engine.other_device import OtherDevice
from tests.engine.processes import control

ACCOUNT = "alice"


class Others(OtherDevice):
    """People who write, edit and recall, and alice's other device, which deletes."""

    def __init__(self, url: str, world: World, seed: str, ledger: Ledger) -> None:
        super().__init__(url, world, seed)
        self._ledger = ledger
        self._sent: list[str] = []
        self.texts: dict[str, str] = {}
        """What was edited, and what it says now."""

    def act(self) -> Words:
        """One thing; what it was."""
        draw = self._random.random()
        if draw < 0.3 and self._sent:
            words = self._change(self._random.choice(self._sent), recall=draw < 0.1)
        else:
            words = super().act()
        if "sent" in words:
            self._sent.append(words["sent"])
        self._ledger.note_elsewhere(words)
        return words

    def _change(self, message_id: str, *, recall: bool) -> Words:
        if recall:
            self._sent.remove(message_id)
            control(self._url, "recall", message_id=message_id)
            return {"deleted": [message_id]}
        self.texts[message_id] = f"edited {self._random.randrange(1000)}"
        control(self._url, "edit", message_id=message_id, content=self.texts[message_id])
        return {}


@define
class Deleting(Life):
    """A program that reads the daemon's file and deletes in it, with no way to the server."""

    ledger: Ledger = field(kw_only=True)

    async def something(self) -> None:
        """One deletion of what is there, if anything is."""
        conversations = await self.engine.load_all_conversations()
        if conversations:
            await self._delete_in(self.random.choice(conversations))

    async def _ask(
        self,
        call: str,
        name: str,
        kind: str,
        covered: Sequence[Message],
        delete: Awaitable[None],
        **more: str,
    ) -> None:
        ids = [message.message_id for message in covered]
        deletion = Deletion(call, (name, kind), ids, more.get("last"))
        await delete
        deletion.accepted, deletion.until = True, time.time_ns() // 1_000_000
        self.ledger.deletions.append(deletion)


def delete_beside(path: Path, random: Any, ledger: Ledger) -> None:
    """One deletion by an embedding program; it opens the file and closes it again."""

    async def delete() -> None:
        async with SyncEngine.open(path) as engine:
            await Deleting(engine, random, ledger=ledger).something()

    asyncio.run(delete())


def delete_by_command(house: House, path: Path, random: Any, ledger: Ledger) -> None:
    """The same by `syncengine delete`, of some messages."""

    async def newest() -> tuple[str, str, list[str]] | None:
        async with SyncEngine.open(path) as engine:
            conversations = await engine.load_all_conversations()
            if not conversations:
                return None
            chosen = random.choice(conversations)
            found = await engine.reader.messages(chosen.conversation_id, chosen.kind, limit=5)
            ids = [message.message_id for message in found.messages]
            return chosen.conversation_id, str(chosen.kind), ids

    found = asyncio.run(newest())
    if found is None or not found[2]:
        return
    name, kind, ids = found
    who = ("--db", str(path), "--user", ACCOUNT)
    told = house.person.run(
        "delete", name, "--kind", kind, "--ids", ",".join(ids), "--yes", "--json", *who
    )
    assert "Traceback" not in told.err, told
    until = time.time_ns() // 1_000_000
    ledger.deletions.append(Deletion("ids", (name, kind), ids, None, until, told.code == 0))
