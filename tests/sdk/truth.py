"""What the web SDK ought to make of the emulator's messages.

The demo world is the same for the same seed, but for its times, which count back from the
moment it was made. So a second one, made here, says what the first one holds.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from syncengine.emulator.content import Ext, Typed, ValueType, typed
from syncengine.emulator.message import Message
from syncengine.emulator.world import World
from syncengine.models import Kind

CHAT_TYPES = {
    Kind.CHAT: "singleChat",
    Kind.GROUPCHAT: "groupChat",
    Kind.CHATROOM: "chatRoom",
}
Body = Mapping[str, Any]


def conversations(world: World, user: str) -> list[tuple[str, Kind]]:
    """The user's list, most recently active first."""
    keys = [each.entry.key for each in world.conversations(user)]
    return [(key.conversation_id, key.kind) for key in keys]


def from_history(message: Message, url: str) -> dict[str, Any]:
    """The fields of a message that the SDK decoded from a history page; `url` is the server's."""
    kind, body = wire_type(message), message.body
    return {
        "id": str(message.message_id),
        "type": kind,
        "chatType": CHAT_TYPES[message.kind],
        "from": message.sender,
        "to": message.to,
        "ext": decoded(message.ext),
        **_CONTENTS[kind](body, url),
        **_edited(message),
    }


def wire_type(message: Message) -> str:
    """The SDK's name of the content."""
    combined = message.body.get("subType") == "sub_combine"
    return "combine" if combined else str(message.body["type"])


def decoded(ext: Ext) -> dict[str, Any]:
    """An ext as JavaScript holds it."""
    return {key: _as_javascript(typed(value)) for key, value in ext.items()}


def _as_javascript(item: Typed) -> Any:
    """Whole numbers go through a double, and lose what it cannot hold."""
    whole = item.type in (ValueType.INT, ValueType.UINT, ValueType.LLINT)
    return int(float(item.value)) if whole else item.value


def _edited(message: Message) -> dict[str, Any]:
    if message.edit is None:
        return {}
    # Not when: the two worlds were made at different moments.
    return {"edited": (message.edit.operator, message.edit.count)}


def _text(body: Body, _: str) -> dict[str, Any]:
    return {"msg": body["msg"]}


def _combined(body: Body, url: str) -> dict[str, Any]:
    return {
        "compatibleText": body["msg"],
        "title": body["title"],
        "summary": body["summary"],
        "combineLevel": body["combineLevel"],
        **_stored(body, url),
    }


def _image(body: Body, url: str) -> dict[str, Any]:
    stored = _stored(body, url)
    del stored["filename"]  # the SDK drops a picture's name
    is_gif = {"isGif": True} if body.get("subType") == "sub_gif" else {}
    return {**stored, **body["size"], **is_gif}


def _video(body: Body, url: str) -> dict[str, Any]:
    return {
        **_stored(body, url),
        "length": body["length"],
        "thumb": url + urlsplit(body["thumb"]).path,
        "thumb_secret": body["thumb_secret"],
    }


def _voice(body: Body, url: str) -> dict[str, Any]:
    return {**_stored(body, url), "length": body["length"]}


def _stored(body: Body, url: str) -> dict[str, Any]:
    """What all files share. The address is the server's own, with the key to the file."""
    path = urlsplit(body["url"]).path
    return {
        "url": f"{url}{path}?em-redirect=true&share-secret={body['secret']}",
        "secret": body["secret"],
        "filename": body["filename"],
        "file_length": body["file_length"],
    }


def _location(body: Body, _: str) -> dict[str, Any]:
    names = ("lat", "lng", "addr", "buildingName")
    return {name: body[name] for name in names}


def _command(body: Body, _: str) -> dict[str, Any]:
    return {"action": body["action"]}


def _custom(body: Body, _: str) -> dict[str, Any]:
    return {"customEvent": body["customEvent"], "customExts": body["v2:customExts"]}


_CONTENTS: dict[str, Callable[[Body, str], dict[str, Any]]] = {
    "txt": _text,
    "img": _image,
    "video": _video,
    "loc": _location,
    "audio": _voice,
    "file": _stored,
    "cmd": _command,
    "custom": _custom,
    "combine": _combined,
}
TYPES = frozenset(_CONTENTS)
