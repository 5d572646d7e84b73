"""How fast is a whole pull, against the same work with no engine?

The engine and the floor pull the same account from an emulator in another process, in
turn, each in a fresh process with a fresh file. `trusting` is the engine without its
reconciler, to show what that costs a first pull. The floor is what anybody would write
with the same libraries: request, decode, insert, a transaction a page; no gaps, no order,
no deletions, no resume. Each runs with as many requests at once as it is fastest with (a
shared httpx client gets slower beyond 8). The table gives medians and the ratio; above it
stands how fast the emulator serves raw sockets, since a slow server would flatter the
engine.
"""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from attrs import asdict
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.processes import Server, emulator, measure
from syncengine import Config

_PROGRAMS = ("floor", "engine", "trusting")
"""`trusting` is the engine without its reconciler: what law 5 costs is the difference."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--world", default="200x1000", metavar="CONVERSATIONSxMESSAGES")
    parser.add_argument("--runs", type=int, default=3, help="of each program, in turn")
    parser.add_argument("--fetchers", type=int, default=Config().fetchers, help="of the engine")
    parser.add_argument("--floor-fetchers", type=int, default=8, help="of the floor: its best")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 where a program did not pull every message."""
    console = Console()
    console.width = max(console.width, 110)  # a pipe has none, and figures must not be cut
    with emulator(options.world) as server:
        served = _served(server, options)
        figures = _interleaved(server, options)
    expected = served["messages"]
    wrong = [f for runs in figures.values() for f in runs if f["messages"] != expected]
    if wrong:
        console.print(f"wrong result: {wrong}; the server has {expected} messages")
        return 1
    _print(console, options, served, figures)
    if options.json:
        options.json.write_text(json.dumps({"served": served, "runs": figures}, indent=2))
    return 0


def _served(server: Server, options: argparse.Namespace) -> dict[str, Any]:
    """Serve all once to make the world, then once more to measure."""
    arguments = {"fetchers": options.floor_fetchers, **asdict(server)}
    measure("serve", **arguments)
    return measure("serve", **arguments)


def _interleaved(server: Server, options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    figures: dict[str, list[dict[str, Any]]] = {program: [] for program in _PROGRAMS}
    fetchers = dict.fromkeys(_PROGRAMS, options.fetchers) | {"floor": options.floor_fetchers}
    order = [program for _ in range(options.runs) for program in _PROGRAMS]
    for program in track(order, "measuring", console=Console(stderr=True), transient=True):
        folder = Path(tempfile.mkdtemp(prefix="syncengine-bench-"))
        try:
            figures[program].append(
                measure(
                    program,
                    path=str(folder / "copy.db"),
                    fetchers=fetchers[program],
                    **asdict(server),
                )
            )
        finally:
            shutil.rmtree(folder)
    return figures


def _print(
    console: Console,
    options: argparse.Namespace,
    served: dict[str, Any],
    figures: dict[str, list[dict[str, Any]]],
) -> None:
    rates = {name: [f["messages"] / f["seconds"] for f in runs] for name, runs in figures.items()}
    floor = statistics.median(rates["floor"])
    serving = served["messages"] / served["seconds"]
    console.print(machine())
    console.print(
        f"world {options.world}, {served['messages']:,} messages; fetchers: floor"
        f" {options.floor_fetchers}, engine {options.fetchers}; {options.runs} runs each;"
        f" the emulator serves {serving:,.0f} messages/s to raw sockets,"
        f" {serving / floor:.1f} times the floor"
    )
    table = Table(
        "program", "messages/s", "spread", "ratio", "CPU µs/message", "peak MB", "file MB"
    )
    for name, runs in figures.items():
        low, middle, high = min(rates[name]), statistics.median(rates[name]), max(rates[name])
        cpu = statistics.median(f["cpu_seconds"] / f["messages"] for f in runs)
        table.add_row(
            name,
            f"{middle:,.0f}",
            f"{low:,.0f}–{high:,.0f}",
            f"{middle / floor:.2f}",
            f"{cpu * 1e6:.1f}",
            f"{max(f['peak_mb'] for f in runs):.0f}",
            f"{runs[-1]['file_mb']:.0f}",
        )
    console.print(table)
    cost = 1 - statistics.median(rates["engine"]) / statistics.median(rates["trusting"])
    console.print(f"the reconciler costs {max(0.0, cost):.0%} of the engine's speed without it")


def machine() -> str:
    """Where this was measured."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
    )
