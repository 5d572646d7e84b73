"""Cuts a small case off at every point there is, goes on, and compares how it ends.

beginning ──cut at point n──▶ what is left ──opened again, run to the end──▶ end
    │                                                                        =
    └───────────────────────not cut──────────────────────────────────────▶ end
"""

import pickle
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, fields, frozen

from syncengine import CursorExpired, SyncEngine
from syncengine.remote.port import Capabilities
from tests.cutting import Cut, cut_engine
from tests.harness import USER, Side, WatchedRemote, dump

Step = Callable[[SyncEngine], Awaitable[object]]
"""Something that a person does, or that happens. One that was cut off is done again."""
Rows = list[tuple[Any, ...]]
BATCH = 3
"""Message ids in one deletion request, so that a few messages are several batches."""
_OLD = 7200
"""Seconds: no replica can disagree about what is so old."""
_APART = 11
"""Seconds between two reads of a head, the second of which confirms the first."""
_BOOKKEEPING = {"account", "audit"}
"""Tables that an idle cycle may write (law 11)."""


class SmallRemote(WatchedRemote):
    """The real adapter, in small batches."""

    @property
    def capabilities(self) -> Capabilities:
        """Those of the adapter, but for the batch."""
        return evolve(super().capabilities, delete_batch=BATCH)


@define
class Stage(Side):
    """A side whose beginning can be brought back."""

    refused: set[str] = field(factory=set)
    """Cursors that the server does not know any more."""
    faults: dict[str, Any] = field(factory=dict)
    """What goes wrong at the server, from the beginning on."""
    settings: dict[str, Any] = field(factory=lambda: {"audit_pages": 0})
    """Of the engines that are cut off, and of those that go on. Without audits: they would
    mend what a cut must not break."""

    def remote(self, **settings: Any) -> WatchedRemote:
        """The way to the server."""
        remote = super().remote(**settings)
        remote.__class__ = SmallRemote
        remote.before = self._refuse
        return remote

    async def _refuse(self, conversation_id: str, start: str) -> None:
        if start in self.refused:
            raise CursorExpired(f"{start} is not known any more")


@frozen
class Beginning:
    """A stage as it stands before anything is cut. Its copy must be closed."""

    stage: Stage
    server: bytes
    file: bytes

    @classmethod
    def of(cls, stage: Stage) -> "Beginning":
        """Remember it."""
        file = stage.path.read_bytes() if stage.path.exists() else b""
        return cls(stage, pickle.dumps((stage.time, stage.world)), file)

    def bring_back(self) -> None:
        """Let everything be as it was."""
        self.stage.time, world = pickle.loads(self.server)
        self.stage.serve(world)
        if self.stage.faults:
            self.stage.fail(**self.stage.faults)
        for file in self.stage.path.parent.glob(f"{self.stage.path.name}*"):
            file.unlink()
        if self.file:
            self.stage.path.write_bytes(self.file)


@frozen
class End:
    """How a case ended, for a reader and on the server. Positions may differ."""

    shown: Rows
    """Messages in their order."""
    holes: Rows
    """Gaps and seams, by their visible neighbours."""
    tombstones: Rows
    outbox: Rows
    """Whoever asks again after a cut may have asked twice: that is the same."""
    listed: Rows
    changes: Rows
    """What is said to have happened to a message; in how many rows may differ."""
    served: Rows

    @classmethod
    def of(cls, stage: Stage) -> "End":
        """Look at it."""
        with closing(sqlite3.connect(stage.path)) as database:
            found = [database.execute(query).fetchall() for query in _QUERIES]
        shown, holes, tombstones, outbox, listed, changes = found
        return cls(shown, holes, tombstones, outbox, listed, changes, _served(stage))

    def differs(self, other: "End") -> dict[str, tuple[Rows, Rows]]:
        """In what, for a failing test to show."""
        names = [each.name for each in fields(End)]
        both = {name: (getattr(self, name), getattr(other, name)) for name in names}
        return {name: pair for name, pair in both.items() if pair[0] != pair[1]}


_QUERIES = (
    """SELECT conversation_id, kind, message_id, text, edited_at
       FROM message JOIN conversation USING (conversation)
       WHERE hidden IS NULL ORDER BY conversation_id, kind, position""",
    """SELECT conversation_id, kind, seam,
              (SELECT message_id FROM message m WHERE m.conversation = g.conversation
               AND hidden IS NULL AND position <= low ORDER BY position DESC LIMIT 1),
              (SELECT message_id FROM message m WHERE m.conversation = g.conversation
               AND hidden IS NULL AND position >= high ORDER BY position LIMIT 1)
       FROM gap g JOIN conversation USING (conversation) ORDER BY conversation_id, kind, low""",
    """SELECT conversation_id, kind, message_id
       FROM tombstone JOIN conversation USING (conversation) ORDER BY 1, 2, 3""",
    """SELECT DISTINCT conversation_id, c.kind, i.kind, timestamp, state, error, message_id
       FROM intent i JOIN conversation c USING (conversation)
       LEFT JOIN intent_message USING (intent) ORDER BY 1, 2, 3, 4, 7""",
    """SELECT conversation_id, kind, unread_count, unlisted, fetched, message_id
       FROM conversation c LEFT JOIN message ON message = newest ORDER BY 1, 2""",
    """SELECT DISTINCT conversation_id, kind, what, cause, until, value
       FROM change JOIN conversation USING (conversation), json_each(message_ids)
       ORDER BY conversation_id, kind, value, what, cause""",
)


def _served(stage: Stage) -> Rows:
    listed = [each.entry.key for each in stage.world.conversations(USER)]
    history: Rows = [(peer, *stage.served(peer)) for peer in sorted(stage.world.users)]
    return [*history, tuple(listed)]


async def interrupt(stage: Stage, *steps: Step) -> End:
    """Do the steps, cut off at every point in turn; how they end. The stage is left so.

    After each cut what was not done is done, and the end must be the one without a cut;
    after it another cycle must find nothing to change.
    """
    beginning, uncut = Beginning.of(stage), Cut()
    expected = await _end(stage, await _cut_off(stage, uncut, steps))
    await _cut_everywhere(beginning, steps, uncut.points, [expected], again=True)
    beginning.bring_back()
    assert await _end(stage, await _cut_off(stage, Cut(), steps)) == expected
    return expected


async def interrupt_for_good(stage: Stage, step: Step, *more: Step) -> None:
    """Likewise, but a first step that was cut off is not done again: the end must be the one
    with it, or the one without it."""
    beginning, uncut = Beginning.of(stage), Cut()
    done = await _end(stage, await _cut_off(stage, uncut, [step, *more]))
    beginning.bring_back()
    undone = await _end(stage, list(more))
    assert done != undone
    await _cut_everywhere(beginning, [step, *more], uncut.points, [done, undone], again=False)


async def _cut_everywhere(
    beginning: Beginning, steps: Sequence[Step], points: int, ends: list[End], *, again: bool
) -> None:
    stage = beginning.stage
    known: set[bytes] = set()
    for at in range(1, points + 1):
        beginning.bring_back()
        cut = Cut(at)
        left = await _cut_off(stage, cut, steps)
        # What goes on from the same file, server and time ends the same: once is enough.
        found = _everything(stage, left)
        if found in known:
            continue
        known.add(found)
        if len(left) == len(steps) and not again:
            del left[0]
        end = await _end(stage, left)
        assert end in ends, f"cut at {at}, {cut.where}: {end.differs(ends[0])}"
    print(f"{points} points, {len(known)} ways to go on")


async def _cut_off(stage: Stage, cut: Cut, steps: Sequence[Step]) -> list[Step]:
    """Do the steps until the cut; those that were not done."""
    left = list(steps)

    async def work() -> None:
        async with cut_engine(stage, cut, fetchers=2, **stage.settings) as engine:
            await _do(engine, left)

    assert await cut.survive(work()) == (cut.at is not None)
    return left


def _everything(stage: Stage, left: list[Step]) -> bytes:
    """All that the rest depends on."""
    held = dump(stage.path) if stage.path.exists() else {}
    return pickle.dumps((stage.time, stage.world, stage.emulator.faults, held, len(left)))


async def _do(engine: SyncEngine, left: list[Step]) -> None:
    while left:
        await left[0](engine)
        del left[0]


async def _end(stage: Stage, left: list[Step]) -> End:
    """Do what is left, and go on until nothing is left to do."""
    async with stage.engine(**stage.settings) as engine:
        await _do(engine, left)
        stage.time.seconds += _OLD
        for _ in range(6):
            stage.time.seconds += _APART
            report = await engine.sync()
            if not report.pages and not report.errors:
                break
        end, before = End.of(stage), _changeable(stage.path)
        report = await engine.sync()
    assert report.errors == (), report.errors
    assert _changeable(stage.path) == before, "a cycle that had nothing to do wrote something"
    return end


def _changeable(path: Path) -> dict[str, Rows]:
    return {name: rows for name, rows in dump(path).items() if name not in _BOOKKEEPING}
