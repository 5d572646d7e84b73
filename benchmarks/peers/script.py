"""The script that a competent programmer writes by hand, see `hand`."""

import json
from importlib.metadata import version
from pathlib import Path

from attrs import asdict, frozen

from benchmarks.peers.children import output, python
from benchmarks.peers.peer import Filled, Source, checked


@frozen
class Script:
    """Python, with the libraries that are here anyway."""

    name: str = "script"
    keeps: str = "SQLite"
    leaves_out: str = "gaps, order, deletions, resume, search"

    def install(self, scratch: Path) -> str:
        """Nothing has to be: the versions of its libraries."""
        return ", ".join(f"{name} {version(name)}" for name in ("httpx", "aiosqlite"))

    def run(self, scratch: Path, folder: Path, source: Source) -> Filled:
        """See `Peer.run`."""
        told = json.dumps(asdict(source))
        said = output(python("benchmarks.peers.hand", str(folder / "copy.db"), told))
        return checked(Filled(**json.loads(said)), source)
