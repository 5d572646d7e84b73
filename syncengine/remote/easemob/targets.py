"""Which conversations messages are of, told by their own bytes. Pure.

A row names its sender and its recipient (schema/wire/README.md, "Messages"). A group or a room
is its messages' recipient; a chat is the one of the two that is not the user.
"""

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter

from attrs import frozen
from google.protobuf.message import DecodeError

from syncengine.models import ConversationKey, Kind
from syncengine.remote.easemob import forgiving
from syncengine.remote.easemob.roaming_pb2 import JID, MessageBody, Meta

_KINDS = {1: Kind.CHAT, 2: Kind.GROUPCHAT, 3: Kind.CHATROOM}
"""By the `type` of a row's body."""
_sender = attrgetter("from")  # a keyword in Python, so it cannot be written with a dot


@frozen
class _Ends:
    kind: Kind
    sender: str
    to: str


def conversations(
    user: str | None, samples: Mapping[int, Iterable[bytes]]
) -> dict[int, ConversationKey]:
    """The conversation of each group of rows, where they agree. `user`: whose they are; None:
    whoever takes part in all of the chats, if that is only one."""
    ends = {number: tuple(_read(raws)) for number, raws in samples.items()}
    me = user or _in_all(each for found in ends.values() for each in found)
    named = {number: {_key(each, me) for each in found} for number, found in ends.items()}
    return {
        number: key for number, (key, *others) in _nonempty(named) if key is not None and not others
    }


def _nonempty(
    named: Mapping[int, set[ConversationKey | None]],
) -> Iterator[tuple[int, list[ConversationKey | None]]]:
    return ((number, list(keys)) for number, keys in named.items() if keys)


def _read(raws: Iterable[bytes]) -> Iterator[_Ends]:
    """Of those rows that can be read."""
    for raw in raws:
        try:
            row = Meta.FromString(raw)
            body = MessageBody.FromString(row.payload)
        except DecodeError:
            continue
        kind = _KINDS.get(body.type)
        sender = _name(_sender(body)) or _name(_sender(row))
        to = _name(body.to) or _name(row.to)
        if kind is not None and sender and to:
            yield _Ends(kind, sender, to)


def _name(jid: JID) -> str:
    return forgiving.whole_text(jid.name)


def _in_all(ends: Iterable[_Ends]) -> str | None:
    pairs = [{each.sender, each.to} for each in ends if each.kind is Kind.CHAT]
    shared = set.intersection(*pairs) if pairs else set()
    return shared.pop() if len(shared) == 1 else None


def _key(ends: _Ends, me: str | None) -> ConversationKey | None:
    if ends.kind is not Kind.CHAT:
        return ConversationKey(ends.to, ends.kind)
    if me not in (ends.sender, ends.to):
        return None
    return ConversationKey(ends.to if ends.sender == me else ends.sender, ends.kind)
