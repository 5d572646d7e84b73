"""A server with many accounts where something always happens: `python -m benchmarks.town JSON`.

The emulator on a socket and, in the same process, all who write to the accounts, edit, recall,
and delete from other devices. Orders come over stdin, one JSON object a line; each is answered
by a line on stdout. The world stays while the server is away; the end of stdin ends both.
"""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from attrs import define, field, frozen

from syncengine.emulator import Emulator, Faults, World, serve
from syncengine.emulator.faults import Action
from syncengine.models import ConversationKey, Kind

_GROUP = 5
"""Accounts in each group."""
_MINUTE_MS = 60_000


@frozen(kw_only=True)
class Size:
    """How the town is when it begins."""

    users: list[str]
    """The accounts; each password is the name."""
    friends: int = 8
    """People who talk with each account."""
    messages: int = 100
    """In each conversation."""
    seed: int = 1


class Down(Faults):
    """Every request is answered by 503."""

    def draw(self, route: str) -> Action | None:
        """Always the same."""
        return Action.UNAVAILABLE


class Life:
    """What happens in a town; the same seed, the same acts."""

    def __init__(self, size: Size) -> None:
        self.world = World(seed=size.seed)
        self.acts = 0
        self._random = Random(f"life {size.seed}")
        self._users = size.users
        self._keys: dict[str, list[ConversationKey]] = defaultdict(list)
        self._strangers = 0
        self._settle(size)
        self._wishes: dict[Callable[[str, ConversationKey], None], int] = {
            self._hear: 60,
            self._speak: 15,
            self._edit: 6,
            self._recall: 3,
            self._delete_some: 6,
            self._delete_before: 1,
            self._drop: 1,
            self._import: 1,
            self._read: 3,
            self._meet: 1,
        }

    def act(self) -> None:
        """One change, somewhere."""
        user = self._random.choice(self._users)
        key = self._random.choice(self._keys[user])
        (wish,) = self._random.choices(list(self._wishes), list(self._wishes.values()))
        wish(user, key)
        self.acts += 1

    def truth(self) -> dict[str, list[dict[str, Any]]]:
        """What a perfect client of each account holds: ids and texts, oldest first."""
        return {user: [self._seen(user, key) for key in self._keys[user]] for user in self._users}

    def _seen(self, user: str, key: ConversationKey) -> dict[str, Any]:
        listed = self.world.lists.get(user, key) is not None
        seen = self.world.history(user, key.conversation_id, key.kind)
        messages = [(str(each.message_id), str(each.body.get("msg"))) for each in seen]
        return {"id": key.conversation_id, "kind": key.kind, "listed": listed, "messages": messages}

    # The beginning

    def _settle(self, size: Size) -> None:
        for user in self._users:
            self.world.add_user(user)
        friends = [f"friend{number}" for number in range(size.friends)]
        for friend in friends:
            self.world.add_user(friend)
        for user in self._users:
            for friend in friends:
                self._keys[user].append(ConversationKey(friend, Kind.CHAT))
                self._talk(friend, user, Kind.CHAT, size.messages)
        for first in range(0, len(self._users), _GROUP):
            self._gather(f"{900 + first}", self._users[first : first + _GROUP], size.messages)

    def _gather(self, group: str, members: list[str], messages: int) -> None:
        self.world.add_group(group, members)
        for member in members:
            self._keys[member].append(ConversationKey(group, Kind.GROUPCHAT))
        self._talk(members[0], group, Kind.GROUPCHAT, messages)

    def _talk(self, sender: str, to: str, kind: Kind, messages: int) -> None:
        now = self.world.now()
        for number in range(messages):
            at = now - (messages - number) * _MINUTE_MS
            self.world.send(sender, to, kind, f"{number} of {messages}", at=at)

    # What happens

    def _hear(self, user: str, key: ConversationKey) -> None:
        for _ in range(self._random.randint(1, 3)):
            self._say(key.conversation_id, user, key)

    def _speak(self, user: str, key: ConversationKey) -> None:
        """From another device of the account."""
        self.world.send(user, key.conversation_id, key.kind, f"mine, {self.acts}")

    def _say(self, friend: str, user: str, key: ConversationKey) -> None:
        words = f"something new, {self.acts} 中文"
        if key.kind is Kind.CHAT:
            self.world.send(friend, user, key.kind, words)
        else:
            sender = self._random.choice(self.world.groups[key.conversation_id].members)
            self.world.send(sender, key.conversation_id, key.kind, words)

    def _edit(self, user: str, key: ConversationKey) -> None:
        for message_id in self._some(user, key, 1):
            self.world.edit(message_id, f"edited, {self.acts}")

    def _recall(self, user: str, key: ConversationKey) -> None:
        for message_id in self._some(user, key, 1):
            self.world.recall(message_id)

    def _delete_some(self, user: str, key: ConversationKey) -> None:
        ids = self._some(user, key, self._random.randint(1, 4))
        self.world.delete_messages(user, key.conversation_id, ids, key.kind)

    def _delete_before(self, user: str, key: ConversationKey) -> None:
        """The oldest few."""
        seen = self.world.history(user, key.conversation_id, key.kind)
        if len(seen) > 20:
            until = seen[self._random.randrange(len(seen) // 20)].timestamp
            self.world.delete_before(user, key.conversation_id, until, key.kind)

    def _drop(self, user: str, key: ConversationKey) -> None:
        """From the list; the messages stay."""
        self.world.delete_conversation(user, key.conversation_id, key.kind, delete_messages=False)

    def _import(self, user: str, key: ConversationKey) -> None:
        at = self.world.now() - self._random.randrange(100 * _MINUTE_MS)
        to = user if key.kind is Kind.CHAT else key.conversation_id
        sender = key.conversation_id if key.kind is Kind.CHAT else user
        self.world.import_message(sender, to, key.kind, f"imported, {self.acts}", at=at)

    def _read(self, user: str, key: ConversationKey) -> None:
        self.world.read(user, key.conversation_id, key.kind)

    def _meet(self, user: str, _: ConversationKey) -> None:
        """Somebody writes for the first time."""
        self._strangers += 1
        name = f"stranger{self._strangers}"
        self.world.add_user(name)
        self._keys[user].append(ConversationKey(name, Kind.CHAT))
        self._hear(user, self._keys[user][-1])

    def _some(self, user: str, key: ConversationKey, number: int) -> list[str]:
        seen = self.world.history(user, key.conversation_id, key.kind)
        return [str(each.message_id) for each in self._random.sample(seen, min(number, len(seen)))]


@define
class Town:
    """The server of such a world, and who gives orders."""

    _life: Life
    _emulator: Emulator
    _port: int = 0
    _pace: float = 0.0
    _away_for: float = 0.0
    _leaving: asyncio.Event = field(factory=asyncio.Event)

    async def run(self) -> None:
        """Until stdin ends."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        tasks = [asyncio.create_task(work) for work in (self._serve(), self._live())]
        while line := await reader.readline():
            _say({"answer": self._obey(**json.loads(line))})
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self) -> None:
        """Away now and then; always at the same address."""
        while True:
            serving = asyncio.create_task(
                serve(self._emulator, port=self._port, announce=self._announced)
            )
            try:
                await self._leaving.wait()
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
            await asyncio.sleep(self._away_for)
            self._leaving.clear()

    def _announced(self, line: str) -> None:
        if not self._port:
            url: str = json.loads(line)["url"]
            self._port = int(url.rpartition(":")[2])
            _say({"url": url})

    async def _live(self) -> None:
        while True:
            if not self._pace:
                await asyncio.sleep(0.1)
                continue
            await asyncio.sleep(1 / self._pace)
            with suppress(KeyError):  # a message that was never there
                self._life.act()

    def _obey(self, do: str, **how: Any) -> Any:
        return getattr(self, f"do_{do}")(**how)

    # Orders

    def do_pace(self, changes: float) -> None:
        """So many changes a second from now on."""
        self._pace = changes

    def do_fail(self, profile: str = "none", **settings: Any) -> None:
        """Fail like this."""
        settings = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
        self._emulator.set_faults(Faults(profile, seed=self._life.acts, **settings))

    def do_down(self) -> None:
        """Answer everything by 503."""
        self._emulator.set_faults(Down())

    def do_expire(self) -> None:
        """All tokens end."""
        self._emulator.expire_tokens()

    def do_away(self, seconds: float) -> None:
        """Every connection ends, and nobody listens for that long."""
        self._away_for = seconds
        self._leaving.set()

    def do_truth(self) -> dict[str, list[dict[str, Any]]]:
        """See `Life.truth`."""
        return self._life.truth()

    def do_counts(self) -> dict[str, Any]:
        """Requests by call, faults, changes so far."""
        counters = self._emulator.counters
        faults = dict(counters.faults)
        return {"requests": dict(counters.requests), "faults": faults, "changes": self._life.acts}


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    """The size comes as one JSON object."""
    life = Life(Size(**json.loads(sys.argv[1])))
    asyncio.run(Town(life, Emulator(life.world)).run())


if __name__ == "__main__":
    main()
