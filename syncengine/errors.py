"""Everything that can go wrong, as a tree.

    SyncEngineError
    ├── ConfigError                  account, never
    ├── StoreError
    │   ├── StoreLocked              account, later
    │   ├── StoreTooNew              account, never   readable, not writable
    │   ├── StoreFull                account, later   disk full, read-only
    │   └── StoreCorrupt             account, never   set aside, never deleted (law 10)
    ├── RemoteError
    │   ├── Unreachable              account, later
    │   ├── Throttled                account, later   retry_after in seconds
    │   ├── ServerFault              account, later
    │   ├── Unauthorized             account, never   until the credentials change
    │   ├── ServiceNotEnabled        account, never   roaming is a paid switch
    │   ├── CursorExpired            conversation, now
    │   ├── CursorStuck              conversation, later   a cursor that does not move
    │   ├── Gone                     conversation, never
    │   ├── Rejected                 message, never
    │   └── Unintelligible           message, never   the raw bytes are kept
    ├── RemovalHeldBack              account, never   until a person accepts it
    └── EngineClosed (RuntimeError)

Two questions are answered by the class: how much is broken (`Scope`) and when to try
again (`Patience`). Every instance carries a `hint`: a sentence for the person.
"""

from enum import Enum
from typing import ClassVar


class Scope(Enum):
    """How much is broken."""

    MESSAGE = "message"
    CONVERSATION = "conversation"
    ACCOUNT = "account"


class Patience(Enum):
    """When trying again makes sense."""

    NOW = "now"
    LATER = "later"
    NEVER = "never"


class SyncEngineError(Exception):
    """The root of all errors that this package raises on purpose."""

    scope: ClassVar[Scope] = Scope.ACCOUNT
    patience: ClassVar[Patience] = Patience.NEVER
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = self.default_hint if hint is None else hint


class ConfigError(SyncEngineError):
    """A setting, a flag or an argument that cannot be used."""


class StoreError(SyncEngineError):
    """The local file cannot do what was asked."""


class StoreLocked(StoreError):
    """Another process is writing the file."""

    patience = Patience.LATER
    default_hint = "Another program is writing this file; try again when it has finished."


class StoreTooNew(StoreError):
    """The file was written by a newer version: it can be read, not written."""

    default_hint = "Upgrade syncengine; until then the file can be read, not synced."


class StoreFull(StoreError):
    """The disk is full, or the file or its folder cannot be written: the hint says which."""

    patience = Patience.LATER
    default_hint = "Check the path, and who may write the file and its folder."


class StoreCorrupt(StoreError):
    """The file is damaged, or is no store at all. It is never deleted. `again_after`: seconds
    until it may be recovered once more, where it was a short while ago; otherwise None."""

    default_hint = (
        "Nothing was changed. A daemon that runs recovers a damaged store by itself, at most once"
        " in ten minutes; with none, `syncengine recover` saves what can be read."
        " Or name another file with --db."
    )

    def __init__(
        self, message: str, *, hint: str | None = None, again_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.again_after = again_after


class StoreReplaced(StoreError):
    """Another file stands where the open one did, or none: what is written would be lost."""

    default_hint = "Close the engine and open the file again."


class RemoteError(SyncEngineError):
    """The server, or the way to it."""


class Unreachable(RemoteError):
    """No answer: no network, no such host, refused, timed out, cut off half-way."""

    patience = Patience.LATER
    default_hint = "Check the network and the server's address; what is stored can be read offline."


class Throttled(RemoteError):
    """The server asks to slow down. `retry_after` is in seconds, None when it did not say."""

    patience = Patience.LATER
    default_hint = "The server limits how often it may be asked; it will be tried again later."

    def __init__(
        self, message: str, *, hint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class ServerFault(RemoteError):
    """The server failed, or answered with what is no answer."""

    patience = Patience.LATER
    default_hint = "The fault is the server's; it will be tried again later."


class Unauthorized(RemoteError):
    """The credentials are refused."""

    default_hint = "Check the user name and the password or token."


class ServiceNotEnabled(RemoteError):
    """The account's application has the needed service switched off."""

    default_hint = "Switch on message roaming for this app key in the service's console."


class CursorExpired(RemoteError):
    """The server no longer knows the cursor. Its gap is asked for anew."""

    scope = Scope.CONVERSATION
    patience = Patience.NOW
    default_hint = "The gap is fetched again from a message that is still there."


class CursorStuck(RemoteError):
    """The server repeats itself: its cursor does not move."""

    scope = Scope.CONVERSATION
    patience = Patience.LATER
    default_hint = "The server repeats a page; what was fetched is kept, the rest is tried later."


class Gone(RemoteError):
    """The conversation does not exist on the server, or is not this user's."""

    scope = Scope.CONVERSATION
    default_hint = "The server does not know this conversation; what is stored of it is kept."


class Rejected(RemoteError):
    """The server refuses this request, and would refuse it again."""

    scope = Scope.MESSAGE
    default_hint = "The server refuses the request as it is; nothing local was changed."


class Unintelligible(RemoteError):
    """A message that cannot be decoded; its raw bytes are kept."""

    scope = Scope.MESSAGE
    default_hint = "The message is kept as it came; a newer version may be able to show it."


class RemovalHeldBack(SyncEngineError):
    """The server shows so much less than is held here that a person has to agree to it."""

    default_hint = (
        "If it was deleted on purpose, accept it with `syncengine verify --accept`;"
        " else the server may have lost it, and this copy has it."
    )


class EngineClosed(SyncEngineError, RuntimeError):
    """The engine was closed; open a new one."""

    default_hint = "Use the engine inside its `async with` block."
