"""The conversation list's answers. Pure."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.errors import ServerFault
from syncengine.models import ConversationKey, Kind, Summary
from syncengine.remote.easemob.lists import decode_entries, open_list
from tests.remote import wire
from tests.remote.test_details import JSON


def decoded(body: bytes, app_key: str = "org#app") -> list[Summary]:
    """What an answer lists."""
    return decode_entries(open_list(body).entries, app_key)


def one(**fields: Any) -> Summary:
    """The only summary of a list with one entry."""
    (summary,) = decoded(wire.listing(wire.entry(**fields)))
    return summary


def test_a_whole_entry() -> None:
    """Key, unread count, pin, marks and the last message, from its JSON form."""
    summary = one(
        unread_num=3, is_top=True, update_top_status_time=5, marks=["mark_1", "mark_9", 7]
    )
    assert summary.key == ConversationKey("bob", Kind.CHAT)
    assert (summary.unread_count, summary.pinned, summary.pinned_at) == (3, True, 5)
    assert summary.marks == ("mark_1", "mark_9")
    assert summary.newest is not None
    assert summary.newest[:6] == ("7", "bob", 1_700_000_000_000, "text", "hello", None)
    assert summary.newest.raw.startswith(b"{")


@pytest.mark.parametrize(
    ("sent", "count"), [(3, 3), ("3", 3), (-1, 0), ("x", 0), (None, 0), (True, 0), (..., 0)]
)
def test_unread_counts(sent: Any, count: int) -> None:
    """The unread count comes as a number or as digits; what is neither is none."""
    assert one(unread_num=sent).unread_count == count


@pytest.mark.parametrize(
    ("said", "channel", "kind"),
    [
        ("chat", "", "chat"),
        ("Chat", "", "chat"),
        ("groupchat", "", "groupchat"),
        ("groupChat", "", "groupchat"),
        ("future", "", "groupchat"),
        (..., "org#app_1@conference.easemob.com", "groupchat"),
        (..., "org#app_1@easemob.com", "chat"),
    ],
)
def test_kinds(said: Any, channel: str, kind: str) -> None:
    """Anything but ``chat`` is a group; older answers say it by the channel's domain."""
    assert one(session_type=said, channel_id=channel).key.kind == kind


@pytest.mark.parametrize(
    ("app_key", "channel", "name"),
    [
        ("org#app", "org#app_bob@easemob.com", "bob"),
        ("org#my_app", "org#my_app_bob_b@easemob.com", "bob_b"),
        ("org#app", "ORG#App_bob@easemob.com", "bob"),
        ("org#app", "other#app_bob@easemob.com", "bob"),
        ("org#app", "bob", "bob"),
    ],
)
def test_names_from_channels(app_key: str, channel: str, name: str) -> None:
    """Ids and app names may hold underscores: the known app key says where the id starts."""
    body = wire.listing(wire.entry(session_to=..., channel_id=channel))
    assert decoded(body, app_key)[0].key.conversation_id == name


@pytest.mark.parametrize("meta", [{}, None, ..., [], 5, "", "no base64"])
def test_empty_conversations(meta: Any) -> None:
    """A conversation without a last message is listed without one."""
    assert one(meta=meta).newest is None


def test_a_last_message_as_a_history_row() -> None:
    """One description of the wire says base64 here: it is accepted, inside and instead."""
    encoded = b64encode(wire.row(wire.body(wire.text("packed")), number=9)).decode()
    inside = one(meta={"id": "9", "payload": encoded}).newest
    instead = one(meta=encoded).newest
    assert inside is not None
    assert instead is not None
    assert inside[:6] == instead[:6] == ("9", "bob", 1_700_000_000_000, "text", "packed", None)


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_large_ids(number: int) -> None:
    """Ids above 2^63 stay exact, as text and as numbers."""
    for sent in (number, str(number)):
        newest = one(meta=wire.meta({"type": "txt"}) | {"id": sent}).newest
        assert newest is not None
        assert newest.message_id == str(number)


@pytest.mark.parametrize("number", [None, "", "abc", -1, 2**64, 1.5, "9" * 5000])
def test_ids_that_are_none(number: Any) -> None:
    """A last message without a readable id is named by its bytes, as in history."""
    newest = one(meta=wire.meta({"type": "txt"}) | {"id": number}).newest
    assert newest is not None
    assert newest.message_id.startswith("raw:")


def test_an_edited_last_message() -> None:
    """The JSON form has an edit's time where history has it."""
    meta = wire.meta({"type": "txt", "msg": "new"}, meta={"edit_msg": {"edit_time": 5}})
    newest = one(meta=meta).newest
    assert newest is not None
    assert newest.edited_at == 5


@pytest.mark.parametrize("length", [5, 5000])
def test_what_was_read_before_is_read_the_same(length: int) -> None:
    """Also where it is not decoded anew, be it short or long, and by whichever application."""
    meta = wire.entry()["meta"] | {"from": "org#my_app_bob@easemob.com", "x": "y" * length}
    body = wire.listing(wire.entry(meta=meta))
    for _ in range(2):
        senders = [
            summary.newest.sender
            for app_key in ("org#my_app", "org#my")
            for summary in decoded(body, app_key)
            if summary.newest is not None
        ]
        assert senders == ["bob", "app_bob"]


def test_a_payload_that_is_no_json() -> None:
    """The entry is shown, its last message as unknown."""
    newest = one(meta=wire.meta({}) | {"payload": "{broken"}).newest
    assert newest is not None
    assert (newest.message_id, newest.type) == ("7", "unknown")


@pytest.mark.parametrize("cursor", ["", None, "undefined", "null", ...])
def test_every_form_of_the_lists_end(cursor: Any) -> None:
    """The list ends in all the ways in which the service says so."""
    data = {} if cursor is ... else {"cursor": cursor}
    assert open_list(wire.listing(**data)).cursor is None


def test_a_cursor_is_opaque() -> None:
    """Any other text continues the list."""
    assert open_list(wire.listing(cursor="a/b+c=")).cursor == "a/b+c="


@pytest.mark.parametrize("body", [b'{"data":{"channel_infos":null}}', b'{"data":{}}'])
def test_a_list_without_entries(body: bytes) -> None:
    """Null entries and none are an empty list."""
    assert decoded(body) == []


def test_a_bad_entry_fails_nothing() -> None:
    """Entries that cannot be understood are left out, and counted as the page's length."""
    bad: list[Any] = [None, 5, "x", [], {}, {"session_to": 5.5}, {"session_to": ""}]
    body = wire.listing(*bad, wire.entry(), *bad)
    assert [s.key.conversation_id for s in decoded(body)] == ["bob"]
    assert len(open_list(body).entries) == 15


def test_half_an_emoji_in_a_list() -> None:
    """A text cut between the halves of an emoji is shown as far as it goes."""
    newest = one(meta=wire.meta({"type": "txt", "msg": "cut \ud83d"})).newest
    assert newest is not None
    assert newest.text == "cut �"
    assert one(extra="\ud83d").key.conversation_id == "bob"


def test_a_list_that_is_no_answer() -> None:
    """HTML and a success without data are the server's fault."""
    for body in (b"<html>", b"{}", b'{"data":[]}'):
        with pytest.raises(ServerFault):
            open_list(body)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                ["channel_id", "session_to", "session_type", "unread_num", "meta", "marks"]
            ),
            JSON | st.just({"id": 1, "payload": '{"bodies":[{"type":"img","size":5}],"meta":[]}'}),
        )
    )
)
def test_any_entries_are_survived(entries: list[Any]) -> None:
    """Whatever entries hold, the list is decoded."""
    body = wire.listing(*entries)
    assert len(open_list(body).entries) == len(entries)
    assert len(decoded(body)) <= len(entries)
