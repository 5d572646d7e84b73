"""A bare client of the stand-in for tests: it knows paths and nothing else."""

import base64
from typing import Any

import httpx

from syncengine.emulator import Emulator
from syncengine.models import Kind
from syncengine.remote.easemob import roaming_pb2 as pb

NOW = 1_790_000_000_000


class Caller:
    """One signed-in user, or the app itself (`user` None)."""

    def __init__(self, http: httpx.AsyncClient, user: str | None = "alice") -> None:
        self.http = http
        self.user = user
        self.token = ""

    async def sign_in(self) -> None:
        """Get a token."""
        body: dict[str, Any] = {"grant_type": "password", "username": self.user}
        body["password"] = self.user
        if self.user is None:
            body = {
                "grant_type": "client_credentials",
                "client_id": "emulator-client",
                "client_secret": "emulator-secret",
            }
        answer = await self.http.post("/org/app/token", json=body)
        self.token = answer.json()["access_token"]

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request below the app's path."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.http.request(method, f"/org/app/{path}", headers=headers, **options)

    async def history(
        self, conversation_id: str, kind: Kind = Kind.CHAT, **options: Any
    ) -> httpx.Response:
        """One page of history; options are the wire's names."""
        host = "easemob.com" if kind is Kind.CHAT else "conference.easemob.com"
        body = {"queue": f"{conversation_id}@{host}", "start": -1, "pull_number": 50, "end": -1}
        body |= {"is_positive": False, **options}
        return await self.call("POST", f"users/{self.user}/messageroaming", json=body)

    async def page(
        self, conversation_id: str, kind: Kind = Kind.CHAT, **options: Any
    ) -> dict[str, Any]:
        """The ``data`` of one page that must succeed."""
        answer = await self.history(conversation_id, kind, **options)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def list(self, path: str = "list", **query: Any) -> dict[str, Any]:
        """The ``data`` of one page of the cursor form of the list."""
        answer = await self.call("GET", f"sdk/user/{self.user}/user_channels/{path}", params=query)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data


async def signed_in(emulator: Emulator, user: str | None = "alice") -> Caller:
    """A caller in the same process."""
    http = httpx.AsyncClient(transport=emulator.transport(), base_url="http://emulator")
    caller = Caller(http, user)
    await caller.sign_in()
    return caller


def metas(data: dict[str, Any]) -> list[pb.Meta]:
    """A page's rows, decoded."""
    return [pb.Meta.FromString(base64.b64decode(each["msg"])) for each in data["msgs"]]


def ids(data: dict[str, Any]) -> list[str]:
    """A page's message ids, as served."""
    return [str(each.id) for each in metas(data)]


def texts(data: dict[str, Any]) -> list[str]:
    """A page's texts, as served."""
    bodies = [pb.MessageBody.FromString(each.payload) for each in metas(data)]
    return [each.contents[0].text for each in bodies]


def names(data: dict[str, Any]) -> list[str]:
    """A list page's conversation ids, as served."""
    return [each["session_to"] for each in data["channel_infos"]]
