"""Bearer tokens: who holds one, and until when."""

import random
from base64 import urlsafe_b64decode
from hashlib import sha256
from typing import Any

import msgspec
from attrs import define

from syncengine.emulator.replies import ServiceError

CLIENT_ID = "emulator-client"
CLIENT_SECRET = "emulator-secret"  # noqa: S105 # of a stand-in that guards nothing
_DYNAMIC_PREFIX = b"dt-"


@define
class Token:
    """A token and what it opens."""

    text: str
    user: str | None
    """None: the app's own token, which may act for everybody."""
    expires_at: int | None
    """ms; None: never."""


class Tokens:
    """The tokens of one app. The same seed gives the same tokens."""

    def __init__(self, app_key: str, seed: int) -> None:
        self._app_key = app_key
        self._random = random.Random(f"tokens {seed}")  # noqa: S311 # repeatable on purpose
        self._tokens: dict[str, Token] = {}

    def issue(self, user: str | None, *, now: int, ttl_s: int) -> Token:
        """A new token, good for so many seconds; 0: for ever."""
        text = f"YWMt{self._random.getrandbits(256):064x}"
        expires_at = now + ttl_s * 1000 if ttl_s else None
        token = self._tokens[text] = Token(text, user, expires_at)
        return token

    def expire(self, text: str, *, now: int) -> None:
        """End a token before its time, as the service may."""
        if text in self._tokens:
            self._tokens[text].expires_at = now

    def expire_all(self, *, now: int) -> None:
        """End every token."""
        for text in self._tokens:
            self.expire(text, now=now)

    def check(self, authorization: str | None, *, now: int) -> Token:
        """The token of an ``Authorization`` header; ServiceError 401 when it opens nothing."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise ServiceError(401, "unauthorized", "Unable to authenticate (OAuth)")
        token = self._tokens.get(text) or self._dynamic(text)
        if token is None:
            raise ServiceError(
                401,
                "auth_bad_access_token",
                "Unable to authenticate due to corrupt access token",
                exception="AuthenticationException",
            )
        if token.expires_at is not None and token.expires_at <= now:
            raise ServiceError(
                401, "unauthorized", "Unable to authenticate due to expired access token"
            )
        return token

    def _dynamic(self, text: str) -> Token | None:
        """A token that the app's own server signed; no call of ours ever made it."""
        try:
            plain = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if not plain.startswith(_DYNAMIC_PREFIX):
                return None
            claims: dict[str, Any] = msgspec.json.decode(plain[len(_DYNAMIC_PREFIX) :], type=dict)
            user, made_at, ttl_s = claims["userId"], int(claims["curTime"]), int(claims["ttl"])
        except (ValueError, KeyError, TypeError, msgspec.MsgspecError):
            return None
        if claims.get("signature") != signature(self._app_key, user, made_at, ttl_s):
            return None
        token = Token(text, user, made_at + ttl_s * 1000 if ttl_s else None)
        self._tokens[text] = token
        return token


def signature(app_key: str, user: str, made_at: int, ttl_s: int) -> str:
    """What the app's server signs a dynamic token with; `made_at` in ms."""
    signed = f"{CLIENT_ID}{app_key}{user}{made_at}{ttl_s}{CLIENT_SECRET}"
    return sha256(signed.encode()).hexdigest()
