"""PowerSync's stream: one bucket, in BSON as its SDK asks for and its service sends."""

import struct
import zlib
from collections.abc import Mapping, Sequence

from benchmarks.peers.answers import Answer, Record, Reply, Request, encoded, nothing

_BUCKET = "messages[]"
_LINE = 1000
"""Operations in one line, as the service has at most."""
_TOKEN_LASTS = 3600


def shelf(records: Sequence[Record]) -> Answer:
    """A checkpoint, the operations that lead to it, and that it is reached."""
    operations = [_operation(number, each) for number, each in enumerate(records, 1)]
    last = str(len(operations))
    lines = [_checkpoint(operations, last)]
    for low in range(0, len(operations), _LINE):
        part = operations[low : low + _LINE]
        more = low + _LINE < len(operations)
        lines.append(_data(part, after=str(low), more=more))
    lines += [{"checkpoint_complete": {"last_op_id": last}}, {"token_expires_in": _TOKEN_LASTS}]
    reply = Reply([document(line) for line in lines], stays=True, kind=_KIND)

    def answer(request: Request) -> Reply:
        return reply if request.path == "/sync/stream" else nothing()

    return answer


_KIND = "application/vnd.powersync.bson-stream"
_Document = Mapping[str, object]


def _operation(number: int, record: Record) -> dict[str, object]:
    fields = encoded({key: value for key, value in record.items() if key != "id"})
    return {
        "op_id": str(number),
        "op": "PUT",
        "object_type": "messages",
        "object_id": record["id"],
        "checksum": zlib.crc32(fields),
        "subkey": record["id"],
        "data": fields.decode(),
    }


def _checkpoint(operations: Sequence[_Document], last: str) -> _Document:
    """The client adds the checksums up itself, and begins again where they differ."""
    checksum = 0
    for each in operations:
        assert isinstance(each["checksum"], int)
        checksum = (checksum + each["checksum"]) % 2**32
    bucket = {"bucket": _BUCKET, "checksum": checksum, "count": len(operations), "priority": 3}
    return {"checkpoint": {"last_op_id": last, "buckets": [bucket]}}


def _data(operations: Sequence[_Document], after: str, *, more: bool) -> _Document:
    end = operations[-1]["op_id"]
    place = {"after": after, "next_after": end, "has_more": more}
    return {"data": {"bucket": _BUCKET, **place, "data": operations}}


# BSON, as far as these lines need it


def document(value: _Document) -> bytes:
    """A mapping as a BSON document."""
    body = b"".join(_element(name, each) for name, each in value.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def _element(name: str, value: object) -> bytes:
    kind, content = _value(value)
    return kind + name.encode() + b"\0" + content


def _value(value: object) -> tuple[bytes, bytes]:
    match value:
        case bool():
            return b"\x08", bytes([value])
        case int():
            return b"\x12", struct.pack("<q", value)
        case str():
            text = value.encode() + b"\0"
            return b"\x02", struct.pack("<i", len(text)) + text
        case Mapping():
            return b"\x03", document(value)
        case Sequence():
            return b"\x04", document({str(index): each for index, each in enumerate(value)})
    raise TypeError(value)
