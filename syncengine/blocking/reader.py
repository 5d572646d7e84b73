"""Reads that wait for their end: the twin of `Reader`, method by method."""

from syncengine.blocking.loop import Loop
from syncengine.changes import Change
from syncengine.models import Conversation, ConversationKey, Found, Kind, Order, Slice
from syncengine.reader import LocalPage, Reader
from syncengine.reports import Status


class BlockingReader:
    """What a window shows; `Reader` says what each read means."""

    def __init__(self, reader: Reader, loop: Loop) -> None:
        self._reader = reader
        self._call = loop.call

    def conversations(
        self, *, after: ConversationKey | None = None, limit: int | None = None
    ) -> list[Conversation]:
        """All conversations, or `limit` from the first or below one on: pinned first."""
        return self._call(self._reader.conversations(after=after, limit=limit))

    def conversation(self, conversation_id: str, kind: Kind | str) -> Conversation | None:
        """One conversation; None: nothing is known of it here."""
        return self._call(self._reader.conversation(conversation_id, kind))

    def kinds(self, conversation_id: str) -> list[Kind]:
        """The kinds under which an id is held."""
        return self._call(self._reader.kinds(conversation_id))

    def keys(self) -> list[ConversationKey]:
        """Every conversation of which something is readable."""
        return self._call(self._reader.keys())

    def messages(
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
        """Up to `limit` messages, oldest first, and where some are missing among them."""
        return self._call(
            self._reader.messages(
                conversation_id,
                kind,
                before=before,
                after=after,
                around=around,
                at=at,
                oldest=oldest,
                limit=limit,
            )
        )

    def page(self, key: ConversationKey, start: str, limit: int) -> LocalPage | None:
        """What a page of history below `start` would be, from the copy."""
        return self._call(self._reader.page(key, start, limit))

    def search(
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
        """Messages whose text has every word of `text`, in all conversations or in one."""
        return self._call(
            self._reader.search(
                text,
                conversation_id=conversation_id,
                kind=kind,
                sender=sender,
                since=since,
                until=until,
                order=order,
                prefix=prefix,
                limit=limit,
                cursor=cursor,
            )
        )

    def revision(self) -> int:
        """The number of the newest change; 0: nothing was ever written."""
        return self._call(self._reader.revision())

    def changes(self, *, since: int = 0, limit: int = 1000) -> list[Change]:
        """What was written after revision `since`, oldest first, in whole commits."""
        return self._call(self._reader.changes(since=since, limit=limit))

    def status(self, *, plan_known: bool) -> Status:
        """The account in figures."""
        return self._call(self._reader.status(plan_known=plan_known))
