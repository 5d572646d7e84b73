"""What a daemon took, second by second: samples, whether they are flat, and a picture."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from attrs import frozen

from benchmarks.drawing import pyplot
from benchmarks.machines import Daemon, Machine


@frozen
class Sample:
    """A daemon and its files at one moment."""

    at: float
    """Seconds since the beginning."""
    rss: float
    """MB."""
    descriptors: int
    threads: int
    cpu: float
    """Seconds since it started."""
    largest_log: float
    """MB: the largest write-ahead log of a file."""
    logs: float
    """MB of all of them."""
    requests: int
    """Since it started, of all accounts."""
    cycles: int
    failing: int
    """Accounts whose last cycle ended with an error."""


def sample(machine: Machine, daemon: Daemon, at: float) -> Sample:
    """As it stands now. Raises Ended."""
    figures, snapshot = daemon.figures(), machine.snapshot()
    logs = [_size(file.with_name(f"{file.name}-wal")) / 1e6 for file in machine.files.values()]
    accounts = () if snapshot is None else snapshot.accounts
    return Sample(
        at=at,
        rss=figures.rss,
        descriptors=figures.descriptors,
        threads=figures.threads,
        cpu=figures.cpu,
        largest_log=max(logs, default=0.0),
        logs=sum(logs),
        requests=sum(each.requests for each in accounts),
        cycles=sum(each.cycles for each in accounts),
        failing=sum(each.error is not None for each in accounts),
    )


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


@frozen
class Trend:
    """Something after it settled, and at the end."""

    settled: float
    last: float
    peak: float

    @property
    def growth(self) -> float:
        """0.1: a tenth more at the end."""
        return self.last / self.settled - 1 if self.settled else 0.0


def trend(samples: Sequence[Sample], name: str, settling: float, window: float) -> Trend:
    """Medians of the `window` seconds after `settling`, and of the last `window`."""
    values: Callable[[Sample], float] = lambda each: float(getattr(each, name))  # noqa: E731 # short
    end = samples[-1].at
    settled = [values(s) for s in samples if settling <= s.at <= settling + window]
    last = [values(s) for s in samples if s.at >= end - window]
    return Trend(median(settled), median(last), max(map(values, samples)))


_PICTURES: Sequence[tuple[str, Callable[[Sample], float]]] = (
    ("memory, MB", lambda each: each.rss),
    ("descriptors", lambda each: each.descriptors),
    ("threads", lambda each: each.threads),
    ("WAL, MB", lambda each: each.logs),
    ("accounts failing", lambda each: each.failing),
)


def draw(samples: Sequence[Sample], title: str, file: Path) -> None:
    """The samples over time, as PNG or SVG."""
    plt = pyplot()
    figure, axes = plt.subplots(
        len(_PICTURES) + 1, figsize=(9, 1.5 * len(_PICTURES) + 2), sharex=True
    )
    minutes = [each.at / 60 for each in samples]
    for axis, (name, value) in zip(axes, _PICTURES, strict=False):
        axis.plot(minutes, [value(each) for each in samples], linewidth=0.8)
        axis.set(ylabel=name, ylim=(0, None))
    axes[-1].plot(minutes[1:], _rates(samples), linewidth=0.8)
    axes[-1].set(ylabel="requests/s", ylim=(0, None), xlabel="minutes")
    axes[0].set_title(title)
    figure.align_ylabels(axes)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def _rates(samples: Sequence[Sample]) -> list[float]:
    return [
        (after.requests - before.requests) / (after.at - before.at)
        for before, after in pairwise(samples)
    ]
