"""The server of a run, and what its other clients do to it: peers, a web client, backups."""

import copy
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from attrs import evolve

from syncengine import ConversationKey, Kind
from syncengine.emulator import Emulator, Faults, Switches
from syncengine.emulator.message import Message
from syncengine.emulator.paging import DAY_MS, View
from syncengine.remote.easemob import roaming_pb2 as pb
from tests.harness import USER, VirtualTime
from tests.simulation.books import ACTOR, Call
from tests.simulation.trace import Trace
from tests.simulation.watched import WatchedWorld, watched

PEERS = ("bob", "carol", "dave", "erin", "frank", "grace", "heidi")
GROUP = ConversationKey("bob", Kind.GROUPCHAT)
"""A user and a group may share an id."""
CHATS = tuple(ConversationKey(peer, Kind.CHAT) for peer in PEERS)


class _Replayed(dict[Any, Any]):
    """The pages that the server may give once more; it is read for nothing else."""

    def __init__(self, count: Counter[ConversationKey]) -> None:
        super().__init__()
        self._count = count

    def __getitem__(self, slot: tuple[str, ConversationKey]) -> Any:
        self._count[slot[1]] += 1
        return super().__getitem__(slot)


class Server:
    """A world that changes, and what was ever true of it."""

    def __init__(self, random: Random, time: VirtualTime, trace: Trace) -> None:
        self.random = random
        self.time = time
        self.trace = trace
        self.switches = _switches(random)
        self.clock_errors = [0, 0, 0, 50_000] if self.switches.replicas == 1 else [0]
        # A stale replica is told from a fresh one by the clock: not both go wrong at once.
        self.keys = (*CHATS[: random.choice([4, 4, 4, 7])], GROUP)
        """The conversations that there are."""
        self.imported: set[str] = set()
        """Messages that were put into the past."""
        self.calls: list[Call] = []
        """What was deleted for devices."""
        self.edits_lost: set[str] = set()
        """Messages whose last edit was lost with a backup."""
        self.resets = 0
        self.lied = False
        """Whether it ever answered with rows that stand nowhere."""
        self.replays: Counter[ConversationKey] = Counter()
        """How often it gave an earlier page in place of the one asked for."""
        self._sent = 0
        self._rows = 0
        self._backups: list[WatchedWorld] = []
        self._serve(self._new_world())

    def _new_world(self) -> WatchedWorld:
        time = self.time
        seed = self.random.randrange(1 << 30)
        # A function and not a method: a copy of the world must not copy the time.
        note = self.calls.append
        world = watched(note, seed=seed, clock=lambda: time.now(), switches=self.switches)
        for name in (USER, *PEERS):
            world.add_user(name)
        world.add_group(GROUP.conversation_id, [USER, *PEERS])
        return world

    def _serve(self, world: WatchedWorld) -> None:
        self.world = world
        self.emulator = Emulator(world, sleep=self.time.sleep)
        self.emulator._history._previous = _Replayed(self.replays)

    def fail(self, profile: str) -> None:
        """From now on it fails like this."""
        seed = self.random.randrange(1 << 30)
        budget = 1 if profile == "huge" else None  # each takes as long as a whole run
        self.emulator.set_faults(Faults(profile, seed=seed, huge_bytes=17 << 20, budget=budget))

    # What is true

    def served(self, key: ConversationKey) -> list[Message]:
        """What a perfect client holds of a conversation, oldest first."""
        found = self.world.history(USER, key.conversation_id, key.kind)
        return [message for message in found if message.raw is None]

    @property
    def exact(self) -> bool:
        """Whether every answer that is no repetition shows what is there at that moment."""
        return self.switches.replicas == 1 and not self.resets

    def causes(self, message_id: str) -> set[str]:
        """Why alice does not see the message at this moment; empty: she does."""
        found = self.world.find(message_id)
        if found is None:
            return {"lost"}
        timeline, place = found
        view = View(USER, self.world.now(), self.world.switches)
        capped = place < view.floor(timeline)
        return set(_reasons(view, timeline.messages[place], capped=capped))

    def cap_is_blurred(self, message_id: str) -> bool:
        """Whether deletions or rows that are no messages, which count too, hide from everybody
        that a cap took the message (law 5 (b): a cap explains only as many as arrived, and no
        answer says which of them)."""
        found = self.world.find(message_id)
        lines = [] if found is None else found[0].messages
        return bool(self.resets) or any(
            m.deleted_for or m.recalled_at or m.raw is not None for m in lines
        )

    # What peers and the web client do

    def something(self) -> None:
        """One of the things that can happen in the middle of a sync."""
        token = ACTOR.set("")  # though a device's request is under way
        self.random.choice((self.arrive, self.arrive, self.web_delete, self.edit, self.recall))()
        ACTOR.reset(token)

    def _say(self, words: str) -> None:
        self.trace.step(f"    server: {words}")

    def arrive(self) -> None:
        """Messages come, by alice's web client too, sometimes with equal or backward times."""
        key = self.random.choice(self.keys)
        count = self.random.choice([1, 1, 2, 3, 4, 9])
        pace = self.random.choice([0, 0.001, 1])
        self.arrive_in(key, count, pace)

    def arrive_in(self, key: ConversationKey, count: int, pace: float = 0.001) -> list[str]:
        """Messages come, all in one conversation."""
        ids = [self._send(key, pace) for _ in range(count)]
        self._say(f"{count} messages in {key}: {ids[0]}…")
        return ids

    def bite(self) -> None:
        """The web client deletes a small part of the largest conversation."""
        served = max((self.served(key) for key in self.keys), key=len)
        some = self.random.sample(served, len(served) // 9)
        for message in some:
            message.deleted_for.setdefault(USER, self.world.now())
        self._say(f"web deletes {' '.join(str(m.message_id) for m in some)}")

    def _send(self, key: ConversationKey, pace: float, *, by_server: bool = False) -> str:
        self._sent += 1
        self.time.seconds += pace
        at = self.world.now() - self.random.choice(self.clock_errors)
        sender, to = self._ends(key)
        return self.world.send(sender, to, key.kind, f"m{self._sent}", at=at, by_server=by_server)

    def _ends(self, key: ConversationKey) -> tuple[str, str]:
        mine = self.random.random() < 0.2
        if key.kind is Kind.GROUPCHAT:
            return USER if mine else self.random.choice(PEERS), key.conversation_id
        return (USER, key.conversation_id) if mine else (key.conversation_id, USER)

    def by_server(self) -> None:
        """The server-side API writes: no list tells of it."""
        key = self.random.choice(self.keys)
        message_id = self._send(key, 0.001, by_server=True)
        self._say(f"unannounced in {key}: {message_id}")

    def import_some(self) -> None:
        """Messages are put into the past."""
        key = self.random.choice(self.keys)
        for _ in range(self.random.randint(1, 3)):
            self._sent += 1
            sender, to = self._ends(key)
            at = self.world.now() - int(DAY_MS * 10 * self.random.random() ** 3)
            message_id = self.world.import_message(sender, to, key.kind, f"i{self._sent}", at=at)
            self.imported.add(message_id)
            self._say(f"imported into {key}: {message_id}")

    def add_row(self) -> None:
        """A row that is no message; every other one has no id either."""
        key = self.random.choice(self.keys)
        sender, to = self._ends(key)
        self._rows += 1
        raw = pb.Meta(id=7, ns=5).SerializeToString() if self._rows % 2 else b"\xff no row"
        self._say(f"a row in {key}: {self.world.add_row(sender, to, key.kind, raw)}")

    def edit(self) -> None:
        """A message gets other words."""
        message = self._any()
        if message is not None:
            self._sent += 1
            self.world.edit(message.message_id, f"e{self._sent}")
            self._say(f"edited: {message.message_id}")

    def edit_newest(self, key: ConversationKey) -> None:
        """The newest message of a conversation gets other words."""
        for message in self.served(key)[-1:]:
            self._sent += 1
            self.world.edit(message.message_id, f"e{self._sent}")

    def web_delete_one(self, key: ConversationKey, message_id: str) -> None:
        """The web client deletes this one."""
        self.world.delete_messages(USER, key.conversation_id, [message_id], key.kind)
        self._say(f"web deletes in {key}: {message_id}")

    def recall(self) -> None:
        """A message is withdrawn."""
        message = self._any()
        if message is not None:
            self.world.recall(message.message_id)
            self._say(f"recalled: {message.message_id}")

    def _any(self) -> Message | None:
        served = self.served(self.random.choice(self.keys))
        return self.random.choice(served) if served else None

    def web_delete(self) -> None:
        """The web client deletes something."""
        key = self.random.choice(self.keys)
        how = self.random.choice((self._web_ids, self._web_ids, self._web_before, self._web_whole))
        how(key)

    def _web_ids(self, key: ConversationKey) -> None:
        served = [str(m.message_id) for m in self.served(key)]
        some = self.random.sample(served, min(len(served), self.random.randint(1, 4)))
        self.world.delete_messages(USER, key.conversation_id, some, key.kind)
        self._say(f"web deletes in {key}: {' '.join(some)}")

    def _web_before(self, key: ConversationKey) -> None:
        served = self.served(key)
        if not served:
            return
        at = self.random.choice([*(m.timestamp for m in served), self.world.now()])
        self.world.delete_before(USER, key.conversation_id, at, key.kind)
        self._say(f"web deletes up to {at} in {key}")

    def _web_whole(self, key: ConversationKey) -> None:
        whole = self.random.random() < 0.5
        self.world.delete_conversation(USER, key.conversation_id, key.kind, delete_messages=whole)
        self._say(f"web deletes {key}, messages too: {whole}")

    def web_delete_all(self) -> None:
        """The web client deletes everything."""
        self.world.delete_all(USER)
        self._say("web deletes everything")

    def web_touch(self) -> None:
        """The web client pins, marks or reads a conversation."""
        key = self.random.choice(self.keys)
        name, kind = key.conversation_id, key.kind
        actions: list[Callable[[], object]] = [
            lambda: self.world.pin(USER, name, kind),
            lambda: self.world.unpin(USER, name, kind),
            lambda: self.world.mark(USER, name, kind, 3),
            lambda: self.world.read(USER, name, kind),
        ]
        self.random.choice(actions)()
        self._say(f"web touches {key}")

    # What an operator does

    def back_up(self) -> None:
        """A copy of everything is put aside."""
        self._backups.append(copy.deepcopy(self.world))
        self._say("backed up")

    def restore(self) -> None:
        """An older copy is served, or nothing at all. Ids are never given twice."""
        old = self.world
        world = self.random.choice(self._backups) if self._backups else self._new_world()
        world.skip_ids(old._last_id)
        world.switches = old.switches
        world.seed = self.random.randrange(1 << 30)  # tokens are drawn from it: not the old ones
        self._note_restored(old, world)
        self._backups = []
        self.resets += 1
        self._serve(world)
        self._say("restored from a backup")

    def _note_restored(self, old: WatchedWorld, new: WatchedWorld) -> None:
        known = {str(message_id) for message_id in new._addresses}
        for message_id in known:
            before, after = old.message(message_id).edit, new.message(message_id).edit
            if before != after:
                self.edits_lost.add(message_id)

    def switch(self, **switches: Any) -> None:
        """Some settings change."""
        self.world.switches = evolve(self.world.switches, **switches)
        self._say(f"switches {switches}")


def _switches(random: Random) -> Switches:
    return Switches(
        start_gone=random.choice(["nothing", "head", "honour"]),
        full_page_is_last=random.random() < 0.3,
        last_cursor=random.choice(["undefined", "absent", "empty", "null"]),
        replicas=random.choice([1, 1, 1, 2, 2, 3]),
        replica_lag_ms=2_000,
        list_cap=random.choice([100, 100, 3]),
        message_cap=random.choice([0, 0, 0, 0, 0, 0, 12, 30]),
        retention_days=random.choice([0, 0, 0, 3, 7]),
        server_messages_in_list=random.random() < 0.2,
    )


def _reasons(view: View, message: Message, *, capped: bool) -> list[str]:
    reasons = []
    if USER in message.deleted_for:
        reasons.append("deleted")
    if message.recalled_at is not None:
        reasons.append("recalled")
    if view._expired(message):
        reasons.append("expired")
    if capped:
        reasons.append("capped")
    return reasons
