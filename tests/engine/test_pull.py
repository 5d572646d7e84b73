"""Whole cycles against the emulator, in one process on virtual time."""

import pytest

from syncengine import Kind, SyncEngine
from syncengine.emulator import Switches, World, demo_world
from tests.harness import USER, Side, dump, numbered


def use(side: Side, **switches: object) -> None:
    """A server with these switches, alice registered."""
    world = World(clock=side.time.now, switches=Switches(**switches))  # type: ignore[arg-type]  # by their names
    world.add_user(USER)
    side.serve(world)


async def test_pulls_an_account_whole(side: Side) -> None:
    """Law 13: after a cycle without faults the copy equals the server's view."""
    side.serve(demo_world(clock=side.time.now))
    report = await side.sync()
    assert report.errors == ()
    assert report.gaps_open == 0
    assert report.conversations == len(side.world.conversations(USER))
    side.assert_same()


async def test_a_cycle_with_nothing_new_costs_one_request_and_one_row(side: Side) -> None:
    """Law 11: an idle cycle is one list request and writes its one row of bookkeeping."""
    side.serve(demo_world(clock=side.time.now))
    await side.sync()
    before = dump(side.path)
    side.time.seconds += 60
    async with side.engine() as engine:
        await engine.sync()  # signs in
        side.emulator.counters.reset()
        report = await engine.sync()
    after = dump(side.path)
    assert (report.requests, report.pages, report.conversations) == (1, 0, 0)
    assert side.emulator.counters.requests == {"list": 1}
    assert before.pop("account") != after.pop("account")
    assert before == after


async def test_catching_up_meets_what_is_held(side: Side) -> None:
    """Law 2: new messages cost the list and one page, and join what is held."""
    side.send(*numbered(1, 120))
    await side.sync()
    side.send(*numbered(121, 123))
    report = await side.sync()
    assert report.messages_added == 3
    assert report.pages == 1
    assert side.held() == side.served()


async def test_a_week_offline_leaves_no_hole(side: Side) -> None:
    """Law 2: many pages of news are followed down until they meet what is held."""
    side.page_size = 10
    side.send(*numbered(1, 25))
    await side.sync()
    side.send(*numbered(26, 80))
    await side.sync_until(lambda progress: progress.pages >= 2)
    assert " ? " in side.picture()
    assert side.picture().startswith("[m1 m2 ")
    await side.sync()
    assert side.picture() == f"[{' '.join(numbered(1, 80))}]"


async def test_the_newest_page_of_every_conversation_comes_first(side: Side) -> None:
    """Readable in seconds: no depth before every conversation has its newest page."""
    side.page_size = 5
    for peer in ("bob", "carol", "dave"):
        side.send(*numbered(1, 30), peer=peer)
    await side.sync_until(lambda progress: progress.pages >= 3, fetchers=1)
    newest = "? [m26 m27 m28 m29 m30]"
    assert side.picture("bob") == newest
    assert side.picture("carol") == newest
    assert side.picture("dave").endswith("m26 m27 m28 m29 m30]")


async def test_depth_goes_to_the_most_recent_conversation_first(side: Side) -> None:
    """After the newest pages, the conversation that was active last is completed first."""
    side.page_size = 5
    for peer in ("bob", "carol", "dave"):
        side.send(*numbered(1, 30), peer=peer)
    await side.sync_until(lambda progress: progress.conversations_done >= 1, fetchers=1)
    assert side.held("dave") == side.served("dave")
    assert side.picture("bob") == "? [m26 m27 m28 m29 m30]"


async def test_order_comes_from_pages_not_from_clocks(side: Side) -> None:
    """Law 3: equal and backward timestamps change nothing."""
    now = side.time.now()
    for text, at in (("m1", now), ("m2", now), ("m3", now - 9_000_000), ("m4", now - 5)):
        side.send(text, at=at)
    await side.sync()
    assert side.picture() == "[m1 m2 m3 m4]"
    side.send("m5", at=now - 99_000_000)
    await side.sync()
    assert side.picture() == "[m1 m2 m3 m4 m5]"


async def test_a_message_imported_into_the_past_gets_its_place(side: Side) -> None:
    """Law 3: it is placed where the server's page shows it, in a span already whole."""
    start = side.time.now()
    for i, text in enumerate(numbered(1, 5)):
        side.send(text, at=start + i * 1000)
    await side.sync()
    side.world.import_message("bob", USER, Kind.CHAT, "old", at=start + 2500)
    side.send("m6", at=start + 9000)
    await side.sync()
    assert side.picture() == "[m1 m2 m3 old m4 m5 m6]"


async def test_an_edited_message_is_replaced_in_place(side: Side) -> None:
    """Law 3: an edit changes what a message says, not where it stands."""
    ids = side.send("m1", "m2", "m3")
    await side.sync()
    side.world.edit(ids[2], "m3-edited")
    await side.sync()
    assert side.picture() == "[m1 m2 m3-edited]"
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages("bob", "chat")
    assert found.messages[-1].edited_at is not None


async def test_history_that_expired_between_two_visits_is_a_seam(side: Side) -> None:
    """Law 2: what may have expired unseen is never called whole."""
    use(side, retention_days=7)
    side.send("m1", "m2")
    await side.sync()
    side.time.seconds += 5 * 86_400
    side.send("unseen")
    side.time.seconds += 10 * 86_400
    side.send("m9")
    report = await side.sync()
    assert report.gaps_open == 0
    assert side.picture() == "[m1 m2] ~ [m9]"
    async with side.engine(online=False) as engine:
        (conversation,) = await engine.load_all_conversations()
    assert not conversation.whole


async def test_what_expires_on_the_server_stays_here(side: Side) -> None:
    """Law 7: expired is not deleted, and it leaves no gap."""
    use(side, retention_days=7)
    side.send("m1", "m2")
    await side.sync()
    side.time.seconds += 6 * 86_400
    side.send("m3")
    await side.sync()
    side.time.seconds += 3 * 86_400
    side.send("m4")
    await side.sync()
    assert side.picture() == "[m1 m2 m3 m4]"


@pytest.mark.parametrize("start_gone", ["nothing", "head", "honour"])
async def test_a_cursor_whose_message_is_gone_proves_nothing(side: Side, start_gone: str) -> None:
    """Law 2: resuming at a deleted message neither ends history nor misplaces the head."""
    use(side, start_gone=start_gone)
    side.page_size = 5
    ids = side.send(*numbered(1, 30))
    await side.sync_until(lambda progress: progress.pages >= 2, fetchers=1)
    oldest_held = side.held()[0]
    assert oldest_held != ids[0]
    side.world.delete_messages(USER, "bob", [oldest_held], Kind.CHAT)
    side.send(*numbered(31, 38))
    report = await side.sync(fetchers=1)
    assert report.errors == ()
    assert report.gaps_open == 0
    assert [m for m in side.held() if m != oldest_held] == side.served()


@pytest.mark.parametrize("start_gone", ["nothing", "head"])
async def test_a_chain_whose_whole_neighbourhood_is_gone_starts_at_the_head(
    side: Side, start_gone: str
) -> None:
    """Law 2: with every nearby start gone, the walk from the head still finds the gap."""
    use(side, start_gone=start_gone)
    side.page_size = 5
    side.send(*numbered(1, 40))
    await side.sync_until(lambda progress: progress.pages >= 3, fetchers=1)
    gone = side.held()[:-2]
    side.world.delete_messages(USER, "bob", gone, Kind.CHAT)
    report = await side.sync(fetchers=1)
    assert report.errors == ()
    assert report.gaps_open == 0
    assert [m for m in side.held() if m not in gone] == side.served()


async def test_a_resumed_pull_fetches_one_message_again(side: Side) -> None:
    """Law 2: the message that a resumed chain hangs on is asked for once more, no other."""
    side.page_size = 10
    side.send(*numbered(1, 100))
    side.time.seconds += 7200  # young messages are asked for with more care
    await side.sync_until(lambda progress: progress.messages_added >= 30, fetchers=1)
    held = len(side.held())
    side.emulator.counters.reset()
    await side.sync(fetchers=1)
    assert side.held() == side.served()
    assert side.emulator.counters.rows == 100 - held + 1


async def test_a_lagging_replica_does_not_lose_a_message(side: Side) -> None:
    """Law 6: the list announces a message that the replica omits; the head is read again."""
    use(side, replicas=2, replica_lag_ms=3_600_000)
    side.send("m1")
    side.time.seconds += 7200
    await side.sync()
    side.send("m2")
    for _ in range(3):
        await side.sync()
    assert side.picture() == "[m1 m2]"


async def test_a_listed_message_that_history_never_shows_costs_a_few_looks_only(
    side: Side,
) -> None:
    """Law 11: the head is read again a few times, then the account is idle."""
    use(side, replicas=2, replica_lag_ms=10**12)
    side.send("m1")
    side.emulator.counters.reset()
    for _ in range(12):
        await side.sync()
    async with side.engine() as engine:
        await engine.sync()
        report = await engine.sync()
    assert (report.requests, report.pages) == (1, 0)


async def test_a_conversation_missing_from_the_list_keeps_everything(side: Side) -> None:
    """Law 6: the list's cap pushes conversations out; what was pulled stays."""
    use(side, list_cap=2)
    side.send("m1", peer="bob")
    await side.sync()
    for peer in ("carol", "dave", "erin"):
        side.send("hi", peer=peer)
    await side.sync()
    assert side.picture("bob") == "[m1]"


async def test_a_list_of_many_pages_is_read_to_its_end_the_first_time(side: Side) -> None:
    """Law 6: the first pass reads every page of the list; an idle one only the first."""
    for number in range(90):
        side.send("hello", peer=f"user{number}")
    report = await side.sync()
    assert report.conversations == 90
    async with side.engine() as engine:
        await engine.sync()
        report = await engine.sync()
    assert report.requests == 1


async def test_an_interrupted_list_is_read_whole_the_next_time(side: Side) -> None:
    """Law 6: a first page without news does not end a list that was never read whole."""
    for number in range(90):
        side.send("hello", peer=f"user{number}")
    await side.sync_until(lambda progress: progress.conversations_known >= 50, fetchers=1)
    report = await side.sync()
    assert report.errors == ()
    side.assert_same()
    async with side.engine(online=False) as engine:
        assert len(await engine.load_all_conversations()) == 90


async def test_a_user_and_a_group_may_share_an_id(side: Side) -> None:
    """A conversation is its id and its kind."""
    side.world.add_group("bob", [USER, "carol"])
    side.send("from the user")
    side.world.send("carol", "bob", Kind.GROUPCHAT, "from the group")
    await side.sync()
    assert side.picture("bob", "chat") == "[from the user]"
    assert side.picture("bob", "groupchat") == "[from the group]"


async def test_unread_count_and_pin_follow_the_server(side: Side) -> None:
    """What the list says of a conversation is stored with it, also without new messages."""
    side.send("m1", "m2")
    await side.sync()
    side.world.read(USER, "bob")
    side.world.pin(USER, "bob", Kind.CHAT)
    report = await side.sync()
    assert report.pages == 0
    async with side.engine(online=False) as engine:
        (conversation,) = await engine.load_all_conversations()
    assert (conversation.unread_count, conversation.pinned) == (0, True)


async def test_an_empty_conversation_and_one_never_synced_differ(side: Side) -> None:
    """Law 9: knowing that there is nothing is not the same as knowing nothing."""
    ids = side.send("m1")
    side.send("x", peer="carol")
    await side.sync()
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages("bob", "chat")
        unknown = await engine.reader.messages("nobody", "chat")
    assert found.reached_start
    assert not found.gaps
    assert unknown.gaps
    assert not unknown.reached_start
    assert found.messages[0].message_id == ids[0]


async def test_two_syncs_at_once_do_the_work_once(side: Side) -> None:
    """A second call waits for the first, and then finds nothing new."""
    side.send(*numbered(1, 60))
    async with side.engine() as engine:
        first, second = await _both(engine)
    assert {first, second} == {60, 0}


async def _both(engine: SyncEngine) -> tuple[int, int]:
    import asyncio

    reports = await asyncio.gather(engine.sync(), engine.sync())
    return reports[0].messages_added, reports[1].messages_added
