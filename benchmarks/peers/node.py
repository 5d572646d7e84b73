"""Peers that are programs of Node: `programs/NAME.cjs` or `.mjs`."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from attrs import asdict, frozen

from benchmarks.peers.children import output, shelf
from benchmarks.peers.npm import home, installed
from benchmarks.peers.peer import Filled, Source, checked


@frozen
class NodePeer:
    """One of them."""

    name: str
    package: str
    keeps: str
    leaves_out: str
    program: str
    beside: Sequence[str] = ()
    """Packages whose versions count too."""
    shelved: bool = True
    """Whether it pulls from a shelf (see there) and not from the account itself."""

    def install(self, scratch: Path) -> str:
        """See `Peer.install`."""
        compiled = "better-sqlite3" in self.beside
        names = (self.package, *self.beside)
        return ", ".join(f"{each} {installed(scratch, each, compiled=compiled)}" for each in names)

    def run(self, scratch: Path, folder: Path, source: Source) -> Filled:
        """See `Peer.run`."""
        with self._shelf(source) as served:
            told = json.dumps({**asdict(source), **served, "folder": str(folder)})
            said = output(["node", self.program, told], home(scratch))
        return checked(Filled(**json.loads(said)), source)

    def _shelf(self, source: Source) -> AbstractContextManager[Mapping[str, str]]:
        return shelf(self.name, source) if self.shelved else nullcontext({})
