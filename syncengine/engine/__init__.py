"""What a program calls: core (opens, syncs), fetching, scrolling, deleting, following,
upkeeping, backing_up, waiting; parts is what they share."""

from syncengine.engine.core import SyncEngine

__all__ = ["SyncEngine"]
