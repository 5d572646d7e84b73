"""Reads a moment as a person writes it."""

import re
from datetime import UTC, datetime, timedelta

from syncengine.errors import ConfigError
from syncengine.sync.intents import checked_time

_NUMBER = re.compile("-?(?![0-9]{8}$)[0-9]{1,20}")
"""Not of eight digits: 20241231 would be a date to some."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_time(text: str, flag: str) -> int:
    """A moment in ms, from ISO 8601 or from ms. Raises ConfigError, which names the flag, for what
    is neither."""
    try:
        if _NUMBER.fullmatch(text.strip()):
            return checked_time(int(text))
        moment = datetime.fromisoformat(_dashed(text.strip())).astimezone()
        return checked_time((moment - _EPOCH) // timedelta(milliseconds=1))
    except (ValueError, OverflowError, OSError):
        raise ConfigError(
            f"{flag} {text!r} is no time",
            hint="Write it like 2024-12-31, 2024-12-31T18:00 or 2024-12-31T18:00Z,"
            " or as milliseconds since 1970.",
        ) from None


def _dashed(text: str) -> str:
    """The text, unless it could be a number as well."""
    if text.isdecimal():
        raise ValueError(text)
    return text
