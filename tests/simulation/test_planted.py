"""Every planted bug is a bug: a small history goes wrong with it, and well without it.

Each history here is named after its bug and returns whether the law held.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from syncengine import Kind
from syncengine.emulator import Switches, World
from syncengine.remote.easemob.roaming_pb2 import Meta
from syncengine.store.database import connect_inline
from tests.cutting import Cut, cut_engine
from tests.harness import USER, Side, dump, numbered
from tests.simulation.planted import BUGS, Bug

History = Callable[[Side], Awaitable[bool]]
HISTORIES: dict[str, History] = {}
DAY = 86_400


def shows(history: History) -> History:
    """The history that shows the bug of the same name."""
    HISTORIES[history.__name__] = history
    return history


def use(side: Side, **switches: Any) -> None:
    """A world with these switches."""
    side.serve(World(seed=1, clock=side.time.now, switches=Switches(**switches)))
    side.world.add_user(USER)


def delete(side: Side, ids: Sequence[str]) -> None:
    """Another device of alice deletes."""
    side.world.delete_messages(USER, "bob", ids, Kind.CHAT)


async def cycles(side: Side, number: int, **config: Any) -> None:
    """Some cycles that audit, 11 s apart."""
    for _ in range(number):
        side.time.seconds += 11
        await side.sync(**({"audit_pages": 4} | config))


async def ten_of_which_two_go(side: Side) -> list[str]:
    """Ten messages are held, and another device deletes two of them."""
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[3:5])
    return ids


def away(side: Side) -> None:
    """The server cannot be reached."""
    side.fail("drop-before", probability=1.0)
    side.emulator.faults._in_a_row = -(10**6)


@shows
async def ignore_absence(side: Side) -> bool:
    """Missing twice: gone."""
    await ten_of_which_two_go(side)
    await cycles(side, 2)
    return side.held() == side.served()


@shows
async def remove_at_first_sight(side: Side) -> bool:
    """Missing once: still there."""
    ids = await ten_of_which_two_go(side)
    await cycles(side, 1)
    return side.held() == ids


@shows
async def ignore_horizon(side: Side) -> bool:
    """What expired stays."""
    use(side, retention_days=7)
    old = side.send(*numbered(1, 5))
    await side.sync()
    side.time.seconds += 5 * DAY
    new = side.send(*numbered(6, 8))
    await cycles(side, 2)
    side.time.seconds += 3 * DAY
    await cycles(side, 4)
    return side.held() == old + new


@shows
async def trust_edited_neighbour(side: Side) -> bool:
    """The oldest was edited, and so outlasts those above it, which expire."""
    use(side, retention_days=7)
    ids = side.send(*numbered(1, 4))
    await side.sync()
    side.time.seconds += 5 * DAY
    side.world.edit(ids[0], "m1 edited")
    side.time.seconds += 4 * DAY
    await cycles(side, 4)
    return side.held() == ids


@shows
async def trust_imported_neighbour(side: Side) -> bool:
    """One was imported below them; four expired, or were deleted: who knows."""
    ids = side.send(*numbered(1, 5))
    await side.sync()
    side.world.import_message("bob", USER, content="late", at=1_600_000_000_000)
    await cycles(side, 4)
    side.time.seconds += 9 * DAY
    delete(side, ids[:4])
    await cycles(side, 4)
    return set(ids) <= set(side.held())


@shows
async def ignore_cap(side: Side) -> bool:
    """Three newer ones push out the three oldest: these stay."""
    use(side, message_cap=10)
    ids = side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await side.sync()
    ids += side.send(*numbered(11, 13))
    await side.sync()
    side.time.seconds += 7200
    await cycles(side, 4, retention_days=90.0)
    return side.held() == ids


@shows
async def bury_the_absent(side: Side) -> bool:
    """Removed by absence, and served twice again: back."""
    ids = await ten_of_which_two_go(side)
    await cycles(side, 2)
    for message_id in ids[3:5]:
        side.world.message(message_id).deleted_for.clear()
    await cycles(side, 4)
    return side.held() == side.served() == ids


@shows
async def believe_replays(side: Side) -> bool:
    """A cache answers with an older page when the newest is asked for."""
    side.page_size = 5
    ids = side.send(*numbered(1, 20))
    side.time.seconds += 7200
    async with side.engine(audit_pages=1) as engine:
        await engine.sync()
        side.fail("repeat", probability=0.0, routes={"history"})
        await engine.fetch_history_messages("bob", "chat", start_message_id=ids[5], page_size=4)
        side.emulator.faults.probability = 1.0
        for _ in range(2):
            side.time.seconds += 11
            await engine.sync()
    return side.held() == ids


@shows
async def guard_nothing(side: Side) -> bool:
    """The server lost most of a long conversation: the copy is the only one left."""
    ids = side.send(*numbered(1, 60))
    side.time.seconds += 7200
    await side.sync()
    delete(side, ids[20:])
    await cycles(side, 4)
    return side.held() == ids


@shows
async def guard_by_cycle(side: Side) -> bool:
    """It loses them little by little: more than a quarter is too much all the same."""
    ids = side.send(*numbered(1, 60))
    side.time.seconds += 7200
    await side.sync()
    for first in range(1, 51, 10):
        delete(side, ids[first : first + 9])
        await cycles(side, 4)
    return len(side.held()) >= 45


@shows
async def believe_the_list(side: Side) -> bool:
    """The list keeps two conversations; the third is on the server, and here."""
    use(side, list_cap=2)
    side.send(*numbered(1, 5))
    await side.sync()
    for peer in ("carol", "dave"):
        side.time.seconds += 60
        side.send("hi", peer=peer)
    await side.sync(full_list_every=0.0)
    return side.held() == side.served()


async def a_gap_below_a_message_that_goes(side: Side) -> list[str]:
    """The newest of twelve are held; the one where the gap is closed from is deleted."""
    use(side, start_gone="nothing")
    side.page_size = 5
    side.send(*numbered(1, 12))
    side.time.seconds += 7200
    await side.sync_until(lambda progress: progress.pages >= 1, fetchers=1)
    held = side.held()
    delete(side, held[1:2])
    return held


@shows
async def trust_dead_start(side: Side) -> bool:
    """A start that is gone gets nothing for an answer: history goes on all the same."""
    await a_gap_below_a_message_that_goes(side)
    await side.sync()
    return set(side.served()) <= set(side.held())


@shows
async def trust_dead_start_of_fetch(side: Side) -> bool:
    """A person scrolls down from there."""
    held = await a_gap_below_a_message_that_goes(side)
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", start_message_id=held[0])
    return side.picture().startswith("?")


@shows
async def call_seam_whole(side: Side) -> bool:
    """What lay between the old messages and the new ones may have expired unseen."""
    use(side, retention_days=7)
    side.send(*numbered(1, 5))
    await side.sync()
    side.time.seconds += 8 * DAY
    side.send(*numbered(6, 8))
    await side.sync()
    return side.picture() == "[m1 m2 m3 m4 m5] ~ [m6 m7 m8]"


@shows
async def close_on_short_page(side: Side) -> bool:
    """Half of the newest page are rows that are no messages."""
    side.page_size = 10
    ids = side.send(*numbered(1, 20))
    for number in range(5):
        raw = Meta(id=1 + number, ns=5).SerializeToString()
        side.world.add_row("bob", USER, Kind.CHAT, raw)
    side.time.seconds += 7200
    await side.sync()
    return side.held() == ids


@shows
async def order_by_time(side: Side) -> bool:
    """The sender's clock went backwards."""
    for back in (0, 50_000, 20_000):
        side.send(f"{back} ms back", at=side.time.now() - back)
    await side.sync()
    return side.held() == side.served()


@shows
async def believe_every_head(side: Side) -> bool:
    """A replica without the newest message answers; the next cycle finds it."""
    use(side, replicas=2, replica_lag_ms=3_000_000)
    side.send(*numbered(1, 3))
    side.time.seconds += 7200
    await side.sync()
    for n in range(4, 8):
        side.send(f"m{n}")
        await side.sync()
    side.time.seconds += 7200
    await side.sync()
    return side.held() == side.served()


@shows
async def let_stale_page_win(side: Side) -> bool:
    """A page that was answered before an edit comes after it."""
    ids = side.send(*numbered(1, 10))
    await side.sync()
    remote = side.remote()
    async with side.engine(remote=remote) as engine:

        async def edited_meanwhile(peer: str, start: str) -> None:
            remote.after = None
            side.world.edit(ids[-1], "edited")
            await engine.sync()

        remote.after = edited_meanwhile
        await engine.fetch_history_messages("bob", "chat", page_size=10)
    return side.picture().endswith("m9 edited]")


@shows
async def skip_tombstones(side: Side) -> bool:
    """A lagging replica still serves what was deleted here."""
    use(side, replicas=2, replica_lag_ms=30_000)
    ids = side.send("m1", "m2", "m3")
    side.time.seconds += 60
    await side.sync()
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[2:])
        await engine.deliver()
        for _ in range(4):
            await engine.fetch_history_messages("bob", "chat")
    return side.held() == ids[:2]


@shows
async def show_what_is_pending(side: Side) -> bool:
    """The deletion is not sent yet, and older pages of what it covers come in."""
    side.page_size = 5
    ids = side.send(*numbered(1, 12))
    await side.sync_until(lambda progress: progress.pages >= 1, fetchers=1)
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids)
        await engine.fetch_history_messages("bob", "chat", page_size=10)
    return side.held() == []


@shows
async def delete_without_bound(side: Side) -> bool:
    """Up to next century; somebody writes before it is sent."""
    side.send("m1", "m2")
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_before("bob", "chat", 99_999_999_999_999)
    side.time.seconds += 60
    later = side.send("m3")
    await side.sync()
    await side.sync()
    return side.served() == later == side.held()


@shows
async def delete_conversation_in_one_call(side: Side) -> bool:
    """Somebody writes before it is sent."""
    side.send(*numbered(1, 5))
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_conversation("bob", "chat")
    side.time.seconds += 60
    later = side.send("m6")
    await side.sync()
    return side.served() == later


@shows
async def write_intent_later(side: Side) -> bool:
    """The process ends right after the call returned."""
    ids = side.send(*numbered(1, 3))
    await side.sync()
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
    return side.held() == ids[1:]


@shows
async def settle_before_accepted(side: Side) -> bool:
    """The server is away for a while."""
    ids = side.send("m1", "m2")
    await side.sync()
    away(side)
    async with side.engine(attempts=1) as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[:1])
        await engine.deliver()
    side.fail("none")
    await side.sync()
    return side.served() == ids[1:]


@shows
async def drop_hidden(side: Side) -> bool:
    """The server refuses for good: everything is back."""
    ids = side.send("m1", "m2", "m3")
    await side.sync()
    side.world.switches = Switches(roaming="disabled-400")
    async with side.engine() as engine:
        await engine.delete_remote_messages_with_ids("bob", "chat", ids[1:2])
        await engine.deliver()
    return side.held() == ids


@shows
async def commit_cursor_first(side: Side) -> bool:
    """After every commit: all is here, or a gap says that something is missing."""
    side.page_size = 5
    ids = side.send(*numbered(1, 12))
    sound: list[bool] = []

    def look(connection: sqlite3.Connection) -> None:
        (gaps,) = connection.execute("SELECT count(*) FROM gap").fetchone()
        (held,) = connection.execute("SELECT count(*) FROM message").fetchone()
        (known,) = connection.execute("SELECT count(*) FROM conversation").fetchone()
        sound.append(gaps > 0 or held == len(ids) or not known)

    cut = Cut()
    async with cut_engine(side, cut) as engine:
        cut.on_commit = look
        await engine.sync()
    return len(sound) > 1 and all(sound)


@shows
async def write_when_idle(side: Side) -> bool:
    """Nothing new: the books are all that is written."""
    side.send(*numbered(1, 10))
    side.time.seconds += 7200
    await cycles(side, 2)
    before = dump(side.path)
    await cycles(side, 2)
    after = dump(side.path)
    return all(before[table] == after[table] for table in before if table not in _BOOKS)


_BOOKS = {"account", "audit"}


async def _told(side: Side) -> list[str]:
    async with side.engine(online=False) as engine:
        return [change.what.value for change in await engine.reader.changes()]


@shows
async def keep_edits_secret(side: Side) -> bool:
    """An edit is found by the audit, and told."""
    (first, *_) = side.send(*numbered(1, 3))
    await side.sync()
    side.world.edit(first, "edited")
    await cycles(side, 1)
    return "edited" in await _told(side)


@shows
async def cut_commits_in_two(side: Side) -> bool:
    """The last row of the file is the end of a commit."""
    side.send(*numbered(1, 3))
    await side.sync()
    return bool(dump(side.path)["change"][-1][-1] == 1)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
async def test_a_planted_bug_is_one(tmp_path: Path, bug: Bug) -> None:
    """Each law in turn: its history goes well, and with the bug it does not."""
    history = HISTORIES[bug.__name__]
    assert await history(Side(tmp_path / "sound.db", connect=connect_inline))
    with bug():
        assert not await history(Side(tmp_path / "broken.db", connect=connect_inline))


def test_every_bug_has_its_history() -> None:
    """And the other way round."""
    assert sorted(HISTORIES) == sorted(bug.__name__ for bug in BUGS)
