"""What a stored message holds beyond its columns, in both forms of the wire. Pure."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.models import Details
from syncengine.remote.easemob import roaming_pb2 as pb
from syncengine.remote.easemob.details import details
from tests.remote import wire
from tests.remote.wire import Content

_FILE: dict[str, Any] = {
    "remote_path": "https://a1.easemob.com/org/app/chatfiles/1",
    "secret_key": "s",
    "display_name": "f",
    "file_length": 9,
}
_FILE_JSON = {
    "url": "https://a1.easemob.com/org/app/chatfiles/1",
    "secret": "s",
    "filename": "f",
    "file_length": 9,
}
_FILE_BODY = {
    "url": "https://a1.easemob.com/org/app/chatfiles/1",
    "secret": "s",
    "filename": "f",
    "size_bytes": 9,
}
_THUMB: dict[str, Any] = {"thumbnail_remote_path": "t", "thumbnail_secret_key": "ts"}
_SIZE = Content.Size(width=640, height=480)

BODIES: list[tuple[str, Content, dict[str, Any], dict[str, Any]]] = [
    ("text", Content(type=0, text="x"), {"type": "txt", "msg": "x"}, {}),
    (
        "image",
        Content(type=1, size=_SIZE, sub_type=1, **_FILE, **_THUMB),
        {
            "type": "img",
            **_FILE_JSON,
            "thumb": "t",
            "thumb_secret": "ts",
            "size": {"width": 640, "height": 480},
            "subType": "sub_gif",
        },
        {
            **_FILE_BODY,
            "thumbnail_url": "t",
            "thumbnail_secret": "ts",
            "width": 640,
            "height": 480,
            "gif": True,
        },
    ),
    (
        "video",
        Content(type=2, size=_SIZE, duration=12, **_FILE, **_THUMB),
        {
            "type": "video",
            **_FILE_JSON,
            "length": 12,
            "thumb": "t",
            "thumb_secret": "ts",
            "size": {"width": 640, "height": 480},
        },
        {
            **_FILE_BODY,
            "duration_s": 12,
            "thumbnail_url": "t",
            "thumbnail_secret": "ts",
            "width": 640,
            "height": 480,
        },
    ),
    (
        "location",
        Content(type=3, latitude=39.5, longitude=-116.0, address="a", building_name="b"),
        {"type": "loc", "lat": 39.5, "lng": "-116", "addr": "a", "buildingName": "b"},
        {"lat": 39.5, "lng": -116.0, "address": "a", "building": "b"},
    ),
    (
        "voice",
        Content(type=4, duration=3, **_FILE),
        {"type": "audio", **_FILE_JSON, "length": "3"},
        {**_FILE_BODY, "duration_s": 3},
    ),
    ("file", Content(type=5, **_FILE), {"type": "file", **_FILE_JSON}, _FILE_BODY),
    (
        "command",
        Content(type=6, action="typing"),
        {"type": "cmd", "action": "typing"},
        {"action": "typing"},
    ),
    (
        "custom",
        Content(
            type=7,
            custom_event="gift",
            custom_exts=[
                pb.KeyValue(key="name", type=7, string_value="rose"),
                pb.KeyValue(key="count", type=7, string_value="99"),
            ],
        ),
        {
            "type": "custom",
            "customEvent": "gift",
            "customExts": [{"name": "rose"}, {"count": "99"}],
        },
        {"event": "gift", "exts": {"name": "rose", "count": "99"}},
    ),
    (
        "combined",
        Content(type=0, sub_type=0, title="t", summary="s", combine_level=2, **_FILE),
        {
            "type": "txt",
            "subType": "sub_combine",
            "title": "t",
            "summary": "s",
            "combineLevel": 2,
            **_FILE_JSON,
        },
        {**_FILE_BODY, "title": "t", "summary": "s", "level": 2},
    ),
]


@pytest.mark.parametrize(("name", "content", "written", "expected"), BODIES)
def test_bodies_of_history(
    name: str, content: Content, written: Any, expected: dict[str, Any]
) -> None:
    """Every content type of protobuf gives its details under the names of this package."""
    assert details(wire.row(wire.body(content))).body == expected


@pytest.mark.parametrize(("name", "content", "written", "expected"), BODIES)
def test_bodies_of_the_list(
    name: str, content: Any, written: dict[str, Any], expected: dict[str, Any]
) -> None:
    """The list's JSON form gives the same details under the same names."""
    assert details(json.dumps(wire.meta(written)).encode()).body == expected


def test_absent_details_are_absent() -> None:
    """A key is there only where the sender gave it."""
    assert details(wire.row(wire.body(Content(type=1)))).body == {}
    assert details(json.dumps(wire.meta({"type": "img"})).encode()).body == {}


def test_a_still_image_is_no_gif() -> None:
    """Only the sub type says that a picture moves."""
    assert "gif" not in details(wire.row(wire.body(Content(type=1, sub_type=0)))).body


def test_newer_custom_exts_win() -> None:
    """A client may write both forms; the newer one is one object."""
    content = {"type": "custom", "customExts": [{"a": "old"}], "v2:customExts": {"a": "new"}}
    assert details(json.dumps(wire.meta(content)).encode()).body == {"exts": {"a": "new"}}


def test_params_of_a_command() -> None:
    """A command's parameters are kept, and a custom message's too where it has no exts."""
    params = [pb.KeyValue(key="k", type=2, varint_value=1)]
    command = details(wire.row(wire.body(Content(type=6, action="a", params=params))))
    custom = details(wire.row(wire.body(Content(type=7, params=params))))
    assert command.body == {"action": "a", "params": {"k": 1}}
    assert custom.body == {"exts": {"k": 1}}


VALUES: list[tuple[dict[str, Any], Any]] = [
    ({"type": 1, "varint_value": 1}, True),
    ({"type": 1, "varint_value": 0}, False),
    ({"type": 2, "varint_value": -5}, -5),
    ({"type": 3, "varint_value": 4_000_000_000}, 4_000_000_000),
    ({"type": 3, "varint_value": -1}, 2**64 - 1),
    ({"type": 4, "varint_value": 2**53 + 1}, 2**53 + 1),
    ({"type": 4, "varint_value": -(2**63)}, -(2**63)),
    ({"type": 5, "float_value": 0.5}, 0.5),
    ({"type": 6, "double_value": 3.141592653589793}, 3.141592653589793),
    ({"type": 7, "string_value": "爱"}, "爱"),
    ({"type": 7, "string_value": '{"a":1}'}, '{"a":1}'),
    ({"type": 8, "string_value": '{"a":[1,null]}'}, {"a": [1, None]}),
    ({"type": 8, "string_value": "null"}, None),
    ({"type": 8, "string_value": "no json"}, "no json"),
    ({"type": 99, "string_value": "future"}, "future"),
    ({"type": 2}, None),
]


@pytest.mark.parametrize(("fields", "expected"), VALUES)
def test_ext_values(fields: dict[str, Any], expected: Any) -> None:
    """Every value type comes back as what it was: integers as integers, true as true."""
    raw = wire.row(wire.body(wire.text("x"), ext=[pb.KeyValue(key="k", **fields)]))
    value = details(raw).ext["k"]
    assert (value, type(value)) == (expected, type(expected))


def test_ext_of_the_list() -> None:
    """The list's form has ext as an object already."""
    ext = {"a": 2**63, "b": {"c": None}}
    raw = json.dumps(wire.meta({"type": "txt"}, ext=ext, meta={"isRead": True})).encode()
    assert details(raw) == Details(ext=ext, meta={"isRead": True})


def test_meta_of_history() -> None:
    """What the server adds is decoded; what is no object is nothing."""
    added = {"isRead": True, "reaction": [{"reaction": "👍", "count": 2}]}
    assert details(wire.row(wire.body(wire.text("x"), meta=json.dumps(added)))).meta == added
    assert details(wire.row(wire.body(wire.text("x"), meta="[1]"))).meta == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xff",
        b"{",
        b"{}",
        b'{"payload":1}',
        b'{"payload":"{}"}',
        b"<html>",
        b"{" * 99_999,
    ],
)
def test_undecodable_bytes_have_no_details(raw: bytes) -> None:
    """Nothing is raised, whatever was stored years ago."""
    assert details(raw) == Details()


def test_half_an_emoji() -> None:
    """JavaScript cuts texts between the halves of an emoji; what is left can be stored."""
    raw = json.dumps(wire.meta({"type": "cmd", "action": "cut \ud83d"}, ext={"k": "\udc4b"}))
    found = details(raw.encode())
    assert found.body == {"action": "cut �"}
    assert found.ext == {"k": "�"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON, JSON, JSON)
def test_any_json_is_survived(body: Any, ext: Any, meta: Any) -> None:
    """Whatever a stranger puts into the JSON form, details are text-safe or absent."""
    content = body if isinstance(body, dict) else {"type": body}
    raw = json.dumps(wire.meta({"type": "img", **content}, ext=ext, meta=meta)).encode()
    assert isinstance(details(raw), Details)
