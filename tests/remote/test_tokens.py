"""One renewal for all who wait (law 12). No network: sources are plain coroutines."""

import asyncio

import pytest
from attrs import define, field

from syncengine.errors import EngineClosed, SyncEngineError, Unauthorized, Unreachable
from syncengine.remote.easemob.tokens import Tokens


@define
class Source:
    """Supplies t1, t2, … when its gate is open, and counts how often it was asked."""

    asked: int = 0
    gate: asyncio.Event = field(factory=asyncio.Event)
    error: BaseException | None = None

    async def __call__(self) -> str:
        self.asked += 1
        number = self.asked
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return f"t{number}"


async def opened(source: Source) -> Tokens:
    """Tokens that hold t1."""
    source.gate.set()
    tokens = Tokens(source)
    assert await tokens.current() == "t1"
    source.gate.clear()
    return tokens


async def test_the_first_token_is_fetched_once() -> None:
    """Law 12: all who come before the first token wait for one request."""
    source = Source()
    tokens = Tokens(source)
    waiting = [asyncio.ensure_future(tokens.current()) for _ in range(8)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(*waiting) == ["t1"] * 8
    assert source.asked == 1


async def test_one_renewal_for_all() -> None:
    """Law 12: eight who were refused get one new token, and so does one who comes late."""
    source = Source()
    tokens = await opened(source)
    waiting = [asyncio.ensure_future(tokens.renew("t1")) for _ in range(8)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(*waiting) == ["t2"] * 8
    assert await tokens.renew("t1") == "t2"
    assert source.asked == 2


async def test_a_waiter_that_leaves() -> None:
    """Who started the renewal may be cancelled; the others still get their token."""
    source = Source()
    tokens = await opened(source)
    first, second = (asyncio.ensure_future(tokens.renew("t1")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.gate.set()
    assert await second == "t2"
    assert source.asked == 2


async def test_a_failed_renewal_is_everybodys() -> None:
    """A refused sign-in is not repeated by each waiter, and may be tried again later."""
    source = Source()
    tokens = await opened(source)
    source.error = Unauthorized("no")
    waiting = [asyncio.ensure_future(tokens.renew("t1")) for _ in range(8)]
    await asyncio.sleep(0)
    source.gate.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors] == [Unauthorized] * 8
    assert source.asked == 2
    source.error = None
    assert await tokens.renew("t1") == "t3"


async def test_a_fixed_token_cannot_be_renewed() -> None:
    """A token that was given as text ends in an error that says what to do."""
    tokens = Tokens(fixed="fixed-token")
    assert await tokens.current() == "fixed-token"
    with pytest.raises(Unauthorized) as refused:
        await tokens.renew("fixed-token")
    assert "new one" in refused.value.hint


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("secret"), Unauthorized),
        (ConnectionError("secret"), Unreachable),
        (TimeoutError("secret"), Unreachable),
        (Unreachable("known"), Unreachable),
    ],
)
async def test_errors_of_a_source(error: Exception, expected: type[SyncEngineError]) -> None:
    """Only errors of this package leave the adapter, without the foreign text."""
    source = Source(error=error)
    source.gate.set()
    with pytest.raises(expected) as raised:
        await Tokens(source).current()
    assert "secret" not in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize("token", ["", " ", "a\r\nHost: evil", "ü", None, 5, b"x"])
async def test_tokens_that_no_header_can_carry(token: object) -> None:
    """What is supplied is checked before it becomes a header, and not quoted."""

    async def supply() -> str:
        return token  # type: ignore[return-value]  # what a program may get wrong

    with pytest.raises(Unauthorized) as raised:
        await Tokens(supply).current()
    assert "evil" not in str(raised.value)


async def test_closing_ends_a_renewal() -> None:
    """Who waits when the remote is closed learns that, and nothing keeps running."""
    source = Source()
    tokens = await opened(source)
    waiting = asyncio.ensure_future(tokens.renew("t1"))
    await asyncio.sleep(0)
    await tokens.close()
    with pytest.raises(EngineClosed):
        await waiting
    await tokens.close()


def test_the_repr_is_silent() -> None:
    """A token is in no repr."""
    assert "fixed-token" not in repr(Tokens(fixed="fixed-token"))
