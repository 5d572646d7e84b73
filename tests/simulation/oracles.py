"""What must be true: after every commit, after every step, and when everything is calm."""

import sqlite3
from collections.abc import Callable, Sequence

from syncengine import Conversation, ConversationKey, Problem, Slice
from syncengine.emulator.message import Message
from syncengine.emulator.paging import DAY_MS
from syncengine.store.migrate import latest_version
from tests.harness import USER
from tests.simulation.books import Call, Row
from tests.simulation.claims import check_claims
from tests.simulation.devices import Device, Screen, Shown
from tests.simulation.journal import read_journal
from tests.simulation.server import Server
from tests.simulation.trace import Violation

_VERSION = latest_version()
_UNSOUND = {
    "a message inside a gap": """
        SELECT m.message_id, g.low, g.high FROM gap g JOIN message m
            ON m.conversation = g.conversation AND m.position > g.low AND m.position < g.high
    """,
    "a deleted message is shown": """
        SELECT message_id FROM tombstone t JOIN message m USING (conversation, message_id)
        WHERE m.hidden IS NULL AND t.absent_at IS NULL
    """,
    "two gaps overlap": """
        SELECT a.low, a.high, b.low, b.high FROM gap a JOIN gap b USING (conversation)
        WHERE a.high < b.high AND b.low < a.high
    """,
    "a gap without room": "SELECT low, high FROM gap WHERE low >= high",
    "two messages in one place": """
        SELECT message_id, position FROM message
        GROUP BY conversation, position HAVING count(*) > 1
    """,
    "the newest message is another one": """
        SELECT conversation, newest FROM conversation c WHERE newest IS NOT
            (SELECT message FROM message m WHERE m.conversation = c.conversation
             AND hidden IS NULL ORDER BY position DESC LIMIT 1)
    """,
}
_ANY_UNSOUND = " UNION ALL ".join(
    f"SELECT {number} FROM (SELECT 1 FROM ({query}) LIMIT 1)"
    for number, query in enumerate(_UNSOUND.values())
)
"""All of them in one statement, for it runs after every commit."""


def check_commit(device: Device, connection: sqlite3.Connection) -> None:
    """Law 1, *atomic*: after every commit the file is sound, and says truly what was done."""
    if not _has_tables(device, connection):
        return
    check_sound(connection)
    read_journal(device, connection)
    device.mirror.glance(connection)
    check_claims(device, connection)


def unsound(connection: sqlite3.Connection) -> str:
    """What is wrong with a file, in words; empty: nothing is."""
    for (number,) in connection.execute(_ANY_UNSOUND):
        what, query = list(_UNSOUND.items())[number]
        return f"{what}: {connection.execute(query).fetchone()}"
    return ""


def check_sound(connection: sqlite3.Connection) -> None:
    """Law 1, *atomic*: nothing in a file contradicts anything else in it."""
    if words := unsound(connection):
        raise Violation("atomic", words)


def _has_tables(device: Device, connection: sqlite3.Connection) -> bool:
    """Not while they are being made."""
    if not device.books.has_tables:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        device.books.has_tables = version == _VERSION
    return device.books.has_tables


def check_step(device: Device) -> None:
    """What a device shows now, against what it showed before."""
    _check_calls(device)
    if not device.changed:
        return
    device.changed = False
    orphan = device.query("PRAGMA foreign_key_check")
    if orphan:
        raise Violation("atomic", f"a row without its parent: {orphan[0]}")
    device.follow()
    screen = device.look()
    _no_resurrection(device, screen)
    _nothing_lost(device, screen)
    _no_edit_undone(device, screen)
    _in_order(device, screen)
    device.screen = screen
    device.books.fresh.clear()


def _check_calls(device: Device) -> None:
    """Laws 4 and 8, *nothing but what was asked*: the server deleted no more than that."""
    calls = device.server.calls
    new, device.books.calls_checked = calls[device.books.calls_checked :], len(calls)
    for call in new:
        if call.device == device.name:
            _check_call(device, call)


def _check_call(device: Device, call: Call) -> None:
    if call.what == "conversation":
        raise Violation("nothing but what was asked", f"{device.name} {call.key} in one call")
    for message_id, at in call.deleted:
        if not any(wish.covers(call.key, message_id, at) for wish in device.books.wishes):
            words = f"{device.name} {call.key} {message_id} at {at}, by {call.what}"
            raise Violation("nothing but what was asked", words)


def _no_resurrection(device: Device, screen: Screen) -> None:
    """Laws 4 and 8, *no resurrection*: what was deleted here is not seen here again."""
    buried = device.buried()
    for key, shown in screen.items():
        for message in shown:
            if message.message_id in buried:
                raise Violation("no resurrection", f"{device.name} {key} {message.message_id}")


def _nothing_lost(device: Device, screen: Screen) -> None:
    """Laws 1, 4, 5 and 7, *nothing lost*: what is not seen any more was written down as
    removed since. Whether truly is checked at the commit: `journal.py`."""
    rows = [row for row in device.books.fresh if row.what == "removed"]
    for key, shown in device.screen.items():
        now = {message.message_id for message in screen.get(key, [])}
        there = [row for row in rows if row.key == key]
        for message in shown:
            if message.message_id in now:
                continue
            if not any(_names(row, message) for row in there):
                words = f"{device.name} {key} {message.message_id}: no change row tells of it"
                raise Violation("nothing lost", words)


def _names(row: Row, message: Shown) -> bool:
    return message.message_id in row.ids or (row.until or 0) >= message.timestamp


def _no_edit_undone(device: Device, screen: Screen) -> None:
    """Law 4's sister: a late page never brings an older text back."""
    before = {m.message_id: m for shown in device.screen.values() for m in shown}
    for key, shown in screen.items():
        for message in shown:
            was = before.get(message.message_id)
            lost = message.message_id in device.server.edits_lost
            if was and not lost and (message.edited_at or 0) < (was.edited_at or 0):
                raise Violation("edit undone", f"{device.name} {key} {message.message_id}")


def _in_order(device: Device, screen: Screen) -> None:
    """Law 3: what is shown stands as it does on the server, at every moment."""
    server = device.server
    if server.resets or server.lied:
        return
    for key, shown in screen.items():
        line = server.world.line(key)
        ids = [m.message_id for m in shown if m.message_id not in server.imported]
        places = [line.place(int(message_id)) or 0 for message_id in ids]
        if places != sorted(places):  # what is gone there may stand anywhere until it goes here
            ids = [message_id for message_id in ids if not server.causes(message_id)]
            places = [line.place(int(message_id)) or 0 for message_id in ids]
        if places != sorted(places):
            raise Violation("order", f"{device.name} {key}: {ids} stand at {places}")


def converged(device: Device, listed: Sequence[Conversation]) -> Violation | None:
    """Law 13, *convergence*: what is here equals what is there, in order; no gap is open."""
    gaps = device.query("SELECT conversation, low, high FROM gap WHERE NOT seam")
    if gaps:
        return Violation("convergence", f"{device.name}: open gaps {gaps}")
    for key in _heard_of(device):
        words = _compare(device, key, device.server.served(key))
        if words:
            return Violation("convergence", f"{device.name} {key}: {words}")
    return _called_whole(device, listed)


def _heard_of(device: Device) -> list[ConversationKey]:
    """The conversations that the device knows or that the list names: of any other, taken
    from the list before the device ever saw it, no call of the server tells."""
    known = {
        ConversationKey(*each)
        for each in device.query("SELECT conversation_id, kind FROM conversation")
    }
    known |= {listed.entry.key for listed in device.server.world.conversations(USER)}
    return [key for key in device.server.keys if key in known]


def _compare(device: Device, key: ConversationKey, served: Sequence[Message]) -> str:
    shown = device.screen.get(key, [])
    here = [m.message_id for m in shown if not m.unverified]
    there = [str(m.message_id) for m in served]
    if here != there:
        return f"here {here}, there {there}"
    verified = [m.unverified for m in shown].index(0) if served else len(shown)
    doubted = [m.message_id for m in shown[verified:] if m.unverified and _is_young(device, m)]
    if doubted:
        return f"unverified, and it is certain: {doubted}"
    return _compare_words(device.server, shown, served)


def _is_young(device: Device, message: Shown) -> bool:
    """Law 7: it cannot have expired, as far as this device was told. What lies below all that
    is served may have been pushed out as well."""
    if device.config.retention_days is None:
        return False
    age = device.server.world.now() - message.timestamp
    return age < device.config.retention_days * DAY_MS - 3_600_000


def _called_whole(device: Device, listed: Sequence[Conversation]) -> Violation | None:
    """Law 9: what has a gap or a seam is not called whole, and else it is."""
    holes = device.query(
        "SELECT DISTINCT conversation_id, kind FROM gap JOIN conversation USING (conversation)"
    )
    for each in listed:
        if each.whole == ((each.conversation_id, each.kind) in holes):
            return Violation("convergence", f"{device.name} calls {each.conversation_id} whole")
    return None


def _compare_words(server: Server, shown: Sequence[Shown], served: Sequence[Message]) -> str:
    texts = {str(m.message_id): str(m.body.get("msg")) for m in served}
    for message in shown:
        text = texts.get(message.message_id, message.text)
        if message.text != text and message.message_id not in server.edits_lost:
            return f"{message.message_id} says {message.text!r} here, {text!r} there"
    return ""


def check_ledger(device: Device) -> None:
    """Law 8, *ledger*: a deletion that was taken is done there, or pending, or reported."""
    reported = _reported(device)
    for asked in device.asked:
        if asked.dropped:
            continue
        for message in device.server.served(asked.key):
            message_id = str(message.message_id)
            if message_id in asked.ids and not reported(asked.key, message):
                words = f"{device.name} {asked.what} {asked.key}: {message_id} is still there"
                raise Violation("ledger", words)


def _reported(device: Device) -> Callable[[ConversationKey, Message], bool]:
    named = {m for (m,) in device.query("SELECT message_id FROM intent_message")}
    before = device.query(
        "SELECT conversation_id, c.kind, i.timestamp FROM intent i"
        " JOIN conversation c USING (conversation) WHERE i.kind = 'before'"
    )

    def reported(key: ConversationKey, message: Message) -> bool:
        covered = [
            at for name, kind, at in before if (name, kind) == (key.conversation_id, key.kind)
        ]
        return str(message.message_id) in named or any(message.timestamp <= at for at in covered)

    return reported


def check_asked(device: Device, key: ConversationKey, until: int | None) -> None:
    """Law 8: a deletion shows at once, all of it, and nothing else."""
    before, after = device.screen.get(key, []), device.look().get(key, [])
    left = {message.message_id for message in after}
    asked = device.asked[-1].ids
    newest = max((message.timestamp for message in before), default=0)
    for message in before:
        covered = until is not None and message.timestamp <= min(until, newest)
        if (covered or message.message_id in asked) and message.message_id in left:
            raise Violation("ledger", f"{device.name} {key} {message.message_id} still shows")
        if message.message_id not in left and message.message_id not in asked:
            raise Violation("nothing lost", f"{device.name} {key} {message.message_id}, not asked")
        if until is not None and message.timestamp > until and message.message_id not in left:
            raise Violation("nothing lost", f"{device.name} {key} {message.message_id}: later")


def check_preview(device: Device, conversation: Conversation, buried: set[str]) -> None:
    """Law 4: the list of conversations does not show what was deleted here either."""
    last = conversation.last_message
    if last is not None and last.message_id in buried:
        name = conversation.conversation_id
        raise Violation("no resurrection", f"{device.name} lists {name} with {last.message_id}")


def check_slice(device: Device, key: ConversationKey, found: Slice) -> None:
    """Law 9: a read shows what is held, in order, nothing hidden."""
    shown = device.look().get(key, [])
    wanted = [message.message_id for message in shown][-len(found.messages) :]
    got = [m.message_id for m in found.messages if not m.message_id.startswith("raw:")]
    if got != (wanted if len(got) == len(found.messages) else got):
        raise Violation("reads", f"{device.name} {key}: {got}, held {wanted}")


def check_report(device: Device, held_back: int, problems: Sequence[Problem]) -> None:
    """Law 10: removals that are held back are reported for as long as they wait."""
    (waiting,) = device.query(
        "SELECT count(*) FROM audit JOIN message USING (conversation)"
        " WHERE held_back = 1 AND suspect_at IS NOT NULL AND hidden IS NULL"
    )[0]
    told = any(problem.error == "RemovalHeldBack" for problem in problems)
    if held_back != waiting or told != bool(waiting):
        raise Violation("the guard", f"{device.name} reports {held_back}, {waiting} wait")


def check_verified(device: Device, counted: int) -> None:
    """Laws 10 and 13: after a full audit that nobody agreed to, all that is gone from the
    server and still shown is counted: as held back, as a suspect, or as unverified."""
    gone = [
        message.message_id
        for shown in device.screen.values()
        for message in shown
        if not message.unverified and device.server.causes(message.message_id)
    ]
    if len(gone) > counted:
        raise Violation("the guard", f"{device.name} counts {counted}, gone are {gone}")
