"""What a page shows and nobody is to see: deleted here, or being deleted. No await."""

from collections.abc import Sequence

from attrs import evolve

from syncengine.models import ConversationKey, MessageRow, Page, is_named
from syncengine.store.batch import BURIED, RETURNED, Batch
from syncengine.store.view import View
from syncengine.sync.doubts import CONFIRM_MS


def guarded(batch: Batch, page: Page, view: View) -> Batch:
    """Keep out of sight what was deleted, whatever the page says (laws 4, 5 and 8)."""
    found = view.tombstones(batch.key, [message.message_id for message in page.messages])
    lasting = {m: t.served_at for m, t in found.items() if t.absent_at is None}
    absent = {m: t.served_at for m, t in found.items() if t.absent_at is not None}
    back = {m for m, at in absent.items() if at is not None and _confirms(page, at)}
    inserts = [
        (place, _stripped(row) if row.message_id in lasting else row)
        for place, row in batch.inserts
    ]
    buried = {row.message_id: BURIED for _, row in inserts if row.message_id in lasting}
    returned = {m: RETURNED for m in _ids(inserts) if m in absent and m not in back}
    return evolve(
        batch,
        inserts=inserts,
        hidden=returned | hidden_by(batch.key, [row for _, row in inserts], view) | buried,
        sighted=[(m, page.served_at) for m, at in {**lasting, **absent}.items() if at is None],
        reopened=[m for m, at in lasting.items() if at and _confirms(page, at) and is_named(m)],
        restored=list(back),
        newest_unsure=bool(batch.inserts or back),
    )


def _ids(inserts: Sequence[tuple[int, MessageRow]]) -> list[str]:
    return [row.message_id for _, row in inserts]


def _stripped(row: MessageRow) -> MessageRow:
    """A deleted message keeps its place in the order, and nothing of what it said."""
    return MessageRow(row.message_id, "", row.timestamp, "unknown", "", None, b"")


def hidden_by(key: ConversationKey, rows: Sequence[MessageRow], view: View) -> dict[str, int]:
    """New messages that a pending intent covers, and its number."""
    hidden: dict[str, int] = {}
    for number, before in view.pending(key):
        wanted = (
            view.wanted_gone(number, [row.message_id for row in rows])
            if before is None
            else {row.message_id for row in rows if row.timestamp <= before}
        )
        hidden |= dict.fromkeys(wanted - hidden.keys(), number)
    return hidden


def _confirms(page: Page, sighted_at: int) -> bool:
    return page.served_at is not None and page.served_at - sighted_at >= CONFIRM_MS
