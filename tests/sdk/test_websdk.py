"""The official web SDK, under Node, signs in, lists, pulls and deletes on the emulator.

The emulator and our adapter were written from the same notes, so that they agree proves
little. This client was written by the service's vendor.
"""

import json
from typing import Any

import pytest

from syncengine.emulator import content
from syncengine.emulator.demo import FRIENDS, demo_world
from syncengine.emulator.world import World
from syncengine.models import Kind
from tests.sdk import truth
from tests.sdk.driver import (
    DEVICE,
    Account,
    Step,
    WebSdk,
    call,
    emulator,
    missing,
    pages,
    sign_in,
    sign_in_by_token,
)

if reason := missing():
    # The module, and not each of its tests: so it is said once.
    pytest.skip(reason, allow_module_level=True)

# Installing the package is part of whichever test comes first.
pytestmark = pytest.mark.timeout(400)

FULL_PAGE = 50
SWITCHED_OFF = 505
AJAX_ERROR = 17
SERVER_BUSY = 500
UNKNOWN = -2
NO_CONVERSATION = 1400
SOCKET_CLOSED = 16
SIXTY_DAYS_S = 60 * 24 * 3600
EVERY_TYPE = {
    "txt": content.text("你好 hello"),
    "img": content.image("a.jpg", width=4, height=3),
    "video": content.video("a.mp4", seconds=5, width=4, height=3),
    "loc": content.location(39.9, 116.4, "Beijing", building="B1"),
    "audio": content.voice("a.amr", seconds=2),
    "file": content.file("a.pdf", size_bytes=7),
    "cmd": content.command("ping"),
    "custom": content.custom("gift", {"name": "rose"}),
    "combine": content.combined("[Chat history]", title="Title", summary="Summary"),
}
"""A body of each of the SDK's types."""


@pytest.fixture(scope="module")
def world() -> World:
    """What the emulator holds, but for its times."""
    return demo_world(1)


def history_of(
    conversation_id: str, kind: Kind = Kind.CHAT, *, newer: bool = False, size: int = FULL_PAGE
) -> Step:
    """Pull a whole conversation, newest first unless `newer`."""
    return pages(
        "getHistoryMessages",
        targetId=conversation_id,
        chatType=truth.CHAT_TYPES[kind],
        searchDirection="down" if newer else "up",
        pageSize=size,
    )


def ids(items: list[dict[str, Any]]) -> list[str]:
    """The ids of decoded messages."""
    return [each["id"] for each in items]


def held(account: Account, user: str, conversation_id: str, kind: Kind = Kind.CHAT) -> list[str]:
    """What the emulator says that a user sees of a conversation, oldest first."""
    wanted = {"user": user, "conversation_id": conversation_id, "kind": str(kind)}
    answer = account.control("POST", "history", json=wanted)
    return list(answer["message_ids"])


def simplified(message: dict[str, Any]) -> dict[str, Any]:
    """A decoded message with its edit as `truth` writes it."""
    edit = message.get("modifiedInfo")
    edited = {"edited": (edit["operatorId"], edit["operationCount"])} if edit else {}
    return {**message, **edited}


def addresses(conversations: list[tuple[str, Kind]]) -> list[str]:
    """Conversations as the older calls name them."""
    hosts = {Kind.CHAT: "easemob.com", Kind.GROUPCHAT: "conference.easemob.com"}
    return [f"org#app_{name}@{hosts[kind]}" for name, kind in conversations]


# Signing in


def test_password_gives_a_token(websdk: WebSdk, reading: Account) -> None:
    """The SDK signs in by password; its socket is refused, and its calls work all the same."""
    run = websdk.run(reading, reading.sign_in(), call("getConversationlist"))
    signed_in, listed = run.answers
    assert signed_in.value["token"].startswith("YWMt")
    assert signed_in.value["expiresIn"] == SIXTY_DAYS_S
    assert signed_in.value["socket"]["type"] == SOCKET_CLOSED
    assert listed.value["data"]["channel_infos"]


def test_given_token_is_used_as_it_is(websdk: WebSdk, reading: Account) -> None:
    """A token that came from elsewhere opens the same calls, with no token call made."""
    [signed_in] = websdk.run(reading, reading.sign_in()).answers
    by_token = sign_in_by_token(reading.user, signed_in.value["token"])
    run = websdk.run(reading, by_token, call("getServerConversations"))
    assert run.answers[1].value["data"]["conversations"]
    assert run.targets("POST", "/token") == []


def test_wrong_password_is_told_as_such(websdk: WebSdk, reading: Account) -> None:
    """A wrong password ends in the SDK's own words for it."""
    [answer] = websdk.run(reading, sign_in(reading.user, "not it")).answers
    assert answer.error == {"type": 1, "message": "invalid password"}


def test_unknown_user_is_told_as_such(websdk: WebSdk, reading: Account) -> None:
    """A user that does not exist ends in the SDK's own words for it."""
    [answer] = websdk.run(reading, sign_in("nobody", "nothing")).answers
    assert answer.error == {"type": 1, "message": "user not found"}


def test_corrupt_token_is_refused(websdk: WebSdk, reading: Account) -> None:
    """A token that the server never gave opens nothing."""
    by_token = sign_in_by_token(reading.user, "YWMt-made-up")
    run = websdk.run(reading, by_token, call("getServerConversations"))
    error = run.answers[1].error
    assert error is not None
    assert error["type"] == AJAX_ERROR
    assert "auth_bad_access_token" in error["message"]


# The lists


def test_list_by_cursor_over_several_pages(websdk: WebSdk, reading: Account, world: World) -> None:
    """Pages of five give every conversation once, the most recently active first."""
    [listed] = websdk.as_user(reading, pages("getServerConversations", pageSize=5))
    assert [len(page["items"]) for page in listed.value] == [5, 5, 2]
    chat_types = {value: kind for kind, value in truth.CHAT_TYPES.items()}
    seen = [(each["conversationId"], chat_types[each["conversationType"]]) for each in listed.items]
    assert seen == truth.conversations(world, reading.user)


def test_list_shows_last_messages_and_states(
    websdk: WebSdk, reading: Account, world: World
) -> None:
    """Each entry has its last message, unread count, pin and marks."""
    [listed] = websdk.as_user(reading, pages("getServerConversations", pageSize=FULL_PAGE))
    for item, known in zip(listed.items, world.conversations(reading.user), strict=True):
        assert known.last is not None
        assert item["lastMessage"]["id"] == str(known.last.message_id)
        assert item["lastMessage"]["from"] == known.last.sender
        assert item["lastMessage"]["msg"] == known.last.body["msg"]
        assert item["lastMessage"]["chatType"] == truth.CHAT_TYPES[known.last.kind]
        assert item["unReadCount"] == known.entry.unread
        assert item["isPinned"] == (known.entry.pinned_at is not None)
        assert item.get("marks", []) == sorted(known.entry.marks)


def test_last_message_of_every_type(websdk: WebSdk, writing: Account) -> None:
    """The list's JSON form of every content type is one that the SDK reads, in both forms."""
    for name, body in EVERY_TYPE.items():
        writing.control("POST", "add-user", json={"name": name})
        sent = {"from": name, "to": writing.user, "content": body}
        writing.control("POST", "send", json=sent)
    newer, older = websdk.as_user(
        writing,
        pages("getServerConversations", pageSize=FULL_PAGE),
        call("getConversationlist", pageNum=1, pageSize=20),
    )
    shown = {each["conversationId"]: each["lastMessage"]["type"] for each in newer.items}
    assert shown == shown | dict(zip(EVERY_TYPE, EVERY_TYPE, strict=True))
    channels = older.value["data"]["channel_infos"]
    assert {each["lastMessage"]["type"] for each in channels} >= truth.TYPES


def test_list_by_page_number(websdk: WebSdk, reading: Account, world: World) -> None:
    """The older form gives the same conversations by number, and then an empty page."""
    numbers = [call("getConversationlist", pageNum=number, pageSize=5) for number in (1, 2, 3, 4)]
    answers = websdk.as_user(reading, *numbers)
    listed = [answer.value["data"]["channel_infos"] for answer in answers]
    assert [len(page) for page in listed] == [5, 5, 2, 0]
    channels = [each["channel_id"] for page in listed for each in page]
    assert channels == addresses(truth.conversations(world, reading.user))


def test_list_unpaged(websdk: WebSdk, reading: Account, world: World) -> None:
    """The oldest form gives ten conversations of the last seven days."""
    [listed] = websdk.as_user(reading, call("getConversationlist"))
    channels = [each["channel_id"] for each in listed.value["data"]["channel_infos"]]
    assert channels == addresses(truth.conversations(world, reading.user))[:10]
    assert all(each["lastMessage"]["msg"] for each in listed.value["data"]["channel_infos"])


def test_pinned_list(websdk: WebSdk, reading: Account, world: World) -> None:
    """The pinned conversations come on their own, with when they were pinned."""
    [listed] = websdk.as_user(reading, pages("getServerPinnedConversations", pageSize=1))
    pinned = [each for each in world.conversations(reading.user) if each.entry.pinned_at]
    assert [each["conversationId"] for each in listed.items] == [
        each.entry.key.conversation_id for each in pinned
    ]
    assert all(each["isPinned"] and each["pinnedTime"] > 0 for each in listed.items)


def test_pin_and_mark(websdk: WebSdk, writing: Account) -> None:
    """The SDK pins, marks, unpins and unmarks, and the list follows."""
    bob = {"conversationId": "bob", "conversationType": "singleChat"}
    marked = call("getServerConversationsByFilter", pageSize=10, cursor="", filter={"mark": 7})
    pinned = call("getServerPinnedConversations", pageSize=10)
    answers = websdk.as_user(
        writing,
        call("pinConversation", **bob, isPinned=True),
        call("addConversationMark", conversations=[bob], mark=7),
        pinned,
        marked,
        call("pinConversation", **bob, isPinned=False),
        call("removeConversationMark", conversations=[bob], mark=7),
        pinned,
        marked,
    )
    found = [
        "bob" in [each["conversationId"] for each in answer.value["data"]["conversations"]]
        for answer in answers
        if answer.value and "conversations" in answer.value.get("data", {})
    ]
    assert found == [True, True, False, False]


# History


@pytest.mark.parametrize("newer", [False, True], ids=["newest-first", "oldest-first"])
def test_whole_account_in_both_directions(
    websdk: WebSdk, reading: Account, world: World, newer: bool
) -> None:
    """Page by page, each conversation comes whole, in order, every message decoded right."""
    listed = truth.conversations(world, reading.user)
    answers = websdk.as_user(reading, *(history_of(*each, newer=newer) for each in listed))
    for (conversation_id, kind), answer in zip(listed, answers, strict=True):
        messages = world.history(reading.user, conversation_id, kind)
        expected = [truth.from_history(each, reading.url) for each in messages]
        decoded = [simplified(each) for each in answer.items]
        decoded = decoded if newer else decoded[::-1]
        assert ids(decoded) == ids(expected)
        shown = [
            {key: got[key] for key in want} for got, want in zip(decoded, expected, strict=True)
        ]
        assert shown == expected


def test_times_are_the_server_s(websdk: WebSdk, reading: Account, world: World) -> None:
    """A message's time comes over unchanged: it differs by one constant from the twin world's."""
    [answer] = websdk.as_user(reading, history_of("bob"))
    times = {str(each.message_id): each.timestamp for each in world.history("alice", "bob")}
    assert len({each["time"] - times[each["id"]] for each in answer.items}) == 1


def test_history_holds_every_content_type(websdk: WebSdk, reading: Account, world: World) -> None:
    """The conversation that the comparison above goes over has all nine types in it."""
    [answer] = websdk.as_user(reading, history_of("bob", size=20))
    assert {each["type"] for each in answer.items} == truth.TYPES
    gifs = [each for each in answer.items if each.get("isGif")]
    assert len(gifs) == 1


def test_ext_values_of_every_type(websdk: WebSdk, reading: Account) -> None:
    """All types of ext values arrive; whole numbers beyond 2^53 lose digits, the SDK's own loss."""
    [answer] = websdk.as_user(reading, history_of("bob"))
    [first, *_] = [each["ext"] for each in answer.items if "urgent" in each["ext"]]
    assert first == {
        "urgent": True,
        "attempt": 3,
        "views": 4_000_000_000,
        "offset": -(2**53),  # one more was sent
        "ratio": 0.5,
        "score": 3.141592653589793,
        "nickname": "爱丽丝",
        "profile": {"theme": "dark", "tags": ["a", "b"], "none": None},
        "nothing": None,
    }


def test_edited_message_says_so(websdk: WebSdk, reading: Account, world: World) -> None:
    """An edited message comes with its new text, who edited it, when and how often."""
    [answer] = websdk.as_user(reading, history_of("bob"))
    [edited] = [each for each in answer.items if "modifiedInfo" in each]
    [known] = [each for each in world.history("alice", "bob") if each.edit]
    assert known.edit is not None
    assert edited["id"] == str(known.message_id)
    assert edited["msg"] == known.body["msg"]
    info = edited["modifiedInfo"]
    assert (info["operatorId"], info["operationCount"]) == (known.edit.operator, 1)
    assert info["operationTime"] > edited["time"]


def test_recalled_and_deleted_messages_are_not_served(websdk: WebSdk, reading: Account) -> None:
    """What the SDK pulls is what this user sees: without what was recalled or deleted."""
    [answer] = websdk.as_user(reading, history_of("bob", size=7))
    assert ids(answer.items)[::-1] == held(reading, "alice", "bob")


def test_any_held_id_continues(websdk: WebSdk, reading: Account) -> None:
    """A cursor is a message id: one from the middle gives what lies beyond it, without itself."""
    known = held(reading, "alice", "bob")
    middle = known[100]
    common = {"targetId": "bob", "chatType": "singleChat", "pageSize": 3, "cursor": middle}
    older, newer = websdk.as_user(
        reading,
        call("getHistoryMessages", **common, searchDirection="up"),
        call("getHistoryMessages", **common, searchDirection="down"),
    )
    assert ids(older.value["messages"]) == known[97:100][::-1]
    assert ids(newer.value["messages"]) == known[101:104]


def test_filters_of_history(websdk: WebSdk, reading: Account) -> None:
    """Types and sender narrow a page down."""
    common = {"targetId": FRIENDS, "chatType": "groupChat", "pageSize": FULL_PAGE}
    by_type, by_sender = websdk.as_user(
        reading,
        call("getHistoryMessages", **common, searchOptions={"msgTypes": ["img", "combine"]}),
        call("getHistoryMessages", **common, searchOptions={"from": "carol"}),
    )
    assert {each["type"] for each in by_type.value["messages"]} == {"img", "combine"}
    assert {each["from"] for each in by_sender.value["messages"]} == {"carol"}


@pytest.mark.parametrize("switch", ["disabled-400", "disabled-403"])
def test_history_switched_off(websdk: WebSdk, switch: str) -> None:
    """An app without message roaming: the SDK says that the service is not enabled."""
    with emulator("--set", f"roaming={switch}") as account:
        [answer] = websdk.as_user(account, history_of("bob"))
    assert answer.error is not None
    assert answer.error["type"] == SWITCHED_OFF


# Deletions


def test_delete_by_ids(websdk: WebSdk, writing: Account) -> None:
    """Twenty messages go, for this user alone; an id that is gone already is no error."""
    before = held(writing, "alice", "bob")
    doomed = before[-40:-20]
    gone = {"targetId": "bob", "chatType": "singleChat", "messageIds": doomed}
    run = websdk.run(
        writing,
        writing.sign_in(),
        call("removeHistoryMessages", **gone),
        call("removeHistoryMessages", **gone),
        history_of("bob"),
    )
    left = [each for each in before if each not in doomed]
    assert [answer.error for answer in run.answers[1:3]] == [None, None]
    assert ids(run.answers[3].items)[::-1] == left
    assert set(doomed) <= set(held(writing, "bob", "alice"))
    target = run.targets("DELETE", "msgIdList")[0]
    assert f"msgIdList={','.join(doomed)}&resource={DEVICE}" in target


def test_sdk_deletes_at_most_twenty_at_once(websdk: WebSdk, writing: Account) -> None:
    """The SDK itself refuses 21 ids, and then nothing is sent."""
    before = held(writing, "alice", "bob")
    gone = {"targetId": "bob", "chatType": "singleChat", "messageIds": before[:21]}
    run = websdk.run(writing, writing.sign_in(), call("removeHistoryMessages", **gone))
    error = run.answers[1].error
    assert error is not None
    assert "messageIds" in error["message"]
    assert run.targets("DELETE", "") == []


def test_delete_up_to_a_time(websdk: WebSdk, writing: Account) -> None:
    """Messages up to and at a time go, from a group, for this user alone."""
    [before] = websdk.as_user(writing, history_of(FRIENDS, Kind.GROUPCHAT, newer=True))
    border = before.items[150]["time"]
    gone = {"targetId": FRIENDS, "chatType": "groupChat", "beforeTimeStamp": border}
    done, after = websdk.as_user(
        writing,
        call("removeHistoryMessages", **gone),
        history_of(FRIENDS, Kind.GROUPCHAT, newer=True),
    )
    assert done.error is None
    assert ids(after.items) == [each["id"] for each in before.items if each["time"] > border]
    assert held(writing, "bob", FRIENDS, Kind.GROUPCHAT) == ids(before.items)


def test_conversation_leaves_with_its_last_message(websdk: WebSdk, writing: Account) -> None:
    """A conversation whose messages were all deleted is in no list any more."""
    messages = held(writing, "alice", "erin")
    gone = {"targetId": "erin", "chatType": "singleChat", "messageIds": messages}
    done, listed = websdk.as_user(
        writing, call("removeHistoryMessages", **gone), pages("getServerConversations")
    )
    assert done.error is None
    assert "erin" not in [each["conversationId"] for each in listed.items]


@pytest.mark.parametrize("with_messages", [True, False])
def test_delete_conversation(websdk: WebSdk, writing: Account, with_messages: bool) -> None:
    """A conversation leaves the list; its history goes only when that was asked for."""
    before = held(writing, "alice", "carol")
    gone = {"channel": "carol", "chatType": "singleChat", "deleteRoam": with_messages}
    done, listed, history = websdk.as_user(
        writing,
        call("deleteConversation", **gone),
        pages("getServerConversations"),
        history_of("carol"),
    )
    assert done.value["data"] == {"result": "ok"}
    assert "carol" not in [each["conversationId"] for each in listed.items]
    assert ids(history.items)[::-1] == ([] if with_messages else before)
    assert len(held(writing, "carol", "alice")) == len(before)


def test_delete_everything(websdk: WebSdk, writing: Account) -> None:
    """One call empties the account, and nobody else's."""
    others = held(writing, "bob", "alice")
    done, listed, history = websdk.as_user(
        writing,
        call("deleteAllMessagesAndConversations"),
        pages("getServerConversations"),
        history_of("bob"),
    )
    assert done.error is None
    assert listed.items == []
    assert history.items == []
    assert held(writing, "bob", "alice") == others


# The wire


def test_urls_as_the_sdk_writes_them(websdk: WebSdk, writing: Account) -> None:
    """Stray ampersands, nothing escaped, a cache-buster last: the emulator takes it all."""
    gone = {"targetId": "bob", "chatType": "singleChat"}
    run = websdk.run(
        writing,
        writing.sign_in(),
        call("getServerConversations", pageSize=3),
        call("removeHistoryMessages", **gone, messageIds=["1", "2"]),
        call("removeHistoryMessages", **gone, beforeTimeStamp=1),
    )
    assert [each["status"] for each in run.requests] == [200] * 4
    listed, by_ids, by_time = [each["target"] for each in run.requests[1:]]
    query = "?&limit=3&cursor=&need_mark=true&needEmptySession=false&_v="
    assert listed.startswith(f"/org/app/sdk/user/alice/user_channels/list{query}")
    roaming = "/org/app/sdk/message/roaming/chat/user/alice"
    assert by_ids == f"{roaming}?userId=bob&msgIdList=1,2&resource={DEVICE}"
    assert by_time == f"{roaming}/time?userId=bob&delTime=1&&resource={DEVICE}"


def test_history_request_as_the_sdk_writes_it(websdk: WebSdk, reading: Account) -> None:
    """The first page is asked for with the number -1, the next with an id as text."""
    common = {"targetId": "bob", "chatType": "singleChat", "pageSize": 3}
    run = websdk.run(
        reading,
        reading.sign_in(),
        call("getHistoryMessages", **common),
        call("getHistoryMessages", **common, cursor="7", searchDirection="down"),
    )
    first, second = [json.loads(each["body"]) for each in run.requests[1:]]
    assert first == {
        "queue": "bob@easemob.com",
        "start": -1,
        "end": -1,
        "pull_number": 3,
        "is_positive": False,
        "msgType": "",
        "startTime": None,
        "endTime": None,
        "userId": None,
    }
    assert second == first | {"start": "7", "is_positive": True}


# Failures


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ("expired", AJAX_ERROR),
        ("throttle", SERVER_BUSY),
        ("throttle-after", SERVER_BUSY),
        ("unavailable", SERVER_BUSY),
        ("drop-before", UNKNOWN),
        ("drop-after", UNKNOWN),
        ("truncated", UNKNOWN),
    ],
)
def test_faults_are_what_the_sdk_takes_them_for(
    websdk: WebSdk, writing: Account, profile: str, code: int
) -> None:
    """Each fault of the emulator reaches an application as the trouble that it plays."""
    wanted = {"profile": profile, "probability": 1.0, "routes": ["history"]}
    writing.control("POST", "faults", json=wanted)
    [answer] = websdk.as_user(writing, history_of("bob"))
    assert answer.error is not None
    assert answer.error["type"] == code


def test_sdk_hangs_on_an_error_that_is_no_json(websdk: WebSdk, writing: Account) -> None:
    """What our own client must not do: a gateway's HTML page leaves the SDK's call open."""
    writing.control("POST", "faults", json={"profile": "html", "probability": 1.0})
    by_token = sign_in_by_token(writing.user, "any")
    run = websdk.run(writing, by_token, history_of("bob"), settle_ms=1000, unhandled=1)
    assert run.requests[-1]["status"] == 502
    assert run.answers[1].error == {"type": None, "message": "the promise never settled"}


def test_group_of_others_does_not_exist(websdk: WebSdk, reading: Account) -> None:
    """The history of a group that one is not in: no such conversation."""
    [answer] = websdk.as_user(reading, history_of("no-such-group", Kind.GROUPCHAT))
    assert answer.error is not None
    assert answer.error["type"] == NO_CONVERSATION
