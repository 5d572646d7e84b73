"""What the numbers and names of a message's content mean, in both forms of the wire.

History speaks protobuf, the conversation list speaks JSON; one table a content type
says where each detail is found in either (schema/wire/README.md, Messages).
"""

from typing import NamedTuple

from syncengine.models import MessageType

TEXT = MessageType.TEXT.value
COMBINED = MessageType.COMBINED.value
UNKNOWN = MessageType.UNKNOWN.value

TYPE_OF_NUMBER = {
    0: TEXT,
    1: MessageType.IMAGE.value,
    2: MessageType.VIDEO.value,
    3: MessageType.LOCATION.value,
    4: MessageType.VOICE.value,
    5: MessageType.FILE.value,
    6: MessageType.COMMAND.value,
    7: MessageType.CUSTOM.value,
    8: COMBINED,
}
TYPE_OF_NAME = {
    "txt": TEXT,
    "img": MessageType.IMAGE.value,
    "video": MessageType.VIDEO.value,
    "loc": MessageType.LOCATION.value,
    "audio": MessageType.VOICE.value,
    "voice": MessageType.VOICE.value,
    "file": MessageType.FILE.value,
    "cmd": MessageType.COMMAND.value,
    "custom": MessageType.CUSTOM.value,
    "combine": COMBINED,
}

SUB_COMBINE, SUB_GIF = 0, 1


class Detail(NamedTuple):
    """One detail of a body: its key here, its field in protobuf, its name in JSON."""

    key: str
    field: str
    name: str


URL = Detail("url", "remote_path", "url")
_LOCATED = (
    URL,
    Detail("secret", "secret_key", "secret"),
    Detail("filename", "display_name", "filename"),
    Detail("size_bytes", "file_length", "file_length"),
)
_LASTS = Detail("duration_s", "duration", "length")
_THUMBNAIL = (
    Detail("thumbnail_url", "thumbnail_remote_path", "thumb"),
    Detail("thumbnail_secret", "thumbnail_secret_key", "thumb_secret"),
)

DETAILS: dict[str, tuple[Detail, ...]] = {
    MessageType.IMAGE.value: (*_LOCATED, *_THUMBNAIL),
    MessageType.VIDEO.value: (*_LOCATED, _LASTS, *_THUMBNAIL),
    MessageType.LOCATION.value: (
        Detail("lat", "latitude", "lat"),
        Detail("lng", "longitude", "lng"),
        Detail("address", "address", "addr"),
        Detail("building", "building_name", "buildingName"),
    ),
    MessageType.VOICE.value: (*_LOCATED, _LASTS),
    MessageType.FILE.value: _LOCATED,
    MessageType.COMMAND.value: (Detail("action", "action", "action"),),
    MessageType.CUSTOM.value: (Detail("event", "custom_event", "customEvent"),),
    COMBINED: (
        *_LOCATED,
        Detail("title", "title", "title"),
        Detail("summary", "summary", "summary"),
        Detail("level", "combine_level", "combineLevel"),
    ),
}

WHOLE_NUMBERS = frozenset({"size_bytes", "duration_s", "level"})
COORDINATES = frozenset({"lat", "lng"})

SEARCHED: dict[str, tuple[Detail, ...]] = {
    TEXT: (Detail("text", "text", "msg"),),
    COMBINED: (Detail("text", "text", "msg"),),
    MessageType.IMAGE.value: (Detail("filename", "display_name", "filename"),),
    MessageType.VIDEO.value: (Detail("filename", "display_name", "filename"),),
    MessageType.VOICE.value: (Detail("filename", "display_name", "filename"),),
    MessageType.FILE.value: (Detail("filename", "display_name", "filename"),),
    MessageType.LOCATION.value: (
        Detail("address", "address", "addr"),
        Detail("building", "building_name", "buildingName"),
    ),
    MessageType.COMMAND.value: (Detail("action", "action", "action"),),
    MessageType.CUSTOM.value: (Detail("event", "custom_event", "customEvent"),),
}
"""What a message's `text` is made of: what a person would look for to find it again."""
