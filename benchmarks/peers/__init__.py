"""Other programs that pull the same records, each in the configuration that its documentation
recommends."""

from collections.abc import Mapping

from benchmarks.peers.browser import RxDB
from benchmarks.peers.node import NodePeer
from benchmarks.peers.peer import Filled, Peer, Source, WrongCount
from benchmarks.peers.script import Script
from benchmarks.peers.signing import source_of

__all__ = ["PEERS", "Filled", "Peer", "Source", "WrongCount", "source_of"]

_ALL: tuple[Peer, ...] = (
    NodePeer(
        name="websdk",
        package="easemob-websdk",
        keeps="nothing",
        leaves_out="a store: gaps, deletions, resume, search",
        program="websdk.cjs",
        shelved=False,
    ),
    Script(),
    NodePeer(
        name="pouchdb",
        package="pouchdb",
        keeps="leveldb",
        leaves_out="gaps, order, search",
        program="pouchdb.cjs",
    ),
    NodePeer(
        name="powersync",
        package="@powersync/node",
        keeps="SQLite",
        leaves_out="gaps, order, anything to read before the end, search",
        program="powersync.mjs",
        beside=("better-sqlite3",),
    ),
    NodePeer(
        name="watermelondb",
        package="@nozbe/watermelondb",
        keeps="SQLite",
        leaves_out="gaps, order, resume of the first sync, search",
        program="watermelondb.cjs",
        beside=("better-sqlite3",),
    ),
    RxDB(),
)
PEERS: Mapping[str, Peer] = {each.name: each for each in _ALL}
"""By name, in the order in which a table shows them."""
