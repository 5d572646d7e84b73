"""Faults: each profile over a real socket and in the same process, seeded and repeatable."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from syncengine.emulator import Emulator, Faults, World, profile_names, running
from syncengine.errors import ConfigError
from syncengine.models import Kind
from tests.emulator.caller import Caller, ids

IN_PROCESS, SOCKET = "in process", "socket"
both_ways = pytest.mark.parametrize("way", [IN_PROCESS, SOCKET])


@asynccontextmanager
async def caller(emulator: Emulator, way: str) -> AsyncIterator[Caller]:
    """Alice, signed in before faults begin, over one way or the other."""
    if way == IN_PROCESS:
        async with httpx.AsyncClient(
            transport=emulator.transport(), base_url="http://emulator"
        ) as http:
            alice = Caller(http)
            await alice.sign_in()
            yield alice
        return
    async with running(emulator) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        alice = Caller(http)
        await alice.sign_in()
        yield alice


@pytest.fixture
def messages(world: World) -> list[str]:
    """Six messages of Bob's, newest first."""
    return [world.send("bob", "alice", Kind.CHAT, f"m{each}") for each in range(6)][::-1]


async def always(emulator: Emulator, profile: str, **options: Any) -> None:
    emulator.set_faults(Faults(profile, probability=1.0, **options))


@both_ways
@pytest.mark.parametrize(
    ("profile", "status", "error"),
    [
        ("throttle", 429, "resource_limited"),
        ("throttle-after", 429, "resource_limited"),
        ("unavailable", 503, "service_unavailable"),
        ("expired", 401, "unauthorized"),
    ],
)
async def test_refusals(
    emulator: Emulator, messages: list[str], way: str, profile: str, status: int, error: str
) -> None:
    """A refusal has the service's body, and only one profile says when to come back."""
    async with caller(emulator, way) as alice:
        await always(emulator, profile, budget=1)
        answer = await alice.history("bob")
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ("retry-after" in answer.headers) == (profile == "throttle-after")
    assert emulator.counters.faults.total() == 1


async def test_retry_after_in_both_forms(emulator: Emulator, messages: list[str]) -> None:
    """Seconds on some answers, a date on others."""
    async with caller(emulator, IN_PROCESS) as alice:
        await always(emulator, "throttle-after", retry_after_s=7)
        answers = [await alice.history("bob") for _ in range(12)]
    values = {each.headers["retry-after"] for each in answers if each.status_code == 429}
    assert "7" in values
    assert any(each.endswith("GMT") for each in values)


async def test_an_expired_token_stays_expired(emulator: Emulator, messages: list[str]) -> None:
    """The fault ends the token: only a new one helps."""
    async with caller(emulator, IN_PROCESS) as alice:
        await always(emulator, "expired", budget=1)
        assert [(await alice.history("bob")).status_code for _ in range(3)] == [401] * 3
        await alice.sign_in()
        assert (await alice.history("bob")).status_code == 200


@both_ways
async def test_html(emulator: Emulator, messages: list[str], way: str) -> None:
    """What a gateway answers is no JSON."""
    async with caller(emulator, way) as alice:
        await always(emulator, "html")
        answer = await alice.history("bob")
    assert (answer.status_code, answer.headers["content-type"]) == (
        502,
        "text/html; charset=utf-8",
    )


@both_ways
@pytest.mark.parametrize(("profile", "done"), [("drop-before", False), ("drop-after", True)])
async def test_dropped_connections(
    emulator: Emulator, messages: list[str], world: World, way: str, profile: str, done: bool
) -> None:
    """The client sees a lost connection either way; the work is done or is not."""
    path = f"sdk/message/roaming/chat/user/alice?userId=bob&msgIdList={messages[0]}"
    async with caller(emulator, way) as alice:
        await always(emulator, profile, budget=1)
        with pytest.raises(httpx.TransportError):
            await alice.call("DELETE", path)
        assert (len(world.history("alice", "bob")) == 5) == done
        assert (await alice.call("DELETE", path)).status_code == 200


@both_ways
async def test_half_a_body(emulator: Emulator, messages: list[str], way: str) -> None:
    """The length promises more than what comes before the connection ends."""
    async with caller(emulator, way) as alice:
        await always(emulator, "truncated", budget=1)
        with pytest.raises(httpx.RemoteProtocolError):
            await alice.history("bob")
        assert len((await alice.page("bob"))["msgs"]) == 6


async def test_latency(world: World) -> None:
    """Slow answers wait with the given sleep, by a time within bounds, and are right."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    emulator = Emulator(world, faults=Faults("latency", latency_ms=(20, 40)), sleep=sleep)
    async with caller(emulator, IN_PROCESS) as alice:
        assert (await alice.page("bob"))["msgs"] == []
    assert len(waits) == 2
    assert all(0.02 <= each <= 0.04 for each in waits)


async def test_distance(world: World) -> None:
    """The answer is made at once, and arrives by that much later: what happens on its way it
    does not show."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)
        world.send("bob", "alice", Kind.CHAT, "too late for that answer")

    far: dict[str, Any] = {"latency_ms": (20, 20), "routes": ["history"]}
    emulator = Emulator(world, faults=Faults("distance", **far), sleep=sleep)
    async with caller(emulator, IN_PROCESS) as alice:
        assert (await alice.page("bob"))["msgs"] == []
        assert len((await alice.page("bob"))["msgs"]) == 1
    assert waits == [0.02, 0.02]


async def test_a_page_is_repeated(emulator: Emulator, messages: list[str]) -> None:
    """The page before comes again, cursor included; asked again, the next one comes."""
    async with caller(emulator, IN_PROCESS) as alice:
        # The first of the two finds nothing to repeat yet.
        await always(emulator, "repeat", budget=2, routes=["history"])
        first = await alice.page("bob", pull_number=2)
        again = await alice.page("bob", pull_number=2, start=first["next_key"])
        assert (ids(again), again["next_key"]) == (ids(first), first["next_key"])
        after = await alice.page("bob", pull_number=2, start=first["next_key"])
    assert ids(after) == messages[2:4]


async def test_a_list_page_is_repeated(emulator: Emulator, world: World) -> None:
    """The list repeats itself too."""
    for name in ("bob", "carol"):
        world.send(name, "alice", Kind.CHAT, "hi")
        world.advance(1)
    async with caller(emulator, IN_PROCESS) as alice:
        first = await alice.list(limit=1)
        await always(emulator, "repeat", budget=1, routes=["list"])
        assert await alice.list(limit=1, cursor=first["cursor"]) == first
        assert await alice.list(limit=1, cursor=first["cursor"]) != first


async def test_a_cursor_that_never_moves(emulator: Emulator, messages: list[str]) -> None:
    """The stuck server shows the same page for ever, and says that there is more."""
    async with caller(emulator, IN_PROCESS) as alice:
        await always(emulator, "stuck")
        start, seen = "-1", []
        for _ in range(5):
            page = await alice.page("bob", pull_number=50, start=start)
            start = page["next_key"]
            seen.append((tuple(ids(page)), start, page["is_last"]))
        lists = [await alice.list(cursor="") for _ in range(2)]
    assert len(set(seen)) == 1
    assert seen[0][2] is False
    assert lists[0] == lists[1]
    assert lists[0]["cursor"] != "undefined"


@both_ways
async def test_a_huge_page_is_streamed(emulator: Emulator, messages: list[str], way: str) -> None:
    """It says nothing of its length, and is as large as asked for."""
    async with caller(emulator, way) as alice:
        await always(emulator, "huge", huge_bytes=300_000)
        answer = await alice.history("bob")
    assert "content-length" not in answer.headers
    assert len(answer.content) > 300_000
    assert len(answer.json()["data"]["msgs"]) > 600


@pytest.mark.parametrize("profile", ["not-base64", "bad-protobuf"])
async def test_bad_rows(emulator: Emulator, messages: list[str], profile: str) -> None:
    """A row that cannot be read stands beside the good ones, which are all there."""
    async with caller(emulator, IN_PROCESS) as alice:
        await always(emulator, profile)
        page = await alice.page("bob")
    assert len(page["msgs"]) == 7
    page["msgs"].pop(0)
    assert ids(page) == messages


async def outcome(ask: Callable[[], Awaitable[httpx.Response]]) -> str:
    """What a client sees of one request, in a word."""
    try:
        return str((await ask()).status_code)
    except httpx.TransportError as error:
        return type(error).__name__


async def test_same_seed_same_faults(world: World) -> None:
    """The flaky profile replays exactly from its seed, and differs with another."""

    async def play(seed: int) -> list[str]:
        emulator = Emulator(world)
        async with caller(emulator, IN_PROCESS) as alice:
            await always(emulator, "none")
            emulator.set_faults(Faults("flaky", seed=seed, probability=0.5))
            return [await outcome(lambda: alice.history("bob")) for _ in range(40)]

    assert await play(1) == await play(1)
    assert await play(1) != await play(2)


async def test_progress_stays_possible(emulator: Emulator, messages: list[str]) -> None:
    """However likely faults are, every fourth request goes well."""
    async with caller(emulator, IN_PROCESS) as alice:
        await always(emulator, "unavailable")
        seen = [(await alice.history("bob")).status_code for _ in range(8)]
    assert seen == [503, 503, 503, 200] * 2


async def test_routes_and_budget(emulator: Emulator, messages: list[str]) -> None:
    """Faults keep to the named routes, and end with their budget."""
    async with caller(emulator, IN_PROCESS) as alice:
        await always(emulator, "unavailable", routes=["list"], budget=2)
        assert (await alice.history("bob")).status_code == 200
        path = "sdk/user/alice/user_channels/list"
        seen = [(await alice.call("GET", path)).status_code for _ in range(4)]
    assert seen == [503, 503, 200, 200]


def test_unknown_profile_names_the_right_ones() -> None:
    """A wrong name is an error whose hint lists all profiles."""
    with pytest.raises(ConfigError) as caught:
        Faults("gremlins")
    assert all(name in caught.value.hint for name in profile_names())
