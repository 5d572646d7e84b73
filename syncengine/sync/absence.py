"""What a page did not show: which part of a conversation it covers, and what follows (law 5).

`reconcile.py` judges each absent message; this file finds them, and holds removals back
where there are too many: a server that was restored from a backup, or emptied, must not
empty the copy (law 10). No await.
"""

from collections.abc import Mapping, Sequence, Set

from attrs import evolve

from syncengine.models import ConversationKey, MessageRow, Page
from syncengine.store.answers import HeldMessage, PlacedMessage
from syncengine.store.batch import BURIED, HEAD, RETURNED, START, Absence, Covered, Gap
from syncengine.store.view import View
from syncengine.sync.gaps import Run
from syncengine.sync.reconcile import Evidence, Fate, Rules, Stored, horizon, reconcile

SMALL = 50
"""Messages: a conversation with more loses at most a quarter without a person's consent."""
MOST_CONVERSATIONS = 5
"""So many may lose more than half of what they had without a person's consent."""
_ALL = 1 << 62


def covered(page: Page, run: Run, places: Sequence[int], *, to_head: bool) -> Covered | None:
    """The part of which the page showed everything; None: it proves nothing.

    From the head or from the first message shown (what hangs above it was shown by another
    page, perhaps by another replica) down to the last, or to the start of history.
    """
    if page.repeated:
        return None
    if page.messages:
        first = run.ids.index(page.messages[0].message_id)
    elif run.end and (to_head or places):
        first = 0
    else:
        return None
    high = HEAD if to_head else places[first]
    if run.end:
        return Covered(START, high, None, page.served_at)
    return Covered(places[-1], high, run.ids[-1], page.served_at)


def sightings(page: Page, held: Mapping[str, HeldMessage]) -> Absence | None:
    """Messages that were doubted and are shown; also a page that proves nothing shows them."""
    doubted = {m for m, found in held.items() if found.doubted and (found.hidden or 0) >= 0}
    if not doubted:
        return None
    cleared = doubted & {message.message_id for message in page.messages}
    return Absence(page.served_at or 0, cleared=sorted(cleared)) if cleared else None


def judge_absence(
    key: ConversationKey,
    page: Page,
    places: Mapping[str, int],
    part: Covered | None,
    held: Mapping[str, HeldMessage],
    gaps: Sequence[Gap],
    rules: Rules,
    view: View,
    strays: Set[str] = frozenset(),
    arriving: int = 0,
) -> Absence | None:
    """What becomes of what is held in the part and was not shown; None: nothing changes.

    `strays` are not judged: shown without a place in `places`, or not known to stand in the
    part. `arriving` messages are new with this page.
    """
    seen = sightings(page, held)
    if part is None or page.served_at is None:
        return seen
    found = _absent(key, part, places, held, gaps, page.served_at, rules, view)
    absent = [message for message in found if message.message_id not in strays]
    if not absent:
        return seen
    fates = _fates(key, absent, page, part, places, rules, view, arriving)
    absence = _absence(page.served_at, absent, fates, () if seen is None else seen.cleared)
    if _is_mass(key, absence, held, rules, view):
        absence = evolve(
            absence,
            removed=(),
            expired=() if rules.horizon is None else absence.expired,
            held_back=not view.removals(key).held_back,
        )
    return absence if absence.writes else None


def _absent(
    key: ConversationKey,
    part: Covered,
    places: Mapping[str, int],
    held: Mapping[str, HeldMessage],
    gaps: Sequence[Gap],
    served_at: int,
    rules: Rules,
    view: View,
) -> list[PlacedMessage]:
    if any(gap.low <= part.low and part.high <= gap.high for gap in gaps):
        return []  # nothing can be held there: the usual page of a first pull costs nothing
    shown = sum(part.low < found.position < part.high for found in held.values())
    if view.holds_no_more(key, part.low, part.high, shown):
        return []  # the usual page that is read again: to count is cheap
    undecided_after = -_ALL if rules.mirror else served_at - horizon(rules, view.longest_stay())
    found = view.between(key, part.low, part.high, undecided_after)
    return [message for message in found if message.message_id not in places]


def _fates(
    key: ConversationKey,
    absent: Sequence[PlacedMessage],
    page: Page,
    part: Covered,
    places: Mapping[str, int],
    rules: Rules,
    view: View,
    arriving: int,
) -> dict[str, Fate]:
    assert page.served_at is not None
    arrived, settled = _arrived(key, view, arriving), view.settled(key)
    cannot_expire = page.served_at - horizon(rules, view.longest_stay())
    evidence = Evidence(
        served=[_shown(row, places) for row in page.messages],
        served_at=page.served_at,
        horizon=horizon(rules, view.longest_stay()),
        confirm_after=rules.confirm_after,
        arrived=arrived,
        explained=_explained(key, part, cannot_expire, rules, view, arrived),
        mirror=rules.mirror,
    )
    return reconcile([_stored(m, settled) for m in absent if m.hidden is None], evidence)


def _explained(
    key: ConversationKey,
    part: Covered,
    cannot_expire: int,
    rules: Rules,
    view: View,
    arrived: int | None,
) -> Sequence[int]:
    """Where those are that went missing since arrivals are counted, but are not judged again
    because age explains them. A cap took them first all the same."""
    if part.low != START or rules.mirror or not arrived:
        return ()
    return view.aged(key, part.high, cannot_expire, arrived)


def _shown(row: MessageRow, places: Mapping[str, int]) -> Stored:
    return Stored(row.message_id, places[row.message_id], row.timestamp, row.edited_at is not None)


def _stored(message: PlacedMessage, settled: int) -> Stored:
    return Stored(
        message.message_id,
        message.position,
        message.timestamp,
        message.edited_at is not None,
        message.suspect_at,
        message.timestamp <= settled,
    )


def _arrived(key: ConversationKey, view: View, arriving: int) -> int | None:
    """How many messages may have pushed out others; None: the head was not read.

    Where it was read and showed less than is held, it is open only until that is confirmed.
    """
    unread = any(gap.high == HEAD and not gap.seam for gap in view.gaps(key))
    return None if unread and view.noted_doubt(key) is None else view.arrived(key) + arriving


def _absence(
    at: int, absent: Sequence[PlacedMessage], fates: Mapping[str, Fate], cleared: Sequence[str]
) -> Absence:
    def those(fate: Fate) -> list[str]:
        return [message_id for message_id, found in fates.items() if found is fate]

    known = {m.message_id for m in absent if m.unverified and m.suspect_at is None}
    return Absence(
        at,
        removed=those(Fate.REMOVE),
        expired=those(Fate.EXPIRE),
        suspected=those(Fate.SUSPECT),
        unverified=[m for m in those(Fate.KEEP) if m not in known],
        cleared=cleared,
        dropped=[m.message_id for m in absent if m.hidden in (BURIED, RETURNED)],
    )


def _is_mass(
    key: ConversationKey,
    absence: Absence,
    held: Mapping[str, HeldMessage],
    rules: Rules,
    view: View,
) -> bool:
    """Whether so much is at stake that a person has to agree.

    Everything counts since a person last agreed, and suspects do, too: small bites must
    not get past it.
    """
    counts = absence.removed or (rules.horizon is None and absence.expired)
    if not counts or not rules.guarded:
        return False
    shown = sum(1 for m in absence.cleared if held[m].suspect_at is not None)
    so_far = view.removals(key)
    suspects = so_far.suspects + len(absence.suspected) - shown
    at_stake, all_there_was = so_far.removed + suspects, so_far.removed + so_far.visible
    if so_far.removed + so_far.held > SMALL and 4 * at_stake > all_there_was:
        return True
    most_of_it = 2 * at_stake > all_there_was
    return most_of_it and view.others_gone(key, MOST_CONVERSATIONS) >= MOST_CONVERSATIONS
