"""Every fetch answers: from the server, or from what is held here, marked, with the reason."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncengine import (
    Config,
    ConfigError,
    Fetched,
    Gone,
    RemoteError,
    ServerFault,
    ServiceNotEnabled,
    Source,
    SyncEngine,
    Throttled,
    Unauthorized,
    Unreachable,
)
from syncengine.emulator import Switches, World
from syncengine.models import ConversationKey, Page, SummaryPage
from tests.harness import USER, Side, WatchedRemote, numbered

Fetch = Callable[[SyncEngine], Awaitable[Fetched[Any]]]
FETCHES: list[Fetch] = [
    lambda engine: engine.fetch_history_messages("bob", "chat", page_size=5),
    lambda engine: engine.fetch_conversation_list_from_server(1),
    lambda engine: engine.get_conversations_from_server(),
]
ALL = pytest.mark.parametrize("fetch", FETCHES, ids=["history", "list", "lists"])


class Refusing(WatchedRemote):
    """The real adapter, which from some moment on meets one error with every request."""

    error: RemoteError | None = None

    async def fetch_page(
        self, key: ConversationKey, start: str = "", *, limit: int = 49, newer: bool = False
    ) -> Page:
        if self.error is not None:
            raise self.error
        return await super().fetch_page(key, start, limit=limit, newer=newer)

    async def fetch_summaries_by_page(self, page_num: int, page_size: int = 20) -> SummaryPage:
        if self.error is not None:
            raise self.error
        return await super().fetch_summaries_by_page(page_num, page_size)

    async def fetch_summaries_unpaged(self) -> SummaryPage:
        if self.error is not None:
            raise self.error
        return await super().fetch_summaries_unpaged()


def refusing(side: Side, error: RemoteError) -> Refusing:
    made = Refusing(
        "http://127.0.0.1:1",
        app_key=side.world.app_key,
        user=USER,
        password=USER,
        transport=side.emulator.transport,
        now=side.time.now,
    )
    made.error = error
    return made


@ALL
@pytest.mark.parametrize("error", [Unreachable, Throttled, ServerFault, Unauthorized, Gone])
async def test_a_refusal_of_any_kind_is_answered_from_here(
    side: Side, fetch: Fetch, error: type[RemoteError]
) -> None:
    """Law 9: what is held is shown, marked as local, with the error that caused it."""
    side.send(*numbered(1, 8))
    await side.sync()
    async with side.engine(remote=refusing(side, error("no"))) as engine:
        found = await fetch(engine)
    assert found.source is Source.LOCAL
    assert type(found.error) is error
    assert len(found.items) in (1, 5)


@ALL
@pytest.mark.parametrize("error", [Unreachable, Unauthorized])
async def test_with_nothing_here_the_error_is_raised(
    side: Side, fetch: Fetch, error: type[RemoteError]
) -> None:
    """Nothing held is no answer: *empty* and *never asked* differ (law 9)."""
    async with side.engine(remote=refusing(side, error("no"))) as engine:
        with pytest.raises(error):
            await fetch(engine)


async def test_an_account_that_is_known_to_be_empty_is_an_answer(side: Side) -> None:
    """Law 9: its list was read, and there was nothing in it: no error, an empty list."""
    await side.sync()
    async with side.engine(remote=refusing(side, Unreachable("no"))) as engine:
        found = await engine.get_conversations_from_server()
    assert (found.items, found.source) == ([], Source.LOCAL)


async def test_a_wrong_password_and_a_service_that_is_off(side: Side) -> None:
    """The server's own refusals, through the real adapter: local, and the hint is kept."""
    side.send("m1")
    await side.sync()
    side.world.users[USER].password = "changed"
    async with side.engine() as engine:
        found = await engine.fetch_history_messages("bob", "chat")
    assert isinstance(found.error, Unauthorized)
    world = World(clock=side.time.now, switches=Switches(roaming="disabled-400"))
    world.add_user(USER)
    side.serve(world)
    async with side.engine() as engine:
        found = await engine.fetch_history_messages("bob", "chat")
        with pytest.raises(ServiceNotEnabled):
            await engine.fetch_history_messages("carol", "chat")
    assert isinstance(found.error, ServiceNotEnabled)
    assert "roaming" in found.error.hint
    assert [message.text for message in found.items] == ["m1"]


async def test_a_local_page_does_not_jump_over_a_gap(side: Side) -> None:
    """Law 9: below a gap nothing is known; a page that went on there would hide messages. It is
    empty, says why, and leads on to where to ask again; so it is below what is not held."""
    side.send(*numbered(1, 5))
    await side.sync()
    ids = side.send(*numbered(6, 30))
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=10)
    async with side.engine(remote=refusing(side, Unreachable("no"))) as engine:
        found = await engine.fetch_history_messages("bob", "chat", page_size=20)
        assert [message.text for message in found.items] == numbered(21, 30)
        assert found.cursor == ids[15]
        for start in (ids[15], ids[10], "of-nobody"):
            below = await engine.fetch_history_messages("bob", "chat", start_message_id=start)
            assert (below.items, below.cursor, below.source) == ((), start, Source.LOCAL)
            assert isinstance(below.error, Unreachable)


@pytest.mark.parametrize("where", ["given", "configured"])
async def test_a_server_that_is_too_slow(side: Side, where: str) -> None:
    """Law 9: after the deadline the copy answers; the request is over, nothing of it is left,
    and a deletion does not wait for it."""
    side.send(*numbered(1, 8))
    await side.sync()
    remote = side.remote()
    never = asyncio.Event()

    async def wait(peer: str, start: str) -> None:
        await never.wait()

    remote.before = wait
    settings: dict[str, Any] = {} if where == "given" else {"fetch_deadline": 0.01}
    async with side.engine(remote=remote, **settings) as engine:
        tasks = asyncio.all_tasks()
        deadline = 0.01 if where == "given" else None
        found = await engine.fetch_history_messages("bob", "chat", deadline=deadline)
        assert asyncio.all_tasks() == tasks
        await engine._under_way.placed()
    assert len(found.items) == 8
    assert isinstance(found.error, Unreachable)
    assert "0.01 s" in str(found.error)
    assert found.error.hint


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_what_a_deadline_cut_off_is_fetched_the_next_time(side: Side, moment: str) -> None:
    """Law 1: a page that was cut off on its way, there or back, is not half there."""
    side.send(*numbered(1, 8))
    await side.sync()
    side.send(*numbered(9, 12))
    remote = side.remote()
    never = asyncio.Event()

    async def wait(peer: str, start: str) -> None:
        await never.wait()

    async with side.engine(remote=remote) as engine:
        setattr(remote, moment, wait)
        found = await engine.fetch_history_messages("bob", "chat", deadline=0.01)
        assert [message.text for message in found.items] == numbered(1, 8)
        setattr(remote, moment, None)
        found = await engine.fetch_history_messages("bob", "chat", deadline=60)
    assert [message.text for message in found.items] == numbered(1, 12)
    assert found.source is Source.SERVER
    assert side.picture() == f"[{' '.join(numbered(1, 12))}]"


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 1e9])
async def test_deadlines_are_checked(side: Side, seconds: float) -> None:
    """What can be no deadline is an error before anything is sent."""
    with pytest.raises(ConfigError, match="fetch_deadline"):
        Config(fetch_deadline=seconds)
    async with side.engine() as engine:
        with pytest.raises(ConfigError):
            await engine.fetch_history_messages("bob", "chat", deadline=seconds)
        with pytest.raises(ConfigError):
            await engine.get_conversations_from_server(deadline=seconds)
        with pytest.raises(ConfigError):
            await engine.load_messages("bob", "chat", deadline=seconds)
    assert side.emulator.counters.total == 0


async def test_a_page_of_the_local_list_says_whether_more_follow(side: Side) -> None:
    """The cursor is the next page's number, as it is the server's."""
    for peer in ("bob", "carol", "dave"):
        side.time.seconds += 1
        side.send("hi", peer=peer)
    await side.sync()
    async with side.engine(remote=refusing(side, Throttled("slow", retry_after=5))) as engine:
        first = await engine.fetch_conversation_list_from_server(1, 2)
        last = await engine.fetch_conversation_list_from_server(2, 2)
        beyond = await engine.fetch_conversation_list_from_server(3, 2)
    assert [c.conversation_id for c in first.items] == ["dave", "carol"]
    assert [c.conversation_id for c in last.items] == ["bob"]
    assert (first.cursor, last.cursor, beyond.cursor) == ("2", None, None)
    assert beyond.items == []
