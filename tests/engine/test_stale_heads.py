"""A newest page that shows nothing of what is held, and nothing later: a replica that lags, or
what is held was deleted elsewhere. What it shows stands below, where that is certain."""

import pytest
from attrs import evolve

from syncengine import Kind
from tests.engine.test_doubts import later, settle, use
from tests.harness import USER, Side, numbered

GONE = pytest.mark.parametrize("start_gone", ["nothing", "head", "honour"])


async def look(side: Side, size: int = 10) -> None:
    """A person looks at the newest page."""
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=size)


async def lag(side: Side, cycles: int = 4) -> list[int]:
    """Some cycles with a replica that lags, and nothing else; the requests of each. Then it is
    up to date again."""
    side.world.switches = evolve(side.world.switches, replicas=100_000)
    requests = []
    for _ in range(cycles):
        side.time.seconds += 11
        requests.append((await side.sync()).requests)
    side.world.switches = evolve(side.world.switches, replicas=1)
    return requests


async def only_the_newest_page(side: Side) -> list[str]:
    """A pull that ended after ten of sixty messages, all young; what is held."""
    side.page_size = 10
    side.send(*numbered(1, 60))
    await side.sync_until(lambda progress: progress.messages_added >= 10, fetchers=1)
    assert side.picture() == f"? [{' '.join(numbered(51, 60))}]"
    return side.held()


@GONE
async def test_all_that_was_held_was_deleted_elsewhere_and_the_rest_is_pulled_soon(
    side: Side, start_gone: str
) -> None:
    """Laws 1 and 3: a newest page that shows nothing of what is held, and nothing later, stands
    below it once a second read says the same; only the gap between waits for the hour."""
    use(side, start_gone=start_gone)
    gone = await only_the_newest_page(side)
    side.world.delete_messages(USER, "bob", gone, Kind.CHAT)
    await side.sync()
    assert side.held() == gone, "one read is not believed"
    side.time.seconds += 11
    await side.sync()
    rest, held = " ".join(numbered(1, 50)), " ".join(numbered(51, 60))
    assert side.picture() == f"[{rest}] ? [{held}] ?"
    side.time.seconds += 11
    report = await side.sync()
    assert report.errors == ()
    await settle(side)
    async with side.engine() as engine:
        for _ in range(2):
            await engine.verify()
            side.time.seconds += 11
    assert side.held() == side.served()


@GONE
async def test_a_newest_page_of_a_replica_that_lags_stands_below_what_is_held(
    side: Side, start_gone: str
) -> None:
    """Laws 1 and 3: what such a page shows is history, and not newer than what is held."""
    use(side, start_gone=start_gone, replicas=1, replica_lag_ms=3_000_000)
    side.page_size = 10
    side.send(*numbered(1, 50))
    later(side)
    side.send(*numbered(51, 60))
    await side.sync_until(lambda progress: progress.messages_added >= 10, fetchers=1)
    lagging = evolve(side.world.switches, replicas=10_000)
    side.world.switches, upright = lagging, side.world.switches
    for _ in range(3):
        side.time.seconds += 11
        await side.sync()
    rest, held = " ".join(numbered(1, 50)), " ".join(numbered(51, 60))
    assert side.picture() == f"[{rest}] ? [{held}] ?"
    side.world.switches = upright
    await side.sync()
    assert side.picture() == f"[{rest} {held}]"


@GONE
async def test_such_a_page_that_ends_early_ends_no_history(side: Side, start_gone: str) -> None:
    """Law 2: where something older and young is held below the gap, the page's end is no end."""
    use(side, start_gone=start_gone)
    side.page_size = 10
    side.send(*numbered(1, 5))
    await side.sync()
    side.send(*numbered(6, 20))
    side.time.seconds += 60
    await side.sync_until(lambda progress: progress.messages_added >= 10, fetchers=1)
    held = side.held()
    side.world.delete_messages(USER, "bob", held, Kind.CHAT)
    for _ in range(3):
        side.time.seconds += 11
        await side.sync()
    older, rest, newest = (" ".join(numbered(*part)) for part in ((1, 5), (6, 10), (11, 20)))
    assert side.picture() == f"[{older}] ? [{rest}] ? [{newest}] ?"
    await settle(side)
    assert [message for message in side.held() if message not in held] == side.served()


async def test_a_page_whose_times_do_not_agree_with_its_ids_waits_for_the_hour(side: Side) -> None:
    """Law 3: where a clock stepped back, nobody can tell that the page stands below."""
    use(side, replica_lag_ms=3_000_000)
    side.page_size = 10
    side.send(*numbered(1, 50))
    later(side)
    side.send(*numbered(51, 60))
    side.time.seconds += 60
    side.send("m61")
    side.time.seconds -= 7300
    side.send(*numbered(62, 70))
    side.time.seconds += 7300
    await side.sync_until(lambda progress: progress.messages_added >= 10, fetchers=1)
    held = " ".join(numbered(61, 70))
    assert side.picture() == f"? [{held}]"
    side.world.delete_messages(USER, "bob", side.held(), Kind.CHAT)
    for _ in range(3):
        side.time.seconds += 11
        await side.sync()
    assert side.picture() == f"? [{held}] ?"


@GONE
@pytest.mark.parametrize("older", [0, 5])
async def test_a_clock_that_stood_back_below_the_gap(
    side: Side, older: int, start_gone: str
) -> None:
    """Laws 2, 3 and 5: what is held below the gap and seems to be later than the page may be
    newer or not: the page is not placed between."""
    use(side, replica_lag_ms=3_000_000, start_gone=start_gone)
    side.page_size = 10
    if older:
        side.send(*numbered(1, older))
        later(side)
        await side.sync()
    side.send(*numbered(11, 50))
    later(side)
    side.send(*numbered(51, 60), at=side.time.now() - 3 * 3_600_000)
    await look(side)
    side.time.seconds += 60
    side.send(*numbered(61, 90))
    await look(side)
    assert side.picture().endswith("m60] ? [" + " ".join(numbered(81, 90)) + "]")
    await lag(side)
    await settle(side)
    assert side.held() == side.served()


@pytest.mark.parametrize("count", [999, 1000, 1001])
async def test_more_above_the_gap_than_is_looked_through(side: Side, count: int) -> None:
    """Law 3: a search that ends at its limit has proved nothing of what lies below."""
    use(side, replica_lag_ms=3_000_000)
    side.page_size = 20
    side.send(*numbered(1, 40))
    later(side)
    side.send(*numbered(41, 120))
    await look(side, 20)
    side.send(*numbered(121, 1200))
    await look(side, 20)
    await side.sync_until(lambda progress: progress.messages_added >= 900, fetchers=1)
    more = count - (len(side.held()) - 20)
    assert more > 0
    for start in range(0, more, 10):
        side.send(*(f"z{n}" for n in range(start, min(more, start + 10))))
        await look(side, 20)
    assert len(side.held()) == count + 20
    await lag(side)
    await settle(side)
    assert side.held() == side.served()


@pytest.mark.parametrize("oldest_held", [False, True])
async def test_a_guessed_gap_above_stays(side: Side, oldest_held: bool) -> None:
    """Law 2: a walk that began below a guessed gap did not look for what hangs above it."""
    use(side, replica_lag_ms=3_000_000)
    side.page_size = 10
    side.send(*numbered(1, 9))
    later(side)
    if oldest_held:
        await side.sync()
    ids = []
    for text in numbered(10, 20):
        ids += side.send(text)
        side.time.seconds += 1
    await look(side)
    above = side.world.message(ids[-2]).timestamp
    for number in range(15):
        side.world.import_message("bob", USER, Kind.CHAT, f"i{number}", at=above + 1 + number)
    await look(side)
    assert side.picture().endswith(" m19] ? [i6 i7 i8 i9 i10 i11 i12 i13 i14 m20]")
    await lag(side)
    await settle(side)
    assert side.held() == side.served()


@GONE
@pytest.mark.parametrize("count", [500, 2000])
async def test_while_it_waits_a_cycle_costs_a_few_requests(
    side: Side, count: int, start_gone: str
) -> None:
    """Law 11: however long the history below is, it is not walked through for a gap above."""
    use(side, start_gone=start_gone)
    side.send(*numbered(1, count))
    await look(side)
    side.world.delete_messages(USER, "bob", side.held(), Kind.CHAT)
    assert max((await lag(side, 6))[2:]) <= 15
