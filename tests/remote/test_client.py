"""The adapter against servers that misbehave: a handler in the process, or a bare socket."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from attrs import define, field

from syncengine.errors import (
    ConfigError,
    Gone,
    Rejected,
    RemoteError,
    ServerFault,
    ServiceNotEnabled,
    SyncEngineError,
    Throttled,
    Unauthorized,
    Unreachable,
)
from syncengine.models import ConversationKey, Kind
from syncengine.remote.easemob import EasemobRemote, bodies
from tests.remote import wire

BOB = ConversationKey("bob", Kind.CHAT)
ROOM = ConversationKey("1", Kind.CHATROOM)
PASSWORD = "pass-word-9"
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@define
class Server:
    """Signs in with t1, t2, …; all else is answered in turn, by the last answer for ever."""

    answers: list[Answer] = field(factory=list)
    seen: list[httpx.Request] = field(factory=list)
    token: str = "t"
    sign_ins: int = 0
    lanes: int = 0
    closed: int = 0

    def transport(self) -> httpx.AsyncBaseTransport:
        """A lane."""
        self.lanes += 1
        return Lane(self)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.url.path.endswith("/token"):
            self.sign_ins += 1
            return reply({"access_token": f"{self.token}{self.sign_ins}", "expires_in": 5})
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def remote(self, **changes: Any) -> EasemobRemote:
        """Alice's adapter."""
        settings = {"app_key": "org#app", "user": "alice", "password": PASSWORD}
        return EasemobRemote(
            "http://localhost", **(settings | changes), transport=self.transport, now=lambda: 5
        )


class Lane(httpx.MockTransport):
    """A handler's lane that counts how it is closed."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.handle)
        self._server = server

    async def aclose(self) -> None:
        """Count."""
        self._server.closed += 1


def reply(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    """An answer; what is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=raw, headers=headers)


def page() -> httpx.Response:
    """A page of one message."""
    return httpx.Response(200, content=wire.page([wire.row()]))


def expired(_: httpx.Request | None = None) -> httpx.Response:
    """The token is refused."""
    return reply({"error": "unauthorized", "error_description": "expired access token"}, 401)


async def failing(server: Server, limit: int = 49, **changes: Any) -> SyncEngineError:
    """The error that a page of history ends with."""
    remote = server.remote(**changes)
    with pytest.raises(SyncEngineError) as raised:
        await remote.fetch_page(BOB, limit=limit)
    await remote.close()
    assert raised.value.hint
    return raised.value


# What is sent


async def test_a_history_request() -> None:
    """Path, header and body are those of the wire document, with the start as text."""
    server = Server([page()])
    remote = server.remote()
    await remote.fetch_page(BOB)
    await remote.fetch_page(ROOM, "18446744073709551615", limit=50, newer=True)
    await remote.close()
    first, second = server.seen
    assert (first.method, first.url.path) == ("POST", "/org/app/users/alice/messageroaming")
    assert first.headers["authorization"] == "Bearer t1"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["accept-encoding"] == "identity"
    assert json.loads(first.content) == {
        "queue": "bob@easemob.com",
        "start": -1,
        "pull_number": 49,
        "is_positive": False,
        "msgType": "",
        "startTime": None,
        "endTime": None,
        "userId": None,
        "end": -1,
    }
    assert json.loads(second.content) | {"msgType": ""} == {
        "queue": "1@conference.easemob.com",
        "start": "18446744073709551615",
        "pull_number": 50,
        "is_positive": True,
        "msgType": "",
        "startTime": None,
        "endTime": None,
        "userId": None,
        "end": -1,
    }


async def test_list_requests() -> None:
    """The three forms of the list, each with the parameters that the wire document gives."""
    server = Server([httpx.Response(200, content=wire.listing())])
    remote = server.remote(user="a&b")
    await remote.fetch_summaries("x/y=", limit=50)
    await remote.fetch_summaries_by_page(2, 20)
    await remote.fetch_summaries_unpaged()
    await remote.close()
    assert [request.url.raw_path.decode() for request in server.seen] == [
        "/org/app/sdk/user/a%26b/user_channels/list"
        "?limit=50&cursor=x%2Fy%3D&need_mark=true&needEmptySession=false&_v=5",
        "/org/app/users/a%26b/user_channels/page?pageNum=2&pageSize=20&_v=5",
        "/org/app/users/a%26b/user_channels",
    ]


async def test_deletion_requests() -> None:
    """Deletions name the device, and a conversation's says whether its messages go too."""
    server = Server([reply({"requestStatusCode": "ok"})])
    remote = server.remote(resource="my device")
    await remote.send_delete_messages(BOB, ["1", "2"])
    await remote.send_delete_before(ROOM, 9)
    await remote.send_delete_conversation(ROOM, delete_messages=False)
    await remote.close()
    assert [(r.method, r.url.raw_path.decode()) for r in server.seen] == [
        (
            "DELETE",
            "/org/app/sdk/message/roaming/chat/user/alice"
            "?userId=bob&msgIdList=1%2C2&resource=my%20device",
        ),
        (
            "DELETE",
            "/org/app/sdk/message/roaming/group/user/alice/time"
            "?groupId=1&delTime=9&resource=my%20device",
        ),
        ("DELETE", "/org/app/user/alice/user_channel?resource=my%20device"),
    ]
    body = {"channel": "1", "type": "groupChat", "delete_roam": False}
    assert json.loads(server.seen[2].content) == body


async def test_a_sign_in_request() -> None:
    """The password goes into the body of one call without a token, and nowhere else."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return reply({"access_token": "t"}) if request.url.path.endswith("/token") else page()

    remote = EasemobRemote(
        "http://localhost",
        app_key="org#app",
        user="alice",
        password=PASSWORD,
        transport=lambda: httpx.MockTransport(handle),
        now=lambda: 5,
    )
    await remote.fetch_page(BOB)
    await remote.close()
    assert "authorization" not in seen[0].headers
    assert json.loads(seen[0].content) == {
        "grant_type": "password",
        "username": "alice",
        "password": PASSWORD,
        "timestamp": 5,
    }
    assert PASSWORD.encode() not in seen[1].content


# Tokens


async def test_eight_waiters_one_renewal() -> None:
    """Law 12: eight requests that are refused at once cost one sign-in, and all succeed."""
    server = Server([lambda r: page() if r.headers["authorization"] == "Bearer t2" else expired()])
    remote = server.remote()
    pages = await asyncio.gather(*[remote.fetch_page(BOB) for _ in range(8)])
    await remote.close()
    assert [len(p.messages) for p in pages] == [1] * 8
    assert server.sign_ins == 2
    assert remote.requests == 8 + 8  # sign-ins are not counted


async def test_a_second_refusal() -> None:
    """A fresh token that is refused too ends in an error, not in a loop."""
    server = Server([expired])
    assert isinstance(await failing(server), Unauthorized)
    assert (server.sign_ins, len(server.seen)) == (4, 4)


async def test_a_fixed_token_that_expired() -> None:
    """A token given as text cannot be renewed; the hint says what to do."""
    server = Server([expired])
    error = await failing(server, password=None, token="fixed-token-1")
    assert isinstance(error, Unauthorized)
    assert "new one" in error.hint
    assert len(server.seen) == 1


async def test_a_token_from_a_callable() -> None:
    """A callable is asked for the first token and again when it expires."""
    supplied = iter(["c1", "c2"])

    async def supply() -> str:
        return next(supplied)

    server = Server([expired, page()])
    remote = server.remote(password=None, token=supply)
    assert len((await remote.fetch_page(BOB)).messages) == 1
    await remote.close()
    assert [r.headers["authorization"] for r in server.seen] == ["Bearer c1", "Bearer c2"]


async def same_token() -> str:
    """Whoever supplies a token may keep it for longer than the server does."""
    return "same-token"


async def test_the_same_token_again() -> None:
    """A server that was restarted forgets a token, and knows it again from the next sign-in
    on: refused once, it is tried once more, and the credentials are not called wrong."""
    server = Server([expired, page()])
    remote = server.remote(password=None, token=same_token)
    assert len((await remote.fetch_page(BOB)).messages) == 1
    await remote.close()
    assert [r.headers["authorization"] for r in server.seen] == ["Bearer same-token"] * 2


async def test_the_same_token_refused_again() -> None:
    """Law 12: it is not tried for ever, and its text is in no error."""
    server = Server([expired])
    error = await failing(server, password=None, token=same_token)
    assert isinstance(error, Unauthorized)
    assert "same-token" not in str(error)
    assert len(server.seen) == 2


async def test_a_wrong_password() -> None:
    """The service says ``invalid_grant``; the person is told what to check."""
    said = {"error": "invalid_grant", "error_description": f"invalid password {PASSWORD}"}
    remote = EasemobRemote(
        "http://localhost",
        app_key="org#app",
        user="alice",
        password=PASSWORD,
        transport=lambda: httpx.MockTransport(lambda _: reply(said, 400)),
    )
    with pytest.raises(Unauthorized) as raised:
        await remote.fetch_summaries()
    await remote.close()
    assert "password" in raised.value.hint
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"password": None},
        {"token": "t"},
        {"app_key": "org"},
        {"app_key": "org#app#x"},
        {"user": ""},
        {"user": ".."},
    ],
)
def test_settings_that_cannot_work(changes: dict[str, Any]) -> None:
    """Wrong settings are told at once, with a hint, before anything is sent."""
    with pytest.raises(ConfigError) as raised:
        Server().remote(**changes)
    assert raised.value.hint


async def test_an_unknown_app_key() -> None:
    """An app key that the server does not know is a setting, not the server's fault."""
    error = await failing(Server([reply({"error": "organization_application_not_found"}, 404)]))
    assert isinstance(error, ConfigError)
    assert "app key" in error.hint


# Secrets


@pytest.mark.parametrize("changes", [{}, {"password": None, "token": "YWMt-secret-1"}])
async def test_secrets_are_nowhere(
    caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    """Neither password nor token is in a repr, a log at DEBUG, or an error's whole text."""
    caplog.set_level(logging.DEBUG)

    def leak(request: httpx.Request) -> httpx.Response:
        words = f"corrupt {request.headers['authorization']} of {PASSWORD}"
        return reply({"error_description": words}, 401)

    server = Server([leak], token="YWMt-secret-")
    remote = server.remote(**changes)
    with pytest.raises(Unauthorized) as raised:
        await remote.fetch_page(BOB)
    await remote.close()
    error = raised.value
    shown = repr(remote) + remote.account + caplog.text + repr(error) + str(error) + error.hint
    shown += "".join(traceback.format_exception(error))
    assert "YWMt-secret-" not in shown
    assert PASSWORD not in shown


# Lists


async def test_a_server_without_the_newest_list() -> None:
    """Where the cursor form is unknown the page numbers serve, and that is remembered."""
    full = wire.listing(*[wire.entry(session_to=f"u{n}") for n in range(20)])

    def old(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/list"):
            return reply({"error": "service_resource_not_found"}, 404)
        number = request.url.params["pageNum"]
        assert request.url.params["pageSize"] == "20"
        return httpx.Response(200, content=full if number in "12" else wire.listing())

    server = Server([old])
    remote = server.remote()
    pages = [await remote.fetch_summaries()]
    while (cursor := pages[-1].cursor) is not None:
        pages.append(await remote.fetch_summaries(cursor))
    await remote.fetch_summaries()
    await remote.close()
    assert [len(p.summaries) for p in pages] == [20, 20, 0]
    assert [r.url.path.rpartition("/")[2] for r in server.seen] == ["list"] + ["page"] * 4


async def test_a_server_with_the_oldest_list_alone() -> None:
    """Where neither form with pages is known, the unpaged one serves."""

    def oldest(request: httpx.Request) -> httpx.Response:
        known = request.url.path.endswith("/user_channels")
        return httpx.Response(200, content=wire.listing(wire.entry())) if known else reply({}, 405)

    remote = Server([oldest]).remote()
    found = await remote.fetch_summaries()
    await remote.close()
    assert (len(found.summaries), found.cursor) == (1, None)


async def test_a_server_without_any_list() -> None:
    """When no form is known the error says so."""
    server = Server([reply({}, 404)])
    remote = server.remote()
    with pytest.raises(Rejected) as raised:
        await remote.fetch_summaries()
    await remote.close()
    assert "address" in raised.value.hint
    assert len(server.seen) == 3


async def test_a_long_list_holds_no_event_loop() -> None:
    """Its entries are decoded a part at a time: between two everybody else has a turn."""
    answers: list[Answer] = [
        httpx.Response(200, content=wire.listing(*[wire.entry(session_to=f"u{n}")] * size))
        for n, size in enumerate((16, 16, 160))
    ]
    remote = Server(answers).remote()
    turns = []
    for size in (16, 16, 160):  # the first signs in
        asked = asyncio.create_task(remote.fetch_summaries())
        taken = 0
        while not asked.done():
            await asyncio.sleep(0)
            taken += 1
        assert len((await asked).summaries) == size
        turns.append(taken)
    await remote.close()
    assert turns[2] >= turns[1] + 9


async def test_a_list_that_vanishes_half_way() -> None:
    """A cursor is never carried over to another form: the list would be mixed up."""
    server = Server([reply({}, 404)])
    remote = server.remote()
    with pytest.raises(Rejected):
        await remote.fetch_summaries("some-cursor")
    await remote.close()
    assert len(server.seen) == 1


@pytest.mark.parametrize(("number", "size"), [(0, 20), (-1, 20), (1, 0), (1, 21)])
async def test_page_numbers_out_of_range(number: int, size: int) -> None:
    """The page-number form takes pages from 1 and sizes from 1 to 20."""
    remote = Server().remote()
    with pytest.raises(ConfigError):
        await remote.fetch_summaries_by_page(number, size)
    await remote.close()


@pytest.mark.parametrize("cursor", ["page:x", "page:-1", "page:٣", "page:0", "page:" + "9" * 50])
async def test_page_cursors_that_are_none(cursor: str) -> None:
    """A cursor of the page-number form is a number."""
    remote = Server().remote()
    with pytest.raises(ConfigError):
        await remote.fetch_summaries(cursor)
    await remote.close()


# Deletions


async def test_already_gone() -> None:
    """Law 8: "already gone" is acceptance."""
    for said in ({"error_code": 91001}, {"exception": "UserNotFoundException"}):
        remote = Server([reply(said, 404)]).remote()
        await remote.send_delete_messages(BOB, ["1"])
        await remote.send_delete_conversation(BOB, delete_messages=True)
        await remote.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply({"requestStatusCode": "failed"}), ServerFault),
        (reply({}), ServerFault),
        (reply({"requestStatusCode": "ok"}, 201), ServerFault),
        (reply({"error_description": "Bad Request"}, 400), Rejected),
        (reply({}, 403), Rejected),
    ],
)
async def test_not_accepted(answer: httpx.Response, error: type[RemoteError]) -> None:
    """Law 8: what was not accepted is an error, so that the intent stays."""
    remote = Server([answer]).remote()
    with pytest.raises(error):
        await remote.send_delete_before(BOB, 1)
    await remote.close()


# Answers that are none


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(b"<html>sign in here</html>"), ServerFault),
        (reply(b"<html>busy</html>", 503), Throttled),
        (reply(b"<html>broken</html>", 502), ServerFault),
        (reply(b""), ServerFault),
        (reply({}), ServerFault),
        (
            reply({"error": "service_not_open", "error_description": "service not open!"}, 403),
            ServiceNotEnabled,
        ),
        (reply({}, 403), Gone),
        (reply(b"", 302, location="https://elsewhere.example/"), ServerFault),
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.ConnectTimeout("slow"), Unreachable),
        (httpx.ReadTimeout("slow"), Unreachable),
        (httpx.ReadError("reset"), Unreachable),
        (httpx.WriteError("reset"), Unreachable),
        (httpx.RemoteProtocolError("cut"), Unreachable),
        (httpx.LocalProtocolError("Illegal header value b'Bearer x'"), Unreachable),
        (httpx.ProxyError("no"), Unreachable),
        (httpx.UnsupportedProtocol("no"), Unreachable),
        (httpx.PoolTimeout("no"), Unreachable),
    ],
)
async def test_answers_and_errors(answer: Answer, error: type[SyncEngineError]) -> None:
    """Whatever the way or the server does has its error, with a hint and without foreign text."""
    found = await failing(Server([answer]))
    assert type(found) is error
    assert "Bearer" not in str(found)


async def test_throttling() -> None:
    """Law 12: the reply says how long to wait, by its own clock."""
    headers = {
        "retry-after": "Tue, 14 Nov 2023 22:13:50 GMT",
        "date": "Tue, 14 Nov 2023 22:13:20 GMT",
    }
    error = await failing(Server([reply({}, 429, **headers)]))
    assert isinstance(error, Throttled)
    assert error.retry_after == 30.0


async def test_an_untrusted_certificate() -> None:
    """A certificate that is not trusted has a hint of its own."""
    error = await failing(Server([httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] no")]))
    assert "certificate" in error.hint


async def test_a_redirect_is_not_followed() -> None:
    """Law 12 aside, a token is sent to the named server only."""
    server = Server([reply(b"", 307, location="http://localhost/elsewhere")])
    await failing(server)
    assert len(server.seen) == 1


async def test_the_date_of_a_reply() -> None:
    """Law 5: where the page names no time, the reply's date is the server's clock."""
    remote = Server([reply({"data": {}}, date="Tue, 14 Nov 2023 22:13:20 GMT")]).remote()
    assert (await remote.fetch_page(BOB)).served_at == 1_700_000_000_000
    await remote.close()


# Answers that are too large, too short or too slow


class Chunks(httpx.AsyncByteStream):
    """A body that comes in pieces, and says how many were read."""

    def __init__(self, piece: bytes, count: int) -> None:
        self._piece, self._count = piece, count
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._count):
            self.read += 1
            yield self._piece


def asked_for(request: httpx.Request) -> int:
    """How many messages, or conversations of the list."""
    if request.method == "GET":
        return int(request.url.params["limit"])
    return int(json.loads(request.content)["pull_number"])


def crowded(answer: httpx.Response, most: int) -> Answer:
    """Whoever asks for more than so many gets more than can be read."""
    too_large = {"content-length": str(bodies.LARGEST_ANSWER + 1)}
    refused = httpx.Response(200, headers=too_large, stream=Chunks(b"x", 1))
    return lambda request: refused if asked_for(request) > most else answer


async def test_a_page_of_large_messages_is_asked_for_in_parts() -> None:
    """Nobody knows how large they are: half as many, until the answer can be read."""
    server = Server([crowded(httpx.Response(200, content=wire.page([wire.row()])), most=5)])
    remote = server.remote()
    assert len((await remote.fetch_page(BOB)).messages) == 1
    assert [asked_for(each) for each in server.seen] == [49, 24, 12, 6, 3]
    await remote.close()


async def test_a_list_of_large_messages_is_asked_for_in_parts() -> None:
    """Each conversation shows its newest one."""
    empty = {"data": {"channel_infos": [], "cursor": ""}}
    server = Server([crowded(reply(empty), most=1)])
    remote = server.remote()
    assert (await remote.fetch_summaries()).summaries == []
    assert [asked_for(each) for each in server.seen] == [50, 25, 12, 6, 3, 1]
    await remote.close()


async def test_a_page_that_says_it_is_too_large() -> None:
    """A page a hundred times too large is refused before its body is read."""
    body = Chunks(b"x" * 65536, 10**6)
    headers = {"content-length": str(65536 * 10**6)}
    server = Server([httpx.Response(200, headers=headers, stream=body)])
    error = await failing(server)
    assert isinstance(error, ServerFault)
    assert "too large" in str(error)
    assert body.read == 0
    assert [asked_for(each) for each in server.seen] == [49, 24, 12, 6, 3, 2]


@pytest.mark.parametrize("status", [200, 500])
async def test_a_page_that_becomes_too_large(status: int) -> None:
    """One that does not say so is read up to the limit and no further, errors too."""
    body = Chunks(b"x" * 65536, 10**6)
    error = await failing(Server([httpx.Response(status, stream=body)]), limit=2)
    assert "too large" in str(error)
    assert body.read == bodies.LARGEST_ANSWER // 65536 + 1


async def test_a_body_shorter_than_it_says() -> None:
    """Half a page is no page, wherever it was cut."""
    body = Chunks(wire.page([wire.row()]), 1)
    error = await failing(
        Server([httpx.Response(200, headers={"content-length": "9999"}, stream=body)])
    )
    assert isinstance(error, Unreachable)


@pytest.mark.parametrize("length", ["", "x", "-5", "5.0"])
async def test_a_length_that_is_none(length: str) -> None:
    """A length that is no number is not believed; the limit holds all the same."""
    body = Chunks(wire.page([wire.row()]), 1)
    remote = Server([httpx.Response(200, headers={"content-length": length}, stream=body)]).remote()
    assert len((await remote.fetch_page(BOB)).messages) == 1
    await remote.close()


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (wire.page([b"\xff\xff no protobuf"]), "raw:"),
        (wire.page([wire.row(b"\xff\xff", number=2**64 - 1)]), "1844"),
        (wire.page([{"msg": "no base64!"}]), "raw:"),
        (wire.page([wire.row(number=2**63)]), "9223"),
    ],
)
async def test_odd_messages_are_kept(body: bytes, kept: str) -> None:
    """Invalid protobuf, no base64 and ids above 2^63 never fail their page."""
    remote = Server([reply(body)]).remote()
    (row,) = (await remote.fetch_page(BOB)).messages
    await remote.close()
    assert row.message_id.startswith(kept)


async def test_all_lanes_are_closed() -> None:
    """Closing ends idle lanes at once and a busy one when its request ends."""
    server = Server([page()])
    remote = server.remote()
    await asyncio.gather(*[remote.fetch_page(BOB) for _ in range(3)])
    await remote.close()
    await remote.close()
    assert server.closed == server.lanes
