"""JSON that every parser reads, whatever a message holds.

A sender may write numbers that JSON does not have. They are written as text: ``"NaN"``,
``"Infinity"``, ``"-Infinity"``. All that leaves the program as JSON goes through here.
"""

import json
from math import isfinite, isnan
from typing import Any


def json_text(value: Any, *, ensure_ascii: bool = True, indent: int | None = None) -> str:
    """The value as JSON by RFC 8259; what is no JSON value at all is written as its `str`."""
    encode = json.JSONEncoder(
        ensure_ascii=ensure_ascii, indent=indent, default=str, allow_nan=False
    ).encode
    try:
        return encode(value)
    except ValueError:  # so the many that have no such number are not looked through
        return encode(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {_finite(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return _named(value) if isinstance(value, float) and not isfinite(value) else value


def _named(number: float) -> str:
    if isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"
