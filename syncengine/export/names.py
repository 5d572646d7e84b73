"""File names from ids: readable where an id allows it, harmless always.

Ids come from a server and may be anything: a way out of the folder, a name that Windows
reserves, two that differ only in what a file system ignores. What is not plainly safe
becomes its readable part and a hash of the whole.
"""

import hashlib
import re

from syncengine.models import ConversationKey

_SAFE = re.compile(r"[a-z0-9._-]{1,80}")
"""No capitals: many file systems hold two names for the same that differ only in these."""
_UNSAFE = re.compile(r"[^a-z0-9._-]+")
_READABLE = 60
_HASH = 16
"""Hexadecimal digits, half of 128 bits: two of a billion ids do not meet by accident."""


def stem(key: ConversationKey) -> str:
    """The name of a conversation's files, without their ending. Never two with the same."""
    if _SAFE.fullmatch(key.conversation_id):
        return f"{key.kind}-{key.conversation_id}"
    readable = _UNSAFE.sub("_", key.conversation_id.lower())[:_READABLE]
    whole = hashlib.sha256(key.conversation_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{key.kind}-{readable}~{whole[:_HASH]}"


def page(name: str, number: int) -> str:
    """The stem of one of a conversation's pages, from 1."""
    return name if number == 1 else f"{name}~p{number}"
