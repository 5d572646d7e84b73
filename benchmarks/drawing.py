"""Plots of results as SVG files. Needs the extra `bench`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.results import Plot, Result


def draw(result: Result, folder: Path) -> list[Path]:
    """A file a plot, `CASE-NAME.svg`; nothing where the plotting library is missing."""
    if not result.plots or find_spec("matplotlib") is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    return [_draw(result.case, plot, folder) for plot in result.plots]


def _draw(case: str, plot: Plot, folder: Path) -> Path:
    plt = pyplot()
    figure, axis = plt.subplots(figsize=(7, 4))
    if plot.bars:
        _bars(axis, plot)
    else:
        _lines(axis, plot)
    axis.set(xlabel=plot.across, ylabel=plot.up, title=f"{case}: {plot.name}")
    axis.legend(fontsize="small")
    figure.tight_layout()
    file = folder / f"{case}-{plot.name.replace(' ', '-')}.svg"
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    return file


def _lines(axis: Any, plot: Plot) -> None:
    for line in plot.lines:
        across, up = zip(*line.points, strict=True)
        axis.plot(across, up, marker="o", markersize=3, linewidth=1, label=line.name)
    if plot.log_across:
        axis.set_xscale("log")
    if plot.log_up:
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=0)


def _bars(axis: Any, plot: Plot) -> None:
    """The same part has the same colour in every bar."""
    names = list(dict.fromkeys(name for _, parts in plot.bars for name, _ in parts))
    bars = [bar.replace(" over ", "\nover ") for bar, _ in plot.bars]  # two lines: they are long
    below = [0.0] * len(bars)
    for name in names:
        high = [dict(parts).get(name, 0.0) for _, parts in plot.bars]
        axis.bar(bars, high, bottom=below, label=name)
        below = [low + more for low, more in zip(below, high, strict=True)]


def pyplot() -> Any:
    """The plotting library, drawing into files; text stays text, and the same figures give
    the same bytes."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "syncengine"})
    from matplotlib import pyplot as plt

    return plt
