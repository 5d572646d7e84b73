"""What goes wrong, how often, and in which repeatable order."""

import random
from collections.abc import Iterable
from enum import StrEnum

from attrs import define, field, frozen

from syncengine.errors import ConfigError


class Action(StrEnum):
    """One thing that goes wrong with one request."""

    LATENCY = "latency"
    DISTANCE = "distance"
    EXPIRE = "expire"
    THROTTLE = "throttle"
    THROTTLE_AFTER = "throttle-after"
    UNAVAILABLE = "unavailable"
    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    TRUNCATE = "truncate"
    HTML = "html"
    REPEAT = "repeat"
    STUCK = "stuck"
    HUGE = "huge"
    NOT_BASE64 = "not-base64"
    BAD_PROTOBUF = "bad-protobuf"


PAGED_ROUTES = frozenset({"history", "list", "list_pinned", "list_marked"})
_ON_PAGES = frozenset({Action.REPEAT, Action.STUCK})
_ON_HISTORY = frozenset({Action.HUGE, Action.NOT_BASE64, Action.BAD_PROTOBUF})


@frozen
class Profile:
    """A named mix of faults."""

    actions: tuple[Action, ...]
    probability: float = 0.2
    """Share of requests that a fault hits."""
    in_a_row: int = 3
    """After so many faults one request goes well, so that progress is possible. 0: no limit."""


PROFILES = {
    "none": Profile(()),
    "latency": Profile((Action.LATENCY,), probability=1.0, in_a_row=0),
    # As over a long way: what a server does is done meanwhile.
    "distance": Profile((Action.DISTANCE,), probability=1.0, in_a_row=0),
    "expired": Profile((Action.EXPIRE,), probability=0.1),
    "throttle": Profile((Action.THROTTLE,)),
    "throttle-after": Profile((Action.THROTTLE_AFTER,)),
    "unavailable": Profile((Action.UNAVAILABLE,)),
    "drop-before": Profile((Action.DROP_BEFORE,)),
    "drop-after": Profile((Action.DROP_AFTER,)),
    "truncated": Profile((Action.TRUNCATE,)),
    "html": Profile((Action.HTML,)),
    "repeat": Profile((Action.REPEAT,)),
    "flaky": Profile(
        (
            Action.EXPIRE,
            Action.THROTTLE,
            Action.THROTTLE_AFTER,
            Action.UNAVAILABLE,
            Action.DROP_BEFORE,
            Action.DROP_AFTER,
            Action.TRUNCATE,
            Action.HTML,
            Action.REPEAT,
        )
    ),
    # No progress is meant to be possible.
    "down": Profile((Action.UNAVAILABLE,), probability=1.0, in_a_row=0),
    "stuck": Profile((Action.STUCK,), probability=1.0, in_a_row=0),
    "huge": Profile((Action.HUGE,), probability=1.0, in_a_row=0),
    "not-base64": Profile((Action.NOT_BASE64,), probability=1.0, in_a_row=0),
    "bad-protobuf": Profile((Action.BAD_PROTOBUF,), probability=1.0, in_a_row=0),
}


def _known_profile(_: object, __: object, name: str) -> None:
    if name not in PROFILES:
        raise ConfigError(
            f"There is no fault profile named {name!r}.",
            hint="The profiles are: " + ", ".join(sorted(PROFILES)) + ".",
        )


@define
class Faults:
    """A profile at play. The same seed and the same order of requests give the same faults."""

    profile: str = field(default="none", validator=_known_profile)
    seed: int = 1
    probability: float | None = None
    """Share of requests that a fault hits; None: the profile's own."""
    budget: int | None = None
    """How many faults there are in all; None: no end of them."""
    routes: frozenset[str] = field(factory=frozenset, converter=frozenset)
    """Only these routes are hit, for example ``history``; empty: all."""
    latency_ms: tuple[int, int] = (20, 200)
    """What `latency` waits before a request is looked at, and by what `distance` is an answer
    later than its request."""
    retry_after_s: int = 1
    """What ``Retry-After`` asks for."""
    huge_bytes: int = 32 * 1024 * 1024
    """How large a huge page is; an ordinary one has 15 to 300 kB."""
    _random: random.Random = field(init=False, repr=False, eq=False)
    _spent: int = field(default=0, init=False, repr=False)
    _in_a_row: int = field(default=0, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(f"faults {self.seed}")  # noqa: S311 # repeatable on purpose

    def draw(self, route: str) -> Action | None:
        """What goes wrong with the next request, if anything."""
        profile = PROFILES[self.profile]
        choices = [each for each in profile.actions if _applies(each, route)]
        if not choices or (self.routes and route not in self.routes):
            return None
        if self.budget is not None and self._spent >= self.budget:
            return None
        share = profile.probability if self.probability is None else self.probability
        rested = not profile.in_a_row or self._in_a_row < profile.in_a_row
        if not (rested and self._random.random() < share):
            self._in_a_row = 0
            return None
        self._in_a_row += 1
        self._spent += 1
        return self._random.choice(choices)

    def delay(self) -> float:
        """How long a slow answer takes, seconds."""
        return self._random.uniform(*self.latency_ms) / 1000

    def coin(self) -> bool:
        """One of two, repeatably."""
        return self._random.random() < 0.5


def _applies(action: Action, route: str) -> bool:
    if action in _ON_PAGES:
        return route in PAGED_ROUTES
    if action in _ON_HISTORY:
        return route == "history"
    return not (action is Action.EXPIRE and route == "token")


def profile_names() -> Iterable[str]:
    """All profiles, sorted."""
    return sorted(PROFILES)
