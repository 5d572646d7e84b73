"""Other sync engines beside the engine: installed for one command, gone with it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from benchmarks.processes import Figures, Server
from syncengine.emulator.sized import Size

Peers = dict[str, Callable[[], Figures]]


@contextmanager
def peers(server: Server, size: Size, *, wanted: bool) -> Iterator[tuple[Peers, Sequence[str]]]:
    """Programs by name, and a note for each peer: its version, what it keeps and leaves out, or
    why it cannot run here."""
    yield {}, []
