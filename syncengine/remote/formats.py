"""Which decoder reads a file's raw bytes: known from the account's name, with no server."""

from collections.abc import Callable, Iterable, Mapping

from syncengine.models import ConversationKey, Details
from syncengine.remote.easemob import targets as easemob_targets
from syncengine.remote.easemob.details import details as easemob_details

_FORMATS: dict[str, Callable[[bytes], Details]] = {"easemob": easemob_details}


def decoder_for(account: str | None) -> Callable[[bytes], Details]:
    """The decoder of an account's messages; an unknown format decodes to no details."""
    return _FORMATS.get((account or "").partition(":")[0], _nothing)


def _nothing(raw: bytes) -> Details:
    return Details()


def user_of(account: str | None) -> str | None:
    """The user's own id, as messages have it as their sender; None: not known."""
    format_, _, rest = (account or "").partition(":")
    return rest.partition(":")[2] or None if format_ in _FORMATS else None


def conversations_of(
    account: str | None, samples: Mapping[int, Iterable[bytes]]
) -> dict[int, ConversationKey]:
    """The conversation of each group of messages, told by their raw bytes, as far as these do.
    An account that is not known may be of any format."""
    if account is not None and user_of(account) is None:
        return {}
    return easemob_targets.conversations(user_of(account), samples)
