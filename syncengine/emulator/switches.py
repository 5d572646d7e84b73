"""What the stand-in does where the service differs by plan, by age or by nobody's knowledge.

Each switch is a field with a documented or a cautious default. What the documentation
does not say and nobody has seen on the live service is marked *not observed*.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from attrs import evolve, field, fields, frozen, validators

from syncengine.errors import ConfigError

Deletion = Literal["one-way", "everyone"]
LastCursor = Literal["undefined", "absent", "empty", "null"]
StartGone = Literal["nothing", "head", "honour"]
Roaming = Literal["enabled", "disabled-400", "disabled-403"]

_NOT_NEGATIVE = validators.ge(0)


@frozen
class Switches:
    """How the stand-in behaves. `Switches()` is the service as it is documented."""

    list_cap: int = field(default=100, validator=_NOT_NEGATIVE)
    """Conversations kept per user; newer ones push out the least active. 0: no cap."""
    unpaged_count: int = field(default=10, validator=_NOT_NEGATIVE)
    """Conversations that the old unpaged call answers with."""
    unpaged_days: int = field(default=7, validator=_NOT_NEGATIVE)
    """How many days the old unpaged call looks back."""
    server_messages_in_list: bool = False
    """Messages sent or imported by the server-side API create and update list entries."""
    retention_days: float = field(default=0.0, validator=validators.ge(0.0))
    """After how many days a message expires. 0: never. By plan 3, 7, 90 or 180."""
    edit_restarts_retention: bool = True
    """An edited message is kept for a whole retention from its last edit."""
    message_cap: int = field(default=0, validator=_NOT_NEGATIVE)
    """Messages kept per conversation. 0: no cap. Older documentation names 5,000."""
    conversation_deletion: Deletion = "one-way"
    """Whether deleting a conversation deletes it for the other side too; documentation differs."""
    last_cursor: LastCursor = "undefined"
    """What stands for the cursor on a last page. The string ``undefined`` was really seen."""
    full_page_is_last: bool = False
    """An exactly full last page says so. Documented: only a shorter page does."""
    start_gone: StartGone = "honour"
    """Answer to a start whose message is gone: nothing, the head, or what follows its old place
    (*not observed*)."""
    replicas: int = field(default=1, validator=validators.ge(1))
    """History requests go round this many replicas; all but the first lag behind."""
    replica_lag_ms: int = field(default=2_000, validator=_NOT_NEGATIVE)
    """A lagging replica omits what arrived, and serves what was deleted, this recently."""
    roaming: Roaming = "enabled"
    """Whether history is switched on for the app, and with which status it is refused."""
    room_history: bool = True
    """Whether history of chat rooms is switched on; the service has a separate setting."""
    token_ttl_s: int = field(default=60 * 24 * 3600, validator=_NOT_NEGATIVE)
    """How long a token is good for, seconds, where the request names no time."""


def with_values(switches: Switches, values: Mapping[str, Any]) -> Switches:
    """The same switches with some changed; values may be text, as on a command line."""
    kinds = get_type_hints(Switches)
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        raise ConfigError(
            f"There is no switch named {unknown[0]!r}.",
            hint="The switches are: " + ", ".join(sorted(kinds)) + ".",
        )
    changes = {name: _read(name, kinds[name], value) for name, value in values.items()}
    try:
        return evolve(switches, **changes)
    except ValueError as error:
        raise ConfigError(
            f"A switch is out of range: {error}", hint="Numbers count from 0, replicas from 1."
        ) from error


def as_mapping(switches: Switches) -> dict[str, Any]:
    """The switches by name, as JSON shows them."""
    return {each.name: getattr(switches, each.name) for each in fields(Switches)}


def _read(name: str, kind: Any, value: Any) -> Any:
    if get_origin(kind) is Literal:
        return _choice(name, get_args(kind), value)
    if kind is bool:
        return _choice(name, ("true", "false"), str(value).lower()) == "true"
    try:
        number = kind(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(
            f"Switch {name} cannot be {value!r}.", hint=f"{name} takes a number, for example 3."
        )
    return number


def _choice(name: str, choices: tuple[str, ...], value: Any) -> str:
    if value not in choices:
        raise ConfigError(
            f"Switch {name} cannot be {value!r}.", hint=f"{name} is one of: {', '.join(choices)}."
        )
    return str(value)
