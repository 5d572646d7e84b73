"""Bearer tokens: where one comes from, and one renewal for all who wait for it (law 12).

A token is known by its text: whoever was refused with a token says which one it was.
Where that is no longer the current one, somebody else renewed it already, and the new one
is the answer; where it is, one renewal starts and everybody waits for that.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable

from syncengine.errors import EngineClosed, SyncEngineError, Unauthorized, Unreachable

Source = Callable[[], Awaitable[str]]
"""Supplies a token: by signing in, or from the program that embeds us."""

_USABLE = re.compile(r"[\x21-\x7e]+")
_FIXED_HINT = "The token given is refused; get a new one and start again."
_SOURCE_HINT = "The function that supplies the token failed; see the cause."
_UNUSABLE_HINT = "A token is one line of visible ASCII characters."


class Tokens:
    """The current token of one account. Its text is in no repr, no log and no error."""

    def __init__(self, source: Source | None = None, *, fixed: str | None = None) -> None:
        self._source = source
        self._current = None if fixed is None else usable(fixed)
        self._renewal: asyncio.Task[str] | None = None

    def __repr__(self) -> str:
        return f"<Tokens {'held' if self._current else 'none yet'}>"

    @property
    def held(self) -> str | None:
        """The current token, if there is one: for hiding it."""
        return self._current

    async def current(self) -> str:
        """A token to try: the one held, or a first one."""
        return self._current or await self._renewed()

    async def renew(self, refused: str) -> str:
        """The token after the refused one, renewed once for all who ask. Its text may be the
        same: whoever gets that tries it once."""
        if self._current is not None and self._current != refused:
            return self._current
        return await self._renewed()

    async def close(self) -> None:
        """End a renewal that nobody waits for any more."""
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            renewal.cancel()
            await asyncio.wait([renewal])

    async def _renewed(self) -> str:
        if self._source is None:
            raise Unauthorized("the server refuses the token", hint=_FIXED_HINT)
        if self._renewal is None:
            self._renewal = asyncio.ensure_future(self._supply(self._source))
            self._renewal.add_done_callback(self._renewal_done)
        return await _wait_for(self._renewal)

    def _renewal_done(self, renewal: asyncio.Task[str]) -> None:
        if self._renewal is renewal:
            self._renewal = None
        if not renewal.cancelled() and renewal.exception() is None:
            self._current = renewal.result()

    async def _supply(self, source: Source) -> str:
        try:
            return usable(await source())
        except SyncEngineError:
            raise
        except OSError as error:  # TimeoutError and ConnectionError are among these
            raise Unreachable("no token could be fetched", hint=_SOURCE_HINT) from error
        except Exception as error:
            name = type(error).__name__
            raise Unauthorized(f"no token was supplied: {name}", hint=_SOURCE_HINT) from error


async def _wait_for(renewal: asyncio.Task[str]) -> str:
    """Shielded: who stops waiting does not end the renewal for the others."""
    try:
        return await asyncio.shield(renewal)
    except asyncio.CancelledError:
        waiter = asyncio.current_task()
        if renewal.cancelled() and waiter is not None and not waiter.cancelling():
            raise EngineClosed("the remote was closed") from None
        raise


def usable(token: object) -> str:
    """The token, if a header can carry it."""
    if not isinstance(token, str) or not _USABLE.fullmatch(token):
        raise Unauthorized("the token supplied cannot be sent", hint=_UNUSABLE_HINT)
    return token
