"""The property that makes the feed one: a snapshot plus its changes is the new snapshot."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from syncengine import ConversationKey, Kind, SyncEngine, SyncEngineError, Update
from syncengine.emulator import Switches
from syncengine.store.database import connect_inline
from tests.feed.window import Window
from tests.harness import USER, Side

PEERS = ("bob", "carol")
KEYS = [ConversationKey(peer, Kind.CHAT) for peer in PEERS]
HERE = (
    *("delete", "delete_before", "delete_conversation", "drop", "retry", "deliver"),
    *("sync", "sync", "sync", "sync", "sync", "verify", "fetch"),
)
ELSEWHERE = (
    *("send", "send", "send", "send", "edit", "recall", "delete_there", "import", "move"),
    *("refuse", "accept", "wait", "lose", "read"),
)

steps = st.lists(
    st.tuples(st.sampled_from(HERE + ELSEWHERE), st.sampled_from(PEERS), st.integers(0, 999)),
    min_size=3,
    max_size=25,
)


class History:
    """What happens on the server, and here."""

    def __init__(self, side: Side) -> None:
        self.side = side
        for peer in PEERS:
            side.world.add_user(peer)
        self.sent: dict[str, list[str]] = {peer: [] for peer in PEERS}

    async def step(self, engine: SyncEngine, what: str, peer: str, number: int) -> None:
        """One thing happens."""
        if what in ELSEWHERE:
            self.elsewhere(what, peer, Random(number))
        else:
            await self.here(engine, what, peer, Random(number))

    def elsewhere(self, what: str, peer: str, random: Random) -> None:
        """On the server, or on another device."""
        world, sent = self.side.world, self.sent[peer]
        gone = random.sample(sent, min(len(sent), random.randint(0, 4)))
        if what == "send":
            texts = [f"m{random.random()}" for _ in range(random.randint(1, 9))]
            sent += self.side.send(*texts, peer=peer)
        elif what == "import":
            at = self.side.time.now() - random.randint(0, 9000)
            sent.append(world.import_message(peer, USER, Kind.CHAT, "imported", at=at))
        elif what == "move" and len(sent) > 1:
            line = world._open(world._address(sent[0]))
            first, *others = line.messages
            line.__init__([*others, first])  # type: ignore[misc]  # anew, in its place
        elif what == "delete_there":
            world.delete_messages(USER, peer, gone, Kind.CHAT)
        elif what == "read":
            world.read(USER, peer)
        else:
            self._state(what, gone)

    def _state(self, what: str, gone: list[str]) -> None:
        world, time = self.side.world, self.side.time
        if what == "edit":
            for message_id in gone:
                world.edit(message_id, f"edited {time.now()}")
        elif what == "recall":
            for message_id in gone:
                world.recall(message_id)
        elif what == "wait":
            time.seconds += 7200
        elif what == "lose":
            world.switches = Switches(retention_days=0.05)
        else:
            world.switches = Switches(roaming="disabled-400" if what == "refuse" else "enabled")

    async def here(self, engine: SyncEngine, what: str, peer: str, random: Random) -> None:
        """By the person whose copy it is."""
        self.side.time.seconds += 11
        calls: dict[str, Callable[[], object]] = {
            "sync": engine.sync,
            "verify": lambda: engine.verify(accept=random.random() < 0.5),
            "deliver": engine.deliver,
            "fetch": lambda: engine.fetch_history_messages(peer, "chat", page_size=3),
        }
        if what in calls:
            await calls[what]()  # type: ignore[misc]  # each can be awaited
        elif await engine.reader.conversation(peer, "chat") is not None:
            await self._delete(engine, what, peer, random)

    async def _delete(self, engine: SyncEngine, what: str, peer: str, random: Random) -> None:
        ids = self.side.held(peer)
        numbers = [intent.number for intent in await engine.outbox()]
        if what == "delete":
            some = random.sample(ids, min(len(ids), 3))
            await engine.delete_remote_messages_with_ids(peer, "chat", some or ["1"])
        elif what == "delete_before":
            at = self.side.time.now() - random.choice([0, 5000, 60_000])
            await engine.delete_remote_messages_before(peer, "chat", at)
        elif what == "delete_conversation":
            with_messages = random.random() < 0.5
            await engine.delete_remote_conversation(peer, "chat", delete_messages=with_messages)
        elif what == "drop":
            await engine.drop_intents(numbers)
        else:
            await engine.retry_intents(numbers)


async def new_updates(engine: SyncEngine, since: int) -> list[Update]:
    """All that was told since, from a listener of its own."""
    newest, found = await engine.reader.revision(), list[Update]()
    listener = engine.changes(since)
    while since < newest:
        update = await anext(listener)
        since = update.revision
        found.append(update)
    return found


@given(steps, st.sampled_from([2, 3, 49]), st.sampled_from([0, 4]))
@settings(max_examples=60, deadline=None)
async def test_a_snapshot_and_its_changes_are_the_new_snapshot(
    history: list[tuple[str, str, int]], page_size: int, audit_pages: int
) -> None:
    """Laws 1, 3, 4, 5 and 8: whatever is written, the changes name it: who looks again at
    nothing else sees all that there is."""
    with TemporaryDirectory() as folder:
        side = Side(Path(folder) / "alice.db", page_size=page_size, connect=connect_inline)
        told = History(side)
        async with side.engine(audit_pages=audit_pages, retention="keep") as engine:
            window = await Window.open(engine, KEYS)
            for what, peer, number in history:
                with suppress(SyncEngineError):  # the window must hold all the same
                    await told.step(engine, what, peer, number)
                await window.apply(engine, await new_updates(engine, window.revision))
                assert window == await Window.open(engine, KEYS)
