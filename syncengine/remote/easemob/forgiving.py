"""JSON from strangers: parsed as far as it can be, asked without assumptions.

Strict parsing comes first and is fast. What it refuses and real clients do send, half of
an emoji as a lone ``\\ud83d`` or a number beyond 64 bits, goes through the patient parser
of the standard library. The text that comes out can always be stored and sent on.
"""

import json
from typing import Any

import msgspec

_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LARGEST = 2**63 - 1


class NotJson(ValueError):
    """The bytes are no JSON, even with patience."""


def parse(data: bytes | str) -> Any:
    """Whatever the JSON says. Raises `NotJson`, and nothing else."""
    try:
        return msgspec.json.decode(data)
    except _BROKEN:
        return _parse_patiently(data)


def _parse_patiently(data: bytes | str) -> Any:
    try:
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        return _clean(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise NotJson("no JSON") from error


def _clean(value: Any) -> Any:
    """The same value with half emoji replaced: neither SQLite nor UTF-8 can hold them."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {whole_text(key): _clean(item) for key, item in value.items()}
    return value


def whole_text(value: str | bytes) -> str:
    """Text that UTF-8 can hold. Protobuf gives bytes where a string is no UTF-8."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def dump(value: Any) -> bytes:
    """Compact JSON of anything that `parse` gave."""
    try:
        return msgspec.json.encode(value)
    except (OverflowError, UnicodeEncodeError, RecursionError):
        return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def as_object(value: Any) -> dict[str, Any]:
    """A JSON object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A JSON array; anything else is an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """A string, or a number as one; anything else is empty."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""


def as_int(value: Any) -> int | None:
    """An integer that SQLite can hold, from a number or its digits; else None."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if isinstance(value, str) and len(value) <= 20 and value.removeprefix("-").isdecimal():
        value = int(value)
    return value if type(value) is int and -_LARGEST - 1 <= value <= _LARGEST else None


def as_number(value: Any) -> float | None:
    """A number, from a number or its text; a whole one is an int. Else None."""
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value)
        except ValueError:
            return None
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) in (int, float) else None
