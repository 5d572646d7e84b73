"""What steers the engine, and what it takes from the world around it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from attrs import field, frozen
from attrs.validators import optional

from syncengine.errors import ConfigError
from syncengine.models import Retention


def _between(low: float, high: float) -> Callable[[Any, Any, float], None]:
    def check(_: object, attribute: object, value: float) -> None:
        if not low <= value <= high:
            name = getattr(attribute, "name", "value")
            raise ConfigError(f"{name} is {value}", hint=f"Use a number from {low} to {high}.")

    return check


def _retention(value: str) -> Retention:
    try:
        return Retention(value)
    except ValueError:
        names = ", ".join(each.value for each in Retention)
        raise ConfigError(f"retention is {value!r}", hint=f"Use one of: {names}.") from None


DAY_MS = 86_400_000


@frozen(kw_only=True)
class Config:
    """Settings of one engine. Raises ConfigError for a value that cannot be used."""

    page_size: int = field(default=49, validator=_between(1, 49))
    """Messages a page: under 50, the most that the service takes."""
    summary_page_size: int = field(default=50, validator=_between(1, 50))
    """Conversations a page of the list."""
    fetchers: int = field(default=16, validator=_between(1, 64))
    """Requests under way at once, each on a connection of its own."""
    commit_pages: int = field(default=16, validator=_between(1, 256))
    """The most pages that share one commit when the writer is behind (law 1)."""
    attempts: int = field(default=6, validator=_between(1, 100))
    """How often one request is tried before its failure is reported."""
    backoff_base: float = field(default=0.5, validator=_between(0, 60))
    """Seconds: the first wait is up to this long, each further one up to twice that."""
    backoff_ceiling: float = field(default=30.0, validator=_between(0, 3600))
    """Seconds: no wait is longer, unless the server asks for it."""
    fetch_deadline: float = field(default=10.0, validator=_between(0.001, 3600))
    """Seconds: a fetch for a person that the server did not answer by then is answered from
    the local copy. A sync has no such deadline."""
    full_list_every: float = field(default=3600.0, validator=_between(0, 1e9))
    """Seconds: how often the list is read to its end, though its first page shows nothing new."""
    retention: Retention = field(default=Retention.KEEP, converter=_retention)
    """What becomes here of messages that expire on the server (law 7)."""
    retention_days: float | None = field(default=None, validator=optional(_between(0.01, 36500)))
    """How long the service keeps messages, by its plan. None: learnt from what it serves."""
    confirm_absence_after: float = field(default=10.0, validator=_between(0, 86400))
    """Seconds, by the server's clock, between the two reads that must both miss a message
    before it is removed (law 5)."""
    audit_pages: int = field(default=4, validator=_between(0, 10000))
    """Pages of history that each cycle reads again, to find what was deleted elsewhere; 0: none."""

    index_search: bool = True
    """Index new messages for search in the background while the engine is open, between
    cycles, and a little once a second during one."""

    @property
    def horizon_ms(self) -> int | None:
        """The age below which nothing can have expired, ms; None: it is not configured."""
        return None if self.retention_days is None else int(self.retention_days * DAY_MS)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


@frozen(kw_only=True)
class Environment:
    """The world as parameters, so that an engine can run on virtual time."""

    now: Callable[[], int] = _wall_ms
    """The local clock, ms since 1970. Shown and noted; never used for order."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds, for waits and durations."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Random = field(factory=Random)
    """For the jitter of waits."""
