"""Reads: always from the local copy, never waiting for the network or a writer (law 9)."""

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from syncengine.changes import Change
from syncengine.errors import ConfigError
from syncengine.models import Conversation, ConversationKey, Found, Kind, Message, Order, Slice
from syncengine.plain import is_text, plain
from syncengine.reports import Status
from syncengine.search import check_limit, search, search_request
from syncengine.store import queries, rows
from syncengine.store.audits import audit_totals
from syncengine.store.indexing import behind
from syncengine.store.journal import commits, oldest, revision
from syncengine.store.slices import SliceRequest, read_slice
from syncengine.store.store import Store


@frozen
class LocalPage:
    """A page of history from the copy, oldest first."""

    messages: Sequence[Message]
    cursor: str | None
    """Continues towards older messages; None at the start of history."""


_FEW_ROWS = 100
"""Messages of a page that is read on the event loop's own thread while the file is written: less
than a millisecond, where the disk has what it needs in memory."""


class Reader:
    """What a window shows. Every read is one consistent snapshot."""

    def __init__(self, store: Store, decode: rows.Decode) -> None:
        self._store = store
        self._decode = decode

    async def conversations(
        self, *, after: ConversationKey | None = None, limit: int | None = None
    ) -> list[Conversation]:
        """All conversations, or the first `limit`: pinned first, then most recent.

        `after` is the last conversation of the page before: the next ones come. Where news
        move it to the top meanwhile, the next page begins there again. Raises ConfigError
        where `after` is not held, or for a limit below one or beyond 2,000,000,000.
        """
        if limit is not None:
            check_limit(limit)
        found = await self._store.serve(lambda c: self._listed(c, limit, after))
        if found is None:
            raise ConfigError(
                f"no conversation {after} is held here",
                hint="Give one that a listing returned, or begin again at the top.",
            )
        return found

    def _listed(
        self, connection: Any, limit: int | None, after: ConversationKey | None
    ) -> list[Conversation] | None:
        place = None if after is None else queries.list_place(connection, after)
        if after is not None and place is None:
            return None
        found = queries.conversations(connection, limit, place)
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

    async def keys(self) -> list[ConversationKey]:
        """Every conversation of which something is readable, in the order of the list; also
        those that were taken off the list and kept their messages."""
        found = await self._store.read(queries.keys)
        return [ConversationKey(conversation_id, kind) for conversation_id, kind in found]

    async def messages(
        self,
        conversation_id: str,
        kind: Kind | str,
        *,
        before: str | None = None,
        after: str | None = None,
        around: str | None = None,
        at: int | None = None,
        oldest: bool = False,
        limit: int = 20,
    ) -> Slice:
        """Up to `limit` messages, oldest first, and where some are missing among them.

        `before` and `after` are message ids, exclusive: the nearest older or newer
        messages. `around` is a message id: that one, about half older and half newer.
        `at` is a time, ms: around the first message sent then or later, which `anchor`
        names. The order is not by time (law 3): where times step back, it is around one
        of the places where they change from before to after. With none of these: the
        newest messages, or the first ones held if `oldest`.

        A page costs the same wherever it lies. Raises ConfigError where a message named is
        not held, for more than one place, or for a limit below one or beyond 2,000,000,000.
        """
        places = {"before": before, "after": after, "around": around, "at": at}
        named = [name for name, value in places.items() if value is not None]
        if len(named) > 1:
            both = " and ".join(named[:2])
            raise ConfigError(f"{both} exclude each other", hint="Give one of the two.")
        check_limit(limit)
        check_id(before or after or around or "", "message id")
        key = conversation_key(conversation_id, kind)
        request = SliceRequest(
            key=key,
            before=before,
            after=after,
            around=around,
            at=at,
            oldest=oldest,
            limit=limit,
        )
        found = await self._store.serve(
            lambda c: self._slice(c, request), few_rows=limit <= _FEW_ROWS
        )
        if found is None:
            raise ConfigError(
                f"no message {plain(before or after or around or '')} is held in {key}",
                hint="Use the id of a message that a read returned; it may be deleted since.",
            )
        return found

    def _slice(self, connection: Any, request: SliceRequest) -> Slice | None:
        found = read_slice(connection, request)
        if found is None:
            return None
        messages = [rows.message(request.key, columns, self._decode) for columns in found.messages]
        return Slice(
            messages,
            found.gaps,
            found.seams,
            found.reached_start,
            found.as_of,
            found.unverified,
            found.revision,
            found.anchor,
        )

    async def page(self, key: ConversationKey, start: str, limit: int) -> LocalPage | None:
        """What a page of history below `start` (empty: the newest) would be; it never jumps
        over a hole: where the start, or all that is next to it, is not held here, it is empty
        and leads on to the start itself. None: no message of the conversation is here, though
        the server may have some. Raises ConfigError as `messages`, but for such a start."""
        check_limit(limit)
        check_id(start, "message id")
        who = (key.conversation_id, key.kind)
        try:
            found = await self.messages(*who, before=start or None, limit=limit)
        except ConfigError:
            found = None
        messages = _unbroken(found, start) if found else ()
        if found and (messages or not (found.gaps or found.seams)):
            whole = len(messages) == len(found.messages) and found.reached_start
            return LocalPage(messages, None if whole or not messages else messages[0].message_id)
        others = start and (await self.messages(*who, limit=1)).messages
        return LocalPage((), start) if others else None

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
        one. Punctuation finds nothing.

        The filters hold together; with no `text` they list. `conversation_id` alone means
        conversations of every kind with that id. `since` and `until` are ms, server clock,
        the latter exclusive. With no filter either, nothing is found. The newest come first,
        or the best of the newest 500. `cursor` continues where an earlier page of the same
        search ended.

        Deleted messages are found by nothing from that moment. New ones are found once
        they are indexed: `behind` says how many are not. Raises ConfigError for a kind, an
        order, a limit or a cursor that there is not, and for more than 100,000 characters.
        """
        request = search_request(
            text, conversation_id, kind, sender, since, until, order, prefix, limit, cursor
        )
        return await search(self._store, self._decode, request)

    async def revision(self) -> int:
        """The number of the newest change; 0: nothing was ever written.

        Read before a snapshot, it is what `changes(since=…)` goes on from: what a change
        tells that the snapshot shows already does no harm.
        """
        return await self._store.read(revision)

    async def changes(self, *, since: int = 0, limit: int = 1000) -> list[Change]:
        """What was written after revision `since`, oldest first: about `limit` changes, in
        whole commits. The last 10,000 are kept; where some of those asked for are not known
        any more, those that are left. `engine.changes` follows them as they come. Raises
        ConfigError for a limit below one or beyond 2,000,000,000."""
        check_limit(limit)
        part = await self._store.read(lambda c: commits(c, since, limit))
        if part.lost:
            part = await self._store.read(lambda c: commits(c, oldest(c), limit))
        return [change for commit in part.commits for change in commit.changes]

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


def check_id(value: str, what: str) -> None:
    """Raises ConfigError for an id that is no text, such as half a surrogate pair."""
    if not is_text(value):
        raise ConfigError(f"{value!r} is no {what}", hint="Ids are text that UTF-8 can write.")


def conversation_key(conversation_id: str, kind: Kind | str) -> ConversationKey:
    """A key from what a caller gave. Raises ConfigError for a kind that there is not, and for
    an id that is no text."""
    check_id(conversation_id, "conversation id")
    try:
        return ConversationKey(conversation_id, Kind(kind))
    except ValueError:
        names = ", ".join(kind.value for kind in Kind)
        raise ConfigError(f"{kind!r} is no kind", hint=f"Use one of: {names}.") from None
