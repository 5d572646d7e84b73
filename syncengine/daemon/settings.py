"""What steers a service, and what it is given of an account."""

import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from attrs import field, frozen

from syncengine.config import Config
from syncengine.daemon.pace import Pace
from syncengine.errors import ConfigError
from syncengine.remote.port import Remote

RemoteFactory = Callable[[], Remote | Awaitable[Remote]]
"""Makes the way to an account's server, with its present credentials: at the start, after a
sleep of the machine, and when there are new ones. One that may block (a keyring) gives an
awaitable, for example `lambda: asyncio.to_thread(make)`. May raise SyncEngineError."""


def _positive(_: object, attribute: Any, value: float) -> None:
    if not 0 < value <= 1e12:
        raise ConfigError(f"{attribute.name} is {value}", hint="Use a number above 0.")


@frozen
class ServiceAccount:
    """One account that a service keeps up to date."""

    name: str
    """For people; each is there once."""
    path: Path = field(converter=Path)
    """Its file."""
    remote: RemoteFactory
    config: Config = field(factory=Config)
    server: str = ""
    """Names the server, for example its address: accounts with the same share one budget of
    requests and one circuit breaker."""
    pace: Pace | None = None
    """Of its polls and retries; None: the service's. What concerns a server in it (its budget,
    its circuit breaker) is not used: that is the service's for all."""
    renewal: str = ""
    """How to give other credentials, in words: added to the hint where these are refused."""
    again: str = ""
    """How to have it tried again, in words: added to the hint, after `renewal`, where it stopped
    until somebody mends its credentials or its settings."""


@frozen(kw_only=True)
class Settings:
    """How a service works. Raises ConfigError for what it cannot work with."""

    pace: Pace = field(factory=Pace)
    at_once: int = field(default=8, validator=_positive)
    """Cycles under way at once. One server has at most three quarters of them, where there
    are several."""
    open_engines: int = field(default=16, validator=_positive)
    """Files that stay open, for accounts that have their next turn soon. Each costs two
    threads, about five descriptors and some megabytes; all others are closed."""
    keep_open: float = field(default=45.0, validator=_positive)
    """Seconds: "soon"."""
    look_every: float = field(default=0.5, validator=_positive)
    """Seconds between two looks at the files, for deletions that another process asked for,
    and at the clocks."""
    longest_turn: float = field(default=60.0, validator=_positive)
    """Seconds: a longer cycle is cut where others wait; it goes on from there later."""
    audit_every: float = field(default=900.0, validator=_positive)
    """Seconds between two cycles of an account that read again what is held
    (`Config.audit_pages` each); those between are one request where nothing is new."""
    upkeep_every: float = field(default=86_400.0, validator=_positive)
    """Seconds between two upkeeps of a file that was written."""
    log_cap: int = field(default=64 * 1024 * 1024, validator=_positive)
    """Bytes: a write-ahead log that is larger after a cycle is emptied at once."""
    stop_within: float = field(default=5.0, validator=_positive)
    """Seconds: the most that stopping takes."""


def checked(accounts: Iterable[ServiceAccount]) -> dict[str, ServiceAccount]:
    """By name. Raises ConfigError for what there may be once only."""
    found: dict[str, ServiceAccount] = {}
    files: dict[str, str] = {}
    for account in accounts:
        if account.name in found:
            raise ConfigError(
                f"two accounts are named {account.name}", hint="Give each a name of its own."
            )
        file = os.path.realpath(account.path)
        if file in files:
            raise ConfigError(
                f"{account.name} and {files[file]} have the same file, {account.path}",
                hint="A file holds one account: name another one.",
            )
        found[account.name], files[file] = account, account.name
    return found


def same(one: ServiceAccount, other: ServiceAccount | None) -> bool:
    """All but the function that makes the remote, which cannot be compared."""
    return other is not None and _settled(one) == _settled(other)


def _settled(account: ServiceAccount) -> tuple[object, ...]:
    words = account.renewal, account.again
    return account.path, account.config, account.server, account.pace, *words
