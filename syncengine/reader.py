"""Reads: always from the local copy, never waiting for the network or a writer (law 9)."""

from collections.abc import Sequence

from attrs import frozen

from syncengine.changes import Change
from syncengine.errors import ConfigError
from syncengine.models import (
    Conversation,
    ConversationKey,
    Found,
    Kind,
    Message,
    Order,
    Slice,
    Status,
)
from syncengine.search import search, search_request
from syncengine.store import queries, rows
from syncengine.store.audits import audit_totals
from syncengine.store.indexing import behind
from syncengine.store.journal import changes
from syncengine.store.slices import SliceRequest, read_slice
from syncengine.store.store import Store


@frozen
class LocalPage:
    """A page of history from the copy, oldest first."""

    messages: Sequence[Message]
    cursor: str | None
    """Continues towards older messages; None at the start of history."""


class Reader:
    """What a window shows. Every read is one consistent snapshot."""

    def __init__(self, store: Store, decode: rows.Decode) -> None:
        self._store = store
        self._decode = decode

    async def conversations(self, *, limit: int | None = None) -> list[Conversation]:
        """All conversations, or the first `limit`: pinned first, then most recent."""
        found = await self._store.read(lambda c: queries.conversations(c, limit))
        return [rows.conversation(columns, self._decode) for columns in found]

    async def conversation(self, conversation_id: str, kind: Kind | str) -> Conversation | None:
        """One conversation; None: nothing is known of it here."""
        key = conversation_key(conversation_id, kind)
        found = await self._store.read(lambda c: queries.conversation(c, key))
        return None if found is None else rows.conversation(found, self._decode)

    async def kinds(self, conversation_id: str) -> list[Kind]:
        """The kinds under which an id is held: a user and a group may share one."""
        found = await self._store.read(lambda c: queries.kinds(c, conversation_id))
        return [Kind(kind) for kind in found]

    async def messages(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        before: str | None = None,
        after: str | None = None,
        oldest: bool = False,
        limit: int = 20,
    ) -> Slice:
        """Up to `limit` messages, oldest first, and where some are missing among them.

        `before` and `after` are message ids, exclusive: the nearest older or newer
        messages; neither: the newest, or the first ones held if `oldest`. Raises
        ConfigError where such a message is not held, or for both at once.
        """
        if before is not None and after is not None:
            raise ConfigError("before and after exclude each other", hint="Give one of the two.")
        if limit < 1:
            raise ConfigError(f"limit is {limit}", hint="Ask for at least one message.")
        key = conversation_key(conversation_id, kind)
        request = SliceRequest(key=key, before=before, after=after, oldest=oldest, limit=limit)
        found = await self._store.read(lambda c: read_slice(c, request))
        if found is None:
            raise ConfigError(
                f"no message {before or after} is held in {key}",
                hint="Use the id of a message that a read returned; it may be deleted since.",
            )
        messages = [rows.message(key, columns, self._decode) for columns in found.messages]
        return Slice(
            messages,
            found.gaps,
            found.seams,
            found.reached_start,
            found.as_of,
            found.unverified,
        )

    async def page(self, key: ConversationKey, start: str, limit: int) -> LocalPage | None:
        """What a page of history below `start` (empty: the newest) would be; it never jumps
        over a hole. None: the start, or all that is next to it, is not held here."""
        try:
            found = await self.messages(
                key.conversation_id, key.kind, before=start or None, limit=limit
            )
        except ConfigError:
            return None
        messages = _unbroken(found, start)
        if not messages and (found.gaps or found.seams):
            return None
        whole = len(messages) == len(found.messages) and found.reached_start
        return LocalPage(messages, None if whole or not messages else messages[0].message_id)

    async def search(
        self,
        text: str = "",
        *,
        conversation_id: str | None = None,
        kind: Kind | str | None = None,
        sender: str | None = None,
        since: int | None = None,
        until: int | None = None,
        order: Order | str = Order.NEWEST,
        prefix: bool = False,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Found:
        """Messages whose text has every word of `text`, in all conversations or in one.

        Words are separated by spaces. A word is found whole, whatever its case and accents;
        of Chinese, Japanese and other scripts without spaces every part of a text is found,
        and so is every symbol. With `prefix` the last word may be the beginning of a longer
        one. At most the first 64 words or characters count; punctuation finds nothing.

        The filters hold together; with no `text` they list. `conversation_id` alone means
        conversations of every kind with that id. `since` and `until` are ms, server clock,
        the latter exclusive; alone they find nothing. The newest come first, or the best of
        the newest 1,000. `cursor` continues where an earlier page of the same search ended.

        Deleted messages are found by nothing from that moment. New ones are found once
        they are indexed: `behind` says how many are not. Raises ConfigError for a kind, an
        order, a limit or a cursor that there is not.
        """
        request = search_request(
            text, conversation_id, kind, sender, since, until, order, prefix, limit, cursor
        )
        return await search(self._store, self._decode, request)

    async def changes(self, *, since: int = 0, limit: int = 1000) -> list[Change]:
        """What took messages out of sight or brought them back, after revision `since`,
        oldest first. The last 2,000 are kept."""
        return await self._store.read(lambda c: changes(c, since, limit))

    async def status(self, *, plan_known: bool) -> Status:
        """The account in figures. `plan_known`: the service's retention is configured."""
        totals, audits, lag = await self._store.read(
            lambda c: (queries.totals(c), audit_totals(c), behind(c))
        )
        return Status(
            path=self._store.path,
            **totals._asdict(),
            bytes=self._store.path.stat().st_size,
            writable=self._store.obstacle is None,
            behind=lag,
            **audits._replace(undecided=0 if plan_known else audits.undecided)._asdict(),
        )


def _unbroken(found: Slice, start: str) -> Sequence[Message]:
    """The newest messages of a slice down to its first hole: a page must not jump over one."""
    above = {hole.newer_id for hole in (*found.gaps, *found.seams)}
    if start and start in above:
        return ()
    for index in range(len(found.messages) - 1, -1, -1):
        if found.messages[index].message_id in above:
            return found.messages[index:]
    return found.messages


def conversation_key(conversation_id: str, kind: Kind | str) -> ConversationKey:
    """A key from what a caller gave. Raises ConfigError for a kind that there is not."""
    try:
        return ConversationKey(conversation_id, Kind(kind))
    except ValueError:
        names = ", ".join(kind.value for kind in Kind)
        raise ConfigError(f"{kind!r} is no kind", hint=f"Use one of: {names}.") from None
