"""Cycles against a server that fails, and against one that lies."""

import pytest

from syncengine import Unauthorized
from syncengine.emulator import demo_world
from tests.harness import Side, numbered

PASSING = (
    "latency",
    "distance",
    "expired",
    "throttle",
    "throttle-after",
    "unavailable",
    "drop-before",
    "drop-after",
    "truncated",
    "html",
    "repeat",
    "flaky",
)


@pytest.mark.parametrize("profile", PASSING)
@pytest.mark.parametrize("seed", [1, 2])
async def test_passing_faults_leave_no_trace(side: Side, profile: str, seed: int) -> None:
    """Laws 12 and 13: with faults all along, the copy ends equal to the server's view."""
    side.seed = seed
    side.serve(demo_world(clock=side.time.now))
    side.fail(profile)
    for _ in range(5):
        report = await side.sync(page_size=20)
        if not report.errors and not report.gaps_open:
            break
    assert report.errors == ()
    assert report.gaps_open == 0
    assert side.emulator.counters.faults.total() > 0
    side.assert_same()


async def test_a_401_renews_the_token_once_and_burns_no_attempt(side: Side) -> None:
    """Law 12: eight fetchers meet an expired token; one sign-in serves them all."""
    side.serve(demo_world(clock=side.time.now))
    async with side.engine(attempts=1) as engine:
        await engine.get_conversations_from_server()
        side.emulator.counters.reset()
        side.emulator.expire_tokens()
        report = await engine.sync()
    assert report.errors == ()
    assert side.emulator.counters.requests["token"] == 1


async def test_retry_after_holds_back_every_request(side: Side) -> None:
    """Law 12: where the server asks one request to wait, all wait."""
    side.serve(demo_world(clock=side.time.now))
    side.fail("throttle-after", retry_after_s=100, budget=1, probability=1.0, routes={"list"})
    before = side.time.seconds
    report = await side.sync()
    assert report.errors == ()
    assert 100 <= side.time.seconds - before < 130


async def test_a_wrong_password_is_reported_and_changes_nothing(side: Side) -> None:
    """The report names the error, with a hint; what was stored stays."""
    side.send("m1")
    await side.sync()
    side.world.users["alice"].password = "changed"
    report = await side.sync()
    (problem,) = report.errors
    assert problem.error == Unauthorized.__name__
    assert "password" in problem.hint
    assert side.picture() == "[m1]"


@pytest.mark.parametrize(
    ("profile", "error"),
    [("stuck", "CursorStuck"), ("huge", "ServerFault"), ("html", "ServerFault")],
)
async def test_a_hostile_server_stops_the_conversation_not_the_copy(
    side: Side, profile: str, error: str
) -> None:
    """A page for ever, a page 100 times too large, HTML: an error with a hint, nothing lost."""
    side.page_size = 10
    side.send(*numbered(1, 10))
    await side.sync()
    side.send(*numbered(11, 60))
    side.fail(profile, probability=1.0, routes={"history"})
    if profile == "html":
        side.emulator.faults.budget = 1000
    report = await side.sync(attempts=2)
    assert error in {problem.error for problem in report.errors}
    assert all(problem.hint for problem in report.errors)
    assert side.picture().startswith("[m1 m2 m3 m4 m5 m6 m7 m8 m9 m10]")
    side.fail("none")
    report = await side.sync()
    assert report.errors == ()
    assert side.held() == side.served()


async def test_messages_of_megabytes_do_not_stop_their_conversation(side: Side) -> None:
    """Several on one page, and in the list: none is lost, nor what stands before and after."""
    large = "长" * (5 * 1024 * 1024 // 3)
    side.send("m1", large, large, large, "m5")
    for peer in ("carol", "dave", "erin"):
        side.send(large, peer=peer)
    report = await side.sync()
    assert report.errors == ()
    side.assert_same()
    side.send("m6")
    assert (await side.sync(audit_pages=4)).errors == ()
    assert side.held() == side.served()


@pytest.mark.parametrize("profile", ["not-base64", "bad-protobuf"])
async def test_rows_that_cannot_be_decoded_do_not_stop_a_page(side: Side, profile: str) -> None:
    """One bad message never stops a page: it is kept raw and shown as unknown."""
    side.send(*numbered(1, 5))
    side.fail(profile, routes={"history"})
    report = await side.sync()
    assert report.errors == ()
    async with side.engine(online=False) as engine:
        found = await engine.reader.messages("bob", "chat")
    unknown = [m for m in found.messages if m.type == "unknown"]
    assert unknown
    assert all(m.raw for m in unknown)


async def test_one_bad_conversation_does_not_stop_the_cycle(side: Side) -> None:
    """The others are pulled whole, and the report says which one failed and why."""
    side.send("m1", peer="bob")
    side.send("m1", peer="carol")
    side.world.add_user("dave")
    side.fail("unavailable", budget=1, probability=1.0, routes={"history"})
    report = await side.sync(attempts=1, fetchers=1)
    assert [problem.error for problem in report.errors] == ["Throttled"] or [
        problem.error for problem in report.errors
    ] == ["ServerFault"]
    assert report.errors[0].conversation_id is not None
    assert report.messages_added == 1
    report = await side.sync()
    assert report.errors == ()
    side.assert_same()


async def test_a_server_that_is_away_is_reported_once(side: Side) -> None:
    """The whole account is unreachable: one error, at once, and the copy is readable."""
    side.send("m1")
    await side.sync()
    side.fail("drop-before", probability=1.0, budget=10_000)
    side.emulator.faults._in_a_row = -10_000  # never a good one in between
    report = await side.sync(attempts=3)
    assert [problem.error for problem in report.errors] == ["Unreachable"]
    assert side.picture() == "[m1]"


@pytest.mark.parametrize("seed", range(1, 9))
async def test_an_old_page_replayed_as_the_head_closes_nothing(side: Side, seed: int) -> None:
    """Law 2: a head that shows less than is held, or not what the list announced, leaves
    the gap at the head open; nothing is called whole that is not."""
    side.seed = seed
    side.page_size = 10
    side.send(*numbered(1, 40))
    side.time.seconds += 7200
    side.fail("repeat", probability=0.6, routes={"history"})
    async with side.engine() as engine:
        await engine.sync()
        side.send(*numbered(41, 120))
        side.time.seconds += 7200
        report = await engine.sync()
        missing = set(side.served()) - set(side.held())
        (conversation,) = await engine.load_all_conversations()
    assert not missing or report.gaps_open
    assert not missing or not conversation.whole
    side.fail("none")
    for _ in range(4):
        side.time.seconds += 11
        report = await side.sync()
    assert report.gaps_open == 0
    assert side.held() == side.served()


async def test_a_deletion_of_the_newest_message_elsewhere_costs_two_looks(side: Side) -> None:
    """Law 11: the head is read a second time to confirm it, and then the account is idle."""
    ids = side.send("m1", "m2", "m3")
    await side.sync()
    side.world.delete_messages("alice", "bob", [ids[2]], "chat")
    pages = []
    for _ in range(4):
        side.time.seconds += 11
        pages.append((await side.sync()).pages)
    assert pages == [1, 1, 0, 0]
