"""Tries one peer alone: `python -m benchmarks.peers NAME --messages 20000`.

It pulls an account from an emulator on this machine and says how many records it has, how
long it took and how much memory. The exit code is 1 where it cannot run here, or where its
result is wrong.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks.peers import PEERS, Peer, WrongCount, source_of
from benchmarks.processes import emulator, interruptible
from benchmarks.results import CannotRun

_EACH = 1000
"""Messages a conversation."""


def main() -> int:
    """Run it and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("name", choices=PEERS)
    parser.add_argument("--messages", type=int, default=20_000, help="in conversations of 1,000")
    parser.add_argument(
        "--scratch", type=Path, metavar="DIR", help="keep what is installed here for the next time"
    )
    options = parser.parse_args()
    console = Console()
    try:
        with interruptible(), _scratch(options.scratch) as scratch:
            _try(PEERS[options.name], options.messages, scratch, console)
    except (CannotRun, WrongCount) as error:
        console.print(f"{options.name}: {error}", markup=False, soft_wrap=True)
        return 1
    return 0


@contextmanager
def _scratch(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with TemporaryDirectory(prefix="syncengine-peers-") as folder:
        yield Path(folder)


def _try(peer: Peer, messages: int, scratch: Path, console: Console) -> None:
    version = peer.install(scratch)
    each = min(_EACH, messages)
    conversations = messages // each
    with (
        emulator(f"{conversations}x{each}") as server,
        TemporaryDirectory(prefix="syncengine-peer-") as folder,
    ):
        filled = peer.run(scratch, Path(folder), source_of(server, conversations, each))
    console.print(f"{peer.name}: {version}", markup=False, soft_wrap=True)
    words = f"keeps {peer.keeps}; leaves out {peer.leaves_out}"
    console.print(words, markup=False, soft_wrap=True)
    table = Table("records", "seconds", "records/s", "peak MB")
    rate = f"{filled.records / filled.seconds:,.0f}"
    seconds, peak = f"{filled.seconds:.2f}", f"{filled.peak_mb:.0f}"
    table.add_row(f"{filled.records:,}", seconds, rate, peak)
    console.print(table)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
