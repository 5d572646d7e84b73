"""What must be true: after every commit, after every step, and when everything is calm."""

import sqlite3
from collections.abc import Callable, Sequence

from syncengine import Conversation, ConversationKey, Slice
from syncengine.emulator.message import Message
from syncengine.store.migrate import latest_version
from tests.harness import USER
from tests.simulation.devices import HAS_VERIFY, Device, Screen, Shown
from tests.simulation.server import KEYS, Server
from tests.simulation.trace import Violation

_VERSION = latest_version()
_LASTING = "t.absent_at IS NULL" if HAS_VERIFY else "1"
_UNSOUND = {
    "a message inside a gap": """
        SELECT m.message_id, g.low, g.high FROM gap g JOIN message m
            ON m.conversation = g.conversation AND m.position > g.low AND m.position < g.high
    """,
    "a deleted message is shown": f"""
        SELECT message_id FROM tombstone t JOIN message m USING (conversation, message_id)
        WHERE m.hidden IS NULL AND {_LASTING}
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
            -- finding 210: not yet where something is hidden
            AND NOT EXISTS (SELECT 1 FROM message h
                            WHERE h.conversation = c.conversation AND h.hidden IS NOT NULL)
    """,
    "a row without its parent": "PRAGMA foreign_key_check",
}
_REVISIONS = "SELECT count(*), coalesce(max(revision) - min(revision) + 1, 0) FROM change"


def check_commit(connection: sqlite3.Connection) -> None:
    """Law 1, *atomic*: after every commit the file is sound."""
    if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
        return  # its tables are being made
    for what, query in _UNSOUND.items():
        found = connection.execute(query).fetchone()
        if found is not None:
            raise Violation("atomic", f"{what}: {found}")
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'change'").fetchone():
        rows, span = connection.execute(_REVISIONS).fetchone()
        if rows != span:
            raise Violation("atomic", "a revision is missing")


def check_step(device: Device) -> None:
    """What a device shows now, against what it showed before."""
    if not device.changed:
        return
    device.changed = False
    screen = device.look()
    _no_resurrection(device, screen)
    _nothing_lost(device, screen)
    _no_edit_undone(device, screen)
    device.screen = screen


def _no_resurrection(device: Device, screen: Screen) -> None:
    """Laws 4 and 8, *no resurrection*: what was deleted here is not seen here again."""
    buried = device.buried()
    for key, shown in screen.items():
        for message in shown:
            if message.message_id in buried:
                raise Violation("no resurrection", f"{device.name} {key} {message.message_id}")


def _nothing_lost(device: Device, screen: Screen) -> None:
    """Laws 4, 5 and 7, *nothing lost*: what is not seen any more is gone for a true cause."""
    now = _ids(screen)
    buried = device.ever_buried()
    for key, shown in device.screen.items():
        for message in shown:
            message_id = message.message_id
            if message_id not in now and message_id not in buried:
                _check_cause(device, key, message_id)


def _check_cause(device: Device, key: ConversationKey, message_id: str) -> None:
    causes = device.server.gone.get(message_id, set())
    good = {"deleted", "recalled", "lost"}
    if getattr(device.config, "retention", "keep") == "mirror":
        good |= {"expired", "capped"}
    if not causes & good:
        words = f"{device.name} {key} {message_id}, gone on the server: {sorted(causes)}"
        raise Violation("nothing lost", words)


def _no_edit_undone(device: Device, screen: Screen) -> None:
    """Law 4's sister: a late page never brings an older text back."""
    before = {m.message_id: m for shown in device.screen.values() for m in shown}
    for key, shown in screen.items():
        for message in shown:
            was = before.get(message.message_id)
            lost = message.message_id in device.server.edits_lost
            if was and not lost and (message.edited_at or 0) < (was.edited_at or 0):
                raise Violation("edit undone", f"{device.name} {key} {message.message_id}")


def _ids(screen: Screen) -> set[str]:
    return {message.message_id for shown in screen.values() for message in shown}


def converged(device: Device) -> Violation | None:
    """Law 13, *convergence*: what is here equals what is there, in order; no gap is open."""
    gaps = device.query("SELECT conversation, low, high FROM gap WHERE NOT seam")
    if gaps:
        return Violation("convergence", f"{device.name}: open gaps {gaps}")
    compare = _compare if HAS_VERIFY else _compare_without_audit
    for key in _heard_of(device):
        words = compare(device, key, device.server.served(key))
        if words:
            return Violation("convergence", f"{device.name} {key}: {words}")
    return None


def _heard_of(device: Device) -> list[ConversationKey]:
    """The conversations that the device knows or that the list names: of any other, taken
    from the list before the device ever saw it, no call of the server tells."""
    known = {
        ConversationKey(*each)
        for each in device.query("SELECT conversation_id, kind FROM conversation")
    }
    known |= {listed.entry.key for listed in device.server.world.conversations(USER)}
    return [key for key in KEYS if key in known]


def _compare(device: Device, key: ConversationKey, served: Sequence[Message]) -> str:
    shown = [m for m in device.screen.get(key, []) if not m.unverified]
    expired = _expired_lately(device.server)
    here = [m.message_id for m in shown if m.message_id not in expired]
    there = [str(m.message_id) for m in served]
    if here != there:
        return f"here {here}, there {there}"
    return _compare_words(device.server, shown, served)


def _expired_lately(server: Server) -> set[str]:
    return {message_id for message_id, why in server.gone.items() if "expired" in why}


def _compare_words(server: Server, shown: Sequence[Shown], served: Sequence[Message]) -> str:
    texts = {str(m.message_id): str(m.body.get("msg")) for m in served}
    for message in shown:
        text = texts.get(message.message_id, message.text)
        if message.text != text and message.message_id not in server.edits_lost:
            return f"{message.message_id} says {message.text!r} here, {text!r} there"
    return ""


def _compare_without_audit(device: Device, key: ConversationKey, served: Sequence[Message]) -> str:
    """Before there are audits: what no list told of may be missing, what is gone may be here."""
    server = device.server
    there = [str(m.message_id) for m in served]
    shown = [m.message_id for m in device.screen.get(key, [])]
    here = [m for m in shown if m in there or m not in server.gone]
    blind = server.unannounced if not server.resets else set(there)
    listed = {each.entry.key for each in server.world.conversations(USER)}
    if server.switches.list_cap < len(KEYS) or key not in listed:
        blind = set(there)
    missing = [m for m in there if m not in here]
    if not set(missing) <= blind:
        return f"missing {[m for m in missing if m not in blind]}"
    if here != [m for m in there if m in here]:
        return f"here {here}, there {there}"
    return ""


def check_ledger(device: Device) -> None:
    """Law 8, *ledger*: a deletion that was taken is done there, or pending, or reported."""
    reported = _reported(device)
    for asked in device.asked:
        if asked.dropped:
            continue
        for message in device.server.served(asked.key):
            message_id = str(message.message_id)
            lost = device.server.resets and not HAS_VERIFY  # without audits nobody notices
            if message_id in asked.ids and not lost and not reported(asked.key, message):
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
