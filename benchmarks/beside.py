"""Other sync engines beside the engine: installed for one command, gone with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import define, field

from benchmarks.peers import PEERS, Peer, Source, WrongCount, source_of
from benchmarks.processes import Figures, Server
from benchmarks.results import CannotRun, Row, row
from benchmarks.showing import steps
from benchmarks.transports import SLOWEST, over
from syncengine.emulator.sized import Size

_ALWAYS = "script"
"""It is there wherever the engine is."""
_GOAL, _FASTER_GOAL, _FASTER_GOALS = 1.0, 2.0, {"script": 3.0}
"""Times as fast as a peer; over a faster transport, and then than some."""
_NOTHING = "nothing"
"""What a peer keeps that has no store: the engine need not be ahead of it."""


@define
class Beside:
    """The peers of one command."""

    _scratch: Path
    _source: Source
    _ready: dict[str, str] = field(factory=dict)
    """Versions by name."""
    _failed: dict[str, str] = field(factory=dict)

    def install(self, names: Sequence[str]) -> None:
        """Each, or why it cannot be."""
        for name in steps(names, "installing peers"):
            try:
                self._ready[name] = PEERS[name].install(self._scratch)
            except CannotRun as error:
                self._failed[name] = str(error)

    @property
    def programs(self) -> dict[str, Callable[[], Figures | None]]:
        """What is measured, by name."""
        return {name: lambda peer=PEERS[name]: self._run(peer) for name in self._ready}  # type: ignore[misc]  # each its own

    def _run(self, peer: Peer) -> Figures | None:
        """None where it failed, now or before: then it has no figures."""
        if peer.name in self._failed:
            return None
        try:
            with TemporaryDirectory() as folder:
                filled = peer.run(self._scratch, Path(folder), self._source)
        except (CannotRun, WrongCount) as error:
            self._failed[peer.name] = str(error)
            return None
        return Figures(
            seconds=filled.seconds, messages=filled.records, peak_mb=filled.peak_mb,
            cpu_seconds=0.0, file_mb=0.0, digest="",
        )  # fmt: skip

    @property
    def notes(self) -> list[str]:
        """What each is and leaves out, or why it could not run here."""
        found = []
        for name, version in self._ready.items():
            peer = PEERS[name]
            if name not in self._failed:
                found.append(
                    f"{name} ({version}) keeps {peer.keeps}; leaves out: {peer.leaves_out}."
                )
        return found + [f"{name} cannot run here: {why}" for name, why in self._failed.items()]


@contextmanager
def peers(server: Server, size: Size, names: Sequence[str] | None) -> Iterator[Beside]:
    """Those of these names, all where there are none; None: no more than needs no Node."""
    with TemporaryDirectory() as folder:
        source = source_of(server, size.conversations, size.messages)
        found = Beside(Path(folder), source)
        found.install(_wanted(names))
        yield found


def _wanted(names: Sequence[str] | None) -> Sequence[str]:
    if names is None:
        return [_ALWAYS]
    return [name for name in PEERS if not names or name in (_ALWAYS, *names)]


def rows(figures: Mapping[str, Sequence[Figures]], transport: str) -> Iterator[Row]:
    """The engine over a transport against each."""
    engine = over("engine", transport)
    ours = [each.rate for each in figures[engine]]
    for name in PEERS:
        if name in figures:
            yield row(
                f"{engine} beside {name}",
                ours,
                "messages/s",
                to=[each.rate for each in figures[name]],
                floor=name,
                more_is_better=True,
                goal=_goal(name, transport),
            )


def _goal(name: str, transport: str) -> float | None:
    if PEERS[name].keeps == _NOTHING:
        return None
    return _GOAL if transport == SLOWEST else _FASTER_GOALS.get(name, _FASTER_GOAL)
