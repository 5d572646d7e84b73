"""How eager the schedule is, and how long it waits. Pure: `chance` is a number from 0 to 1 that
the caller draws, all else is seconds."""

from typing import Any

from attrs import evolve, field, frozen

from syncengine.errors import ConfigError

_JITTER = 0.25
"""Of an interval: how much later than that a poll may come."""


def _positive(_: object, attribute: Any, value: float) -> None:
    if not 0 < value <= 1e9:
        raise ConfigError(
            f"{attribute.name} is {value}", hint="Use a number above 0, up to 1,000,000,000."
        )


def _seconds(default: float) -> Any:
    return field(default=default, converter=float, validator=_positive)


@frozen(kw_only=True)
class Pace:
    """How eager the schedule is. Raises ConfigError for what can be no pace."""

    floor: float = _seconds(30)
    """Seconds from the end of a cycle to the next, at least; so often comes who has news."""
    ceiling: float = _seconds(300)
    """Seconds: the longest interval, of a quiet account; with its jitter a quarter longer."""
    growth: float = field(default=1.5, validator=_positive)
    """The interval grows by this factor with each cycle that brings nothing; at least 1."""
    spread: float = _seconds(60)
    """Seconds: the window of a start and a wake-up."""
    backoff_base: float = _seconds(5)
    """Seconds: the bound of the first retry; each further one has twice that."""
    backoff_ceiling: float = _seconds(600)
    """Seconds: no bound is larger. Twice `ceiling`, see `schedule`."""
    backoff_least: float = _seconds(1)
    """Seconds: no retry comes sooner."""
    return_every: float = _seconds(1)
    """Seconds, on average, between two accounts that come back when their server answers again,
    and between two that were never synced at a start; all have come within `spread`."""
    longest_request: float = _seconds(3600)
    """Seconds: a server that asks to wait longer is asked again after this."""
    let_in_within: float = _seconds(3)
    """Seconds: so soon does an account go on where another program has let go of its file."""
    full_every: float = _seconds(60)
    """Seconds between two tries to write where the disk was full."""
    sleep_jump: float = _seconds(15)
    """Seconds: the wall clock's lead over the monotonic one that means the machine slept."""
    failures_to_open: int = field(default=5, validator=_positive)
    """Requests in a row that fail, over all accounts, before a server is left alone."""
    requests_per_second: float = field(default=20.0, validator=_positive)
    """Of one server's budget, for all of its accounts together."""
    burst: int = field(default=60, validator=_positive)
    """Requests that the budget saves up."""

    def __attrs_post_init__(self) -> None:
        if self.ceiling < self.floor:
            raise ConfigError(
                f"ceiling is {self.ceiling:g}, below the floor of {self.floor:g}",
                hint="The longest interval cannot be shorter than the shortest.",
            )
        if self.growth < 1:
            raise ConfigError(f"growth is {self.growth:g}", hint="Use a factor of 1 or more.")


def bounded(pace: Pace, *, floor: float | None = None, ceiling: float | None = None) -> Pace:
    """The pace of an account whose polls are to be no closer than `floor` seconds and no
    further apart than `ceiling`, jitter included; None: as the pace has it.

    Of the two what is given wins over what is not. Bounds with no room for the jitter of a
    quarter between them are kept from below: a poll may come so much after its ceiling.
    """
    longest = pace.ceiling if ceiling is None else ceiling / (1 + _JITTER)
    shortest = min(pace.floor, longest) if floor is None else floor
    longest = max(shortest, longest)
    retries = max(pace.backoff_ceiling, 2 * longest)
    return evolve(pace, floor=shortest, ceiling=longest, backoff_ceiling=retries)


def poll_wait(interval: float, chance: float) -> float:
    """An interval with its jitter: up to a quarter longer."""
    return interval * (1 + chance * _JITTER)


def backoff_wait(pace: Pace, failures: int, chance: float) -> float:
    """Full jitter: anything up to a bound that doubles with each failure in a row."""
    bound = pace.backoff_base * 2.0 ** min(failures - 1, 60)
    return max(pace.backoff_least, chance * min(bound, pace.backoff_ceiling))


def asked_wait(pace: Pace, retry_after: float, chance: float) -> float:
    """What a server asked for, within bounds, and not everybody at its end."""
    wait = min(max(retry_after, 0.0), pace.longest_request)
    return max(pace.backoff_least, wait + chance * pace.spread)
