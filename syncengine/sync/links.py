"""Where a chain of pages goes on, and whether its next page needs a proof. No await."""

from collections.abc import Sequence
from operator import attrgetter

from attrs import evolve, frozen

from syncengine.models import MessageRow, Page, is_named
from syncengine.store.batch import START, Batch
from syncengine.sync.doubts import FRESH_MS
from syncengine.sync.order import any_higher

_TIMESTAMP, _ID = attrgetter("timestamp"), attrgetter("message_id")


@frozen
class Link:
    """Where a chain goes on."""

    above: str | None
    """The oldest message it was served by an id that the server knows; None: none yet, from
    the head down."""
    before: str | None
    """One served shortly before that, by such an id too."""
    cursor: str
    rows: Sequence[MessageRow] = ()
    """Those without an id that were served below the oldest."""
    sent_at: int | None = None
    """When the oldest was sent, ms."""
    fresh: bool = False
    """The oldest is so young that not every replica may have it."""
    virgin: bool = False
    """Nothing older is held: the chain cannot meet anything, only the start of history."""
    walking: bool = False
    """It walks down through what is held, to a gap below."""
    aside: bool = False
    """It began below the gap that it was to lead into: at the newest end there is nothing of
    what is held above that."""
    looking: bool = False
    """It looks further down for what hangs above a guessed gap."""
    whole: bool = False
    """It walks down to the start of history, whatever it meets."""


def finished(batch: Batch, link: Link, page: Page) -> bool:
    """The chain met what is held below its gap, or nothing is left to fetch."""
    if page.end:
        return True
    if link.whole:
        return False
    if not (batch.open_gaps if link.looking else batch.open_below):
        return True
    return batch.frontier is None and not link.walking


def shows_named(page: Page) -> bool:
    """Whether it shows a message that the server knows by an id; else it may be the answer
    to a start that is gone."""
    return any(is_named(message.message_id) for message in page.messages)


def below_rows(link: Link, page: Page) -> Page:
    """The link's next page, with the rows that stand between the oldest and it."""
    return evolve(page, messages=[*link.rows, *page.messages]) if link.rows else page


def shows_newer(page: Page, link: Link) -> bool:
    """Whether a page below the link may be the head instead, given for a start that is gone:
    it shows something that was sent later, or under a higher id, for a clock can be set back.
    Both are a reason to ask again, no order: what was imported has a high id too."""
    if link.sent_at is None:
        return False
    if max(map(_TIMESTAMP, page.messages), default=link.sent_at) > link.sent_at:
        return True
    return link.above is not None and any_higher(list(map(_ID, page.messages)), link.above)


def with_proof(link: Link) -> Link | None:
    """The link of a page that was asked for without proof, to be asked for with it."""
    return evolve(link, virgin=False) if link.virgin and link.before is not None else None


def new_of(link: Link, page: Page) -> Sequence[MessageRow]:
    """What a page shows that is none of the link's rows: a server that repeats one for ever
    leads nowhere."""
    if not link.rows:
        return page.messages
    known = {row.message_id for row in link.rows}
    return [message for message in page.messages if message.message_id not in known]


def moved(link: Link, page: Page) -> Link:
    """The link after a page, whatever the writer made of it."""
    if not page.messages:
        return evolve(link, cursor=page.cursor or link.cursor)
    named = (
        i for i in reversed(range(len(page.messages))) if is_named(page.messages[i].message_id)
    )
    lowest, above = next(named, None), next(named, None)
    if lowest is None:
        rows = [*link.rows, *new_of(link, page)]
        return evolve(link, rows=rows, cursor=page.cursor or link.cursor)
    last = page.messages[lowest]
    return evolve(
        link,
        above=last.message_id,
        before=link.above if above is None else page.messages[above].message_id,
        cursor=page.cursor or last.message_id,
        rows=page.messages[lowest + 1 :],
        sent_at=last.timestamp,
        fresh=page.served_at is None or page.served_at - last.timestamp < FRESH_MS,
    )


def next_link(link: Link, page: Page, batch: Batch) -> Link:
    """The link after a page that was placed."""
    frontier = batch.frontier
    return evolve(
        moved(link, page),
        virgin=frontier is not None and frontier.low == START and not batch.moves,
        walking=frontier is None and link.walking,
    )
