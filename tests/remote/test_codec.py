"""History rows: what is a message, what is kept raw, what is left out. Pure."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.models import MessageRow
from syncengine.remote.easemob import roaming_pb2 as pb
from syncengine.remote.easemob.codec import decode_rows
from syncengine.remote.easemob.details import details
from tests.remote import wire
from tests.remote.wire import Content

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def one(raw: bytes) -> MessageRow:
    """The only message in one row."""
    (row,) = decode_rows([raw])
    return row


def test_a_text_message() -> None:
    """The columns are filled from both layers, and the bytes are kept as they came."""
    raw = wire.row(wire.body(wire.text("你好 👋")), number=42, sender="bob", timestamp=5)
    assert one(raw) == MessageRow("42", "bob", 5, "text", "你好 👋", None, raw)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (Content(type=1, display_name="a.jpg"), "image", "a.jpg"),
        (Content(type=2, display_name="a.mp4"), "video", "a.mp4"),
        (
            Content(type=3, address="Main St", building_name="Town hall"),
            "location",
            "Main St Town hall",
        ),
        (Content(type=4, display_name="a.amr"), "voice", "a.amr"),
        (Content(type=5, display_name="a.pdf"), "file", "a.pdf"),
        (Content(type=6, action="typing"), "command", "typing"),
        (Content(type=7, custom_event="gift"), "custom", "gift"),
        (Content(type=8, text="[history]"), "combined", "[history]"),
        (Content(type=0, sub_type=0, text="[history]"), "combined", "[history]"),
        (Content(type=0, sub_type=10, text="streamed"), "text", "streamed"),
        (Content(type=0), "text", ""),
    ],
)
def test_content_types(content: Content, kind: str, words: str) -> None:
    """Each type has its name, and as text what a person would look for to find it."""
    row = one(wire.row(wire.body(content)))
    assert (row.type, row.text) == (kind, words)


@pytest.mark.parametrize("number", [9, 99, 2**31 - 1, -1])
def test_a_content_type_of_the_future(number: int) -> None:
    """An unknown number is unknown, and never shown as an empty text."""
    row = one(wire.row(wire.body(Content(type=number, text="?"))))
    assert (row.message_id, row.type, row.text) == ("7", "unknown", "")


@pytest.mark.parametrize("number", [1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_ids_of_64_bits(number: int) -> None:
    """Ids are exact decimal text, above 2^53 and above 2^63 too."""
    assert one(wire.row(number=number)).message_id == str(number)


@pytest.mark.parametrize(
    ("sent", "kept"), [(0, 0), (2**63 - 1, 2**63 - 1), (2**63, -(2**63)), (2**64 - 5, -5)]
)
def test_absurd_timestamps_fit(sent: int, kept: int) -> None:
    """Law 3: a wrong clock changes nothing; a negative time comes back as negative."""
    assert one(wire.row(timestamp=sent)).timestamp == kept


@pytest.mark.parametrize("kind", [4, 5, 6, 7, 8, 99, -1])
def test_bodies_that_are_no_messages(kind: int) -> None:
    """Acknowledgements, recalls and edits are left out."""
    assert decode_rows([wire.row(wire.body(wire.text("x"), kind=kind))]) == []


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_bodies_that_are_messages(kind: int) -> None:
    """Messages to people, groups and rooms are kept."""
    assert one(wire.row(wire.body(wire.text("x"), kind=kind))).text == "x"


def test_rows_that_are_no_messages() -> None:
    """Other namespaces, also with a payload that is JSON, and empty bodies are left out."""
    notice = wire.row(b'{"type":"roaming_delete"}', ns=5)
    rows = [notice, wire.row(ns=0), wire.row(wire.body()), wire.row(b""), b""]
    assert decode_rows(rows) == []


def test_an_invalid_payload_is_kept() -> None:
    """A message with an unreadable body keeps its id, sender and time."""
    raw = wire.row(b"\xff\xff\xff", number=9)
    assert one(raw) == MessageRow("9", "bob", 1_700_000_000_000, "unknown", "", None, raw)


def test_an_invalid_row_is_kept() -> None:
    """A row without a readable id is named by its bytes: law 3 needs a name that stays."""
    row, again = decode_rows([b"\xff\xff", b"\xff\xff"])
    assert row == again
    assert row.message_id == "raw:ca2fd00fa001190744c15c317643ab09"
    assert (row.type, row.raw) == ("unknown", b"\xff\xff")


def test_one_bad_row_between_good_ones() -> None:
    """One bad message never stops a page, and the order stays."""
    rows = decode_rows([wire.row(number=3), b"\xff", wire.row(number=1)])
    assert [row.message_id[:4] for row in rows] == ["3", "raw:", "1"]


def test_an_id_of_zero() -> None:
    """A message without an id is a message, named by its bytes."""
    row = one(wire.row(number=0))
    assert (row.message_id[:4], row.type, row.text) == ("raw:", "text", "hello")


def test_the_sender_in_the_body() -> None:
    """Where the row names no sender, the body may."""
    assert one(wire.row(wire.body(wire.text("x"), sender="carol"), sender="")).sender == "carol"


def test_senders_are_not_mixed_up() -> None:
    """Names are remembered within a page, each for its own row."""
    rows = decode_rows([wire.row(sender=name) for name in ("bob", "carol", "bob", "")])
    assert [row.sender for row in rows] == ["bob", "carol", "bob", ""]


def test_only_the_first_content_counts() -> None:
    """More contents than one are legal on the wire; the first is the message."""
    both = pb.MessageBody(type=1, contents=[wire.text("one"), wire.text("two")])
    assert one(wire.row(both)).text == "one"


@pytest.mark.parametrize("value", [1_700_000_000_123, "1700000000123"])
def test_an_edited_message(value: object) -> None:
    """An edit's time comes from the body's meta, as a number or as digits."""
    meta = json.dumps({"edit_msg": {"count": 1, "edit_time": value}})
    row = one(wire.row(wire.body(wire.text("new"), meta=meta)))
    assert row.edited_at == 1_700_000_000_123
    assert details(row.raw).meta["edit_msg"]["count"] == 1


@pytest.mark.parametrize("meta", ["{}", "null", "no json", '{"edit_msg":7}', "[" * 100_000])
def test_other_meta_is_no_edit(meta: str) -> None:
    """Meta without an edit, or that is no JSON, leaves the message unedited."""
    assert one(wire.row(wire.body(wire.text("x"), meta=meta))).edited_at is None


def test_text_that_is_no_utf8() -> None:
    """Bytes that are no UTF-8 become text that SQLite and a terminal can hold."""
    broken = wire.body(Content(type=0, text="caf!")).SerializeToString().replace(b"!", b"\xe9")
    row = one(wire.row(broken))
    assert row.text == "caf�"
    assert row.text.encode()


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_random_bytes_never_raise(raws: list[bytes]) -> None:
    """Whatever comes, a row is decoded, kept or left out; details never raise either."""
    for row in decode_rows(raws):
        assert row.raw in raws
        assert type(row.text) is type(row.sender) is type(row.message_id) is str
        details(row.raw)
    for raw in raws:
        details(raw)
        details(b"{" + raw)


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1))
def test_random_payloads_never_raise(payload: bytes, number: int) -> None:
    """The same one layer deeper."""
    for row in decode_rows([wire.row(payload, number=number)]):
        assert row.message_id == (str(number) if number else row.message_id)
        details(row.raw)


@given(st.data())
def test_damaged_rows_never_raise(data: st.DataObject) -> None:
    """The same for rows that were good before some bytes of them changed."""
    raw = bytearray(wire.row(wire.body(Content(type=1, text="x", display_name="y"), meta="{}")))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    for row in decode_rows([bytes(raw)]):
        assert row.text.encode() is not None
        assert -(2**63) <= row.timestamp < 2**63
        details(row.raw)


@given(
    number=st.integers(1, 2**64 - 1),
    sender=TEXT.filter(bool),
    words=TEXT,
    timestamp=st.integers(0, 2**63 - 1),
)
def test_text_round_trip(number: int, sender: str, words: str, timestamp: int) -> None:
    """What was encoded comes back, whatever the language and however large the id."""
    raw = wire.row(wire.body(wire.text(words)), number=number, sender=sender, timestamp=timestamp)
    assert one(raw) == MessageRow(str(number), sender, timestamp, "text", words, None, raw)
