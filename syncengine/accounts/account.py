"""What is configured: plain values, each checked when it was read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from syncengine.accounts.secrets import KEYRING, Place, Secret, SecretKind, secret_of
from syncengine.config import Config

if TYPE_CHECKING:
    from syncengine.remote.easemob.client import EasemobRemote

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""An account's name: it becomes part of file names and variables, and never a path or a flag."""


@frozen
class Polling:
    """How often an account is asked for news; None: as the daemon does."""

    floor: float | None = None
    """Seconds: never more often, however active the account is."""
    ceiling: float | None = None
    """Seconds: never more rarely, however quiet it is."""


@frozen(kw_only=True)
class Account:
    """One configured account: one user on one server, with one file. Its secret is elsewhere."""

    name: str
    server: str
    app_key: str
    user: str
    file: Path
    """Where its messages are kept; it may not be there yet."""
    secret: Place = KEYRING
    secret_is: SecretKind = SecretKind.PASSWORD
    allow_insecure_http: bool = False
    settings: Mapping[str, Any] = field(factory=dict)
    """The settings of `Config` that differ from its own."""
    polling: Polling = Polling()

    @property
    def login(self) -> str:
        """Names the user, without a secret: a keyring keeps the secret under it."""
        return f"{self.app_key}:{self.user}"

    def open_settings(self, **others: Any) -> Config:
        """What to open its engine with; `others` go before what is configured.

        Raises ConfigError for one of `others` that cannot be used.
        """
        return Config(**{**self.settings, **others})

    def remote(self, secret: Secret | None = None) -> "EasemobRemote":
        """The way to its server.

        Without a `secret` it is looked up, which may take as long as `secret_of` does: give one
        where an event loop must not wait. Raises ConfigError where there is none.
        """
        from syncengine.remote.easemob.client import EasemobRemote

        given = secret_of(self) if secret is None else secret
        return EasemobRemote(
            self.server,
            app_key=self.app_key,
            user=self.user,
            password=given.value if given.kind is SecretKind.PASSWORD else None,
            token=given.value if given.kind is SecretKind.TOKEN else None,
            allow_insecure_http=self.allow_insecure_http,
        )


@frozen
class Address:
    """A port of this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@frozen(kw_only=True)
class Daemon:
    """What steers the daemon itself."""

    metrics: Address | Path | None = None
    """Where its figures are served: a loopback address, or a Unix socket. None: nowhere."""
    log_level: str = "info"
    """debug, info, warning or error."""


@frozen(kw_only=True)
class Configuration:
    """All that one file configures."""

    accounts: Mapping[str, Account] = field(factory=dict)
    """By name, in the file's order."""
    daemon: Daemon = Daemon()
