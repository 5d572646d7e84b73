"""Alice's other device, and the people who write to her: `… other_device URL WORLD SEED`.

For each line that it reads, it deletes some of her messages on the server, or lets somebody
write to her, and says what it did in a line of JSON.
"""

import json
import sys
import time
from random import Random
from typing import Any

from syncengine import ConversationKey, Kind
from syncengine.emulator import World, sized_world
from tests.engine.processes import control
from tests.harness import USER


class OtherDevice:
    """What it does is drawn from the seed."""

    def __init__(self, url: str, world: World, seed: str) -> None:
        self._url = url
        self._random = Random(seed)
        self._world = world
        self._keys = [listed.entry.key for listed in world.conversations(USER)]

    def act(self) -> dict[str, Any]:
        """One thing; what it was."""
        key = self._random.choice(self._keys)
        draw = self._random.random()
        if draw < 0.45:
            return self._write(key)
        before = self._history(key)
        if draw < 0.96:
            self._delete(key, self._some(before))
        else:
            control(self._url, "delete-conversation", **_target(key))
        left = set(self._history(key))
        return {"deleted": [message_id for message_id in before if message_id not in left]}

    def _write(self, key: ConversationKey) -> dict[str, Any]:
        """A message to alice, or to a group of hers."""
        chat = key.kind is Kind.CHAT
        sender = key.conversation_id if chat else self._member(key.conversation_id)
        to = USER if chat else key.conversation_id
        at = time.time_ns() // 1_000_000
        wanted = {"from": sender, "to": to, "kind": key.kind, "content": "hello", "at": at}
        sent = control(self._url, "send", **wanted)["message_id"]
        return {"sent": sent, "name": key.conversation_id, "kind": key.kind, "at": at}

    def _member(self, group_id: str) -> str:
        return next(name for name in self._world.groups[group_id].members if name != USER)

    def _history(self, key: ConversationKey) -> list[str]:
        found: list[str] = control(self._url, "history", **_target(key))["message_ids"]
        return found

    def _some(self, ids: list[str]) -> list[str]:
        """A few here and there, or many that stand together."""
        if not ids or self._random.random() < 0.5:
            return self._random.sample(ids, min(len(ids), 5))
        first = self._random.randrange(len(ids))
        return ids[first : first + 30]

    def _delete(self, key: ConversationKey, ids: list[str]) -> None:
        control(self._url, "delete-messages", **_target(key), message_ids=ids)


def _target(key: ConversationKey) -> dict[str, str]:
    return {"user": USER, "conversation_id": key.conversation_id, "kind": key.kind}


def main(url: str, world: str, world_seed: str, seed: str) -> None:
    """Act for each line, until there are no more."""
    device = OtherDevice(url, sized_world(world, int(world_seed)), seed)
    for _ in sys.stdin:
        print(json.dumps(device.act()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
