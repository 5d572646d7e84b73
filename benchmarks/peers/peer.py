"""What a peer is: another program that pulls the same records, and what it is told and says."""

from pathlib import Path
from typing import Protocol

from attrs import frozen


@frozen
class Source:
    """An account on a server of this machine, and how much is in it."""

    url: str
    token: str
    app: str
    """The app key, `ORG#APP`."""
    user: str
    conversations: int
    each: int
    """Messages of each conversation."""

    @property
    def records(self) -> int:
        """Messages in all."""
        return self.conversations * self.each


@frozen
class Filled:
    """What a run came to. The records were counted in what the peer keeps, after its end where
    that is on disk."""

    records: int
    seconds: float
    """From the first request to the last record; programs that start are not part of it."""
    peak_mb: float
    """Memory of all its processes at their largest, of the server none."""


class WrongCount(Exception):
    """A peer ended and does not have every record: its time means nothing."""


class Peer(Protocol):
    """A program that can be measured beside the engine."""

    @property
    def name(self) -> str:
        """By which it is chosen."""

    @property
    def keeps(self) -> str:
        """What it has on disk afterwards."""

    @property
    def leaves_out(self) -> str:
        """What the engine does and this does not."""

    def install(self, scratch: Path) -> str:
        """Put it below `scratch`, once; its version. Raises CannotRun."""

    def run(self, scratch: Path, folder: Path, source: Source) -> Filled:
        """Fill the empty `folder` from the account, after `install`. Raises CannotRun, and
        WrongCount where a record is missing or there twice."""


def checked(filled: Filled, source: Source) -> Filled:
    """The same. Raises WrongCount where it does not have as many records as the account."""
    if filled.records != source.records:
        raise WrongCount(f"{filled.records:,} records, and the account has {source.records:,}")
    return filled
