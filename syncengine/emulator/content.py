"""Message bodies, as the service's JSON writes them, and the values of `ext`.

One form everywhere: the server-side API takes it, the conversation list shows it, and
`rows` turns it into the protobuf of history.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from attrs import frozen

Body = Mapping[str, Any]
Ext = Mapping[str, Any]


class ValueType(IntEnum):
    """The wire's types of an ext value."""

    BOOL = 1
    INT = 2
    UINT = 3
    LLINT = 4
    FLOAT = 5
    DOUBLE = 6
    STRING = 7
    JSON_STRING = 8


@frozen
class Typed:
    """An ext value of a chosen wire type; a bare value gets the type that clients give it."""

    type: ValueType
    value: Any


def typed(value: Any) -> Typed:
    """The wire type that the official clients choose for a value."""
    if isinstance(value, Typed):
        return value
    if isinstance(value, bool):
        return Typed(ValueType.BOOL, value)
    if isinstance(value, int):
        small = -(2**31) <= value < 2**31
        return Typed(ValueType.INT, value) if small else Typed(ValueType.STRING, str(value))
    if isinstance(value, float):
        return Typed(ValueType.DOUBLE, value)
    if isinstance(value, str):
        return Typed(ValueType.STRING, value)
    return Typed(ValueType.JSON_STRING, value)


def plain(ext: Ext) -> dict[str, Any]:
    """An ext as JSON shows it."""
    return {key: typed(value).value for key, value in ext.items()}


def as_body(content: "str | Body") -> Body:
    """A text, or a body as it is."""
    return text(content) if isinstance(content, str) else content


def text(message: str) -> Body:
    """A plain text."""
    return {"type": "txt", "msg": message}


def combined(message: str, *, title: str, summary: str, level: int = 1) -> Body:
    """Several messages forwarded as one; `message` is for clients that cannot open it."""
    return {
        "type": "txt",
        "subType": "sub_combine",
        "msg": message,
        "title": title,
        "summary": summary,
        "combineLevel": level,
        **_stored("combined", 2_048),
    }


def image(name: str, *, width: int, height: int, size_bytes: int = 48_000) -> Body:
    """A picture; width and height in pixels."""
    return {
        "type": "img",
        **_stored(name, size_bytes),
        "size": {"width": width, "height": height},
    }


def gif(name: str, *, width: int, height: int, size_bytes: int = 96_000) -> Body:
    """An animated picture."""
    return {
        **image(name, width=width, height=height, size_bytes=size_bytes),
        "subType": "sub_gif",
    }


def video(name: str, *, seconds: int, width: int, height: int, size_bytes: int = 3_000_000) -> Body:
    """A film, with a still picture to show before it plays."""
    still = _stored("still-" + name, 20_000)
    return {
        "type": "video",
        **_stored(name, size_bytes),
        "length": seconds,
        "thumb": still["url"],
        "thumb_secret": still["secret"],
        "size": {"width": width, "height": height},
    }


def voice(name: str, *, seconds: int, size_bytes: int = 12_000) -> Body:
    """A voice note."""
    return {"type": "audio", **_stored(name, size_bytes), "length": seconds}


def file(name: str, *, size_bytes: int) -> Body:
    """Any other file."""
    return {"type": "file", **_stored(name, size_bytes)}


def location(latitude: float, longitude: float, address: str, *, building: str = "") -> Body:
    """A place on the map, in degrees."""
    return {
        "type": "loc",
        "lat": latitude,
        "lng": longitude,
        "addr": address,
        "buildingName": building,
    }


def command(action: str) -> Body:
    """A message for the program, which no person sees."""
    return {"type": "cmd", "action": action}


def custom(event: str, values: Mapping[str, str]) -> Body:
    """A message whose meaning is the application's own."""
    return {
        "type": "custom",
        "customEvent": event,
        "customExts": [{key: value} for key, value in values.items()],
        "v2:customExts": dict(values),
    }


def _stored(name: str, size_bytes: int) -> dict[str, Any]:
    token = name.encode().hex()[:16].ljust(16, "0")
    return {
        "filename": name,
        "url": f"https://files.example.com/org/app/chatfiles/{token}",
        "secret": f"secret-{token}",
        "file_length": size_bytes,
    }
