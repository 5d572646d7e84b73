"""What a program calls: core (opens, syncs), fetching, deleting, upkeeping; parts is shared."""

from syncengine.engine.core import SyncEngine

__all__ = ["SyncEngine"]
