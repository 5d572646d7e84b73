"""The requests of the wire: method, path and body of each. Pure.

They follow schema/wire/README.md, sections Tokens, Lists, History and Deletions; limits
are checked here, before anything is sent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from syncengine.errors import ConfigError, Rejected
from syncengine.models import ConversationKey, Kind
from syncengine.remote.easemob.codec import is_message_id
from syncengine.remote.easemob.failures import Call
from syncengine.remote.easemob.urls import AppKey, escape, queue_of, segment, side_of

HISTORY_LIMIT = 50
LIST_LIMIT = 50
NUMBERED_LIST_LIMIT = 20
DELETION_LIMIT = 50

_FROM_THE_END = -1


class Request(NamedTuple):
    """What is sent: `target` is a path with its query, below the server's address."""

    call: Call
    method: str
    target: str
    body: bytes = b""


class Calls:
    """The requests of one user of one application."""

    def __init__(self, app_key: AppKey, user: str, resource: str) -> None:
        org, app = segment(app_key.org, "organisation"), segment(app_key.app, "application")
        self._app = f"/{org}/{app}"
        self._me = segment(user, "user name")
        self._resource = escape(resource)
        self.history_target = f"{self._app}/users/{self._me}/messageroaming"

    def token(self, user: str, password: str, *, now: int) -> Request:
        """Sign in; `now` in ms."""
        fields = {
            "grant_type": "password",
            "username": user,
            "password": password,
            "timestamp": now,
        }
        return Request(Call.TOKEN, "POST", f"{self._app}/token", msgspec.json.encode(fields))

    def list_page(self, cursor: str, limit: int, *, now: int) -> Request:
        """The list's newest form."""
        _check(limit, LIST_LIMIT, "A page of the list")
        query = f"limit={limit}&cursor={escape(cursor)}&need_mark=true&needEmptySession=false"
        return self._get(f"/sdk/user/{self._me}/user_channels/list?{query}&_v={now}")

    def numbered_list_page(self, number: int, size: int, *, now: int) -> Request:
        """The list's older form, by page number from 1."""
        _check(size, NUMBERED_LIST_LIMIT, "A numbered page of the list")
        if number < 1:
            raise ConfigError(f"there is no page {number}", hint="Pages are counted from 1.")
        query = f"pageNum={number}&pageSize={size}"
        return self._get(f"/users/{self._me}/user_channels/page?{query}&_v={now}")

    def unpaged_list(self) -> Request:
        """The list's oldest form: what was lately active."""
        return self._get(f"/users/{self._me}/user_channels")

    def _get(self, target: str) -> Request:
        return Request(Call.LIST, "GET", self._app + target)

    def history_page(self, key: ConversationKey, start: str, limit: int, newer: bool) -> Request:
        """One page of a conversation's history."""
        _check(limit, HISTORY_LIMIT, "A page of history")
        if start and not is_message_id(start):
            raise Rejected(
                f"{start!r} cannot be the start of a page",
                hint="A page starts at a cursor or at the id of a message of the server.",
            )
        fields = {
            "queue": queue_of(key.conversation_id, key.kind),
            "start": start or _FROM_THE_END,
            "pull_number": limit,
            "is_positive": newer,
            "msgType": "",
            "startTime": None,
            "endTime": None,
            "userId": None,
            "end": -1,
        }
        return Request(Call.HISTORY, "POST", self.history_target, msgspec.json.encode(fields))

    def delete_messages(self, key: ConversationKey, message_ids: Sequence[str]) -> Request:
        """Delete up to 50 messages by their ids."""
        _check(len(message_ids), DELETION_LIMIT, "A deletion")
        unknown = next((each for each in message_ids if not is_message_id(each)), None)
        if unknown is not None:
            raise Rejected(
                f"{unknown!r} is no message id of the server",
                hint="A message whose id could not be read cannot be deleted on the server.",
            )
        ids = escape(",".join(message_ids))
        return self._delete(key, "", f"msgIdList={ids}")

    def delete_before(self, key: ConversationKey, timestamp: int) -> Request:
        """Delete up to a moment, inclusive, ms."""
        if timestamp < 0:
            raise ConfigError(
                f"{timestamp} is no moment", hint="Give milliseconds since 1970, 0 or more."
            )
        return self._delete(key, "/time", f"delTime={timestamp}")

    def _delete(self, key: ConversationKey, suffix: str, query: str) -> Request:
        side = side_of(key.kind)
        name = "userId" if key.kind is Kind.CHAT else "groupId"
        path = f"{self._app}/sdk/message/roaming/{side}/user/{self._me}{suffix}"
        whose = f"{name}={escape(key.conversation_id)}"
        target = f"{path}?{whose}&{query}&resource={self._resource}"
        return Request(Call.DELETION, "DELETE", target)

    def delete_conversation(self, key: ConversationKey, *, delete_messages: bool) -> Request:
        """Take a conversation from the list, with or without its messages."""
        fields = {
            "channel": key.conversation_id,
            "type": "chat" if key.kind is Kind.CHAT else "groupChat",
            "delete_roam": delete_messages,
        }
        target = f"{self._app}/user/{self._me}/user_channel?resource={self._resource}"
        return Request(Call.DELETION, "DELETE", target, msgspec.json.encode(fields))


def _check(count: int, most: int, what: str) -> None:
    if not 1 <= count <= most:
        raise ConfigError(
            f"{what} holds 1 to {most}, not {count}", hint=f"Give a number from 1 to {most}."
        )
