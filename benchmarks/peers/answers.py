"""What a shelf is asked and answers: HTTP, as little as the peers need."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from attrs import frozen


class Record(TypedDict):
    """A message as the shelves give it: what `hand` has in a row."""

    id: str
    conversation: str
    sender: str
    timestamp: int
    type: int
    text: str
    raw: str
    """The bytes as they came, in base64."""


@frozen
class Request:
    """A question."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes


@frozen
class Reply:
    """JSON in parts that are sent one after another."""

    parts: Sequence[bytes]
    status: str = "200 OK"
    stays: bool = False
    """Whether the answer has no end: the connection stays until the peer closes it."""
    kind: str = "application/json"


Answer = Callable[[Request], Reply]
Shelf = Callable[[Sequence[Record]], Answer]
"""Makes all that it can before anybody asks."""


def nothing() -> Reply:
    """There is nothing of that name."""
    return Reply([b'{"error":"not_found","reason":"missing"}'], "404 Not Found")


def array(items: Sequence[bytes]) -> bytes:
    """JSON values as a JSON array."""
    return b"[" + b",".join(items) + b"]"


def encoded(value: Any) -> bytes:
    """A value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
