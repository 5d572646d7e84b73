"""The port: what a server must do for syncengine, in prose.

Whoever writes an adapter reads this file, `models.py` and `errors.py`, enters the decoder
of its raw bytes in `remote/formats.py`, and passes `tests/remote/contract.py`, which says
the same in code. Whoever wants to know what the engine relies on reads it too.

**What is behind the port.** One user's chats on one server. The list of conversations
is a hint about what changed lately. History is a line of messages per conversation, of
which a request shows one piece. Nothing else is assumed: not that ids grow, not that
clocks agree, not that the list is complete, not that the server tells of deletions.

**Order.** A page of history shows messages that stand next to each other on the server,
in the direction asked for: older ones newest first, newer ones oldest first. The
engine takes the order of messages from there and from nowhere else. A page may leave
out rows that are no messages (acknowledgements, recalls); it never reorders.

**Starts.** An empty start means the end of the line in the chosen direction: the newest
message when older ones are asked for. Otherwise a start is a cursor that an earlier page
gave, or, where `capabilities.starts_at_messages` is true, the id of any message. The
message that a start names is not part of the answer (if it is, the engine drops it).

**The end.** `Page.end` says that the server claims there is nothing beyond. The adapter
reports the claim in every form the server knows; whether it counts is the engine's
decision (law 2), since a start that is gone can look like an end.

**Repetition.** Every fetch may be repeated, also at the same time, and changes nothing
on the server. Every send may be repeated too: deleting what is gone is a success.

**Deletions** are for this user. A send returns once the server has accepted. At most
`capabilities.delete_batch` ids go into one `send_delete_messages`.

**Failure.** An adapter raises the errors of `syncengine.errors` and no others: the
class says how much is broken and when to try again. It does not retry, except that it
renews an expired token once, for all requests that wait for it, and asks for a smaller page
where an answer is too large to be read. One message that cannot
be decoded never fails its page: it comes as a row of type ``unknown`` with its raw bytes
and, where its id cannot be read, an id that starts with ``raw:`` and is the same whenever
the same bytes come.

**Cost.** Requests may run at the same time, as many as the engine's `fetchers`. Answers
are bounded in size and time. A cancelled request leaves nothing behind.

**Ownership.** `close` ends all connections; the engine that was given the remote calls
it. Raw bytes go into the store; the decoder that `remote/formats.py` names reads them again,
perhaps years later, with no server and no network, so it is a function of the bytes alone.
"""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from syncengine.models import ConversationKey, Page, SummaryPage


@frozen
class Capabilities:
    """What this server can do; the engine asks, instead of knowing the server."""

    starts_at_messages: bool
    """Any message's id can be the start of a page."""
    page_limit: int
    """The most messages that one page may ask for."""
    summary_limit: int
    """The most conversations that one page of the list may ask for."""
    delete_batch: int
    """The most message ids in one deletion."""


class Remote(Protocol):
    """One user's account on one server. See the module's text for the meaning."""

    @property
    def account(self) -> str:
        """Names the service and the user, without secrets: a file belongs to one account.

        Begins with the format of the raw bytes and a colon, for example ``easemob:``.
        """
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this server can do."""
        ...

    @property
    def requests(self) -> int:
        """How many requests were sent so far, repetitions included, sign-in not."""
        ...

    async def fetch_summaries(self, cursor: str = "", *, limit: int = 50) -> SummaryPage:
        """One page of the conversation list, most recently active first."""
        ...

    async def fetch_summaries_by_page(self, page_num: int, page_size: int) -> SummaryPage:
        """The list's older form, by page number from 1; an end is an empty or short page."""
        ...

    async def fetch_summaries_unpaged(self) -> SummaryPage:
        """The list's oldest form: one answer, with as much as the server cares to give."""
        ...

    async def fetch_page(
        self, key: ConversationKey, start: str = "", *, limit: int = 49, newer: bool = False
    ) -> Page:
        """One page of history: older than `start`, or newer where `newer` is true."""
        ...

    async def send_delete_messages(self, key: ConversationKey, message_ids: Sequence[str]) -> None:
        """Delete these messages for this user."""
        ...

    async def send_delete_before(self, key: ConversationKey, timestamp: int) -> None:
        """Delete everything up to that moment, ms, inclusive, for this user."""
        ...

    async def send_delete_conversation(
        self, key: ConversationKey, *, delete_messages: bool
    ) -> None:
        """Take the conversation from this user's list, with or without its messages."""
        ...

    async def close(self) -> None:
        """End all connections. May be called twice."""
        ...
