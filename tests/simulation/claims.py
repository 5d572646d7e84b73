"""Laws 1 and 2, *proof closes gaps*: a gap row never claims less than what is missing.

Told from outside: the server's line of messages, at every commit. Where two messages are held
with no gap and no seam between, the server never had another one between them that this
account could have seen; where no gap lies below all, nothing older is served.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise

from syncengine import ConversationKey
from syncengine.emulator.message import Message, Timeline
from tests.harness import USER
from tests.simulation.devices import Device
from tests.simulation.server import Server
from tests.simulation.trace import Violation

Place = tuple[int, int]
"""A held message: its position here, its place there."""


def check_claims(device: Device, connection: sqlite3.Connection) -> None:
    """Look at the conversations whose gaps changed. Only where nothing blurs the view: one
    replica, and nothing ever restored."""
    if not device.server.exact:
        return
    gaps = frozenset(connection.execute("SELECT conversation, low, high FROM gap"))
    changed = {gap[0] for gap in gaps ^ device.books.gaps}
    device.books.gaps = gaps
    for number in sorted(changed):
        _check(device, connection, number, [gap[1:] for gap in gaps if gap[0] == number])


def _check(
    device: Device, connection: sqlite3.Connection, number: int, gaps: Sequence[Place]
) -> None:
    key = ConversationKey(
        *connection.execute(
            "SELECT conversation_id, kind FROM conversation WHERE conversation = ?", (number,)
        ).fetchone()
    )
    line = device.server.world.line(key)
    held = _held(connection, number, line)
    here = {place for _, place in held}  # beside what is gone there it may stand anywhere
    for message, why in _unclaimed(device.server, line, held, gaps):
        if line.place(message.message_id) in here:
            continue
        message_id = str(message.message_id)
        if message_id not in device.books.gone and message_id not in device.server.imported:
            raise Violation("proof closes gaps", f"{device.name} {key} {message_id}, {why}")


def _held(connection: sqlite3.Connection, number: int, line: Timeline) -> list[Place]:
    found = connection.execute(
        "SELECT position, message_id FROM message WHERE conversation = ?"
        " AND message_id NOT LIKE 'raw:%' ORDER BY position",
        (number,),
    )
    places = [(position, line.place(int(message_id))) for position, message_id in found]
    return [(position, place) for position, place in places if place is not None]


def _unclaimed(
    server: Server, line: Timeline, held: Sequence[Place], gaps: Sequence[Place]
) -> Iterator[tuple[Message, str]]:
    for (low, older), (high, newer) in pairwise(held):
        if any(low <= gap_low and gap_high <= high for gap_low, gap_high in gaps):
            continue
        stays = line.messages[older]
        trusted = str(stays.message_id) not in server.imported and not _outlived(
            server, line.messages[: older + 1]
        )
        for message in line.messages[older + 1 : newer]:
            if _missed(server, message, also_expired=trusted):
                yield message, f"between {low} and {high}"
    if held and not any(high <= held[0][0] for _, high in gaps):
        for message in line.messages[: held[0][1]]:
            if _missed(server, message, also_expired=False):
                yield message, "below the start"


def _outlived(server: Server, older: Sequence[Message]) -> bool:
    """Whether a page could join what is new to an edited message, past what expired between:
    to the newest of these, or below it where all that follows is gone by now."""
    for message in reversed(older):
        if message.edit is not None:
            return True
        if not server.causes(str(message.message_id)):
            return False
    return False


def _missed(server: Server, message: Message, *, also_expired: bool) -> bool:
    if USER in message.deleted_for or message.recalled_at is not None or message.raw is not None:
        return False
    return also_expired or not server.causes(str(message.message_id))
