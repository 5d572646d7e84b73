"""What a refusal means: one table from status and body to the errors of this package.

Pure. The first rule that fits decides. The conditions are those of schema/wire/README.md,
Errors; what is not told apart there is told apart here by the call alone.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from syncengine.errors import (
    ConfigError,
    CursorExpired,
    Gone,
    Rejected,
    ServerFault,
    ServiceNotEnabled,
    SyncEngineError,
    Throttled,
    Unauthorized,
    Unreachable,
)
from syncengine.remote.easemob import forgiving

LONGEST_WAIT_S = 300.0
"""A server may ask for more patience; it is asked again after this."""
_LONGEST_QUOTE = 200
_LONGEST_PAGE = 4096
"""Bytes of a page that is no JSON in which is looked for what it says."""


class Call(Enum):
    """What was asked for: the same refusal means less or more by it."""

    TOKEN = "token"  # noqa: S105 # the name of a call
    LIST = "list"
    HISTORY = "history"
    DELETION = "deletion"


class UnknownRoute(Rejected):
    """The server has no such list call at all: an older one may do."""


class Reply(NamedTuple):
    """An answer of the server, whole."""

    status: int
    headers: Mapping[str, str]
    """Names are found in any case."""
    body: bytes


class Rule(NamedTuple):
    """A condition and what it means. An empty part of the condition fits everything."""

    statuses: range
    error: type[SyncEngineError]
    hint: str | None = None
    calls: frozenset[Call] = frozenset(Call)
    phrases: tuple[str, ...] = ()
    """Any of these, in lower case, somewhere in the error's name, text or exception."""
    codes: frozenset[int] = frozenset()
    """Or any of these as its code."""


def _status(first: int, last: int | None = None) -> range:
    return range(first, (last or first) + 1)


_TOKEN = frozenset({Call.TOKEN})
_ACCOUNT = frozenset({Call.TOKEN, Call.LIST})
_CONVERSATION = frozenset({Call.HISTORY, Call.DELETION})
_HISTORY = frozenset({Call.HISTORY})

_ROAMING = (
    "Message roaming is switched off for this app key: switch on message roaming (history "
    "messages) in the service's console, or ask whoever runs the app to."
)
_CREDENTIALS = "The user name or the password is wrong, or the user is not activated."
_NO_USER = "The server does not know this user; check the user name and the app key."
_NO_APP = "The server does not know this app key; check it, and the server's address."
_NO_ROUTE = "Check the server's address: what answers there does not know this request."
_PERMISSION = "This user may not do that on this server; check the user and its token."
_REDIRECT = (
    "The server's address leads elsewhere, or the network asks for a sign-in; check the "
    "address, and whether it needs https."
)
_LIMIT = "The account reached a limit of the service; see its plan."

_HTTPS = "The server's address begins with http://, and the server wants https://."
_TOLD_TO_USE_HTTPS = "plain http to https"
"""What these pages, which are no JSON, say: of nginx, of Go's server, of Apache."""
_HTTPS_PAGES = (
    b"plain http request was sent to https port",
    b"client sent an http request to an https server",
    b"speaking plain http to an ssl-enabled server port",
)

RULES = (
    Rule(_status(400), ConfigError, _HTTPS, phrases=(_TOLD_TO_USE_HTTPS,)),
    Rule(
        _status(404),
        ConfigError,
        _NO_APP,
        phrases=("organization_application_not_found", "organization_not_found"),
    ),
    Rule(_status(400), ServiceNotEnabled, _ROAMING, phrases=("not open message roaming",)),
    Rule(_status(400, 404), Unauthorized, _CREDENTIALS, _TOKEN, phrases=("invalid_grant",)),
    Rule(_status(400, 404), Unauthorized, _NO_USER, _TOKEN, phrases=("user not found",)),
    Rule(_status(400, 410), CursorExpired, None, _HISTORY, phrases=("cursor", "next_key")),
    Rule(_status(401), Unauthorized),
    Rule(
        _status(403),
        ServiceNotEnabled,
        _ROAMING,
        phrases=("messageroaming function not open", "service not open"),
        codes=frozenset({40000, 60004, 15002}),
    ),
    Rule(_status(403), Rejected, _LIMIT, codes=frozenset({91002, 91101})),
    Rule(_status(403), Unauthorized, _PERMISSION, _ACCOUNT),
    Rule(_status(403), Gone, None, _HISTORY),
    Rule(_status(403), Rejected, _PERMISSION),
    Rule(
        _status(404),
        Gone,
        None,
        _CONVERSATION,
        phrases=("usernotfoundexception", "user not found"),
        codes=frozenset({91001}),
    ),
    Rule(
        _status(404),
        Unauthorized,
        _NO_USER,
        _ACCOUNT,
        phrases=("usernotfoundexception", "user not found"),
    ),
    Rule(_status(404, 405), UnknownRoute, _NO_ROUTE, frozenset({Call.LIST})),
    Rule(_status(404, 405), Rejected, _NO_ROUTE),
    Rule(_status(408), Unreachable),
    Rule(_status(409), ServerFault),
    Rule(_status(429), Throttled),
    Rule(_status(503), Throttled),
    Rule(_status(300, 399), ServerFault, _REDIRECT),
    Rule(_status(400, 499), Rejected),
    Rule(_status(0, 999), ServerFault),
)


def failure(reply: Reply, call: Call, *, now: int, secrets: Iterable[str] = ()) -> SyncEngineError:
    """The error that an answer other than 200 means; `now` is the local clock, ms.

    The server's words are quoted; `secrets` that they repeat are not.
    """
    said = _error_of(reply.body)
    rule = next(rule for rule in RULES if _fits(rule, reply.status, call, said))
    message = _message(reply.status, said, secrets)
    if issubclass(rule.error, Throttled):
        wait = retry_after(reply.headers, now=now)
        return rule.error(message, hint=rule.hint, retry_after=wait)
    return rule.error(message, hint=rule.hint)


def _fits(rule: Rule, status: int, call: Call, said: Mapping[str, Any]) -> bool:
    if status not in rule.statuses or call not in rule.calls:
        return False
    if not (rule.phrases or rule.codes):
        return True
    text = _text(said).lower()
    code = forgiving.as_int(said.get("error_code") or said.get("code"))
    return code in rule.codes or any(phrase in text for phrase in rule.phrases)


def _error_of(body: bytes) -> dict[str, Any]:
    try:
        return forgiving.as_object(forgiving.parse(body))
    except forgiving.NotJson:
        page = body[:_LONGEST_PAGE].lower()
        told = any(words in page for words in _HTTPS_PAGES)
        return {"exception": _TOLD_TO_USE_HTTPS} if told else {}


def _text(said: Mapping[str, Any]) -> str:
    parts = (said.get(name) for name in ("error", "error_description", "exception"))
    return " ".join(part for part in parts if isinstance(part, str))


def _message(status: int, said: Mapping[str, Any], secrets: Iterable[str]) -> str:
    """The server's own words, short, and nothing in them that a terminal would obey."""
    words = forgiving.as_text(said.get("error_description")) or forgiving.as_text(said.get("error"))
    for secret in secrets:
        words = words.replace(secret, "…") if len(secret) > 3 or secret not in words else ""
    quoted = "".join(c for c in words[:_LONGEST_QUOTE] if c.isprintable())
    return f"the server answered {status}: {quoted}" if quoted else f"the server answered {status}"


def retry_after(headers: Mapping[str, str], *, now: int) -> float | None:
    """How long the server asks to wait: seconds, or until a date by its own clock."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdecimal():
        return min(float(value[:9]), LONGEST_WAIT_S)
    until = date_ms(value)
    if until is None:
        return None
    since = date_ms(headers.get("date", "")) or now
    return min(max((until - since) / 1000, 0.0), LONGEST_WAIT_S)


@lru_cache(maxsize=8)
def date_ms(value: str) -> int | None:
    """An HTTP date as ms since 1970. Remembered: pages of one second share their date."""
    try:
        moment = parsedate_to_datetime(value)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
