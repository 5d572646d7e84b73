"""What a program calls: core (opens, syncs), fetching, scrolling, deleting, following,
upkeeping; parts is what they share."""

from syncengine.engine.core import SyncEngine

__all__ = ["SyncEngine"]
