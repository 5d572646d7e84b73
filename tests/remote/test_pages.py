"""The envelope of a history page, and what is no answer at all. Pure."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.errors import ServerFault, Unauthorized
from syncengine.models import Page
from syncengine.remote.easemob.pages import check_accepted, decode_page, decode_token
from tests.remote import wire


def test_a_page_in_the_middle() -> None:
    """Rows stay in the order served, and the cursor continues them."""
    page = decode_page(wire.page([wire.row(number=9), wire.row(number=8)], next_key="8"))
    assert [row.message_id for row in page.messages] == ["9", "8"]
    assert (page.cursor, page.end) == ("8", False)


@pytest.mark.parametrize("key", ["", "undefined", "null", None, ...])
def test_every_form_of_the_end(key: Any) -> None:
    """Law 2 starts with the server's claim, in each form in which it makes it."""
    data = {} if key is ... else {"next_key": key}
    page = decode_page(wire.page([wire.row()], is_last=False, **data))
    assert (page.cursor, page.end, len(page.messages)) == (None, True, 1)


def test_is_last_is_the_end() -> None:
    """``is_last`` counts, whatever the cursor says."""
    page = decode_page(wire.page([wire.row()], is_last=True, next_key="7"))
    assert (page.cursor, page.end) == (None, True)


@pytest.mark.parametrize(
    "body", [b'{"data":{}}', b'{"data":{"msgs":null}}', wire.page([], next_key="7")]
)
def test_an_empty_page_is_the_end(body: bytes) -> None:
    """No messages, or none named, is a claim of the end too."""
    assert decode_page(body) == Page([], None, True)


def test_rows_that_are_no_messages_are_no_end() -> None:
    """A page may decode to nothing and go on all the same."""
    page = decode_page(wire.page([wire.row(ns=0)], next_key="7"))
    assert (list(page.messages), page.cursor, page.end) == ([], "7", False)


@pytest.mark.parametrize("key", ["18446744073709551615", 5, 2**64 - 1])
def test_a_cursor_is_a_message_id(key: Any) -> None:
    """Cursors are ids up to 2^64-1; one that comes as a number is exact text too."""
    assert decode_page(wire.page([wire.row()], next_key=key)).cursor == str(key)


@pytest.mark.parametrize(
    "key", ["abc", "-1", "1" * 21, "18446744073709551616", "٣", "9" * 5000, "1&x=2"]
)
def test_a_cursor_that_is_none(key: str) -> None:
    """What is no id is refused: it would be sent back to no use."""
    with pytest.raises(ServerFault) as refused:
        decode_page(wire.page([wire.row()], next_key=key))
    assert refused.value.hint


def test_one_row_that_is_no_base64() -> None:
    """One bad row never fails its page; the others are decoded as ever."""
    bad: list[Any] = [{"msg": "no base64!"}, {"msg": 7}, {"other": 1}, None, "text", {"msg": "YQ"}]
    page = decode_page(wire.page([wire.row(number=9), *bad, wire.row(number=8)], next_key="8"))
    assert [row.message_id[:4] for row in page.messages] == ["9", *["raw:"] * 6, "8"]
    assert len({row.message_id for row in page.messages}) == 8
    assert all(row.raw for row in page.messages)
    assert page.cursor == "8"


def test_half_an_emoji_in_the_envelope() -> None:
    """A field that we do not read cannot fail the page, even where it is no text."""
    body = wire.page([wire.row()], next_key="7", user="\ud83d")
    assert len(decode_page(body).messages) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"data":{"timestamp":5},"timestamp":6}', 6),
        (b'{"data":{"timestamp":5}}', 5),
        (b'{"data":{"timestamp":5},"timestamp":"6"}', 6),
        (b'{"data":{}}', 1),
        (b'{"data":{},"timestamp":-6}', 1),
        (b'{"data":{},"timestamp":1e300}', 1),
    ],
)
def test_the_servers_clock(body: bytes, expected: int) -> None:
    """Law 5 asks by the server's clock: the page's own time first, else the reply's date."""
    assert decode_page(body, served_at=1).served_at == expected


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"<html>sign in</html>", "web page"),
        (b"  \n<!doctype html>", "web page"),
        (b"", "no JSON"),
        (b"hello", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (wire.page([wire.row()])[:-20], "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"{}", "no data"),
        (b"[]", "no data"),
        (b"null", "no data"),
        (b'{"data":null}', "no data"),
        (b'{"data":[]}', "no data"),
    ],
)
def test_what_is_no_answer(body: bytes, word: str) -> None:
    """HTML, half a page, and a success without data are the server's fault, with a hint."""
    with pytest.raises(ServerFault, match=word) as refused:
        decode_page(body)
    assert refused.value.hint


@given(st.binary(max_size=300))
def test_random_bodies(body: bytes) -> None:
    """Whatever comes is a page or the server's fault."""
    for candidate in (body, b'{"data":' + body + b"}", b'{"data":{"msgs":' + body + b"}}"):
        try:
            decode_page(candidate)
        except ServerFault:
            continue


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "msgs", "msg", "next_key", "is_last"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_odd_json(value: Any) -> None:
    """Fields of any type, anywhere, are survived in the same way."""
    try:
        decode_page(json.dumps({"data": value}).encode())
    except ServerFault:
        return


@pytest.mark.parametrize(
    "body",
    [b'{"requestStatusCode":"ok"}', b'{"requestStatusCode":"OK"}', b'{"data":{"result":"ok"}}'],
)
def test_an_accepted_deletion(body: bytes) -> None:
    """Law 8: both forms of yes."""
    check_accepted(body)


@pytest.mark.parametrize(
    "body", [b"{}", b"", b"<html>", b'{"requestStatusCode":"no"}', b'{"data":[]}']
)
def test_a_deletion_that_was_not_accepted(body: bytes) -> None:
    """Law 8: a 200 that does not say yes leaves the intent open."""
    with pytest.raises(ServerFault):
        check_accepted(body)


def test_tokens() -> None:
    """A sign-in's answer without a usable token is an error that does not quote it."""
    assert decode_token(b'{"access_token":"YWMt","expires_in":5}') == "YWMt"
    for body in (
        b"{}",
        b'{"access_token":"a\\r\\nb"}',
        b'{"access_token":""}',
        b'{"access_token":5}',
    ):
        with pytest.raises(Unauthorized):
            decode_token(body)
    with pytest.raises(ServerFault):
        decode_token(b"<html>")
