"""Easemob IM and Agora Chat: `client` speaks to the server, everything else is pure.

`EasemobRemote` is looked up when it is asked for: who reads stored messages needs
`details`, and not an HTTP library.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncengine.remote.easemob.client import EasemobRemote

__all__ = ["EasemobRemote"]


def __getattr__(name: str) -> Any:
    if name == "EasemobRemote":
        from syncengine.remote.easemob.client import EasemobRemote

        return EasemobRemote
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
