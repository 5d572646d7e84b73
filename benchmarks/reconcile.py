"""What does looking for deleted messages cost?

Law 5: every page is compared with what is held, so that a message which is gone on the server
goes here, too. The engine pulls an account with that and without, in turn, each in a fresh
process. Then prepared pages are placed and written in this process, with it and without, in
turn: pages of a first pull, the newest page read again as an audit reads it, and that page when
a message is missing in it.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from typing import Any
from unittest.mock import patch

from attrs import asdict

from benchmarks import pages
from benchmarks.processes import Figures, emulator, measure
from benchmarks.results import Result, Row, row
from benchmarks.running import interleaved
from benchmarks.showing import steps
from syncengine import Config
from syncengine.store.writer import Decision
from syncengine.sync import placing

SCALES: Mapping[str, Mapping[str, Any]] = {
    "small": {"world": "20x1000", "page_runs": 5},
    "full": {"world": "200x1000", "runs": 5},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The case's flags."""
    parser.add_argument("--world", default="200x1000", metavar="CONVERSATIONSxMESSAGES")
    parser.add_argument("--runs", type=int, default=3, help="of each pull, in turn")
    parser.add_argument("--page-runs", type=int, default=15, help="of the pages, in turn")
    parser.add_argument("--fetchers", type=int, default=Config().fetchers)


def run(options: argparse.Namespace) -> Result:
    """Measure; wrong where the two pulls hold different messages."""
    with emulator(options.world) as server:
        how = {"fetchers": options.fetchers, **asdict(server)}
        measure("loop", **how | {"path": ""})  # makes the world
        programs = {name: partial(measure, name, **how) for name in ("engine", "trusting")}
        figures = interleaved(programs, options.runs, "reconcile")
    digests = {each.digest for runs in figures.values() for each in runs}
    return Result(
        case="reconcile",
        setting=f"{options.world} messages, {options.runs} pulls each, pages {options.page_runs}"
        " times each, in turn",
        rows=[*_pull_rows(figures), *_page_rows(options.page_runs)],
        wrong=f"the files differ: {', '.join(sorted(digests))}" if len(digests) > 1 else "",
    )


def _pull_rows(figures: Mapping[str, Sequence[Figures]]) -> Iterator[Row]:
    rates = {name: [each.rate for each in runs] for name, runs in figures.items()}
    for name, words in (("trusting", "without"), ("engine", "with")):
        yield row(
            f"pull {words}",
            rates[name],
            "messages/s",
            to=rates["trusting"] if name == "engine" else (),
            floor="without" if name == "engine" else "",
            more_is_better=True,
        )


def _page_rows(runs: int) -> Iterator[Row]:
    held = pages.newest()
    cases: Sequence[tuple[str, Sequence[Decision], Sequence[Decision]]] = (
        ("first pull", pages.first_pull(), ()),
        ("read again", pages.newest(again=True), held),
        ("read again, a message is gone", pages.newest(again=True, without=20), held),
    )
    for words, measured, before in steps(cases, "pages"):
        found = pages.costs({"with": nullcontext, "without": _trusting}, runs, measured, before)
        yield row(
            f"a page, {words}",
            found["with"],
            "µs CPU",
            to=found["without"],
            floor="without",
        )


def _trusting() -> AbstractContextManager[object]:
    """As `trusting` of `benchmarks.programs`, for the length of a block."""
    stack = ExitStack()
    stack.enter_context(patch.object(placing, "covered", lambda *a, **k: None))
    stack.enter_context(patch.object(placing, "_longest_stay", lambda *a, **k: 0))
    return stack
